"""The form of a project's brief, metric and baseline first.

It knows which widget fits which field. What fits into a field, the knowledge base says.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import streamlit as st

from kb.errors import KbError
from kb.knowledge_base import KnowledgeBase
from kb.pages import forms
from kb.records import Project

Widget = str | tuple[str, ...]  # "text", "number", "count", "date", or what there is to choose from

FIELDS: dict[str, dict[str, tuple[str, Widget]]] = {
    "The metric of the model": {
        "metric": ("Metric", "text"),
        "unit": ("Unit, as %, points or ms", "text"),
        "baseline": ("Baseline: its value today", "number"),
        "baseline_is": ("Whose value that is: majority class, rules, today's model", "text"),
        "direction": ("Which is better?", ("higher", "lower")),
        "target": ("Target", "number"),
        "smallest_gain": ("Smallest gain worth having", "number"),
    },
    "What it is for": {
        "objective": ("Objective, in a sentence", "text"),
        "value": ("What the product gains, in words", "text"),
        "value_unit": ("and in which unit", "text"),
        "tie": ("How the metric moves what the product gains", "text"),
        "tie_evidence": ("What shows that", "text"),
        "tie_breaks": ("What would break that tie", "text"),
        "asked": ("Who was asked about metric and baseline", "text"),
    },
    "What there is to spend": {
        "review_start": ("The review starts on", "date"),
        "review_days": ("Working days for the review", "number"),
        "deadline": ("Deadline of the experiments", "date"),
        "people": ("People", "count"),
        "hours_a_week": ("Hours a week of each of them", "number"),
        "gpus": ("GPUs at once", "count"),
        "gpu_hours": ("GPU hours in all", "number"),
    },
    "Data and use": {
        "domain": ("What our data is, as customer-service e-mail", "text"),
        "training_samples": ("Samples of our own with labels", "count"),
        "deployment": ("Will it answer in real time or in batches?", ("", "real time", "batch")),
        "latency_ms": ("Limit of an answer in ms, in real time", "number"),
        "cadence": ("How often, in batches", "text"),
    },
}
"""Heading → field of the brief → its label and widget."""


def edit(kb: KnowledgeBase, project: Project) -> None:
    """Draw the form, and save what was changed."""
    form = forms.begun("brief", project.name, project)
    with st.form(form.key("form"), border=False):
        given = _widgets(form, form.first.brief)
        save = st.form_submit_button("Save the brief", type="primary", icon=":material/save:")
    if not save:
        return
    try:
        kb.workbench.edit_project(form.seen, forms.changed(given, _shown(form.first.brief)))
    except KbError as error:
        forms.refused(form, error, project)
    else:
        forms.finish(form, "Saved.")


def new(kb: KnowledgeBase) -> str | None:
    """Draw the form of a new project; its name once it is there."""
    form = forms.begun("new-project", None, None)
    first = FIELDS["The metric of the model"]
    with st.form(form.key("form"), border=False):
        name = st.text_input("Name of the project", key=form.key("name"), max_chars=80)
        st.html('<p class="kb-meta">Metric and baseline first, as far as they are known. The rest '
                "of the brief can follow.</p>")  # fmt: skip
        given = {each: _widget(form, each, first[each], {}) for each in list(first)[:4]}
        given["objective"] = _widget(form, "objective", ("Objective, in a sentence", "text"), {})
        begin = st.form_submit_button("Begin the project", type="primary", icon=":material/add:")
    if not begin:
        return None
    try:
        made = kb.workbench.new_project(name, {n: v for n, v in given.items() if v is not None})
    except KbError as error:
        forms.refused(form, error, None)
        return None
    forms.close(form, f"“{made.name}” has begun.")
    return made.name


def _widgets(form: forms.Form, brief: Mapping[str, object]) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for heading, fields in FIELDS.items():
        st.html(f'<h3 class="kb-h2">{heading}</h3>')
        for name, place in forms.side_by_side(2, fields):
            with place:
                given[name] = _widget(form, name, fields[name], brief)
    return given


def _widget(
    form: forms.Form, name: str, spec: tuple[str, Widget], brief: Mapping[str, object]
) -> Any:
    """Draw a field; what it holds as the brief has it, None for what is unknown."""
    (label, widget), key, old = spec, form.key(name), brief.get(name)
    if isinstance(widget, tuple):
        chosen = st.selectbox(label, widget, index=widget.index(str(old or widget[0])), key=key,
                              format_func=lambda option: option or "not stated")  # fmt: skip
        return None if chosen == widget[0] else chosen
    if widget == "text":
        return st.text_input(label, str(old or ""), key=key, max_chars=2000).strip() or None
    if widget == "date":
        day = st.date_input(label, date.fromisoformat(str(old)) if old else None, key=key)
        return day.isoformat() if isinstance(day, date) else None
    if widget == "count":
        return st.number_input(label, 0, None, old if isinstance(old, int) else None, key=key)
    number = float(old) if isinstance(old, int | float) else None
    return st.number_input(label, value=number, key=key, format="%g", step=1.0)


def _shown(brief: Mapping[str, object]) -> dict[str, object]:
    """The brief as the untouched form would give it."""
    usual = {"direction": "higher", "deployment": ""}
    return {n: None if v in ("", usual.get(n)) else v for n, v in brief.items()}
