"""Activity: who did what and when, from which value to which, as far as one wants to see.

It knows widgets and the address bar, which holds the filters. Finding events is one call to `kb`.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import streamlit as st

from kb.knowledge_base import KnowledgeBase
from kb.pages import event_markup, session
from kb.pages.markup import box
from kb.records import EVENT_KINDS, EventKind

MANY = 100  # events shown at once; more on demand
KIND_NAMES: dict[EventKind, str] = {
    "document": "Documents",
    "finding": "Findings",
    "suggestion": "Suggestions",
    "project": "Projects",
    "experiment": "Experiments",
    "axis": "Axes",
    "member": "Members",
    "model": "Sentence head",
    "search": "Saved searches",
}
FILTERS = ("who", "kind", "project", "from", "to")  # in the address


def main() -> None:
    """Draw the page."""
    with session.sentences(), session.library() as kb:
        chosen = _filters(kb)
        limit = st.session_state.setdefault("activity-limit", MANY)
        found = kb.store.events.find(**chosen, limit=limit + 1)
        if not found:
            _none(bool(chosen))
            return
        shown = found[:limit]
        more = "The latest " if len(found) > limit else ""
        noun = "event" if len(shown) == 1 else "events"
        st.html(f'<p class="kb-count" role="status">{more}{len(shown):,} {noun}, newest first.</p>')
        st.html(event_markup.by_day(shown))
        if more:
            st.button("Older ones", icon=":material/expand_more:", on_click=_older)


def _older() -> None:
    st.session_state["activity-limit"] += MANY


def _none(filtered: bool) -> None:
    if filtered:
        st.html(box("Nothing has happened that fits all of these filters. Take one away.", "note"))
        return
    st.html(box("Nothing has happened here yet. Take in something to read.", "note"))
    st.page_link(session.PAGES / "library.py", label="Library", icon=":material/library_books:")


def _filters(kb: KnowledgeBase) -> dict[str, Any]:
    """Draw the filters, which the address fills; what is set, as `Events.find` takes it."""
    address = {name: st.query_params.get(name, "") for name in FILTERS}
    if st.session_state.get("activity-address") != address:  # a link, or “back”
        st.session_state["activity-address"] = address
        _fill(kb, address)
    projects = [*kb.store.projects.all(), *kb.store.projects.all(archived=True)]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        who = _choice("Member", kb.store.events.members(), "who")
        kind = st.selectbox(
            "Kind", EVENT_KINDS, index=None, key="activity-kind", width=150, placeholder="any",
            format_func=lambda kind: KIND_NAMES[kind],
        )  # fmt: skip
        project = _choice("Project", sorted(each.name for each in projects), "project")
        since = st.date_input("From", value=None, key="activity-from", width=150)
        until = st.date_input("To", value=None, key="activity-to", width=150)
    now = {"who": who or "", "kind": kind or "", "project": project or "",
           "from": _day(since), "to": _day(until)}  # fmt: skip
    if now != address:
        st.session_state["activity-address"] = now
        st.session_state["activity-limit"] = MANY
        st.query_params.from_dict({name: value for name, value in now.items() if value})
    after = _day(until + timedelta(days=1)) if isinstance(until, date) else ""
    given = {"who": who, "kind": kind, "project": project, "since": now["from"], "until": after}
    return {name: value for name, value in given.items() if value}


def _choice(label: str, options: list[str], name: str) -> str | None:
    return st.selectbox(label, options, index=None, key=f"activity-{name}", width=150,
                        placeholder="any", disabled=not options)  # fmt: skip


def _day(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else ""


def _fill(kb: KnowledgeBase, address: dict[str, str]) -> None:
    """Let the widgets say what the address says, as far as there is such a thing."""
    projects = [*kb.store.projects.all(), *kb.store.projects.all(archived=True)]
    known: dict[str, list[str]] = {
        "who": kb.store.events.members(),
        "kind": list(EVENT_KINDS),
        "project": [each.name for each in projects],
    }
    for name, options in known.items():
        value = address[name]
        st.session_state[f"activity-{name}"] = value if value in options else None
    for name in ("from", "to"):
        try:
            day = date.fromisoformat(address[name]) if address[name] else None
        except ValueError:
            day = None
        st.session_state[f"activity-{name}"] = day


if __name__ == "__main__":
    main()
