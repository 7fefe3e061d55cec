"""Decisions of a project: what was adopted, parked or rejected, why, and what superseded what.

It knows a list and one form. What a decision changes is the planner's; its text is the export's.
"""

from __future__ import annotations

import streamlit as st

from kb.errors import KbError
from kb.export.madr import madr
from kb.knowledge_base import KnowledgeBase
from kb.pages import forms, plan_markup, planned, session
from kb.pages.markup import box
from kb.records import CHOICES, Decision

CHOICE_NAMES = {"adopt": "Adopt", "park": "Park", "reject": "Reject"}
OWN = {
    "context": ("Context", "from the brief: objective, metric, baseline"),
    "consequences": ("Consequences, good and bad", ""),
    "confirmation": ("How it is checked", "from the experiments: their thresholds"),
}
"""Field → label, and where it comes from when it is left empty."""


def show(kb: KnowledgeBase, project: str) -> None:
    """Draw the view."""
    decisions = kb.planner.decisions(project)
    if session.may("editor"):
        with st.expander("New decision", icon=":material/add:", expanded=not decisions):
            _new(kb, project, decisions)
    if not decisions:
        st.html(box("Nothing is decided yet. A decision adopts, parks or rejects findings, with "
                    "the reason; it is never edited, only superseded.", "note"))  # fmt: skip
        return
    st.html(f'<h3 class="kb-h2">Decisions ({len(decisions)})</h3>')
    for each in reversed(decisions):
        with st.container(key=f"decision-{each.id}", gap="xsmall"):
            st.html(plan_markup.decision(each))
            with st.expander(f"Decision {each.number} as a record (MADR)",
                             icon=":material/description:", key=f"madr-{each.id}",
                             on_change="rerun") as record:  # fmt: skip
                if record.open:
                    _record(kb, project, each)


def _record(kb: KnowledgeBase, project: str, decision: Decision) -> None:
    files = madr(planned.plan(kb, project))
    name = next(each for each in files if each.startswith(f"{decision.number:04d}-"))
    st.code(files[name].decode(), language=None, wrap_lines=True)
    st.download_button("Download it", files[name], name, "text/markdown", key=f"down-{decision.id}",
                       icon=":material/download:", on_click="ignore")  # fmt: skip


def _new(kb: KnowledgeBase, project: str, decisions: list[Decision]) -> None:
    candidates = kb.store.candidates.of_project(project)
    if not candidates:
        st.html(box("There is nothing to decide on: no finding is a candidate of this project.",
                    "note"))  # fmt: skip
        return
    form = forms.begun("decision", project, None)
    names = {each.finding.id: f"{each.finding.name} ({each.status})" for each in candidates}
    titles = {each.id: each.title for each in kb.store.experiments.of_project(project)}
    standing = {d.number: d.title for d in decisions if d.superseded_by is None}
    with st.form(form.key("form"), border=False):
        title = st.text_input("Title", key=form.key("title"), max_chars=200)
        choice = st.segmented_control("What is decided", CHOICES, key=form.key("choice"),
                                      default="adopt", required=True,
                                      format_func=CHOICE_NAMES.__getitem__)  # fmt: skip
        left, right = st.columns(2)
        with left:
            on = _some("On which findings", names, form.key("on"))
            instead = _some("What was considered beside them", names, form.key("instead"))
        with right:
            confirming = _some("Experiments that confirm it", titles, form.key("experiments"))
            supersedes = st.selectbox(
                "Supersedes", list(standing), index=None, key=form.key("supersedes"),
                format_func=lambda number: f"{number}. {standing.get(number, '')}",
                placeholder="no earlier decision", disabled=not standing,
            )  # fmt: skip
        given = {"reason": st.text_area("Reason", key=form.key("reason"), max_chars=2000,
                                        height=80)}  # fmt: skip
        for name, (label, source) in OWN.items():
            given[name] = st.text_area(label, key=form.key(name), placeholder=source, height=70,
                                       max_chars=2000)  # fmt: skip
        wanted = st.form_submit_button("Decide", type="primary", icon=":material/gavel:")
    if not wanted:
        return
    linked = {"candidates": on, "alternatives": instead, "experiments": confirming}
    try:
        made = kb.planner.decide(project, {
            "title": title, "choice": choice, "supersedes": supersedes,
            **{name: ids for name, ids in linked.items() if ids},
            **{name: text.strip() for name, text in given.items()
               if text.strip() or name == "reason"},
        })  # fmt: skip
    except KbError as error:
        forms.refused(form, error, None)
    else:
        forms.finish(form, f"Decision {made.number} is kept; its findings have their status.")


def _some(label: str, names: dict[int, str], key: str) -> list[int]:
    chosen: list[int] = st.multiselect(
        label, list(names), key=key, format_func=lambda number: names.get(number, ""),
        placeholder="choose them" if names else "there are none", disabled=not names,
    )  # fmt: skip
    return chosen
