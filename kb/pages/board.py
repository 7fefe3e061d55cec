"""Findings on a board: a lane for each axis, or for each status in a project, and cards that move.

It knows widgets. Whether a card may move, and what must be said with it, the knowledge base says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeVar

import streamlit as st

from kb.errors import KbError
from kb.export import KIND_NAMES
from kb.knowledge_base import KnowledgeBase
from kb.pages import filters, forms, session
from kb.pages.event_markup import link
from kb.pages.markup import box, escaped
from kb.records import CANDIDATE_STATUSES, Candidate, CandidateStatus, Finding, Supported

LANES = {"axis": "By axis", "status": "By status"}
ABREAST = 4  # lanes beside each other: as many as hold a name and a select 1440 wide
CARDS = 8  # of a lane before the others are shown on demand
NO_AXIS = "No axis yet"

T = TypeVar("T")


def show(kb: KnowledgeBase) -> None:
    """Draw the board."""
    forms.news()
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        by = st.segmented_control(
            "Lanes", list(LANES), default="axis", key="board-lanes", required=True,
            format_func=LANES.__getitem__, bind="query-params",
        )  # fmt: skip
        chosen = filters.draw(kb, ("tag", "project"), on="board")
    if by == "axis":
        _by_axis(kb, chosen)
    else:
        _by_status(kb, chosen)


# -- by axis -------------------------------------------------------------------------------------


def _by_axis(kb: KnowledgeBase, chosen: Mapping[str, str]) -> None:
    found = _supported(kb, kind="design_choice", **chosen)
    axes = {**session.axes(kb), "": NO_AXIS}
    lanes: dict[str, list[Supported]] = {axis: [] for axis in axes}
    for each in found:
        axis = str(each.finding.fields.get("axis") or "")
        lanes[axis if axis in axes else ""].append(each)
    if not found:
        st.html(box("No design choice satisfies these filters. Only design choices stand on an "
                    "axis.", "note"))  # fmt: skip
    filled = [(axis, cards) for axis, cards in lanes.items() if cards]
    for row in _rows(filled):
        for column, (axis, cards) in zip(st.columns(ABREAST), row, strict=False):
            with column:
                for each in _lane(axis, axes[axis], cards):
                    _axis_card(each, axis, axes)


def _axis_card(each: Supported, axis: str, axes: Mapping[str, str]) -> None:
    with _card(each):
        if session.may("editor"):
            key = f"to-axis-{each.finding.id}-{each.finding.revision}"
            st.selectbox("Axis", list(axes), index=list(axes).index(axis), key=key,
                         format_func=axes.__getitem__, label_visibility="collapsed",
                         on_change=_to_axis, args=(key, each.finding, axis))  # fmt: skip


def _to_axis(key: str, seen: Finding, axis: str) -> None:
    wanted = st.session_state[key]
    with session.library() as kb:
        try:
            kb.workbench.edit_finding(seen, fields={"axis": wanted or None})
            forms.say(f"“{seen.name}” is moved.")
        except KbError as error:
            st.session_state[key] = axis
            st.session_state["board-problem"] = str(error)


# -- by status -----------------------------------------------------------------------------------


def _by_status(kb: KnowledgeBase, chosen: Mapping[str, str]) -> None:
    project = chosen.get("project")
    if project is None:
        st.html(box("A status is one in a project: choose the project above.", "note"))
        return
    _ask_why(kb)
    lanes: dict[str, list[tuple[Supported, Candidate]]] = {each: [] for each in CANDIDATE_STATUSES}
    for each in _supported(kb, **chosen):
        (candidate,) = [c for c in each.candidates if c.project == project][:1]
        lanes[candidate.status].append((each, candidate))
    for row in _rows(list(lanes.items())):
        for column, (status, pairs) in zip(st.columns(ABREAST), row, strict=False):
            with column:
                candidates = {each.finding.id: candidate for each, candidate in pairs}
                shown = _lane(status, status.capitalize(), [each for each, _ in pairs])
                for each in shown:
                    _status_card(each, candidates[each.finding.id])


def _status_card(each: Supported, candidate: Candidate) -> None:
    with _card(each, candidate.owner, candidate.reason):
        if session.may("editor"):
            key = f"to-status-{candidate.id}-{candidate.revision}"
            st.selectbox("Status", CANDIDATE_STATUSES, key=key, label_visibility="collapsed",
                         index=CANDIDATE_STATUSES.index(candidate.status),
                         on_change=_to_status, args=(key, candidate))  # fmt: skip


def _to_status(key: str, seen: Candidate) -> None:
    wanted: CandidateStatus = st.session_state[key]
    if wanted == "rejected" and not seen.reason:
        st.session_state[key] = seen.status
        st.session_state["board-why"] = seen
        return
    with session.library() as kb:
        try:
            _set_status(kb, seen, wanted, None)
        except KbError as error:
            st.session_state[key] = seen.status
            st.session_state["board-problem"] = str(error)


def _set_status(
    kb: KnowledgeBase, seen: Candidate, status: CandidateStatus, reason: str | None
) -> None:
    kb.store.candidates.set(
        seen.project, seen.finding.id, status, revision=seen.revision, reason=reason
    )
    forms.say(f"“{seen.finding.name}” is {status} now.")


def _ask_why(kb: KnowledgeBase) -> None:
    """Ask for the reason of a rejection: the next project will."""
    seen: Candidate | None = st.session_state.get("board-why")
    if seen is None:
        return
    form = forms.begun("rejecting", seen.id, None)
    with st.form(form.key("form")):
        st.html(
            f"<p>Why is “{escaped(seen.finding.name)}” rejected? The next project will ask.</p>"
        )
        reason = st.text_input("Reason", key=form.key("reason"))
        with st.container(horizontal=True):
            reject = st.form_submit_button("Reject", type="primary")
            leave = st.form_submit_button("Leave it as it is")
    if reject:
        try:
            _set_status(kb, seen, "rejected", reason.strip())
        except KbError as error:
            st.html(box(str(error)))
            return
    if reject or leave:
        del st.session_state["board-why"]
        forms.finish(form)


# -- lanes and cards -----------------------------------------------------------------------------


def _supported(kb: KnowledgeBase, **chosen: Any) -> list[Supported]:
    problem = st.session_state.pop("board-problem", "")
    if problem:
        st.html(box(problem))
    return kb.store.candidates.supported(kb.workbench.findings(**chosen))


def _rows(lanes: Sequence[T]) -> list[Sequence[T]]:
    return [lanes[start : start + ABREAST] for start in range(0, len(lanes), ABREAST)]


def _lane(name: str, title: str, cards: Sequence[Supported]) -> Sequence[Supported]:
    """Draw a lane's head; the cards of it that are to be shown."""
    st.html(f'<h2 class="kb-h2">{escaped(title)} ({len(cards)})</h2>')
    opened: set[str] = st.session_state.setdefault("board-open", set())
    if len(cards) <= CARDS or name in opened:
        return cards
    if st.button(f"Show all {len(cards)}", key=f"lane-{name}", type="tertiary",
                 icon=":material/expand_more:"):  # fmt: skip
        opened.add(name)
        st.rerun()
    return cards[:CARDS]


def _card(each: Supported, owner: str = "", reason: str = "") -> AbstractContextManager[Any]:
    """Draw a card with its finding; what is drawn inside comes below."""
    card = st.container(border=True, key=f"card-{each.finding.id}", gap="xsmall")
    said = (
        KIND_NAMES[each.finding.kind][0],
        f"{len(each.evidence) - each.against} for",
        f"{each.against} against" if each.against else "",
        f"owner: {owner}" if owner else "",
        reason,
    )
    name = link("findings", each.finding.name, {"finding": str(each.finding.id)})
    meta = escaped(" · ".join(filter(None, said)))
    card.html(f'<h3 class="kb-h3 kb-card">{name}</h3><p class="kb-meta">{meta}</p>')
    return card
