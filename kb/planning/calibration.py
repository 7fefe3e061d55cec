"""How good the forecasts of finished experiments were, and what discounts they would bear out.

Pure: finished experiments in, figures and sentences out. It claims nothing that chance explains.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist, fmean, median, stdev
from typing import TYPE_CHECKING, Literal

from kb.planning.discounts import Discounts
from kb.records import Calibration, Estimate, Experiment, WeighedEffect

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["ENOUGH", "ENOUGH_EACH", "REFIT_AT", "calibrate", "measured", "refit"]

Direction = Literal["higher", "lower"]

ENOUGH = 10
"""Finished experiments from which ranges are judged.

Where four in five results should lie inside, five or fewer of ten do by chance in 3 % of cases; of
five, three or fewer do in 26 %, and nothing can be told.
"""
ENOUGH_EACH = 5
"""Of one axis, source or member, for its bias to be told in a sentence."""
RIGHT = 0.8
"""Share of results between the 10th and the 90th percentile of good forecasts."""
DOUBT = 0.1
"""Chance below which a share of results inside is called wrong."""
REFIT_AT = 20
"""Finished experiments from which discounts are refitted.

Measured on simulated teams whose discounts are off (benchmarks/refit.py): with twenty the error of
the likely gain falls to 0.64 of what the defaults give, with ten to 0.75, with five to 0.95.
"""
PRIOR = 0.5
"""How far the strength of a discount is believed to be from 1, its default, as a deviation."""
STRONGEST = 3.0
SMALLEST = 1e-3  # a factor of nothing has no logarithm

_STRENGTHS: dict[str, tuple[str, ...]] = {
    # name of a discount → the numbers behind it
    "domain": ("domain_far", "domain_unknown"),
    "data size": ("size_tenfold", "size_unknown"),
    "source": ("peer_reviewed", "preprint", "blog", "vendor"),
    "age": ("age_year", "age_unknown"),
    "evidence against": ("against",),
}


def measured(
    experiment: Experiment, *, direction: Direction, baseline: float | None
) -> float | None:
    """The gain that was measured, positive is better; None where value or baseline is unknown.

    The baseline measured beside the result counts before the brief's.
    """
    result = experiment.result
    if result is None or result.value is None:
        return None
    beside = baseline if result.baseline is None else result.baseline
    if beside is None:
        return None
    return result.value - beside if direction == "higher" else beside - result.value


def calibrate(
    finished: Sequence[Experiment],
    *,
    direction: Direction,
    baseline: float | None,
    labels: Mapping[int, Sequence[tuple[str, str]]],
) -> Calibration:
    """Forecasts against outcomes of experiments on one metric.

    `labels`: id of an experiment → what its error may depend on: ("axis", "augmentation"),
    ("source", "preprint"), ("member", "ana").
    """
    cases = [case for each in finished if (case := _case(each, direction, baseline))]
    ratios = [ratio for each in finished if (ratio := _hours_ratio(each)) is not None]
    errors = [case.error for case in cases]
    by = _by_label(cases, labels)
    return Calibration(
        finished=len(cases),
        inside=fmean(case.inside for case in cases) if cases else None,
        bias=fmean(errors) if cases else None,
        hours_ratio=median(ratios) if ratios else None,
        by=tuple((axis, name, len(found), fmean(found)) for (axis, name), found in by),
        sentences=tuple(_sentences(cases, ratios, by)),
    )


def refit(
    finished: Sequence[tuple[Experiment, Estimate]],
    discounts: Discounts,
    *,
    direction: Direction = "higher",
    baseline: float | None = None,
) -> Discounts | None:
    """Discounts as finished experiments bear them out; None while fewer than 20 can say.

    The estimates are to be made with `discounts`, which should be the defaults: a fit to its own
    earlier result would count the same outcomes twice. Each kind of discount gets a strength, the
    power that its factors are raised to, by least squares on the measured gains in units of the
    estimates' own uncertainty, with a prior of 1 ± 0.5 on each strength (ridge regression: Hoerl &
    Kennard 1970). A factor never exceeds 1, since no strength is below 0.
    """
    cases = []
    for experiment, known in finished:
        gain = measured(experiment, direction=direction, baseline=baseline)
        if gain is not None and known.gain is not None and known.gain.high > known.gain.low:
            cases.append((gain, known))
    if len(cases) < REFIT_AT:
        return None
    strengths = _strengths(cases)
    changes = {
        field: getattr(discounts, field) ** strength
        for name, strength in strengths.items()
        for field in _STRENGTHS[name]
    }
    return replace(discounts, **changes)


# -- forecasts against outcomes ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Case:
    """A forecast with its outcome."""

    id: int
    inside: bool
    error: float  # measured less likely


def _case(experiment: Experiment, direction: Direction, baseline: float | None) -> _Case | None:
    forecast = experiment.forecast
    gain = measured(experiment, direction=direction, baseline=baseline)
    if gain is None or forecast is None or forecast.gain is None:
        return None
    expected = forecast.gain
    slack = 1e-9 * max(1.0, abs(gain))  # 84.3 - 84 is not 0.3 to the last digit
    inside = expected.low - slack <= gain <= expected.high + slack
    return _Case(experiment.id, inside, gain - expected.likely)


def _hours_ratio(experiment: Experiment) -> float | None:
    """Hours taken over hours planned, of people and GPUs as far as both are known."""
    planned, taken = experiment.forecast, experiment.result
    if planned is None or taken is None:
        return None
    pairs = [
        (was, is_)
        for was, is_ in (
            (planned.person_hours, taken.person_hours),
            (planned.gpu_hours, taken.gpu_hours),
        )
        if was is not None and is_ is not None
    ]
    whole = math.fsum(was for was, _ in pairs)
    return math.fsum(is_ for _, is_ in pairs) / whole if whole else None


_ByLabel = list[tuple[tuple[str, str], list[float]]]


def _by_label(cases: Sequence[_Case], labels: Mapping[int, Sequence[tuple[str, str]]]) -> _ByLabel:
    """Errors of each label, sorted by kind of label, the most frequent first."""
    found: dict[tuple[str, str], list[float]] = {}
    for case in cases:
        for label in dict.fromkeys(labels.get(case.id, ())):
            found.setdefault(label, []).append(case.error)
    return sorted(found.items(), key=lambda item: (item[0][0], -len(item[1]), item[0][1]))


def _sentences(cases: Sequence[_Case], ratios: Sequence[float], by: _ByLabel) -> Iterable[str]:
    if len(cases) < ENOUGH:
        count = "No experiment is" if not cases else f"{len(cases)} finished so far"
        tail = " finished with a forecast and a measured value" if not cases else ""
        yield f"{count}{tail}: how good forecasts are cannot be told below {ENOUGH}."
    else:
        yield _about_ranges(sum(case.inside for case in cases), len(cases))
        yield _about_bias("Results", [case.error for case in cases])
        for (axis, name), errors in by:
            low, high = _mean_interval(errors) if len(errors) >= ENOUGH_EACH else (0.0, 0.0)
            if low > 0 or high < 0:
                yield _about_bias(f"Of {axis} “{name}”, results", errors)
    if len(ratios) >= ENOUGH_EACH:
        took = f"{median(ratios):.2g} times their hours"
        yield f"Half of {len(ratios)} experiments took {took} or more."


def _about_ranges(inside: int, count: int) -> str:
    said = f"{inside} of {count} results lay inside their range, 80 % is right: "
    if _binomial(range(inside + 1), count) < DOUBT:
        return said + "the ranges are too narrow."
    if _binomial(range(inside, count + 1), count) < DOUBT:
        return said + "the ranges are wider than they need be."
    return said + "no more off than chance allows."


def _about_bias(which: str, errors: Sequence[float]) -> str:
    low, high = _mean_interval(errors)
    mean, count = fmean(errors), len(errors)
    said = f"{which} were {abs(mean):.3g} {'below' if mean < 0 else 'above'} the likely gain on "
    said += f"average of {count} (90 % interval {low:+.3g} to {high:+.3g})"
    if low <= 0 <= high:
        return f"{said}: that may be chance."
    return f"{said}: forecasts are too {'hopeful' if mean < 0 else 'timid'}."


def _binomial(hits: range, count: int) -> float:
    """The chance of so many results inside, were four in five to be."""
    return math.fsum(
        math.comb(count, hit) * RIGHT**hit * (1 - RIGHT) ** (count - hit) for hit in hits
    )


def _mean_interval(values: Sequence[float]) -> tuple[float, float]:
    """A 90 % confidence interval of the mean, by Student's t; of two values or more."""
    from scipy.special import stdtrit

    mean = fmean(values)
    width = float(stdtrit(len(values) - 1, 0.95)) * stdev(values) / math.sqrt(len(values))
    return mean - width, mean + width


# -- refitting ---------------------------------------------------------------------------------


def _strengths(cases: Sequence[tuple[float, Estimate]]) -> dict[str, float]:
    """For each kind of discount the power that brings estimates nearest to what was measured."""
    import numpy as np
    from scipy.optimize import least_squares

    names = list(_STRENGTHS)
    gains = np.array([gain for gain, _ in cases])
    doubts = np.array([_deviation(known) for _, known in cases])
    effects = [(at, effect) for at, (_, known) in enumerate(cases) for effect in known.effects]
    case = np.array([at for at, _ in effects])
    now = np.array([effect.expected * effect.weight for _, effect in effects])
    logs = np.array([[_log_factor(effect, name) for name in names] for _, effect in effects])

    def residuals(strengths: NDArray[np.float64]) -> NDArray[np.float64]:
        likely = np.bincount(case, now * np.exp(logs @ (strengths - 1)), len(cases))
        return np.concatenate(((gains - likely) / doubts, (strengths - 1) / PRIOR))

    found = least_squares(residuals, np.ones(len(names)), bounds=(0.0, STRONGEST))
    return dict(zip(names, map(float, found.x), strict=True))


def _deviation(known: Estimate) -> float:
    """The standard deviation of an estimate whose range is 80 % wide."""
    assert known.gain is not None
    return (known.gain.high - known.gain.low) / (2 * NormalDist().inv_cdf(0.9))


def _log_factor(effect: WeighedEffect, name: str) -> float:
    factors = [max(each.factor, SMALLEST) for each in effect.discounts if each.name == name]
    return math.log(math.prod(factors))
