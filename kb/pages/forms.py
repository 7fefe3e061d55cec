"""Forms that lose nothing: what each began from, and what to do where somebody else was faster.

It knows the session's state. What may be changed, and whether it has been meanwhile, `kb` says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from kb.errors import Conflict, KbError
from kb.pages.markup import box


@dataclass(slots=True)
class Form:
    """One opening of a form. Its widgets' keys hold the turn: another opening starts afresh."""

    name: str
    subject: object
    first: Any  # what the widgets began from
    seen: Any  # what a change is made to; newer than `first` once a conflict was looked at
    turn: int

    def key(self, widget: str) -> str:
        """The key of one of its widgets."""
        return f"{self.name}-{self.turn}-{widget}"


def begun(name: str, subject: object, seen: Any) -> Form:
    """The form `name` on `subject`, with what was `seen` when it began.

    It begins anew on another subject, and after `finish`.
    """
    forms: dict[str, Form] = st.session_state.setdefault("open-forms", {})
    form = forms.get(name)
    if form is None or form.subject != subject:
        turn = st.session_state["turns"] = st.session_state.get("turns", 0) + 1
        form = forms[name] = Form(name, subject, seen, seen, turn)
    return form


def finish(form: Form, said: str = "") -> None:
    """Forget the form, so that a second click finds nothing to send, and draw the page anew."""
    close(form, said)
    st.rerun()


def close(form: Form, said: str = "") -> None:
    """Forget the form, and say what has come of it where `news` is drawn next."""
    st.session_state.get("open-forms", {}).pop(form.name, None)
    if said:
        st.session_state["news"] = said


def forget(prefix: str) -> None:
    """Let the forms whose names begin so begin anew, from what is stored now."""
    opened: dict[str, Form] = st.session_state.get("open-forms", {})
    for name in [name for name in opened if name.startswith(prefix)]:
        del opened[name]


def say(said: str) -> None:
    """Let `said` stand where `news` is drawn next."""
    st.session_state["news"] = said


def news() -> None:
    """Say once what the last form has come to."""
    said = st.session_state.pop("news", "")
    if said:
        st.html(box(said, "good"))


def refused(form: Form, error: KbError, newest: Any) -> None:
    """Say why the form was not saved. After a conflict, what is `newest` can be taken note of."""
    st.html(box(str(error)))
    if isinstance(error, Conflict):
        st.html(box("What you typed is kept. Above is what the others have made of it.", "note"))
        st.button("I have looked at it: mine may be saved", key=form.key("seen"),
                  on_click=_take_note, args=(form.name, newest))  # fmt: skip


def _take_note(name: str, newest: Any) -> None:
    form: Form | None = st.session_state.get("open-forms", {}).get(name)
    if form is not None:
        form.seen = newest


def side_by_side(count: int, names: Iterable[str]) -> Iterator[tuple[str, DeltaGenerator]]:
    """Each name with its place, `count` in a row: on a phone, and for the keyboard, in order."""
    places: list[DeltaGenerator] = []
    for name in names:
        places = places or st.columns(count)
        yield name, places.pop(0)


def changed(given: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """What was typed and is something else than what the form began from."""
    return {name: value for name, value in given.items() if value != before.get(name)}
