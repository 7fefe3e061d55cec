"""How far the active project has come with an open document, and the time spent on it.

It knows a form and a clock that the address carries. What is stored, and when, the store says.
"""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from kb.errors import Conflict, KbError
from kb.knowledge_base import KnowledgeBase
from kb.pages import forms, markup, session
from kb.records import READING_STATUSES, Document, Reading, ReadingStatus

LONGEST = (
    240.0  # minutes that a clock counts: one that ran on for longer was forgotten, not read by
)
MOST = 6000.0  # minutes that can be typed in at once: a hundred hours
CLOCK = "clock"  # in the address: when it was started, so that it survives a reload
FIELD = "reading"
CHANGED = "Somebody has noted something on this work meanwhile. Look at what is noted above."
FORGOTTEN = "The clock ran for more than four hours and was not counted. Type in the minutes."


def show(kb: KnowledgeBase, document: Document) -> None:
    """What the active project has noted on a document, and for editors what to note next."""
    names = [each.name for each in kb.store.projects.all()]
    if not names or document.removed_at:
        return
    with st.container(key="reading-of", gap="small"):
        active = session.active_project()
        only = names[0] if len(names) == 1 else None
        first = active if active in names else only
        name = st.selectbox("Read for the project", names, key=f"reading-for-{first}",
                            index=names.index(first) if first else None,
                            placeholder="choose one", width=320)  # fmt: skip
        if name is None:
            return
        session.activate(name)
        reading = kb.store.projects.reading(name, document.id)
        since = _running(kb, reading)
        st.html(_noted(reading, since))
        said = st.session_state.pop("clock-news", "")
        if said:
            st.html(markup.box(said, "note"))
        if session.may("editor"):
            _clock(name, document.id, running=since is not None)
            with st.expander("Note how far you are", type="compact"):
                _form(kb, name, reading)


def _noted(reading: Reading, since: datetime | None) -> str:
    parts = [reading.status.capitalize(), f"{reading.minutes:.0f} minutes in all"]
    if reading.reader:
        parts.append(f"last by {reading.reader}")
    if since is not None:
        parts.append(f"the clock runs since {since:%H:%M} UTC")
    why = f'<p class="kb-meta">Why: {markup.escaped(reading.reason)}</p>' if reading.reason else ""
    return f'<p class="kb-meta" role="status">{markup.escaped(" · ".join(parts))}</p>{why}'


# -- the clock -----------------------------------------------------------------------------------


def _running(kb: KnowledgeBase, reading: Reading) -> datetime | None:
    """When the member's clock was started; None where it does not run.

    It runs as long as its start is the last that was noted: whatever is noted stops it, so that no
    minute is added twice, from whichever tab or reload.
    """
    held = {st.query_params.get(CLOCK), st.session_state.get(CLOCK)} - {None}
    mine = reading.reader == kb.store.events.member and reading.status == "reading"
    if not mine or reading.updated_at not in held:
        return None
    st.session_state[CLOCK] = reading.updated_at
    return datetime.fromisoformat(reading.updated_at)


def _clock(project: str, document_id: int, *, running: bool) -> None:
    if running:
        st.button("Pause", icon=":material/pause:", key="clock-pause", on_click=_pause,
                  args=(project, document_id))  # fmt: skip
    else:
        st.button("Start the clock", icon=":material/timer:", key="clock-start", on_click=_start,
                  args=(project, document_id))  # fmt: skip


def _start(project: str, document_id: int) -> None:
    with session.sentences(), session.library() as kb:
        _keep(kb.store.projects.read(project, document_id, "reading"), project, runs=True)


def _pause(project: str, document_id: int) -> None:
    with session.sentences(), session.library() as kb, kb.store.transaction():
        reading = kb.store.projects.reading(project, document_id)
        since = _running(kb, reading)
        if since is None:
            st.session_state["clock-news"] = CHANGED
            return
        minutes = _minutes(since)
        _keep(kb.store.projects.read(project, document_id, "reading", minutes=minutes), project)


def _minutes(since: datetime | None) -> float:
    """Minutes on the clock; none where it was forgotten, which is said."""
    if since is None:
        return 0.0
    minutes = (datetime.now(UTC) - since).total_seconds() / 60
    if minutes > LONGEST:
        st.session_state["clock-news"] = FORGOTTEN
        return 0.0
    return max(minutes, 0.0)


def _keep(reading: Reading, project: str, *, runs: bool = False) -> None:
    """Let the clock run from what was just noted, or stand; a form half filled in goes on."""
    _stop()
    if runs:
        st.session_state[CLOCK] = st.query_params[CLOCK] = reading.updated_at
    forms.begun(FIELD, (project, reading.document.id), reading).seen = reading


def _stop() -> None:
    st.session_state.pop(CLOCK, None)
    st.query_params.pop(CLOCK, None)


# -- the form ------------------------------------------------------------------------------------


def _form(kb: KnowledgeBase, project: str, reading: Reading) -> None:
    form = forms.begun(FIELD, (project, reading.document.id), reading)
    first: ReadingStatus = form.first.status
    with st.form(form.key("form"), border=False):
        status = st.selectbox("How far", READING_STATUSES, key=form.key("status"),
                              index=READING_STATUSES.index(first),
                              format_func=str.capitalize)  # fmt: skip
        minutes = st.number_input("Minutes to add", 0.0, MOST, 0.0, step=5.0, format="%.0f",
                                  key=form.key("minutes"))  # fmt: skip
        reason = st.text_input("Why, if it is excluded", form.first.reason, key=form.key("reason"))
        wanted = st.form_submit_button("Save", icon=":material/check:")
    if not wanted:
        return
    try:
        with kb.store.transaction():
            now = kb.store.projects.reading(project, reading.document.id)
            if now.updated_at != form.seen.updated_at:
                raise Conflict(CHANGED)
            spent = minutes + _minutes(_running(kb, now))
            why = reason.strip() if status == "excluded" else ""
            kb.store.projects.read(project, reading.document.id, status, minutes=spent, reason=why)
    except KbError as error:
        forms.refused(form, error, reading)
        return
    _stop()
    forms.finish(form, "Noted.")
