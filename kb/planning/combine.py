"""How several reported gains become one range: a random-effects mean where there are enough.

Numbers in, a range and its arithmetic out; it knows no evidence and no units.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from kb.records import Gain

__all__ = ["ENOUGH", "NOISE", "Combined", "Vote", "combine", "signed"]

ENOUGH = 5
"""Independent groups from which their spread is taken for the spread of settings.

Having to estimate the spread makes an 80 % prediction interval wider than knowing it: by 31 % with
five groups (Student's t with k - 1 degrees of freedom, times √(1 + 1/k), over 1.28), by 43 % with
four, 70 % with three, 194 % with two. Below five it says more about the count than about the gain.
"""
NOISE = 0.25
"""Least spread, as a share of the mean size of the effects: what stands in for unstated variances.

A judgement: papers rarely say how far a difference moves with seed and test sample, and five that
round to the same number do not make ours certain.
"""

Vote = Sequence[tuple[float, float]]
"""The effects of one group: each as reported, and what its discounts leave of it."""


@dataclass(frozen=True, slots=True)
class Combined:
    """A range, 10th to 90th percentile; every group has one `weight`, its effects share it."""

    gain: Gain | None
    weight: float
    method: str
    lines: tuple[str, ...]


def combine(votes: Sequence[Vote]) -> Combined:
    """The range for one more setting. Discounts act on gains; a loss stands as reported.

    Neither end, nor the middle, lies higher than it would if any effect were discounted less.
    """
    if not votes:
        return Combined(None, 0.0, "Nothing comparable is reported.", ())
    return _many(votes) if len(votes) >= ENOUGH else _few(votes)


def signed(amount: float) -> str:
    """A number with its sign, short enough for a line and exact enough to check it."""
    return f"{amount + 0.0:+.4g}"


def _few(votes: Sequence[Vote]) -> Combined:
    """From nothing or the worst to the best, with a sceptic's vote for nothing.

    The sceptic is a prior centred on no effect, after Spiegelhalter, Freedman & Parmar (1994), that
    weighs as much as one group. He does not make a loss smaller.
    """
    left = [_mean([after for _, after in vote]) for vote in votes]
    total = math.fsum(left)
    voters = len(left) + (total > 0)
    sceptic = ("and a sceptic's vote for no gain ", " + 0") if total > 0 else ("", "")
    likely = total / voters
    gain = Gain(min(0.0, likely, *left), likely, max(0.0, likely, *left))
    count = "1 independent group" if len(left) == 1 else f"{len(left)} independent groups"
    method = (
        f"A cautious range from {count} {sceptic[0]}(sceptical prior after Spiegelhalter, Freedman "
        f"& Parmar 1994): fewer than {ENOUGH} do not show how far results spread."
    )
    sums = " ".join(signed(value) for value in left)
    lines = (
        f"Likely: {count} {sceptic[0]}= ({sums}{sceptic[1]}) / {voters} = {signed(gain.likely)}.",
        f"Low: the least of them and nothing = {signed(gain.low)}. "
        f"High: the most of them and nothing = {signed(gain.high)}.",
    )
    return Combined(gain, 1 / voters, method, lines)


def _many(votes: Sequence[Vote]) -> Combined:
    """A random-effects mean with a prediction interval for one more setting.

    Variances are unstated and taken as equal; then the estimators of DerSimonian & Laird (1986) and
    of Paule & Mandel (1982) are one, spread² - noise², and the variance of Hartung & Knapp (2001)
    is spread² / k. What the next setting will measure has both parts in it.
    """
    reported = [_mean([before for before, _ in vote]) for vote in votes]
    count, mean = len(votes), _mean(reported)
    likely = _mean([_mean([after for _, after in vote]) for vote in votes])
    spread = math.sqrt(math.fsum((value - mean) ** 2 for value in reported) / (count - 1))
    noise = NOISE * _mean([abs(value) for value in reported])
    student = _student(count - 1)
    width = student * math.sqrt(1 + 1 / count) * max(spread, noise)
    share = _share_left(votes)
    low, high = (_discounted(end, share) for end in (mean - width, mean + width))
    gain = Gain(min(low, likely), likely, max(high, likely))
    method = (
        f"Random-effects mean of {count} independent groups with equal stand-in variances "
        "(DerSimonian & Laird 1986) and the 80 % prediction interval for one more setting "
        "(Higgins, Thompson & Spiegelhalter 2009; variance of Hartung & Knapp 2001)."
    )
    lines = (
        f"As reported, {count} groups: {' '.join(map(signed, reported))}; mean {signed(mean)}, "
        f"spread {spread:.4g}, least spread {NOISE:g} × {noise / NOISE:.4g} = {noise:.4g}; "
        f"between settings τ² = {max(0.0, spread**2 - noise**2):.4g}.",
        f"Range as reported: {signed(mean)} ± {student:.4g} × √(1 + 1/{count}) × "
        f"{max(spread, noise):.4g} = {signed(mean - width)} to {signed(mean + width)}.",
        f"Likely: the mean after discounts = {signed(likely)}. They leave {100 * share:.1f} % of "
        "all gains: so much of each end that is a gain, and all of one that is a loss.",
        f"Low {signed(gain.low)}, high {signed(gain.high)}.",
    )
    return Combined(gain, 1 / count, method, lines)


def _share_left(votes: Sequence[Vote]) -> float:
    """Of all that was reported as gains, the share that the discounts leave; 1 without gains."""
    gains = [(one, 1 / len(vote)) for vote in votes for one in vote if one[0] > 0]
    whole = math.fsum(before * weight for (before, _), weight in gains)
    return math.fsum(after * weight for (_, after), weight in gains) / whole if whole else 1.0


def _discounted(end: float, share: float) -> float:
    return end * share if end > 0 else end


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _student(freedom: int) -> float:
    """The 90th percentile of Student's t."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 0.9))
