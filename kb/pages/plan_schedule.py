"""What fits until the deadline, and what more days, people or GPUs would change.

It knows sliders, a chart and its table. What fits is the planner's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from kb.export.charts_page import gantt
from kb.knowledge_base import KnowledgeBase
from kb.pages import figure, plan_markup, planned, session
from kb.pages.markup import box
from kb.pages.planned import Means
from kb.planning.budget import lacking
from kb.records import Schedule

UNSTATED_DAYS = 10  # shown where there is no deadline: two weeks
FARTHEST = 3  # times what the brief says that the sliders reach
LEAST = {"days": 30, "people": 6, "gpus": 8}  # that they reach at least
LABELS = {"days": "Working days", "people": "People", "gpus": "GPUs at once"}


def show(kb: KnowledgeBase, project: str) -> None:
    """Draw the view."""
    brief = kb.store.projects.get(project).brief
    usual = planned.schedule(kb, project, Means())
    if "hours_a_week" in lacking(brief):
        _ask(project, "The brief does not say how many hours a week each person has: without "
             "that, nothing can be scheduled.")  # fmt: skip
        return
    if usual is None:
        names = " and ".join(name.replace("_", " ") for name in lacking(brief))
        _ask(project, f"The brief does not say the {names}. What is set below stands in for it.")
    chosen = _sliders(project, _brief_says(usual, brief), usual)
    schedule = planned.schedule(kb, project, chosen)
    if schedule is None:
        return
    st.html(plan_markup.budget(schedule) + plan_markup.sentences(schedule.sentences))
    if usual is not None and chosen != Means():
        st.html(plan_markup.against(schedule, usual))
    _chart(schedule)


def _ask(project: str, sentence: str) -> None:
    st.html(box(sentence, "note"))
    st.page_link(session.PAGES / "project.py", label="To the project's brief",
                 icon=":material/edit:", query_params={"project": project})  # fmt: skip


def _brief_says(usual: Schedule | None, brief: Mapping[str, object]) -> dict[str, int]:
    """Where the sliders begin."""
    if usual is not None:
        left = usual.budget
        return {"days": left.working_days, "people": left.people, "gpus": left.gpus}
    people, gpus = brief.get("people"), brief.get("gpus")
    return {
        "days": UNSTATED_DAYS,
        "people": people if isinstance(people, int) else 1,
        "gpus": gpus if isinstance(gpus, int) else 1,
    }


def _sliders(project: str, says: dict[str, int], usual: Schedule | None) -> Means:
    """Draw the sliders; what was moved away from what the brief says."""
    given: dict[str, int | None] = {}
    for column, (name, label) in zip(st.columns(3), LABELS.items(), strict=True):
        value = says[name]
        most = max(FARTHEST * value, LEAST[name])
        chosen = column.slider(label, 0, most, value, key=f"slider-{name}-{project}-{value}")
        given[name] = None if usual is not None and chosen == value else chosen
    return Means(**given)


def _chart(schedule: Schedule) -> None:
    chart = gantt(schedule)
    if chart is not None:
        st.html('<h3 class="kb-h2">Day by day</h3>')
        figure.draw(chart, alt="The schedule, as in the table below")
    with st.expander("As a table", icon=":material/table:", expanded=chart is None):
        rows: list[dict[str, Any]] = [
            {
                "Experiment": slot.title,
                "Phase": slot.phase,
                "From": slot.start,
                "To": slot.end,
                "Hours": slot.person_hours,
                "GPU hours": slot.gpu_hours,
                "Gain": slot.gain,
                "Why it is out": "",
            }
            for slot in schedule.slots
        ] + [
            {"Experiment": each.title, "Phase": "does not fit", "From": None, "To": None,
             "Hours": None, "GPU hours": None, "Gain": None, "Why it is out": each.reason}
            for each in schedule.left_out
        ]  # fmt: skip
        number = st.column_config.NumberColumn(format="%.3g", width="small")
        st.dataframe(
            rows,
            hide_index=True,
            placeholder="",
            alt="The schedule with all its numbers",
            column_config=dict.fromkeys(("Hours", "GPU hours", "Gain"), number),
        )
