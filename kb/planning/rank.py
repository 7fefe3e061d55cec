"""The order in which a team should try its experiments, and how sure that order is.

Pure: experiments with their estimates in, a ranking out. It knows nothing of days and budgets: what
fits until the deadline is the schedule's.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

from kb.planning.combine import ENOUGH
from kb.planning.effects import votes
from kb.records import Basis, Estimate, Experiment, Gain, Ranked, Ranking, Swap

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["expected", "rank"]

SHORTEST = 0.25
"""Hours; less counts as much, since nothing is tried, measured and written down in no time."""
OFTEN = 0.25
"""Share of draws from which two neighbours are said to swap; of two that are alike it is half."""
NAMED = 10
"""Swaps are told for the first ten pairs: what stands below is not what is begun next."""
SAID = 3
"""Swaps that become sentences of the ranking itself."""
Z90 = NormalDist().inv_cdf(0.9)


def rank(
    pairs: Sequence[tuple[Experiment, Estimate]], *, draws: int = 10_000, seed: int = 0
) -> Ranking:
    """Experiments by likely gain per hour, the team's gain before the evidence's.

    What has no gain or no hours stands last. Ties go to the greater gain, then to the shorter, then
    to the older experiment, whatever the order of `pairs`; the same seed gives the same shares.
    """
    entries = sorted((_entry(*pair) for pair in pairs), key=_place)
    known = [entry for entry in entries if entry.score is not None]
    front = _front(known)
    drawn = _Draws(known, draws, seed)
    ranked = tuple(
        Ranked(
            experiment=entry.experiment,
            rank=at,
            estimate=entry.estimate,
            gain=entry.gain,
            basis=entry.basis,
            hours=entry.hours,
            gain_per_hour=entry.per_hour,
            expected=None if entry.gain is None else expected(entry.gain),
            front=entry.experiment.id in front,
            first=drawn.first(at - 1) if at <= len(known) else 0.0,
            ranks=drawn.ranks(at - 1) if at <= len(known) else (at, at),
        )
        for at, entry in enumerate(entries, start=1)
    )
    swaps = tuple(_swaps(known, drawn))
    return Ranking(ranked, swaps, draws, tuple(_sentences(ranked, swaps)))


def expected(gain: Gain) -> float:
    """The mean of two half normal distributions that meet in `likely`, half of the mass in each.

    They pass through low, likely and high as 10th, 50th and 90th percentile; the mean is then
    likely + 0.311 × (high + low - 2 × likely), close to Swanson's rule of 0.3, 0.4 and 0.3.
    """
    below, above = _sides(gain)
    return gain.likely + (above - below) / math.sqrt(2 * math.pi)


# -- order -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Entry:
    experiment: Experiment
    estimate: Estimate
    gain: Gain | None
    basis: Basis | None
    hours: float | None

    @property
    def at_least(self) -> float:
        """Hours as they count."""
        return max(self.hours or 0.0, SHORTEST)

    @property
    def per_hour(self) -> float | None:
        if self.gain is None or self.hours is None:
            return None
        return self.gain.likely / self.at_least

    @property
    def score(self) -> float | None:
        """What the order goes by: gain per hour; a loss times its hours.

        A loss per hour would put the longer of two equal losses first.
        """
        if self.gain is None or self.hours is None:
            return None
        likely = self.gain.likely
        return likely / self.at_least if likely > 0 else likely * self.at_least


def _entry(experiment: Experiment, estimate: Estimate) -> _Entry:
    gain = experiment.gain or estimate.gain
    basis: Basis | None = "team" if experiment.gain else "evidence" if estimate.gain else None
    return _Entry(experiment, estimate, gain, basis, experiment.hours)


def _place(entry: _Entry) -> tuple[bool, bool, float, float, float, int]:
    """Sorts the first to the front: by score, then gain, then hours, then age."""
    likely = -math.inf if entry.gain is None else entry.gain.likely
    hours = math.inf if entry.hours is None else entry.hours
    score = -math.inf if entry.score is None else entry.score
    unknown = entry.score is None
    return (unknown, entry.gain is None, -score, -likely, hours, entry.experiment.id)


def _front(known: Sequence[_Entry]) -> set[int]:
    """Ids of those that no other beats in gain without costing more time (Pareto).

    What promises no gain is beaten by doing nothing.
    """
    best, took, front = 0.0, -1.0, set()
    for entry in sorted(known, key=lambda each: (each.hours or 0.0, -_likely(each))):
        likely, hours = _likely(entry), entry.hours or 0.0
        if likely > best or (likely == best and hours == took):
            front.add(entry.experiment.id)
            best, took = likely, hours
    return front


def _likely(entry: _Entry) -> float:
    return entry.gain.likely if entry.gain else 0.0


# -- how sure ----------------------------------------------------------------------------------


class _Draws:
    """Gains drawn for every experiment, and the ranks that follow. (draws, n), best first in n."""

    def __init__(self, known: Sequence[_Entry], draws: int, seed: int) -> None:
        import numpy as np

        self._known = known
        self._normal = np.random.default_rng(seed).standard_normal((draws, len(known)))
        columns = [self._scores(at) for at in range(len(known))]
        self._all = np.column_stack(columns) if columns else np.empty((draws, 0))
        order = np.argsort(-self._all, axis=1, kind="stable")
        self._ranks = np.empty_like(order)
        places = np.broadcast_to(np.arange(1, len(known) + 1), order.shape)
        np.put_along_axis(self._ranks, order, places, axis=1)

    def first(self, at: int) -> float:
        """Share of draws in which it is first."""
        return float((self._ranks[:, at] == 1).mean())

    def ranks(self, at: int) -> tuple[int, int]:
        """The ranks between which it is in nine of ten draws."""
        import numpy as np

        low, high = np.quantile(self._ranks[:, at], (0.05, 0.95), method="inverted_cdf")
        return int(low), int(high)

    def swap(self, at: int, *, narrowed: int | None = None) -> float:
        """Share of draws in which the one after `at` overtakes it.

        `narrowed` is the one of them whose range is taken for half as wide.
        """
        upper, lower = (
            self._scores(each, 0.5) if each == narrowed else self._all[:, each]
            for each in (at, at + 1)
        )
        return float((lower > upper).mean())

    def _scores(self, at: int, width: float = 1.0) -> Floats:
        import numpy as np

        entry = self._known[at]
        assert entry.gain is not None
        below, above = _sides(entry.gain)
        normal = self._normal[:, at] * width
        gains = entry.gain.likely + normal * np.where(normal < 0, below, above)
        scores: Floats = np.where(gains > 0, gains / entry.at_least, gains * entry.at_least)
        return scores


def _sides(gain: Gain) -> tuple[float, float]:
    """The standard deviations below and above the likely gain."""
    return (
        max(0.0, gain.likely - gain.low) / Z90,
        max(0.0, gain.high - gain.likely) / Z90,
    )


def _swaps(known: Sequence[_Entry], drawn: _Draws) -> Iterable[Swap]:
    for at in range(min(NAMED, len(known) - 1)):
        share = drawn.swap(at)
        if share >= OFTEN:
            pair = known[at], known[at + 1]
            ids = [each.experiment.id for each in pair]
            yield Swap(ids[0], ids[1], share, _advice(pair, at, share, drawn))


def _advice(pair: tuple[_Entry, _Entry], at: int, share: float, drawn: _Draws) -> str:
    """What would separate two neighbours: the one whose narrower range would settle most."""
    left = [drawn.swap(at, narrowed=at), drawn.swap(at, narrowed=at + 1)]
    which = 0 if left[0] <= left[1] else 1
    if share - left[which] < 0.02:
        return "They are about as good: knowing either gain better would hardly change that."
    then = f"Were its range half as wide, they would swap in {_percent(left[which])}."
    return f"{_to_do(pair[which])} {then}"


def _to_do(entry: _Entry) -> str:
    title, others = f"“{entry.experiment.title}”", len(entry.estimate.not_comparable)
    behind = votes(entry.estimate)
    if entry.basis == "team" and not behind:
        why = "its gain is the team's own, with no comparable report behind it"
    elif entry.basis == "team":
        return f"A short trial of {title} would separate them: its gain is the team's own."
    elif behind < ENOUGH:
        why = (
            f"{behind} independent report{' stands' if behind == 1 else 's stand'} behind its gain"
        )
    else:
        return (
            f"A short trial of {title} would separate them: {behind} independent reports disagree "
            "on its gain."
        )
    if others:
        counted = "a report is" if others == 1 else f"{others} reports are"
        why += f", and {counted} not comparable as yet"
    return f"An hour of reading on {title} would separate them: {why}."


# -- in words ----------------------------------------------------------------------------------


def _sentences(ranked: Sequence[Ranked], swaps: Sequence[Swap]) -> Iterable[str]:
    known = [each for each in ranked if each.gain_per_hour is not None]
    if len(known) > 1:
        yield f"“{known[0].experiment.title}” is first in {_percent(known[0].first)} of draws."
    places = {each.experiment.id: each.rank for each in ranked}
    for swap in swaps[:SAID]:
        upper, lower = places[swap.upper], places[swap.lower]
        advice = swap.advice[0].lower() + swap.advice[1:]
        yield f"Ranks {upper} and {lower} swap in {_percent(swap.share)}: {advice}"
    losing = [each for each in known if each.gain is not None and each.gain.likely <= 0]
    for each in losing:
        yield f"“{each.experiment.title}” promises no gain as far as is known."
    for each in ranked[len(known) :]:
        yield f"“{each.experiment.title}” stands last: {_missing(each)}."


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _missing(each: Ranked) -> str:
    hours = "person-hours, or runs and their hours"
    if each.gain is not None:
        return f"how long it takes is unknown; state its {hours}"
    gain = "no comparable effect is pinned to what it tries and the team has stated no gain"
    if each.estimate.not_comparable:
        gain += "; effects on other metrics count once the team maps them"
    return gain if each.hours is not None else f"{gain}; nor is it known how long it takes"
