"""Knows how much time, people and machines a project has left until its deadline.

It refuses to guess: a brief that does not say gives no budget, and `lacking` says what to state.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, timedelta

from kb.records.planning import Budget

WORKING_DAYS_A_WEEK = 5
"""Monday to Friday. Holidays are not known: state fewer days where some fall in between."""

UNSTATED_GPUS = 1
"""That run at once where the brief does not say: the least with which anything trains."""


def budget(
    brief: Mapping[str, object],
    *,
    today: date,
    days: int | None = None,
    people: int | None = None,
    gpus: int | None = None,
) -> Budget | None:
    """What is left from `today` (or the next working day) to the deadline, that day included.

    `days` (working days), `people` and `gpus` stand before the brief's. None where too little is
    known: see `lacking`. A deadline that has passed leaves no days.
    """
    if lacking(brief, days=days, people=people):
        return None
    start = first_working_day(today)
    deadline = _date(brief.get("deadline"))
    if days is None:
        assert deadline is not None
        days = working_days(start, deadline)
    else:
        days = max(days, 0)
        deadline = nth_working_day(start, days) if days else None
    if people is None:
        people = int(_number(brief.get("people")) or 0)
    if gpus is None:
        stated = _number(brief.get("gpus"))
        gpus = UNSTATED_GPUS if stated is None else int(stated)
    return Budget(
        start=start,
        deadline=deadline,
        working_days=days,
        people=max(people, 0),
        hours_a_day=(_number(brief.get("hours_a_week")) or 0.0) / WORKING_DAYS_A_WEEK,
        gpu_hours=_number(brief.get("gpu_hours")),
        gpus=max(gpus, 0),
    )


def lacking(
    brief: Mapping[str, object], *, days: int | None = None, people: int | None = None
) -> tuple[str, ...]:
    """The brief's fields that a budget needs and that are not stated, in the brief's order."""
    found = []
    if days is None and _date(brief.get("deadline")) is None:
        found.append("deadline")
    if people is None and _number(brief.get("people")) is None:
        found.append("people")
    if _number(brief.get("hours_a_week")) is None:
        found.append("hours_a_week")
    return tuple(found)


def first_working_day(day: date) -> date:
    """`day`, or the Monday after it where it falls on a weekend."""
    past_friday = day.weekday() - (WORKING_DAYS_A_WEEK - 1)
    return day + timedelta(days=3 - past_friday) if past_friday > 0 else day


def working_days(start: date, end: date) -> int:
    """How many days from `start` to `end`, both included, are Monday to Friday; 0 if `end` < it."""
    length = (end - start).days + 1
    if length <= 0:
        return 0
    weeks, rest = divmod(length, 7)
    left = sum((start.weekday() + day) % 7 < WORKING_DAYS_A_WEEK for day in range(rest))
    return weeks * WORKING_DAYS_A_WEEK + left


def nth_working_day(start: date, number: int) -> date:
    """The working day `number` of those from `start` on, counted from 1."""
    first = first_working_day(start)
    weeks, rest = divmod(first.weekday() + max(number, 1) - 1, WORKING_DAYS_A_WEEK)
    return first + timedelta(days=7 * weeks + rest - first.weekday())


def _date(value: object) -> date | None:
    if isinstance(value, date):
        return value
    return date.fromisoformat(value) if isinstance(value, str) and value else None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)
