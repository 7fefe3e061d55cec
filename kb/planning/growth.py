"""Laws that are fitted to a few trial runs: how runtime grows with size, and how the metric does.

Knows how sure a law is. Refuses to say more than the trials do: where too few are there, it says
what was assumed instead, or that nothing can be told.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from kb.records.planning import Gain, Trial

Floats = npt.NDArray[np.float64]

ASSUMED_EXPONENT = 1.0
"""Where trials do not tell: training costs about six operations for each parameter and each
sample's token, so that runtime grows in proportion to both (Kaplan et al. 2020, section 2.1)."""

PLAUSIBLE = (0.3, 3.0)
"""Exponents of samples between which a fit is believed, by convention. A run whose time hardly
grows with its samples was spent on starting up; more than their cube is no training."""

SPREAD = 2.0
"""Times by which trials may typically differ from their law before they contradict each other."""

ENOUGH_VALUES = 3
"""Different sample sizes from which a metric's law can be fitted with a range: two amounts and the
noise are estimated, over a range of exponents."""

EXPONENTS = np.linspace(0.02, 1.5, 149)
"""Of the power law of the metric, each as likely as the other beforehand. Measured ones lie between
0.07 and 0.35 (Hestness et al. 2017); 0.5 to 1 is what learning theory expects."""

SLIGHTEST_NOISE = 1e-4
"""Of the difference between best and worst trial: nothing is measured more exactly."""

LOW, HIGH = 0.1, 0.9


@dataclass(frozen=True, slots=True)
class Exponent:
    """How runtime grows with one size: twice the size takes 2 ** `value` times as long."""

    of: Literal["samples", "parameters"]
    value: float
    low: float | None  # nine in ten such ranges hold the true one; None: too few trials to tell
    high: float | None
    fitted: bool  # False: assumed


@dataclass(frozen=True, slots=True)
class RuntimeLaw:
    """hours = factor · samples ** a · parameters ** b."""

    trials: int
    log_factor: float
    samples: Exponent
    parameters: Exponent | None  # None: the trials are of one size of model, or do not state it
    spread: float | None  # typical factor between a trial and the law; None: too few to tell
    doubt: str  # why the law is not to be used; "" where nothing speaks against it

    def hours(self, samples: float, parameters: float | None) -> float:
        """Of one run."""
        log = self.log_factor + self.samples.value * math.log(samples)
        if self.parameters is not None and parameters:
            log += self.parameters.value * math.log(parameters)
        return math.exp(log)

    def largest(self, hours: float, parameters: float | None) -> float:
        """Samples that a run of `hours` gets through."""
        if hours <= 0:
            return 0.0
        return float((hours / self.hours(1.0, parameters)) ** (1 / self.samples.value))


def runtime_law(trials: Sequence[Trial]) -> RuntimeLaw:
    """Fitted by least squares on logarithms to trials of one machine; at least one of them.

    What the trials cannot tell is assumed to grow in proportion. A range needs more trials than
    there are unknowns: three for the samples, four for samples and parameters.
    """
    sizes = {trial.parameters for trial in trials}
    sized = len(sizes) > 1 and all(sizes)
    logs = np.log([[t.samples, (t.parameters or 1.0) if sized else 1.0] for t in trials])
    hours = np.log([trial.hours for trial in trials])
    free = _told(logs)
    rest = [at for at in (0, 1) if at not in free]
    target = hours - ASSUMED_EXPONENT * logs[:, rest].sum(axis=1)
    design = np.column_stack([np.ones(len(trials)), logs[:, free]])
    found = np.linalg.lstsq(design, target)[0]
    margins, spread = _margins(design, target - design @ found)
    assumed: tuple[float, float | None] = (ASSUMED_EXPONENT, None)
    exponents = dict.fromkeys(rest, assumed)
    exponents |= {at: (float(found[k]), margins[k]) for k, at in enumerate(free, start=1)}
    samples = _exponent("samples", *exponents[0], fitted=0 in free)
    return RuntimeLaw(
        trials=len(trials),
        log_factor=float(found[0]),
        samples=samples,
        parameters=_exponent("parameters", *exponents[1], fitted=1 in free) if sized else None,
        spread=spread,
        doubt=_doubt(samples, spread, several=sized),
    )


def _told(logs: Floats) -> list[int]:
    """The columns whose exponents the trials can tell: 0 samples, 1 parameters."""
    for free in ([0, 1], [0], [1]):
        design = np.column_stack([np.ones(len(logs)), logs[:, free]])
        if np.linalg.matrix_rank(design, tol=1e-6) == len(free) + 1:
            return free
    return []


def _margins(design: Floats, left: Floats) -> tuple[list[float | None], float | None]:
    """Half of the range of each unknown that holds it nine times in ten, and the typical factor."""
    from scipy.stats import t

    count, unknown = design.shape
    if count <= unknown:
        return [None] * unknown, None
    variance = float(left @ left) / (count - unknown)
    deviations = np.sqrt(np.diag(np.linalg.inv(design.T @ design)) * variance)
    return list(t.ppf(0.95, count - unknown) * deviations), math.exp(math.sqrt(variance))


def _exponent(
    of: Literal["samples", "parameters"], value: float, margin: float | None, *, fitted: bool
) -> Exponent:
    if margin is None:
        return Exponent(of, value, None, None, fitted)
    return Exponent(of, value, value - float(margin), value + float(margin), fitted)


def _doubt(samples: Exponent, spread: float | None, *, several: bool) -> str:
    if samples.value < 0:
        return "The trials contradict each other: more samples took less time."
    if spread is not None and spread > SPREAD:
        models = ", or try one architecture at a time" if several else ""
        return (
            "The trials contradict each other: they differ from any one law by a factor of "
            f"{spread:.1f}. Repeat the one that surprises most{models}."
        )
    if samples.value < PLAUSIBLE[0]:
        return (
            "The time of the trials hardly grows with their samples: most of it went into starting "
            "up. Try a size that runs for ten minutes or more."
        )
    if samples.value > PLAUSIBLE[1]:
        return "The time of the trials grows faster than the cube of their samples: repeat one."
    return ""


# -- the metric ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Fit:
    """Least squares for one exponent: what the values at the smallest and largest size are."""

    exponent: float
    sizes: tuple[float, float]
    found: Floats  # (2,): the value at the smallest size, and at the largest
    covariance: Floats  # (2, 2)
    noise: float  # variance
    weight: float  # share that this exponent has after the trials

    def basis(self, samples: float) -> Floats:
        """(2,): what the two values count for at a size."""
        share = _share(np.array([samples]), self.exponent, self.sizes)[0]
        return np.array([share, 1 - share])


@dataclass(frozen=True, slots=True)
class MetricLaw:
    """value = limit ∓ amount · samples ** −b, for each b with how likely it is."""

    model: str
    parameters: float | None  # millions
    trials: int
    smallest: int  # samples of the trials
    largest: int
    fits: tuple[_Fit, ...]

    @property
    def exponent(self) -> float:
        """The likeliest b."""
        return max(self.fits, key=lambda fit: fit.weight).exponent

    def value(self, samples: float) -> Gain:
        """What a run with so many samples reaches, its noise included."""
        return self._range(lambda fit: fit.basis(samples), noise=True)

    def change(self, before: float, after: float) -> Gain:
        """How much the value changes, without noise, from one size to the other."""
        return self._range(lambda fit: fit.basis(after) - fit.basis(before), noise=False)

    def limit(self) -> Gain:
        """What ever more samples lead to."""
        return self.value(math.inf)

    def _range(self, basis: Callable[[_Fit], Floats], *, noise: bool) -> Gain:
        """One in ten below, the middle, one in ten above: of t distributions, mixed by weight."""
        from scipy.optimize import brentq
        from scipy.special import stdtr

        rows = [(basis(fit), fit) for fit in self.fits]
        middle = np.array([row @ fit.found for row, fit in rows])
        scale = np.sqrt([row @ fit.covariance @ row + noise * fit.noise for row, fit in rows])
        scale = np.maximum(scale, 1e-300)
        weights = np.array([fit.weight for fit in self.fits])

        def below(value: float, share: float) -> float:
            return float(weights @ stdtr(self.trials - 2, (value - middle) / scale)) - share

        least, most = float((middle - 10 * scale).min()), float((middle + 10 * scale).max())
        low, likely, high = (
            float(brentq(below, least, most, args=(share,))) for share in (LOW, 0.5, HIGH)
        )
        return Gain(low, likely, high)


def metric_law(trials: Sequence[Trial]) -> MetricLaw | None:
    """The law of one model's values; None below `ENOUGH_VALUES` different sample sizes.

    Bayes' rule over `EXPONENTS`, each with its least-squares fit: nothing is known beforehand of
    the values at the smallest and the largest size, nor of the noise's magnitude.
    """
    measured = [(trial.samples, trial.value) for trial in trials if trial.value is not None]
    if len({samples for samples, _ in measured}) < ENOUGH_VALUES:
        return None
    samples, values = np.array(measured, dtype=np.float64).T
    sizes = (float(samples.min()), float(samples.max()))
    drawn = [_fit(exponent, samples, values, sizes) for exponent in EXPONENTS]
    most = max(evidence for evidence, _ in drawn)
    total = sum(math.exp(evidence - most) for evidence, _ in drawn)
    fits = [replace(fit, weight=math.exp(evidence - most) / total) for evidence, fit in drawn]
    return MetricLaw(
        trials[0].model, trials[0].parameters, len(measured), int(sizes[0]), int(sizes[1]),
        tuple(fit for fit in fits if fit.weight > 1e-9),
    )  # fmt: skip


def _fit(
    exponent: float, samples: Floats, values: Floats, sizes: tuple[float, float]
) -> tuple[float, _Fit]:
    """The logarithm of how well the exponent explains the values, and its fit."""
    share = _share(samples, exponent, sizes)
    design = np.column_stack([share, 1 - share])
    inverse: Floats = np.linalg.inv(design.T @ design).astype(np.float64)
    found = inverse @ design.T @ values
    left = values - design @ found
    free = len(values) - 2
    slightest = SLIGHTEST_NOISE * float(np.ptp(values)) or SLIGHTEST_NOISE
    squares = float(left @ left) + free * slightest**2
    evidence = 0.5 * math.log(np.linalg.det(inverse)) - free / 2 * math.log(squares)
    noise = squares / free
    return evidence, _Fit(exponent, sizes, found, inverse * noise, noise, 0.0)


def _share(samples: Floats, exponent: float, sizes: tuple[float, float]) -> Floats:
    """1 at the smallest size, 0 at the largest, falling as samples ** −exponent."""
    first, last = sizes[0] ** -exponent, sizes[1] ** -exponent
    shares: Floats = (samples**-exponent - last) / (first - last)
    return shares
