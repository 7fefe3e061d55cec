"""Suggestions: what the machine proposes to tag, for a person to accept, edit or reject.

It knows lists, choices and one form. What is proposed, and whether somebody else was faster, the
workbench says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import streamlit as st

from kb.errors import KbError, NotFound
from kb.export import KIND_NAMES
from kb.findings.evidence import Tagged
from kb.knowledge_base import KnowledgeBase
from kb.pages import finding_markup, markup, place, session, tagging
from kb.records import (
    FINDING_KINDS,
    Document,
    FindingKind,
    Suggestion,
    SuggestionStatus,
    Version,
    page_at,
)

FIRST = 8  # suggestions shown before more are asked for: three screens of them, by eye
PROJECT = "suggest-project"  # the widget that says what accepted ones are candidates of
STATES: dict[SuggestionStatus, str] = {
    "open": "Waiting", "rejected": "Rejected", "accepted": "Accepted",
}  # fmt: skip
EMPTY: dict[SuggestionStatus, str] = {
    "open": "Nothing waits for you here. Choose a document below, or open one, and let its "
    "datasets, pretrained models and design choices be suggested.",
    "rejected": "Nothing was rejected here.",
    "accepted": "Nothing was accepted here.",
}


@dataclass(frozen=True, slots=True)
class _News:
    """What the last decision has come to, as it is said above the list."""

    good: str = ""
    problem: str = ""
    rejected: tuple[int, ...] = ()  # that can be taken back
    finding: int | None = None  # that it has become


# -- in the reader, and across documents ---------------------------------------------------------


def beside(
    kb: KnowledgeBase, document: Document, version: Version, *, page: int | None = None
) -> None:
    """What is proposed in an open document, that of its open page first."""
    if document.removed_at or version.id != document.version_id:
        return
    found = kb.store.suggestions.of_document(document.id)
    looked = bool(found) or st.session_state.get("suggested-in") == document.key
    _arrive(document.key)
    with st.container(key="suggestions", gap="small"):
        count = f" ({len(found)})" if found else ""
        st.html(f'<h3 class="kb-h2">Suggestions{count}</h3>')
        _news()
        if found:
            here = [s for s in found if page and page_at(version.pages, s.start) == page]
            _waiting(kb, [*here, *(s for s in found if s not in here)], narrow=True)
        elif looked:
            st.html(markup.box("Nothing more is proposed in this document.", "note"))
        else:
            st.html('<p class="kb-meta">Let kb propose what to tag here. Nothing becomes a finding '
                    "until somebody accepts it.</p>")  # fmt: skip
        label = "Suggest again" if looked else "Suggest"
        if st.button(label, icon=":material/lightbulb:", key="suggest",
                     type="tertiary" if looked else "secondary"):  # fmt: skip
            _suggest(kb, document.key)


def show(kb: KnowledgeBase) -> None:
    """All suggestions of the library, filtered, the best first; and how the team has decided."""
    counts = kb.workbench.acceptance()
    totals: dict[SuggestionStatus, int] = {
        "open": sum(each.open for each in counts),
        "rejected": sum(each.rejected for each in counts),
        "accepted": sum(each.accepted for each in counts),
    }
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        state: SuggestionStatus = st.segmented_control(
            "Which", list(STATES), key="suggestions-state", default="open", required=True,
            format_func=lambda state: f"{STATES[state]} ({totals[state]})",
        ) or "open"  # fmt: skip
        kind: FindingKind | None = st.selectbox(
            "Kind", FINDING_KINDS, index=None, key="suggestions-kind", placeholder="any",
            width=170, format_func=lambda kind: KIND_NAMES[kind][1],
        )  # fmt: skip
        names = kb.store.projects.names()
        project = st.selectbox(
            "In documents of", names, index=None, key="suggestions-project", width=200,
            placeholder="all of them", disabled=not names,
        )  # fmt: skip
    _arrive("")
    if any(each.decided for each in counts):
        st.html(finding_markup.acceptance(counts))
    _news()
    found = kb.workbench.suggestions(state, kind=kind, project=project)
    if not found:
        st.html(markup.box(EMPTY[state], "note"))
    elif state == "open":
        _waiting(kb, found)
    else:
        _decided(kb, found)
    _choose_document(kb)


def _choose_document(kb: KnowledgeBase) -> None:
    documents = {d.key: d.title for d in kb.store.documents.all()}
    if not documents:
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="suggest-in"):
        key = st.selectbox(
            "Suggest in a document", list(documents), index=None, width=420,
            key="suggest-document", format_func=lambda key: documents.get(key, key),
            placeholder="choose one",
        )  # fmt: skip
        if st.button("Suggest", icon=":material/lightbulb:", key="suggest", disabled=key is None):
            _suggest(kb, key or "")


def _suggest(kb: KnowledgeBase, key: str) -> None:
    """Let a document be read for what is worth tagging: 1 to 2 seconds for a paper."""
    try:
        with st.spinner("Reading it for what is worth tagging."):
            found = len(kb.workbench.suggest(key))
    except KbError as error:
        st.html(markup.box(str(error)))
        return
    title = kb.store.documents.by_key(key).title
    noun = "suggestion" if found == 1 else "suggestions"
    said = f"{found} {noun} in “{title}”." if found else f"Nothing is proposed in “{title}”."
    st.session_state["suggested-in"] = key
    _say(_News(said))
    st.rerun()


def _arrive(at: str) -> None:
    """Forget what was said and unfolded elsewhere. `at`: a document's key, "" across all."""
    state = st.session_state
    if state.get("suggestions-at") != at:
        state["suggestions-at"] = at
        for name in ("suggestions-news", "suggestions-shown"):
            state.pop(name, None)


# -- lists ---------------------------------------------------------------------------------------


def _waiting(kb: KnowledgeBase, found: Sequence[Suggestion], *, narrow: bool = False) -> None:
    """Open suggestions, each with its choices, and choices for several of them."""
    shown = found[: st.session_state.get("suggestions-shown", FIRST)]
    _together(kb, shown)
    versions: dict[int, Version] = {}
    for each in shown:
        with st.container(key=f"suggestion-{each.id}", gap="xsmall"):
            page = _card(kb, each, versions, alone=not narrow)
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.checkbox("Choose", key=f"pick-{each.id}", label_visibility="collapsed")
                st.button("Accept", key=f"accept-{each.id}", icon=":material/check:",
                          on_click=_accept, args=([each.id],))  # fmt: skip
                st.button("Edit", key=f"edit-{each.id}", icon=":material/edit:", type="tertiary",
                          on_click=_begin, args=(each,))  # fmt: skip
                st.button("Reject", key=f"reject-{each.id}", icon=":material/close:",
                          type="tertiary", on_click=_reject, args=([each.id],))  # fmt: skip
                _open(each, page, stay=narrow)
    _more(len(found) - len(shown))


def _decided(kb: KnowledgeBase, found: Sequence[Suggestion]) -> None:
    shown = found[: st.session_state.get("suggestions-shown", FIRST)]
    versions: dict[int, Version] = {}
    for each in shown:
        with st.container(key=f"suggestion-{each.id}", gap="xsmall"):
            page = _card(kb, each, versions, alone=True)
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                if each.status == "rejected":
                    st.button("Open again", key=f"reopen-{each.id}", icon=":material/undo:",
                              type="tertiary", on_click=_reopen, args=([each.id],))  # fmt: skip
                else:
                    _see(kb, each)
                _open(each, page, stay=False)
    _more(len(found) - len(shown))


def _see(kb: KnowledgeBase, accepted: Suggestion) -> None:
    """The way to what a suggestion has become, unless its quote has been taken back."""
    with suppress(NotFound):
        evidence = kb.store.findings.one_evidence(accepted.evidence_id or 0)
        if st.button("See the finding", icon=":material/arrow_forward:", type="tertiary",
                     key=f"see-{accepted.id}"):  # fmt: skip
            session.open_finding(evidence.finding_id)


def _card(
    kb: KnowledgeBase, each: Suggestion, versions: dict[int, Version], *, alone: bool
) -> int | None:
    """Draw a suggestion, `alone` or beside its document; the page that its quote stands on."""
    if each.version_id not in versions:
        versions[each.version_id] = kb.store.documents.version(each.version_id)
    version = versions[each.version_id]
    page = page_at(version.pages, each.start)
    st.html(finding_markup.suggestion(each, version, alone=alone))
    return page


def _open(each: Suggestion, page: int | None, *, stay: bool) -> None:
    """The way to the quote on its page: here, or away from this page of kb."""
    label = f"Page {page}" if page else "In the text"
    to = place.of_words(each.document, each.version_id, (each.start, each.end), page)
    options = {"key": f"place-{each.id}", "type": "tertiary", "icon": ":material/article:"}
    if stay:
        st.button(label, on_click=place.go, args=(to,), **options)  # type: ignore[arg-type]
    elif st.button(label, **options):  # type: ignore[arg-type]
        session.open_place(to, back="suggestions")


def _more(left: int) -> None:
    if left > 0:
        st.button(f"Show more ({left} left)", icon=":material/expand_more:", type="tertiary",
                  key="suggestions-more", on_click=_show_more)  # fmt: skip


def _show_more() -> None:
    state = st.session_state
    state["suggestions-shown"] = state.get("suggestions-shown", FIRST) + FIRST


def _together(kb: KnowledgeBase, shown: Sequence[Suggestion]) -> None:
    """What is done with several at once, and the project that accepted ones are for."""
    state = st.session_state
    ids = [each.id for each in shown]
    chosen = [number for number in ids if state.get(f"pick-{number}")]
    tagging.project(kb, PROJECT, label="What is accepted becomes a candidate of")
    if len(ids) < 2:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="together"):
        all_ = len(chosen) == len(ids)
        st.button("Choose none" if all_ else f"Choose these {len(ids)}", key="choose",
                  type="tertiary", icon=":material/checklist:", on_click=_choose,
                  args=(ids, not all_))  # fmt: skip
        if chosen:
            st.button(f"Accept {len(chosen)}", key="accept-chosen", icon=":material/done_all:",
                      on_click=_accept, args=(chosen,))  # fmt: skip
            st.button(f"Reject {len(chosen)}", key="reject-chosen", icon=":material/close:",
                      on_click=_reject, args=(chosen,))  # fmt: skip


def _choose(ids: Sequence[int], wanted: bool) -> None:
    st.session_state.update({f"pick-{number}": wanted for number in ids})


# -- deciding ------------------------------------------------------------------------------------


def _accept(ids: Sequence[int]) -> None:
    project = (st.session_state.get(PROJECT) or "").strip() or None
    accepted: list[Tagged] = []

    def accept(kb: KnowledgeBase, number: int) -> None:
        with kb.store.transaction():
            session.begin_project(kb, project)
            accepted.append(kb.workbench.accept(number, project=project))

    news = _each(ids, accept)
    only = accepted[0].finding.id if len(accepted) == 1 else None
    _say(replace(news, good=_accepted(accepted, project), finding=only))


def _accepted(accepted: Sequence[Tagged], project: str | None) -> str:
    if not accepted:
        return ""
    names = ", ".join(f"“{each.finding.name}”" for each in accepted)
    kind = KIND_NAMES[accepted[0].finding.kind][0].lower()
    what = f"{kind} {names}" if len(accepted) == 1 else f"{len(accepted)} findings: {names}"
    return f"Accepted: {what}" + (f", for {project}." if project else ".")


def _reject(ids: Sequence[int]) -> None:
    names: dict[int, str] = {}

    def reject(kb: KnowledgeBase, number: int) -> None:
        names[number] = kb.workbench.reject(number).name

    news = _each(ids, reject)
    said = f"Rejected: {', '.join(f'“{name}”' for name in names.values())}." if names else ""
    _say(replace(news, good=said, rejected=tuple(names)))


def _reopen(ids: Sequence[int]) -> None:
    names: list[str] = []

    def reopen(kb: KnowledgeBase, number: int) -> None:
        names.append(kb.workbench.reopen(number).name)

    news = _each(ids, reopen)
    again = "waits again" if len(names) == 1 else "wait again"
    said = f"{', '.join(f'“{name}”' for name in names)} {again}." if names else ""
    _say(replace(news, good=said))


def _each(ids: Sequence[int], decide: Callable[[KnowledgeBase, int], None]) -> _News:
    """Decide each by itself: what goes wrong with one is said, and the others are decided."""
    problems: list[str] = []
    with session.sentences(), session.library() as kb:
        for number in ids:
            st.session_state.pop(f"pick-{number}", None)
            try:
                decide(kb, number)
            except KbError as error:
                problems.append(str(error))
    return _News(problem=" ".join(dict.fromkeys(problems)))


def _say(news: _News) -> None:
    st.session_state["suggestions-news"] = news


def _news() -> None:
    """Say what the last decision has come to; a rejection can be undone there."""
    news: _News | None = st.session_state.get("suggestions-news")
    if news is None:
        return
    with st.container(key="suggestions-news-box", gap="xsmall"):
        if news.problem:
            st.html(markup.box(news.problem))
        if news.good:
            st.html(markup.box(news.good, "good"))
        if news.rejected:
            st.button("Undo", icon=":material/undo:", key="undo-reject", type="tertiary",
                      on_click=_reopen, args=(news.rejected,))  # fmt: skip
        if news.finding is not None and st.button(
            "See the finding", icon=":material/arrow_forward:", type="tertiary", key="see-accepted"
        ):
            session.open_finding(news.finding)


# -- editing before accepting --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Form:
    """One opening of the form. Its widgets' keys hold `turn`: another opening starts afresh."""

    turn: int
    suggestion: Suggestion

    def key(self, name: str) -> str:
        return f"suggested-{name}-{self.turn}"


def form() -> None:
    """Draw the form where a button has opened it."""
    begun: _Form | None = st.session_state.get("suggesting")
    if begun is not None:
        st.dialog("Accept with changes", width="large", on_dismiss=_end)(_dialog)(begun)


def _begin(suggestion: Suggestion) -> None:
    state = st.session_state
    state["suggesting-turn"] = state.get("suggesting-turn", 0) + 1
    state["suggesting"] = begun = _Form(state["suggesting-turn"], suggestion)
    state[begun.key("name")] = suggestion.name
    state[begun.key("kind")] = suggestion.kind
    state[begun.key("axis")] = suggestion.axis or None
    state[begun.key("project")] = state.get(PROJECT)


def _end() -> None:
    st.session_state.pop("suggesting", None)


def _dialog(begun: _Form) -> None:
    with session.sentences(), session.library() as kb:
        st.html(f'<p class="kb-passage">“{markup.escaped(begun.suggestion.quote)}”</p>')
        kind: FindingKind = st.segmented_control(
            "What is it?", FINDING_KINDS, format_func=lambda kind: KIND_NAMES[kind][0],
            key=begun.key("kind"), required=True,
        ) or begun.suggestion.kind  # fmt: skip
        with st.form(begun.key("form"), border=False):
            left, right = st.columns(2)
            with left:
                name = st.text_input("Name", key=begun.key("name"))
                known = [finding.name for finding in kb.workbench.findings(kind=kind)]
                same = None
                if known:
                    same = st.selectbox("or more evidence for", known, index=None,
                                        key=begun.key(f"known-{kind}"),
                                        placeholder="a known finding")  # fmt: skip
            with right:
                axis = tagging.axis(kb, begun.key("axis")) if kind == "design_choice" else None
                project = tagging.project(kb, begun.key("project"))
            wanted = st.form_submit_button("Accept", type="primary", icon=":material/check:")
        if wanted and st.session_state.get("suggesting") == begun:  # a second click finds it gone
            _accept_edited(kb, begun, (same or name, kind, axis), project)


def _accept_edited(
    kb: KnowledgeBase, begun: _Form, given: tuple[str, FindingKind, str | None], project: str | None
) -> None:
    name, kind, axis = given
    try:
        with kb.store.transaction():
            session.begin_project(kb, project)
            tagged = kb.workbench.accept(
                begun.suggestion.id, name=name, kind=kind, axis=axis, project=project
            )
    except KbError as error:
        st.html(markup.box(str(error)))
        return
    st.session_state.pop(f"pick-{begun.suggestion.id}", None)
    _say(_News(_accepted([tagged], project), finding=tagged.finding.id))
    _end()
    st.rerun()
