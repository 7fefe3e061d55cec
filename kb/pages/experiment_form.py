"""The form of an experiment: what it tries, what it takes, and from when on it is a success.

It knows which widget fits which field. What fits into a field, the planner says.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from kb.errors import KbError, UsageError
from kb.knowledge_base import KnowledgeBase
from kb.pages import forms
from kb.records import Experiment, Gain

YES_OR_NO = {True: "yes", False: "no"}
TEXTS = {
    "hypothesis": "Hypothesis: why should it help?",
    "success": "How success is decided, in words",
    "note": "Note",
}
COSTS = {
    "person_hours": "Hours of people",
    "runs": "Training runs",
    "run_hours": "Hours of one run",
    "gpu_hours": "GPU hours of all runs",
    "threshold": "A success from which value of the metric on",
}
GAIN = {
    "low": "Low: one in ten lies below",
    "likely": "Likely: half lie below",
    "high": "High: one in ten lies above",
}


def new(kb: KnowledgeBase, project: str) -> Experiment | None:
    """Draw the form of a new experiment; the experiment once it is planned."""
    form = forms.begun("new-experiment", project, None)
    with st.form(form.key("form"), border=False):
        given = _widgets(kb, form, project)
        st.html('<p class="kb-meta">What is left open is taken from the findings where they say '
                "so. The gain is the evidence's until the team overrules it.</p>")  # fmt: skip
        wanted = st.form_submit_button("Plan it", type="primary", icon=":material/add:")
    if not wanted:
        return None
    try:
        made = kb.planner.new(project, given)
    except KbError as error:
        forms.refused(form, error, None)
        return None
    forms.close(form)
    return made


def edit(kb: KnowledgeBase, found: Experiment) -> None:
    """Draw the form of an experiment that is there, and save what was changed."""
    form = forms.begun("experiment", found.id, found)
    with st.form(form.key("form"), border=False):
        given = _widgets(kb, form, found.project)
        save = st.form_submit_button("Save", type="primary", icon=":material/save:")
    if not save:
        return
    try:
        changes = {n: v for n, v in given.items() if v != _shown(form.first, n)}
        kb.planner.edit(form.seen, changes)
    except KbError as error:
        forms.refused(form, error, found)
    else:
        forms.finish(form, "Saved.")


def _shown(found: Experiment, name: str) -> Any:
    """A field as the untouched form would give it."""
    value = getattr(found, name)
    if isinstance(value, tuple):
        return list(value)
    return None if value == "" else value


def _widgets(kb: KnowledgeBase, form: forms.Form, project: str) -> dict[str, Any]:
    """Draw the fields; what they hold, None for what is unknown."""
    old: Experiment | None = form.first
    given: dict[str, Any] = {}
    given["title"] = st.text_input("Title", old.title if old else "", key=form.key("title"),
                                   max_chars=200).strip()  # fmt: skip
    given["hypothesis"] = _text(form, "hypothesis")
    left, right = st.columns(2)
    with left:
        given["candidates"] = _candidates(kb, form, project)
    with right:
        given["depends_on"] = _others(kb, form, project)
    for name, place in forms.side_by_side(3, ["retraining", *COSTS]):
        with place:
            if name == "retraining":
                given[name] = _retraining(form)
            else:
                given[name] = _number(form, name, COSTS[name])
    given["success"] = _text(form, "success")
    given["note"] = _text(form, "note")
    return given


def _text(form: forms.Form, name: str) -> str | None:
    old = getattr(form.first, name, "")
    return st.text_input(TEXTS[name], old, key=form.key(name), max_chars=2000).strip() or None


def _retraining(form: forms.Form) -> bool | None:
    old = getattr(form.first, "retraining", None)
    return st.selectbox(
        "Does it need a training?", list(YES_OR_NO), key=form.key("retraining"),
        index=None if old is None else list(YES_OR_NO).index(old),
        format_func=YES_OR_NO.__getitem__, placeholder="unknown",
    )  # fmt: skip


def _number(form: forms.Form, name: str, label: str) -> Any:
    old = getattr(form.first, name, None)
    if name == "runs":
        return st.number_input(label, 0, None, old, key=form.key(name))
    least = None if name == "threshold" else 0.0
    return st.number_input(label, least, None, old, key=form.key(name), format="%g", step=1.0)


def _candidates(kb: KnowledgeBase, form: forms.Form, project: str) -> list[int]:
    """Draw the choice of findings, the project's candidates first."""
    ours = [each.finding for each in kb.store.candidates.of_project(project)]
    names = {each.id: each.name for each in (*ours, *kb.workbench.findings())}
    old = [i for i in getattr(form.first, "candidates", ()) if i in names]
    chosen: list[int] = st.multiselect(
        "Findings that it tries", list(names), old, key=form.key("candidates"),
        format_func=lambda number: names.get(number, ""), placeholder="choose them",
    )  # fmt: skip
    return chosen


def _others(kb: KnowledgeBase, form: forms.Form, project: str) -> list[int]:
    own = getattr(form.first, "id", None)
    titles = {e.id: e.title for e in kb.store.experiments.of_project(project) if e.id != own}
    old = [i for i in getattr(form.first, "depends_on", ()) if i in titles]
    chosen: list[int] = st.multiselect(
        "Experiments that come first", list(titles), old, key=form.key("depends_on"),
        format_func=lambda number: titles.get(number, ""), disabled=not titles,
        placeholder="choose them" if titles else "there are no others",
    )  # fmt: skip
    return chosen


# -- gain and outcome ----------------------------------------------------------------------------


def overrule(kb: KnowledgeBase, found: Experiment) -> None:
    """Draw the form that puts the team's gain before the evidence's, or takes it back."""
    form = forms.begun("overrule", found.id, found)
    old: Gain | None = form.first.gain
    with st.form(form.key("form"), border=False):
        st.html("<p>Your own gain, in the unit of the metric, with the reason. The evidence's "
                "stays beside it.</p>")  # fmt: skip
        columns = st.columns(3)
        gain = [
            column.number_input(label, value=getattr(old, name, None), key=form.key(name),
                                format="%g", step=0.1)
            for column, (name, label) in zip(columns, GAIN.items(), strict=True)
        ]  # fmt: skip
        reason = st.text_input("What it rests on", form.first.gain_reason, key=form.key("reason"),
                               max_chars=2000)  # fmt: skip
        with st.container(horizontal=True, gap="small"):
            save = st.form_submit_button("Overrule", icon=":material/gavel:")
            undo = st.form_submit_button("Let the evidence count again", icon=":material/undo:",
                                         disabled=found.gain is None)  # fmt: skip
    if not save and not undo:
        return
    try:
        ours = None
        if save:
            numbers = [each for each in gain if each is not None]
            if len(numbers) < len(GAIN):
                raise UsageError("Give all three numbers: low, likely and high.")
            ours = Gain(*numbers)
        kb.planner.overrule(form.seen, ours, reason)
    except KbError as error:
        forms.refused(form, error, found)
    else:
        forms.finish(form, "Overruled." if save else "The evidence counts again.")


def outcome(kb: KnowledgeBase, found: Experiment) -> None:
    """Draw the form that says what came of a running or finished experiment."""
    form = forms.begun("outcome", found.id, found)
    old = form.first.result if form.first.status == "finished" else None
    labels = {
        "value": "Measured value of the metric",
        "baseline": "Baseline measured beside it, if any",
        "person_hours": "Hours of people that it took",
        "gpu_hours": "GPU hours that it took",
    }
    with st.form(form.key("form"), border=False):
        given: dict[str, Any] = {
            name: place.number_input(
                labels[name], 0.0 if name.endswith("hours") else None, None,
                getattr(old, name, None), key=form.key(name), format="%g", step=1.0,
            )
            for name, place in forms.side_by_side(2, labels)
        }  # fmt: skip
        given["note"] = st.text_area("What was learned", old.note if old else "",
                                     key=form.key("note"), height=80)  # fmt: skip
        label = "Correct the outcome" if old else "Finish it"
        save = st.form_submit_button(label, icon=":material/flag:")
    if not save:
        return
    try:
        kb.planner.finish(form.seen, given)
    except KbError as error:
        forms.refused(form, error, found)
    else:
        forms.finish(form, "Finished. Now decide, under Decisions: adopt, park or reject.")


def drop(kb: KnowledgeBase, found: Experiment) -> None:
    """Draw the form that gives an experiment up."""
    form = forms.begun("drop", found.id, found)
    with st.form(form.key("form"), border=False):
        reason = st.text_input("Why is it dropped?", key=form.key("reason"), max_chars=2000)
        wanted = st.form_submit_button("Drop it", icon=":material/close:")
    if not wanted:
        return
    try:
        kb.planner.drop(form.seen, reason)
    except KbError as error:
        forms.refused(form, error, found)
    else:
        forms.finish(form, "Dropped. Start it to take it up again.")


def map_metric(kb: KnowledgeBase, found: Experiment, metrics: list[str]) -> None:
    """Draw the form that states what a point of another metric is worth on the project's own."""
    form = forms.begun("map-metric", found.id, None)
    with st.form(form.key("form"), border=False):
        st.html("<p>Where your team knows how another metric moves yours, its reports can count. "
                "Factor and reason stand in the arithmetic.</p>")  # fmt: skip
        metric = st.selectbox("Metric of the reports", metrics, key=form.key("metric"))
        factor = st.number_input("When it rises by one, ours changes by", value=None, format="%g",
                                 step=0.1, key=form.key("factor"))  # fmt: skip
        reason = st.text_input("Why that holds", key=form.key("reason"), max_chars=2000)
        wanted = st.form_submit_button("Let it count", icon=":material/compare_arrows:")
    if not wanted:
        return
    try:
        if factor is None:
            raise UsageError("Say by how much ours changes when that metric rises by one.")
        kb.planner.map_metric(found.project, metric, factor, reason)
    except KbError as error:
        forms.refused(form, error, None)
    else:
        forms.finish(form, "It counts from now on, for all experiments of the project.")
