"""Trial runs of a project, and the largest size with which all that is planned still fits.

It knows tables and a form. What trials tell is the planner's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from kb.errors import KbError
from kb.knowledge_base import KnowledgeBase
from kb.pages import forms, plan_markup, session
from kb.pages.markup import box
from kb.records import Trial

TEXTS = {"model": "Model", "machine": "Machine that it ran on"}
NUMBERS = {
    "samples": "Samples that it was trained on",
    "parameters": "Parameters of the model, in millions",
    "hours": "Hours that it took",
    "value": "Value of the metric that it reached",
}


def show(kb: KnowledgeBase, project: str) -> None:
    """Draw the view."""
    trials = kb.planner.trials(project)
    if session.may("editor"):
        with st.expander("Add a trial run", icon=":material/add:", expanded=not trials):
            _new(kb, project)
    if not trials:
        st.html(box("No trial run is recorded. A few short ones, on small samples, tell how long "
                    "the real ones will take and what they may reach.", "note"))  # fmt: skip
        return
    st.html('<h3 class="kb-h2">What the trials tell</h3>'
            + plan_markup.sentences(kb.planner.ladder(project).sentences))  # fmt: skip
    _table(trials)
    if session.may("editor"):
        _take_back(trials)


def _table(trials: Sequence[Trial]) -> None:
    st.html(f'<h3 class="kb-h2">Trial runs ({len(trials)})</h3>')
    rows: list[dict[str, Any]] = [
        {
            "Model": each.model,
            "Parameters, M": each.parameters,
            "Samples": each.samples,
            "Hours": each.hours,
            "Value": each.value,
            "Machine": each.machine,
            "Note": each.note,
            "By": each.created_by,
        }
        for each in trials
    ]
    number = st.column_config.NumberColumn(format="%.4g", width="small")
    st.dataframe(
        rows,
        hide_index=True,
        placeholder="",
        alt="The trial runs",
        column_config=dict.fromkeys(("Parameters, M", "Hours", "Value"), number),
    )


def _new(kb: KnowledgeBase, project: str) -> None:
    form = forms.begun("trial", project, None)
    with st.form(form.key("form"), border=False):
        given: dict[str, Any] = {}
        for name, place in forms.side_by_side(2, ["model", "machine", *NUMBERS]):
            with place:
                given[name] = _widget(form, name)
        given["note"] = st.text_input("Note", key=form.key("note"), max_chars=2000)
        save = st.form_submit_button("Keep it", type="primary", icon=":material/save:")
    if not save:
        return
    try:
        kb.planner.add_trial(project, {n: v for n, v in given.items() if v not in (None, "")})
    except KbError as error:
        forms.refused(form, error, None)
    else:
        forms.finish(form, "Kept.")


def _widget(form: forms.Form, name: str) -> Any:
    if name in TEXTS:
        return st.text_input(TEXTS[name], key=form.key(name), max_chars=200)
    if name == "samples":
        return st.number_input(NUMBERS[name], 1, None, None, key=form.key(name))
    least = None if name == "value" else 0.0
    return st.number_input(NUMBERS[name], least, None, None, key=form.key(name), format="%g",
                           step=0.1)  # fmt: skip


def _take_back(trials: Sequence[Trial]) -> None:
    names = {t.id: f"{t.id}. {t.model}: {t.samples:,} samples, {t.hours:g} hours" for t in trials}
    with st.expander("Take a trial run back", icon=":material/delete:"):
        chosen = st.selectbox("Which", list(names), index=None, key=f"trial-{len(trials)}",
                              format_func=lambda number: names.get(number, ""),
                              placeholder="choose one")  # fmt: skip
        st.button("Take it back", icon=":material/delete:", key="remove-trial",
                  disabled=chosen is None, on_click=_remove, args=(chosen,))  # fmt: skip


def _remove(number: int) -> None:
    with session.sentences(), session.library() as kb:
        kb.planner.remove_trial(number)
        forms.say("Taken back.")
