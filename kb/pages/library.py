"""Library: what is here, what is being taken in, what failed and why, and how to add more.

It knows widgets. Every change is one call to the knowledge base, which writes down who made it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import streamlit as st

from kb.errors import KbError
from kb.knowledge_base import KnowledgeBase
from kb.pages import adding, markup, session
from kb.records import Document, Outcome

SIMILAR = 5  # works shown as like one
ROWS = 10  # of the table before it scrolls
ROW_PIXELS = 35  # Streamlit's own height of a row and of the header
FAILURES = 50  # shown at once


def main() -> None:
    """Draw the page."""
    with session.sentences(), session.library() as kb:
        counts = kb.store.documents.counts()
        if not counts["documents"] and not counts["removed"]:
            failed = kb.store.locators.all("failed")
            adding.welcome(kb)
            if failed:
                _failures(kb, failed)
            return
        adding.activity(kb, link=False)
        _undo(kb)
        failed = kb.store.locators.all("failed")
        labels = ["Documents", "Add", f"Failed ({len(failed)})" if failed else "Failed"]
        here, add, failures = st.tabs(labels)
        with here:
            _documents(kb)
        with add, st.container(width=760):
            adding.form(kb)
            _sample(kb)
        with failures:
            _failures(kb, failed)


# -- documents -----------------------------------------------------------------------------------


def _documents(kb: KnowledgeBase) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        words = st.text_input(
            "Filter", key="filter", type="search", placeholder="title, author, tag, key …",
            width=340, persist_state="session",
        )  # fmt: skip
        names = kb.store.projects.names()
        project = None
        if names:
            project = st.selectbox(
                "Project", names, index=None, key="in-project", placeholder="all", width=200,
                persist_state="session",
            )  # fmt: skip
        removed = st.checkbox("Removed ones", key="removed")
    everything = kb.store.documents.all(removed=removed, project=project)
    found = [document for document in everything if _fits(document, words)]
    if not found:
        st.html(markup.box(_why_none(bool(everything), removed), "note"))
        return
    of = f" of {len(everything):,}" if len(found) < len(everything) else ""
    noun = "document" if len(everything) == 1 else "documents"
    count = f"{len(found):,}{of} {noun}. Select one to see more of it."
    st.html(f'<p class="kb-count" role="status">{count}</p>')
    chosen = _table(found)
    if chosen is not None:
        _detail(kb, chosen)


def _fits(document: Document, words: str) -> bool:
    meta = document.metadata
    text = " ".join(
        [document.title, *meta.authors, *meta.tags, document.key, meta.venue, str(meta.year or "")]
    ).casefold()
    return all(word in text for word in words.casefold().split())


def _why_none(any_at_all: bool, removed: bool) -> str:
    if any_at_all:
        return "No document has all of these words in its title, authors, tags or key."
    return "Nothing was removed." if removed else "No documents here. Add some."


def _table(found: Sequence[Document]) -> Document | None:
    """Draw the documents as a table; the one that is selected."""
    rows: list[dict[str, Any]] = [
        {
            "Title": d.title,
            "Authors": markup.authors(d.metadata.authors),
            "Year": d.metadata.year,
            "Kind": d.kind,
            "Source": d.source,
            "Tags": ", ".join(d.metadata.tags),
            "Added": d.added_at[:10],
            "Key": d.key,
        }
        for d in found
    ]
    # A selection is a row's position: another set of rows must not inherit it.
    ids = hashlib.sha256(repr([d.id for d in found]).encode()).hexdigest()[:12]
    event = st.dataframe(
        rows,
        key=f"documents-{ids}",
        hide_index=True,
        height=ROW_PIXELS * (min(len(rows), ROWS) + 1) + 2,
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            "Title": st.column_config.TextColumn(width="large"),
            "Year": st.column_config.NumberColumn(format="%d", width="small"),
            "Kind": st.column_config.TextColumn(width="small"),
            "Source": st.column_config.TextColumn(width="small"),
            "Added": st.column_config.TextColumn(width="small"),
        },
        placeholder="",
        alt="The documents of the library",
    )
    selected = event["selection"]["rows"]
    return found[selected[0]] if selected else None


def _detail(kb: KnowledgeBase, document: Document) -> None:
    with st.container(border=True, key="detail"):
        st.html(markup.work(document))
        with st.container(horizontal=True):
            if st.button("Open", type="primary", icon=":material/article:", key="open"):
                session.open_place({"document": document.key}, back="library")
            if document.removed_at:
                st.button("Restore", icon=":material/undo:", key="restore", on_click=_restore,
                          args=(document.key,))  # fmt: skip
            else:
                st.button("Remove", icon=":material/delete:", key="remove", on_click=_remove,
                          args=(document.key,), help="Out of search; can be undone.")  # fmt: skip
        facts, more = st.columns([3, 2], gap="large")
        with facts:
            _facts(kb, document)
        with more:
            _similar(kb, document)


def _facts(kb: KnowledgeBase, document: Document) -> None:
    meta = document.metadata
    versions = kb.store.documents.versions(document.id)
    current = next(v for v in versions if v.id == document.version_id)
    same = kb.store.documents.same_work([document.id]).get(document.id, [])
    st.html(
        markup.facts(
            {
                "Authors": markup.escaped(", ".join(meta.authors)),
                "Published": markup.escaped(meta.published),
                "Tags": markup.escaped(", ".join(meta.tags)),
                "Key": markup.escaped(document.key),
                "Original": markup.link(meta.url, meta.url) if meta.url else "",
                "Versions": ", ".join(
                    markup.escaped(f"{v.label} (fetched {v.fetched_at[:10]})") for v in versions
                ),
                "Pages": str(len(current.pages) or ""),
                "Also here as": markup.escaped(", ".join(key for _, key in same)),
                "Abstract": markup.escaped(meta.abstract),
            }
        )
    )
    if any(section.title for section in current.sections):
        with st.expander("Sections"):
            st.html(markup.outline(current))


def _similar(kb: KnowledgeBase, document: Document) -> None:
    st.html('<h3 class="kb-h3">Similar works</h3>')
    if document.removed_at:
        st.caption("Shown for what has not been removed.")
        return
    try:
        with st.spinner("Looking for similar works."):
            found = kb.similar(document.key, SIMILAR)
    except KbError as error:
        st.html(markup.box(str(error), "note"))
        return
    if not found:
        st.caption("Nothing else is here yet.")
    for group in found:
        st.html(markup.work(group.document, heading="h4"))


# -- removing, and taking it back ----------------------------------------------------------------


def _remove(key: str) -> None:
    with session.sentences(), session.library() as kb:
        document = kb.store.documents.remove(key)
        st.session_state["undo"] = (document.key, document.title)


def _restore(key: str) -> None:
    with session.sentences(), session.library() as kb:
        kb.store.documents.restore(key)
        st.session_state.pop("undo", None)


def _undo(kb: KnowledgeBase) -> None:
    if "undo" not in st.session_state:
        return
    key, title = st.session_state["undo"]
    if kb.store.documents.by_key(key).removed_at is None:  # another session has restored it
        del st.session_state["undo"]
        return
    with st.container(horizontal=True, vertical_alignment="center", key="undo-bar"):
        st.html(markup.box(f"Removed “{title}” from the library.", "note"))
        st.button("Undo", icon=":material/undo:", on_click=_restore, args=(key,), key="undo-button")


# -- failures, and the sample --------------------------------------------------------------------


def _failures(kb: KnowledgeBase, failed: Sequence[Outcome]) -> None:
    if not failed:
        st.html(markup.box("Nothing has failed.", "good"))
        return
    busy = any(ingest.active for ingest in kb.ingests())
    again = sum(outcome.retry for outcome in failed)
    help_text = "Wait until the ingest that is at work has finished." if busy else None
    if again:
        label = f"Retry the {again} that may work now" if again > 1 else "Retry what may work now"
        if st.button(label, type="primary", icon=":material/refresh:", key="retry-all",
                     disabled=busy, help=help_text):  # fmt: skip
            kb.start_ingest(retry=True)
            st.rerun()
    for number, outcome in enumerate(failed[:FAILURES]):
        with st.container(border=True, key=f"failure-{number}", gap="xsmall"):
            st.html(markup.failure(outcome))
            if st.button("Retry", icon=":material/refresh:", key=f"retry-{outcome.locator}",
                         disabled=busy, help=help_text):  # fmt: skip
                kb.start_ingest([outcome.locator])
                st.rerun()
    if len(failed) > FAILURES:
        st.caption(f"{len(failed) - FAILURES} more: kb ingest --failures lists them all.")


def _sample(kb: KnowledgeBase) -> None:
    with st.expander("Or take in the sample library"):
        st.caption("A small library about one worked example, to look around in.")
        if st.button("Take in the sample library", key="sample", icon=":material/school:"):
            kb.start_ingest(sample=True)
            st.rerun()


if __name__ == "__main__":
    main()
