from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.findings.fields import check_brief
from kb.planning.budget import budget, first_working_day, lacking, nth_working_day, working_days
from kb.records.planning import Budget

TUESDAY = date(2026, 11, 24)
BRIEF = {"deadline": "2026-12-04", "people": 2, "hours_a_week": 30, "gpu_hours": 40, "gpus": 2}


def test_the_deadline_s_own_day_counts_and_weekends_do_not() -> None:
    # Tue 24 to Fri 27 November are four days, Mon 30 to Fri 4 December five
    expected = Budget(TUESDAY, date(2026, 12, 4), 9, 2, 6.0, 40.0, 2)
    assert budget(check_brief(BRIEF), today=TUESDAY) == expected


def test_a_project_that_is_planned_on_a_weekend_begins_on_monday() -> None:
    found = budget(BRIEF, today=date(2026, 11, 28))
    assert found is not None
    assert (found.start, found.working_days) == (date(2026, 11, 30), 5)


def test_days_people_and_gpus_stand_before_the_brief_s() -> None:
    found = budget(BRIEF, today=TUESDAY, days=5, people=3, gpus=0)
    assert found is not None
    assert (found.working_days, found.people, found.gpus) == (5, 3, 0)
    assert found.deadline == date(2026, 11, 30)  # Tue, Wed, Thu, Fri, Mon


def test_a_deadline_that_has_passed_leaves_no_days() -> None:
    found = budget(BRIEF, today=date(2026, 12, 5))
    assert found is not None
    assert (found.working_days, found.deadline) == (0, date(2026, 12, 4))


def test_what_is_not_stated_gives_no_budget_and_is_named() -> None:
    assert budget({}, today=TUESDAY) is None
    assert lacking({}) == ("deadline", "people", "hours_a_week")
    assert lacking({"hours_a_week": 40}, days=3, people=1) == ()
    assert budget({"hours_a_week": 40}, today=TUESDAY, days=3, people=1) is not None


def test_gpu_hours_that_are_not_stated_are_not_limited_and_one_gpu_is_assumed() -> None:
    found = budget({"deadline": TUESDAY, "people": 0, "hours_a_week": 0}, today=TUESDAY)
    assert found == Budget(TUESDAY, TUESDAY, 1, 0, 0.0, None, 1)


@pytest.mark.parametrize(("day", "first"), [(27, 27), (28, 30), (29, 30), (30, 30)])
def test_the_first_working_day(day: int, first: int) -> None:
    assert first_working_day(date(2026, 11, day)) == date(2026, 11, first)


@given(start=st.dates(date(2020, 1, 1), date(2030, 1, 1)), length=st.integers(-5, 60))
def test_days_are_counted_as_one_would_on_a_calendar(start: date, length: int) -> None:
    every = [start + timedelta(days=at) for at in range(length)]
    working = [day for day in every if day.weekday() < 5]
    assert working_days(start, start + timedelta(days=length - 1)) == len(working)
    for number, day in enumerate(working, start=1):
        assert nth_working_day(start, number) == day
