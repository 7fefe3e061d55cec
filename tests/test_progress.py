from __future__ import annotations

import random
from datetime import date

import pytest

from kb.findings.progress import Read, TimeBox, progress, time_box

TODAY = date(2026, 11, 24)
OPEN = TimeBox(3.0, 40.0, None)


def reads(*found: int) -> list[Read]:
    return [Read(f"k{i}", new, new > 0) for i, new in enumerate(found)]


def test_a_time_box_counts_working_days_and_people() -> None:
    box = time_box(90, days=5, people=2, hours_a_week=20, start=date(2026, 11, 26))
    assert (box.used, box.hours, box.ends) == (1.5, 40.0, date(2026, 12, 2))  # a Thursday's fifth
    assert time_box(60, days=None, people=1, hours_a_week=1, start=None).share is None
    assert time_box(0, days=1, people=1, hours_a_week=5, start=date(2026, 11, 28)).ends == date(
        2026, 11, 30
    )  # a Saturday waits for Monday


def test_nothing_read_says_where_to_begin() -> None:
    now = progress([], 5, OPEN, today=TODAY)
    assert now.unread.expected is None
    assert now.stops == {"time-box": False, "saturation": None, "statistical": None}
    assert now.advice.startswith("Nothing has been read yet")


def test_a_rich_review_goes_on_and_a_dry_one_stops() -> None:
    rich = progress(reads(*[2] * 20), 30, OPEN, today=TODAY)
    assert rich.curve == (20, 20)
    assert rich.stops["saturation"] is False
    assert rich.stops["statistical"] is False
    assert rich.advice.startswith("Reading on is likely to pay")
    dry = progress(reads(*[1] * 30, *[0] * 60), 20, OPEN, today=TODAY)
    assert dry.stops["saturation"] is True
    assert dry.unread.expected == 0
    assert dry.unread.at_most is not None
    assert dry.unread.at_most <= 3
    assert dry.advice.startswith("Reading on is unlikely to pay")


def test_time_is_up_by_hours_or_by_the_calendar() -> None:
    assert progress(reads(1), 3, TimeBox(41, 40, None), today=TODAY).stops["time-box"] is True
    late = TimeBox(1, 40, date(2026, 11, 23))
    assert progress(reads(1), 3, late, today=TODAY).stops["time-box"] is True
    assert progress(reads(1), 3, TimeBox(1, None, None), today=TODAY).stops["time-box"] is None


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5])
def test_the_bound_holds_as_often_as_it_says(share: float) -> None:
    """In random orders, the true number left exceeds the bound in at most about 5 of 100."""
    dice = random.Random(0)
    broken = 0
    for _ in range(300):
        relevant = [dice.random() < share for _ in range(120)]
        done = [Read("k", 0, each) for each in relevant[:60]]
        unread = progress(done, 60, OPEN, today=TODAY).unread
        assert unread.at_most is not None
        broken += sum(relevant[60:]) > unread.at_most
    assert broken <= 0.08 * 300
