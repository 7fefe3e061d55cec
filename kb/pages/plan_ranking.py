"""The experiments of a project in order, and how sure that order is.

It knows lists, a chart and its table. The order and its doubts are the planner's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from kb.export.charts import gain_chart
from kb.knowledge_base import KnowledgeBase
from kb.pages import experiment_form, figure, forms, plan_markup, planned, session
from kb.pages.markup import box, escaped
from kb.records import Experiment, Project, Ranked

FIRST = 8  # experiments shown before more are asked for: two screens of them, by eye


def show(kb: KnowledgeBase, project: str) -> None:
    """Draw the view."""
    if session.may("editor"):
        with st.expander("New experiment", icon=":material/add:"):
            _new(kb, project)
    ranking = planned.ranking(kb, project)
    everything = kb.store.experiments.of_project(project)
    about = kb.store.projects.get(project)
    unit = about.gain_unit
    if not everything:
        st.html(box("Nothing is planned yet. An experiment tries findings, costs hours, and says "
                    "from when on it is a success.", "note"))  # fmt: skip
        return
    if ranking.ranked:
        st.html('<h3 class="kb-h2">In order of likely gain an hour</h3>')
        _how_sure(ranking.sentences, plan_markup.swaps(ranking.swaps, ranking.ranked))
        _chart(ranking.ranked, unit)
        _cards(ranking.ranked, unit)
        with st.expander("As a table", icon=":material/table:"):
            _table(ranking.ranked, unit)
    _closed([each for each in everything if each.status in {"finished", "dropped"}], about)


def _new(kb: KnowledgeBase, project: str) -> None:
    made = experiment_form.new(kb, project)
    if made is not None:
        forms.say(f"“{made.title}” is planned.")
        open_experiment(made.id)


def _how_sure(sentences: Sequence[str], swaps: Sequence[str]) -> None:
    """What the simulation says; a swap that the sentences tell already is not told again."""
    if sentences:
        st.html(plan_markup.sentences(sentences))
    more = [
        swap for swap in swaps if not any(s.startswith(swap.partition(" (")[0]) for s in sentences)
    ]
    if more:
        with st.expander(f"Other neighbours that often swap ({len(more)})",
                         icon=":material/swap_vert:"):  # fmt: skip
            st.html(plan_markup.sentences(more))


def _chart(ranked: Sequence[Ranked], unit: str) -> None:
    chart = gain_chart(ranked, unit=unit)
    if chart is None:
        st.html(box("No experiment has both a gain and hours yet: state them, or pin evidence on "
                    "the project's metric.", "note"))  # fmt: skip
        return
    figure.draw(chart, alt="Expected gain against hours, as in the list below")
    st.html('<p class="kb-meta">Gain from low to high against hours. Numbers are ranks; the dashed '
            "line joins those that none beats with more gain in less time.</p>")  # fmt: skip


def _cards(ranked: Sequence[Ranked], unit: str) -> None:
    count = len(ranked) if st.session_state.get("ranked-all") else FIRST
    for each in ranked[:count]:
        with st.container(key=f"ranked-{each.experiment.id}", gap="xsmall"):
            st.html(plan_markup.ranked(each, unit))
            if st.button(f"Explain no. {each.rank}", key=f"explain-{each.experiment.id}",
                         type="tertiary", icon=":material/calculate:"):  # fmt: skip
                open_experiment(each.experiment.id)
    _more(len(ranked), count, "ranked")


def _more(count: int, shown: int, name: str) -> None:
    if count > shown:
        st.button(f"Show all {count}", key=f"more-{name}", type="tertiary",
                  icon=":material/expand_more:", on_click=_all)  # fmt: skip


def _all() -> None:
    st.session_state["ranked-all"] = True


def _table(ranked: Sequence[Ranked], unit: str) -> None:
    rows: list[dict[str, Any]] = [
        {
            "Rank": each.rank,
            "Experiment": each.experiment.title,
            "Gain an hour": each.gain_per_hour,
            "Hours": each.hours,
            "Low": each.gain.low if each.gain else None,
            "Likely": each.gain.likely if each.gain else None,
            "High": each.gain.high if each.gain else None,
            "Whose": each.basis or "",
            "Expected": each.expected,
            "First": each.first * 100,
            "Ranks": f"{each.ranks[0]}–{each.ranks[1]}",
            "Front": "yes" if each.front else "",
        }
        for each in ranked
    ]
    number = st.column_config.NumberColumn(format="%.3g", width="small")
    st.dataframe(
        rows,
        hide_index=True,
        column_config={
            **dict.fromkeys(("Gain an hour", "Hours", "Low", "Likely", "High", "Expected"), number),
            "Rank": st.column_config.NumberColumn(width="small"),
            "First": st.column_config.NumberColumn(format="%.0f %%", width="small"),
        },
        placeholder="",
        alt="The experiments in order, with all their numbers",
    )
    st.html(f'<p class="kb-meta">Gains in {escaped(unit or "the metric’s unit")}.</p>')


def _closed(found: Sequence[Experiment], about: Project) -> None:
    """Draw what is finished or was dropped."""
    if not found:
        return
    st.html(f'<h3 class="kb-h2">Finished and dropped ({len(found)})</h3>')
    count = len(found) if st.session_state.get("ranked-all") else FIRST
    for each in found[:count]:
        with st.container(horizontal=True, vertical_alignment="center", gap="small",
                          key=f"closed-{each.id}"):  # fmt: skip
            st.html(plan_markup.closed(each, about))
            if st.button(f"Open experiment {each.id}", key=f"open-{each.id}", type="tertiary",
                         icon=":material/arrow_forward:"):  # fmt: skip
                open_experiment(each.id)
    _more(len(found), count, "closed")


def open_experiment(number: int) -> None:
    """Move to an experiment's own view."""
    project = st.query_params.get("project", "")
    st.query_params.from_dict({"project": project, "experiment": str(number)})
    st.rerun()
