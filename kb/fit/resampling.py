"""Folds, and intervals by drawing rows and training sets anew: what every comparison rests on.

It knows rows, folds and weights; what was trained on them it is only told by its scores.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from kb.fit.learning import Floats, Ints, Metric

FOLDS = 5
REPEATS = 4
"""Times the folds are drawn anew for a target of up to REPEATED labels: 20 training sets a size."""
REPEATED = 1000
BOOTSTRAPS = 1000
BOOTSTRAPS_LEAST = 200
WEIGHTS = 10_000_000  # of the bootstrap, at most, fewer bootstraps of more rows: 40 MB
AT_ONCE = 64  # bootstraps measured at once: an AUC copies their weights several times
WORKERS = 2  # fits at once: most of a fit is in BLAS, on one thread
LEVEL = 0.95

Report = Callable[[int, int], None]  # fits done, fits in all


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value, and the interval that holds the true one in 95 of 100 cases."""

    value: float
    low: float
    high: float


def run_all(jobs: Sequence[Callable[[], None]], report: Report) -> None:
    """All jobs, two at a time with BLAS on one thread each: the same digits on any machine."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    with threadpool_limits(1), ThreadPoolExecutor(WORKERS) as pool:
        running = [pool.submit(job) for job in jobs]
        try:
            for done, each in enumerate(running, start=1):
                each.result()
                report(done, len(jobs))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def folds(classes: Ints, seed: int) -> Ints:
    """(repeats, n): the fold in which each row is tested, in each of the REPEATS or one."""
    repeats = REPEATS if len(classes) <= REPEATED else 1
    return np.stack([_folds(classes, seed + repeat) for repeat in range(repeats)])


def _folds(classes: Ints, seed: int) -> Ints:
    """The fold of each row, with the classes spread evenly over the folds."""
    dice = np.random.default_rng([seed, 1])
    shuffled = dice.permutation(len(classes))
    by_class = shuffled[np.argsort(classes[shuffled], kind="stable")]
    folds = np.empty(len(classes), dtype=np.int64)
    folds[by_class] = np.arange(len(classes)) % FOLDS
    return folds


class Resampled:
    """The same random weightings of rows and training sets for everything that is compared."""

    def __init__(self, truth: Ints, folds: Ints, seed: int) -> None:
        repeats, n = folds.shape
        draws = (folds + np.arange(repeats)[:, None] * FOLDS).ravel()
        count = max(BOOTSTRAPS_LEAST, min(BOOTSTRAPS, WEIGHTS // (n * repeats)))
        dice = np.random.default_rng([seed, 3])
        self._truth = np.tile(truth, repeats)
        self._weights = np.ones((1 + count, n * repeats), dtype=np.float32)
        for row in self._weights[1:]:
            rows = np.bincount(dice.integers(n, size=n), minlength=n)
            sets = repeats * FOLDS
            trained = np.bincount(dice.integers(sets, size=sets), minlength=sets)
            row[:] = np.tile(rows, repeats) * trained[draws]

    def of(self, metric: Metric, scores: Floats) -> Floats:
        """(1 + bootstraps,): the metric as measured, then resampled; scores (repeats, n, c)."""
        flat = scores.reshape(len(self._truth), -1)
        parts = range(0, len(self._weights), AT_ONCE)
        return np.concatenate(
            [metric.of(self._weights[at : at + AT_ONCE], self._truth, flat) for at in parts]
        )


def figure(values: Floats) -> Figure:
    """A value, the first, with the interval of its resampled ones."""
    low, high = np.nanquantile(values[1:], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Figure(float(values[0]), float(low), float(high))


def band(gains: Sequence[Floats]) -> float:
    """How many standard errors hold all true gains at once (the largest deviation's quantile)."""
    deviations = [np.abs(gain[1:] - gain[0]) / max(_error(gain), 1e-9) for gain in gains]
    return float(np.nanquantile(np.max(deviations, axis=0), LEVEL))


def within(gain: Floats, width: float) -> tuple[float, float]:
    """The interval of `width` standard errors around what was measured."""
    error = width * _error(gain)
    return float(gain[0] - error), float(gain[0] + error)


def _error(gain: Floats) -> float:
    """The standard error; draws without a row of some class, which have no AUC, do not count."""
    return float(np.nanstd(gain[1:]))
