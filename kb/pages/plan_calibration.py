"""How good the forecasts of finished experiments were.

It knows figures and a table. Which of them chance explains, the planner says.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from kb.knowledge_base import KnowledgeBase
from kb.pages import plan_markup
from kb.pages.markup import box
from kb.planning.calibration import measured
from kb.records import Experiment, Project

SCOPES = {"one": "This project", "all": "All projects"}


def show(kb: KnowledgeBase, project: str) -> None:
    """Draw the view."""
    scope = st.segmented_control("Of", list(SCOPES), default="one", required=True,
                                 key="calibration-of", format_func=SCOPES.__getitem__)  # fmt: skip
    found = kb.planner.calibration(project if scope == "one" else None)
    st.html(plan_markup.calibration(found) + plan_markup.sentences(found.sentences))
    if found.by:
        rows: list[dict[str, Any]] = [
            {"What": what, "Which": name, "Finished": count, "Measured less expected": bias}
            for what, name, count, bias in found.by
        ]
        number = st.column_config.NumberColumn(format="%+.3g")
        st.dataframe(rows, hide_index=True, alt="Bias by axis, source and member", placeholder="",
                     column_config={"Measured less expected": number})  # fmt: skip
    if scope == "one":
        _outcomes(kb.store.projects.get(project), kb.store.experiments.of_project(project))


def _outcomes(project: Project, experiments: list[Experiment]) -> None:
    """Draw what was expected of each finished experiment, and what came."""
    finished = [each for each in experiments if each.status == "finished"]
    if not finished:
        st.html(box("No experiment is finished. What is expected of one is kept when it starts, "
                    "and compared with what came of it here.", "note"))  # fmt: skip
        return
    st.html('<h3 class="kb-h2">Expected and measured</h3>')
    baseline = project.brief.get("baseline")
    rows: list[dict[str, Any]] = []
    for each in finished:
        gain = each.forecast.gain if each.forecast else None
        rows.append({
            "Experiment": each.title,
            "Low": gain.low if gain else None,
            "Likely": gain.likely if gain else None,
            "High": gain.high if gain else None,
            "Measured gain": measured(
                each,
                direction="lower" if project.brief.get("direction") == "lower" else "higher",
                baseline=baseline if isinstance(baseline, float) else None,
            ),
            "Hours planned": each.forecast.person_hours if each.forecast else None,
            "Hours taken": each.result.person_hours if each.result else None,
        })  # fmt: skip
    number = st.column_config.NumberColumn(format="%.3g", width="small")
    st.dataframe(rows, hide_index=True, alt="Forecasts and outcomes", placeholder="",
                 column_config=dict.fromkeys(list(rows[0])[1:], number))  # fmt: skip
