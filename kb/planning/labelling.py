"""Knows what labels cost, and how small a gain a test set of so many of them can show.

It refuses to promise for metrics that are no share of right answers: for F1 and the like its
numbers are a first approximation, and it says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from statistics import NormalDist

from kb.planning.units import scale_of

ALPHA = 0.05
POWER = 0.8
"""Conventional: a true gain is shown four times in five, and chance looks like one in 20 times."""

USUAL_TEST_SHARE = 0.2
"""Of the labels, where no gain that is worth having is stated: a convention."""

LARGEST_TEST_SHARE = 0.5
"""Labels also train: no more of them go to the test set."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is known of the labels to be made; None: not stated."""

    cost: float | None = None  # of a label
    money: float | None = None  # for labels, in the same currency
    labels: int | None = None  # to be made; else as many as the money buys
    baseline: float | None = None  # share of right answers today, 0 to 1
    smallest_gain: float | None = None  # worth having, in shares: 0.02 is two points
    disagreement: float | None = None  # share of items that only one of two models gets right
    labels_an_hour: float | None = None  # of one person
    people: int = 1


@dataclass(frozen=True, slots=True)
class LabellingPlan:
    """How many labels, for what, at which cost, and what their test set can show."""

    labels: int | None
    test: int | None
    train: int | None
    cost: float | None
    hours: float | None  # of each person
    smallest_gain: float | None  # that the test set shows, paired, in shares; None: none
    unpaired_gain: float | None  # the same where the models are tested on different items
    needed: int | None  # test labels that the wanted gain takes, paired
    needed_unpaired: int | None  # in each of the two sets
    sentences: tuple[str, ...]


def wished(brief: Mapping[str, object], known: Wish) -> Wish:
    """`known` with baseline and smallest gain of a project's brief, in shares of right answers.

    Both stay unknown where the brief's metric is on a scale of its own (perplexity, ms).
    """
    baseline, gain = _number(brief.get("baseline")), _number(brief.get("smallest_gain"))
    if baseline is None:
        return known
    scale = scale_of(str(brief.get("metric", "")), str(brief.get("unit", "")), (baseline,))
    if scale.size not in ("percent", "fraction"):
        return known
    whole = 100.0 if scale.size == "percent" else 1.0
    share = baseline / whole
    right = 1 - share if brief.get("direction") == "lower" else share
    return replace(known, baseline=right, smallest_gain=None if gain is None else gain / whole)


def labelling(wish: Wish) -> LabellingPlan:
    """A plan for what is wished, as far as it is stated; its sentences say what is missing."""
    labels = wish.labels
    if labels is None and wish.money is not None and wish.cost:
        labels = math.floor(wish.money / wish.cost + 1e-9)
    needed = needed_unpaired = gain = unpaired = None
    if wish.baseline is not None and wish.smallest_gain and _possible(wish):
        needed = labels_needed(wish.baseline, wish.smallest_gain, disagreement=wish.disagreement)
        needed_unpaired = labels_needed_unpaired(wish.baseline, wish.smallest_gain)
    test = None if labels is None else _test_labels(labels, needed)
    if test and wish.baseline is not None:
        gain = detectable(test, wish.baseline, disagreement=wish.disagreement)
        unpaired = detectable_unpaired(test, wish.baseline)
    hours = None
    if labels is not None and wish.labels_an_hour and wish.people > 0:
        hours = labels / wish.labels_an_hour / wish.people
    plan = LabellingPlan(
        labels=labels,
        test=test,
        train=None if labels is None or test is None else labels - test,
        cost=None if labels is None or wish.cost is None else labels * wish.cost,
        hours=hours,
        smallest_gain=gain,
        unpaired_gain=unpaired,
        needed=needed,
        needed_unpaired=needed_unpaired,
        sentences=(),
    )
    return replace(plan, sentences=tuple(_sentences(wish, plan)))


# -- what a test set can show ----------------------------------------------------------------------


def independent(baseline: float, gain: float) -> float:
    """The share of items that only one of two models gets right if their errors are unrelated.

    Models of one task err on the same hard items, so this is more than is ever seen.
    """
    better = baseline + gain
    return baseline * (1 - better) + better * (1 - baseline)


def labels_needed(baseline: float, gain: float, *, disagreement: float | None = None) -> int:
    """Test labels with which McNemar's test shows `gain`, both models tested on the same items.

    Connor 1987 (Biometrics 43, 207-211), two-sided, at `ALPHA` and `POWER`. `disagreement` is taken
    as `independent` where it is not known, and never as less than the gain itself.
    """
    apart = _apart(baseline, gain, disagreement)
    root = _alpha_z() * math.sqrt(apart) + _power_z() * math.sqrt(max(apart - gain * gain, 0.0))
    return math.ceil(root * root / (gain * gain) - 1e-9)


def labels_needed_unpaired(baseline: float, gain: float) -> int:
    """Test labels for each of two models that are tested on different items.

    Two proportions, two-sided, without correction for continuity (Fleiss, Levin & Paik 2003,
    chapter 4), at `ALPHA` and `POWER`.
    """
    better = baseline + gain
    middle = (baseline + better) / 2
    root = _alpha_z() * math.sqrt(2 * middle * (1 - middle))
    root += _power_z() * math.sqrt(baseline * (1 - baseline) + better * (1 - better))
    return math.ceil(root * root / (gain * gain) - 1e-9)


def detectable(test: int, baseline: float, *, disagreement: float | None = None) -> float | None:
    """The smallest gain, in shares, that `labels_needed` allows with so many test labels.

    None where not even a faultless model would be told from the baseline.
    """
    return _smallest(
        test, baseline, lambda gain: labels_needed(baseline, gain, disagreement=disagreement)
    )


def detectable_unpaired(test: int, baseline: float) -> float | None:
    """The smallest gain that `labels_needed_unpaired` allows with so many labels for each model."""
    return _smallest(test, baseline, lambda gain: labels_needed_unpaired(baseline, gain))


def _smallest(test: int, baseline: float, needed: Callable[[float], int]) -> float | None:
    low, high = 0.0, 1.0 - baseline
    if high <= 0 or needed(high) > test:
        return None
    while high - low > 1e-6:
        middle = (low + high) / 2
        low, high = (low, middle) if needed(middle) <= test else (middle, high)
    return high


def _apart(baseline: float, gain: float, disagreement: float | None) -> float:
    return max(gain, independent(baseline, gain) if disagreement is None else disagreement)


def _alpha_z() -> float:
    return NormalDist().inv_cdf(1 - ALPHA / 2)


def _power_z() -> float:
    return NormalDist().inv_cdf(POWER)


def _possible(wish: Wish) -> bool:
    assert wish.baseline is not None
    assert wish.smallest_gain is not None
    return wish.baseline >= 0 and wish.baseline + wish.smallest_gain <= 1


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _test_labels(labels: int, needed: int | None) -> int:
    if needed is None:
        return round(labels * USUAL_TEST_SHARE)
    return min(needed, math.floor(labels * LARGEST_TEST_SHARE))


# -- sentences -------------------------------------------------------------------------------------


def _sentences(wish: Wish, plan: LabellingPlan) -> Iterator[str]:
    yield from _amount_told(wish, plan)
    yield from _gain_told(wish, plan)
    if plan.needed is not None and wish.disagreement is None:
        least = labels_needed(
            wish.baseline or 0.0, wish.smallest_gain or 0.0, disagreement=wish.smallest_gain
        )
        yield (
            f"That takes the two models' errors as unrelated, which is the worst case; {least:,} "
            "would do if the better one never erred where the other does not. Label the first 200, "
            "count the items that only one model gets right, and plan again with that share."
        )
    if plan.needed is not None or plan.smallest_gain is not None:
        yield (
            "This holds for a share of right answers; for F1 and other metrics it is a first "
            "approximation, to be checked by resampling."
        )


def _amount_told(wish: Wish, plan: LabellingPlan) -> Iterator[str]:
    if plan.labels is None:
        yield "How many labels can be made is not known: state their number, or money and cost."
        return
    cost = f" for {plan.cost:,.2f}" if plan.cost is not None else ""
    yield f"{plan.labels:,} labels{cost}: {plan.test:,} to test, {plan.train:,} to train."
    if plan.hours is not None:
        people = "one person" if wish.people == 1 else f"each of {wish.people} people"
        yield f"They take {people} {plan.hours:,.0f} hours."
    else:
        yield "How long they take is not known: state how many labels a person makes in an hour."


def _gain_told(wish: Wish, plan: LabellingPlan) -> Iterator[str]:
    if wish.baseline is None:
        yield "What they can show is not known: state the baseline."
        return
    if plan.test is not None:
        yield _shown(plan.test, plan.smallest_gain, plan.unpaired_gain)
    if not wish.smallest_gain:
        yield "State the smallest gain worth having to know how many test labels it takes."
    elif not _possible(wish):
        yield "The smallest gain worth having lies beyond a faultless model."
    elif plan.needed is not None:
        enough = ""
        if plan.test is not None and plan.test < plan.needed:
            enough = f": {plan.needed - plan.test:,} more than planned"
        yield (
            f"To show a gain of {_points(wish.smallest_gain)} takes {plan.needed:,} test "
            f"labels{enough}, or {plan.needed_unpaired:,} for each model on different items."
        )


def _shown(test: int, paired: float | None, unpaired: float | None) -> str:
    if paired is None:
        return f"{test:,} test labels show no gain, however large: make more."
    other = "none" if unpaired is None else _points(unpaired)
    return (
        f"{test:,} test labels show a gain of {_points(paired)} four times in five where both "
        f"models answer the same items, {other} where they do not."
    )


def _points(share: float) -> str:
    return f"{share * 100:.2g} points" if share < 0.1 else f"{share * 100:.0f} points"
