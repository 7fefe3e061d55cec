"""Search: a question, its filters, the works that answer it, and a passage on its page.

It knows widgets and the address bar, which holds the whole question so that it can be shared. How
searching is done it leaves to the knowledge base.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import get_args

import streamlit as st

from kb.knowledge_base import KnowledgeBase
from kb.pages import adding, forms, markup, reader, saved, session, suggestions, tagging
from kb.records import KINDS, DocumentHits, Hit, Kind, Mode, Query

MODE_NAMES: dict[Mode, str] = {"hybrid": "Both", "semantic": "By meaning", "lexical": "By words"}
KIND_NAMES: dict[Kind, str] = {"paper": "Papers", "blog": "Blog posts", "note": "Notes"}
LISTS = ("kind", "source", "tag")  # in the address, once for each value
LONGEST_IN_ADDRESS = 1500  # characters of a question; longer ones are asked, but not shared
MOST = 100  # works shown at once
FAR = "None of these is close to the question: the library may hold nothing on it."
PASSAGES = 2  # of a work, before the others are unfolded


def main() -> None:
    """Draw the page."""
    with session.sentences(), session.library() as kb:
        empty = kb.store.documents.counts()["documents"] == 0
        if empty and "document" not in st.query_params:
            adding.welcome(kb)
            return
        query = _ask(kb)
        forms.news()
        if "document" in st.query_params:
            adding.activity(kb, quiet=True)
            reader.show(kb, back=bool(query.text))
        elif query.text:
            _answer(kb, query)
        else:
            _start(kb)
    tagging.form()
    suggestions.form()


# -- the question, in the address bar and in the widgets -----------------------------------------


def from_address(address: Mapping[str, list[str]]) -> Query:
    """The question that an address asks; what does not fit is left out."""
    one = {name: values[-1] for name, values in address.items() if values}
    modes: tuple[Mode, ...] = get_args(Mode)
    since, k = one.get("since", ""), one.get("k", "")
    return Query(
        text=one.get("q", "").strip(),
        k=min(int(k), MOST) if k.isdecimal() and int(k) > 0 else 10,
        mode=next((mode for mode in modes if mode == one.get("mode")), "hybrid"),
        kinds=tuple(kind for kind in KINDS if kind in address.get("kind", [])),
        since=int(since) if since.isdecimal() and len(since) == 4 else None,
        sources=tuple(address.get("source", [])),
        tags=tuple(address.get("tag", [])),
        project=one.get("project") or None,
        include_references=one.get("references") == "yes",
    )


def to_address(query: Query) -> dict[str, str | list[str]]:
    """The address of a question; only what differs from a plain one."""
    plain = Query("")
    address: dict[str, str | list[str]] = {
        "q": query.text if len(query.text) <= LONGEST_IN_ADDRESS else "",
        "mode": query.mode if query.mode != plain.mode else "",
        "kind": list(query.kinds),
        "since": str(query.since or ""),
        "source": list(query.sources),
        "tag": list(query.tags),
        "project": query.project or "",
        "references": "yes" if query.include_references else "",
        "k": str(query.k) if query.k != plain.k else "",
    }
    return {name: value for name, value in address.items() if value}


def _ask(kb: KnowledgeBase) -> Query:
    """Draw the question and its filters; the address and the widgets follow each other."""
    state = st.session_state
    address = {name: st.query_params.get_all(name) for name in st.query_params}
    wanted = from_address(address)
    changed = "asked" not in state or _shared(state["asked"]) != wanted  # a link, or “back”
    if changed:
        state["asked"] = wanted
    if changed or "question" not in state:  # Streamlit forgets the widgets of a page that is left
        _fill(state["asked"])
    query = _widgets(kb, state["asked"].k)
    if query != state["asked"]:
        state["asked"] = query
        st.query_params.from_dict(to_address(query))  # and away from an opened page
    session.keep_question(to_address(query))
    return query


def _shared(query: Query) -> Query:
    """What comes back from the address of `query`."""
    return query if len(query.text) <= LONGEST_IN_ADDRESS else replace(query, text="")


def _fill(query: Query) -> None:
    st.session_state.update(
        {
            "question": query.text,
            "mode": query.mode,
            "kinds": list(query.kinds),
            "since": query.since,
            "sources": list(query.sources),
            "tags": list(query.tags),
            "project": query.project,
            "references": query.include_references,
        }
    )


def _widgets(kb: KnowledgeBase, k: int) -> Query:
    with st.container(key="ask", gap="small"):
        with st.container(horizontal=True, vertical_alignment="bottom", wrap=False, gap="small"):
            text = st.text_input(
                "Question",
                key="question",
                type="search",
                placeholder="What do you want to know?",
                label_visibility="collapsed",
            )
            st.button("Search", key="search", type="primary")
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            mode = st.segmented_control(
                "How to search",
                get_args(Mode),
                format_func=lambda mode: MODE_NAMES[mode],
                key="mode",
                required=True,
                label_visibility="collapsed",
            )
            chosen = _filters(kb)
    query = replace(chosen, text=text.strip(), mode=mode or "hybrid")
    same = replace(query, k=k) == replace(st.session_state["asked"], k=k)
    return replace(query, k=k) if same else query


def _filters(kb: KnowledgeBase) -> Query:
    state = st.session_state
    count = sum(bool(state.get(n)) for n in ("kinds", "since", "sources", "tags", "project"))
    count += bool(state.get("references"))
    label = f"Filters ({count})" if count else "Filters"
    with st.popover(label, icon=":material/tune:", key="filters"):
        kinds = st.multiselect(
            "Kind", KINDS, format_func=lambda kind: KIND_NAMES[kind], key="kinds"
        )
        since = st.number_input(
            "Published since", 1900, 2100, value=None, step=1, key="since", placeholder="any year"
        )
        sources = st.multiselect("Source", _options(kb.store.documents.sources(), "sources"),
                                 key="sources")  # fmt: skip
        tags = st.multiselect("Tags (all of them)", _options(kb.store.documents.tags(), "tags"),
                              key="tags")  # fmt: skip
        names = kb.store.projects.names()
        if state.get("project") not in names:
            state["project"] = None
        project = st.selectbox("Project", names, index=None, key="project", placeholder="any",
                               disabled=not names)  # fmt: skip
        references = st.checkbox("Search lists of references too", key="references")
        st.button("Clear filters", on_click=_clear_filters, disabled=not count)
    return Query("", kinds=tuple(kinds), since=since, sources=tuple(sources), tags=tuple(tags),
                 project=project, include_references=references)  # fmt: skip


def _options(existing: list[str], key: str) -> list[str]:
    """What can be chosen; what a link names and the library has not is dropped."""
    st.session_state[key] = [value for value in st.session_state.get(key, []) if value in existing]
    return existing


def _clear_filters() -> None:
    asked: Query = st.session_state["asked"]
    _fill(Query(asked.text, mode=asked.mode))


# -- the answer ----------------------------------------------------------------------------------


def _answer(kb: KnowledgeBase, query: Query) -> None:
    with st.spinner("Searching. The first search after a start loads the encoder."):
        found = kb.search(query)
    if not found:
        _nothing(kb, query)
        return
    adding.activity(kb, quiet=True)
    works = "1 work" if len(found) == 1 else f"{len(found)} works"
    more = len(found) == query.k < MOST
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        count = f"{'The best ' if more else ''}{works}{saved.news(found)}"
        st.html(f'<p class="kb-count" role="status">{count}</p>', width="content")
        saved.offer(query)
    if not kb.is_close(query, found):
        st.html(markup.box(FAR, "note"))
    for number, group in enumerate(found):
        _group(group, number)
    if more and st.button("More works", icon=":material/expand_more:"):
        st.session_state["asked"] = wider = replace(query, k=query.k + 10)
        st.query_params.from_dict(to_address(wider))
        st.rerun()


def _group(group: DocumentHits, number: int) -> None:
    with st.container(key=f"work-{number}", gap="xsmall"):
        st.html(markup.work(group.document, also=group.also) + saved.mark(group.document))
        for hit in group.hits[:PASSAGES]:
            _hit(hit)
        rest = group.hits[PASSAGES:]
        if rest:
            label = f"{len(rest)} more passage{'s' if len(rest) > 1 else ''} of this work"
            with st.expander(label, type="compact"):
                for hit in rest:
                    _hit(hit)


def _hit(hit: Hit) -> None:
    st.html(markup.hit(hit))
    label = f"Open page {hit.page}" if hit.page is not None else "Open in the text"
    with st.container(horizontal=True, gap="small"):
        st.button(
            label,
            key=f"open-{hit.passage_id}",
            type="tertiary",
            icon=":material/article:",
            on_click=reader.open_at,
            args=(hit,),
        )
        tagging.offer(f"#{hit.passage_id}", hit.text, at=f"passage-{hit.passage_id}")
    tagging.done(f"passage-{hit.passage_id}")


def _nothing(kb: KnowledgeBase, query: Query) -> None:
    plain = Query(query.text, k=query.k, mode=query.mode)
    st.html(markup.box("Nothing found for this question.", "note"))
    with st.container(horizontal=True):
        if query != plain:
            st.button("Search without filters", on_click=_clear_filters)
        if query.mode != "semantic" and st.button("Search by meaning alone"):
            _again(replace(query, mode="semantic"))
    adding.activity(kb)  # asks again when what is being taken in is in


def _again(query: Query) -> None:
    st.query_params.from_dict(to_address(query))
    st.rerun()


def _start(kb: KnowledgeBase) -> None:
    """What is shown before anything was asked: how to ask, and what came in last."""
    count = kb.store.documents.counts()["documents"]
    held = f"{count:,} document{'s' if count != 1 else ''} in this library."
    st.html(
        '<p class="kb-lead">Ask in your own words, as you would ask a colleague: '
        "<em>how many labels are enough to fine-tune?</em> Each answer is a passage with its "
        f"page.</p><p class='kb-meta'>{held}</p>"
    )
    adding.activity(kb)
    saved.show(kb, open_=lambda query: st.query_params.from_dict(to_address(query)))
    latest = sorted(kb.store.documents.all(), key=lambda d: d.added_at, reverse=True)[:5]
    st.html('<h2 class="kb-h2">Latest in the library</h2>')
    for document in latest:
        with st.container(key=f"latest-{document.id}", gap="xsmall"):
            st.html(markup.work(document, heading="h3"))
            st.button(
                "Open",
                key=f"read-{document.id}",
                type="tertiary",
                icon=":material/article:",
                on_click=reader.open_document,
                args=(document.key,),
            )


if __name__ == "__main__":
    main()
