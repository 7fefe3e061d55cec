"""The plan of a project: what to answer first, what to try in which order, until when, and why.

It knows which view is open. What a view shows is its own module's; the arithmetic is the planner's.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from kb.errors import NotFound
from kb.knowledge_base import KnowledgeBase
from kb.pages import (
    experiment,
    forms,
    plan_calibration,
    plan_data,
    plan_decisions,
    plan_markup,
    plan_ranking,
    plan_runtime,
    plan_schedule,
    planned,
    session,
)
from kb.records import Experiment

VIEWS: dict[str, tuple[str, Callable[[KnowledgeBase, str], None]]] = {
    "experiments": ("Experiments", plan_ranking.show),
    "schedule": ("Schedule", plan_schedule.show),
    "decisions": ("Decisions", plan_decisions.show),
    "data": ("Data", plan_data.show),
    "runtime": ("Runtime", plan_runtime.show),
    "calibration": ("Calibration", plan_calibration.show),
}


def main() -> None:
    """Draw the page."""
    with session.sentences(), session.library() as kb:
        found = _experiment(kb)
        if found is not None:
            st.query_params["project"] = found.project
        project = session.project(kb)
        if project is None:
            return
        forms.news()
        if found is not None and found.project == project:
            experiment.show(kb, found)
            return
        if found is not None:  # another project was chosen
            del st.query_params["experiment"]
        st.html(plan_markup.questions(planned.questions(kb, project)))
        VIEWS[_view()][1](kb, project)


def _experiment(kb: KnowledgeBase) -> Experiment | None:
    """The experiment that the address names, of a project that is not archived."""
    number = st.query_params.get("experiment", "")
    if not number:
        return None
    if not number.isdecimal() or len(number) > 12:
        raise NotFound("This address names no experiment. Open the page Plan to see them all.")
    found = kb.store.experiments.get(int(number))
    if found.project not in kb.store.projects.names():
        raise NotFound(
            f"“{found.title}” belongs to “{found.project}”, which is archived. Reopen that on the "
            "page Project to see it."
        )
    return found


def _view() -> str:
    """Draw the choice of a view, which the address names."""
    wanted = st.query_params.get("view", "")
    st.session_state["plan-view"] = shown = wanted if wanted in VIEWS else next(iter(VIEWS))
    st.segmented_control(
        "Show", list(VIEWS), key="plan-view", required=True, on_change=_change_view,
        format_func=lambda view: VIEWS[view][0], label_visibility="collapsed",
    )  # fmt: skip
    return shown


def _change_view() -> None:
    st.query_params.from_dict(
        {"project": st.query_params.get("project", ""), "view": st.session_state["plan-view"]}
    )


if __name__ == "__main__":
    main()
