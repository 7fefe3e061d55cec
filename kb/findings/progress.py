"""How far a review has come, and whether reading on is likely to pay. Pure arithmetic on counts.

Knows no store and no vectors. The estimate of what is unread and the statistical stop rule follow
Callaghan and Müller-Hansen, “Statistical stopping criteria for automated screening in systematic
reviews”, Systematic Reviews 9:273 (2020): the documents read last are taken for a random sample of
what was unread before them. Where the promising ones are read first this sample is richer than what
is left, so the estimate errs towards reading on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

METHOD = "hypergeometric bound on the last documents read (Callaghan and Müller-Hansen 2020)"
WINDOW = 10
"""Documents in a step of the saturation curve, and the sample of the estimate at least."""
RECALL = 0.9
"""Share of the relevant documents that the statistical rule wants to have been read."""
CONFIDENCE = 0.95
FEW_NEW = 1
"""New findings in the last WINDOW documents up to which a review counts as saturated."""


@dataclass(frozen=True, slots=True)
class Read:
    """A document that has been read or excluded, in the order of reading."""

    key: str
    new_findings: int  # findings whose first evidence stands in it
    relevant: bool  # it has evidence of any finding of the project


@dataclass(frozen=True, slots=True)
class Unread:
    """What the last documents read say about those that are left."""

    left: int
    sample: int  # documents read last
    relevant_in_sample: int
    expected: float | None  # relevant ones among those left; None: nothing read yet
    at_most: int | None  # with CONFIDENCE
    method: str = METHOD


@dataclass(frozen=True, slots=True)
class TimeBox:
    """Hours spent on reading against the hours that were set aside."""

    used: float
    hours: float | None  # None: the brief does not say
    ends: date | None

    @property
    def share(self) -> float | None:
        """Used of the whole, 0 to beyond 1."""
        return self.used / self.hours if self.hours else None


@dataclass(frozen=True, slots=True)
class Progress:
    """A review's progress, and which stop rules say stop."""

    time_box: TimeBox
    read: int
    left: int
    findings: int
    curve: tuple[int, ...]  # new findings per WINDOW documents, in the order of reading
    unread: Unread
    stops: dict[str, bool | None]  # rule → says stop; None: cannot tell yet
    advice: str


def progress(reads: Sequence[Read], left: int, time_box: TimeBox, *, today: date) -> Progress:
    """Everything that can be said from what was read, in order, and how many are left."""
    unread = _unread(reads, left)
    curve = tuple(
        sum(each.new_findings for each in reads[at : at + WINDOW])
        for at in range(0, len(reads), WINDOW)
    )
    stops = {
        "time-box": _time_is_up(time_box, today),
        "saturation": _saturated(reads),
        "statistical": _enough(reads, unread),
    }
    found = sum(each.new_findings for each in reads)
    advice = _advice(stops, unread, reads)
    return Progress(time_box, len(reads), left, found, curve, unread, stops, advice)


def time_box(
    minutes: float,
    *,
    days: float | None,
    people: int | None,
    hours_a_week: float | None,
    start: date | None,
) -> TimeBox:
    """The time-box of a brief: working days × people × a fifth of their weekly hours."""
    hours = days * (people or 1) * (hours_a_week or 40.0) / 5 if days else None
    ends = _working_days_after(start, days) if start and days else None
    return TimeBox(minutes / 60, hours, ends)


def _working_days_after(start: date, days: float) -> date:
    day, left = start, max(0, round(days) - 1)
    while left or day.weekday() > 4:
        day += timedelta(days=1)
        left -= day.weekday() <= 4 and left > 0
    return day


def _unread(reads: Sequence[Read], left: int) -> Unread:
    sample = reads[-max(WINDOW, len(reads) // 4) :]
    relevant = sum(each.relevant for each in sample)
    if not sample:
        return Unread(left, 0, 0, None, None)
    at_most = _bound(left, len(sample), relevant)
    return Unread(left, len(sample), relevant, left * relevant / len(sample), at_most)


def _bound(left: int, sample: int, relevant: int) -> int:
    """The most relevant documents among `left` that the sample does not speak against."""
    population = left + sample
    from scipy.stats import hypergeom  # 0.4 s, which tagging and suggesting do without

    low, high = relevant, population - (sample - relevant)
    while low < high:  # the chance of so few in the sample falls as there are more of them
        middle = (low + high + 1) // 2
        if hypergeom.cdf(relevant, population, middle, sample) >= 1 - CONFIDENCE:
            low = middle
        else:
            high = middle - 1
    return low - relevant


def _time_is_up(time_box: TimeBox, today: date) -> bool | None:
    if time_box.share is None and time_box.ends is None:
        return None
    spent = time_box.share is not None and time_box.share >= 1
    over = time_box.ends is not None and today > time_box.ends
    return spent or over


def _saturated(reads: Sequence[Read]) -> bool | None:
    if len(reads) < WINDOW:
        return None
    return sum(each.new_findings for each in reads[-WINDOW:]) <= FEW_NEW


def _enough(reads: Sequence[Read], unread: Unread) -> bool | None:
    if unread.at_most is None or len(reads) < WINDOW:
        return None
    found = sum(each.relevant for each in reads)
    return found >= RECALL * (found + unread.at_most)


def _advice(stops: dict[str, bool | None], unread: Unread, reads: Sequence[Read]) -> str:
    if not reads:
        return "Nothing has been read yet: begin with the documents on top."
    if unread.left == 0:
        return "Everything in the project has been read: look for more, or stop here."
    saying = [rule for rule, stop in stops.items() if stop]
    at_most = f"at most {unread.at_most} of the {unread.left} left are likely to be relevant"
    if stops["time-box"]:
        return f"The time-box is used up; {at_most}. Stop, or set more time aside on purpose."
    if saying:
        return f"Reading on is unlikely to pay ({' and '.join(saying)}): {at_most}."
    if stops["saturation"] is None:
        return f"Too early to tell: {len(reads)} of the first {WINDOW} documents are read."
    recent = sum(each.new_findings for each in reads[-WINDOW:])
    return (
        f"Reading on is likely to pay: the last {WINDOW} documents brought {recent} new findings, "
        f"and up to {unread.at_most} of the {unread.left} left may be relevant."
    )
