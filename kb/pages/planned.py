"""What pages show of a plan, worked out once for each state of the library.

It knows what a plan depends on: the events so far, the day, and what sliders say. It draws nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import streamlit as st

from kb.knowledge_base import KnowledgeBase
from kb.records import Plan, Ranking, Schedule

SECONDS = 0.8  # that a schedule may take while somebody waits for a slider
KEPT = 200  # answers: those of a team that moves sliders for an hour


@dataclass(frozen=True, slots=True)
class Means:
    """What there is to spend, where it is not what the brief says."""

    days: int | None = None  # working days
    people: int | None = None
    gpus: int | None = None


def ranking(kb: KnowledgeBase, project: str) -> Ranking:
    """The experiments in order."""
    found: Ranking = _kept(("ranking", *_state(kb), project), lambda: kb.planner.rank(project))
    return found


def questions(kb: KnowledgeBase, project: str) -> tuple[str, ...]:
    """What to answer before the plan is believed, the most pressing first."""
    found: tuple[str, ...] = _kept(
        ("questions", *_state(kb), project),
        lambda: kb.planner.questions(project, ranking=ranking(kb, project)),
    )
    return found


def schedule(kb: KnowledgeBase, project: str, means: Means) -> Schedule | None:
    """What fits into what is left, or into `means`; None where too little is known."""
    found: Schedule | None = _kept(
        ("schedule", *_state(kb), project, means.days, means.people, means.gpus),
        lambda: kb.planner.schedule(
            project, days=means.days, people=means.people, gpus=means.gpus,
            ranking=ranking(kb, project), seconds=SECONDS,
        ),
    )  # fmt: skip
    return found


def plan(kb: KnowledgeBase, project: str) -> Plan:
    """All of it."""
    found: Plan = _kept(
        ("plan", *_state(kb), project), lambda: kb.planner.plan(project, seconds=SECONDS)
    )
    return found


def reading_order(kb: KnowledgeBase, project: str) -> list[tuple[str, str, float]]:
    """Key, title and expected use of the documents left, the most promising first."""
    store = kb.store  # documents join a project, and vectors a document, without an event
    count = len(store.projects.readings(project))
    found: list[tuple[str, str, float]] = _kept(
        ("reading", *_state(kb), project, count, store.vectors.generation().number),
        lambda: [(each.key, each.title, score) for each, score in kb.reading_order(project)],
    )
    return found


def _state(kb: KnowledgeBase) -> tuple[object, ...]:
    """What all of it depends on: every change is an event."""
    return str(kb.store.file), kb.store.events.last_id(), date.today().isoformat()


@st.cache_data(show_spinner=False, max_entries=KEPT)
def _kept(key: tuple[object, ...], _make: Callable[[], Any]) -> Any:
    return _make()
