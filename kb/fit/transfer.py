"""What a source adds to a target: a linear head on fixed vectors, with and without the source.

For growing numbers k of target labels it is trained on them alone, and on them together with the
source, and tested on target texts that neither has seen. It does not say what follows from that:
the verdict has its own rules.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np

from kb.fit.learning import Floats, Ints, Metric, head, metric_named, scores_of

FOLDS = 5
REPEATS = 4
"""Times the folds are drawn anew for a target of up to REPEATED labels: 20 training sets a size."""
REPEATED = 1000
FIRST = 8  # smallest number of target labels
SAY = 10.0
"""How much more a target label may count than a source label, at most; else both sides count the
same in all. Of 1, 5, 10, 20 and no limit, 10 was among the best at every size from 8 to 2,048
labels (the pairs of benchmarks/dataset_fit.py)."""
BOOTSTRAPS = 1000
BOOTSTRAPS_LEAST = 200
WEIGHTS = 10_000_000  # of the bootstrap, at most, fewer bootstraps of more rows: 40 MB
TREND = 4  # sizes that the curve's end is continued by
FAR = 3.0  # doublings beyond the largest size: further nothing is foretold
EXAMPLES = 8
EXAMPLE_LENGTH = 300
WORKERS = 2  # fits at once: most of a fit is in BLAS, on one thread
LEVEL = 0.95

Report = Callable[[int, int], None]  # fits done, fits in all


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value, and the interval that holds the true one in 95 of 100 cases."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Point:
    """What is reached with `labels` target labels."""

    labels: int
    target: Figure  # trained on them alone; without labels, the commonest class
    both: Figure  # trained on them and the source; without labels, the source alone
    gain: Figure  # both less target, of the same rows and draws
    band: tuple[float, float]  # the gain's interval that holds for all sizes at once


@dataclass(frozen=True, slots=True)
class ClassResult:
    """How one class fares with source and all target labels."""

    label: str
    rows: int
    recall: Figure
    recall_target: Figure  # without the source


@dataclass(frozen=True, slots=True)
class Crossing:
    """From about how many labels on the source adds less than is worth having."""

    labels: int
    low: int
    high: int  # 0: no end in sight


@dataclass(frozen=True, slots=True)
class Error:
    """A target text that the head gets wrong, with how sure it was."""

    text: str
    label: str
    said: str
    probability: float


@dataclass(frozen=True, slots=True)
class Transfer:
    """The learning curves and what stands beside them."""

    metric: str
    labels: tuple[str, ...]
    source_rows: int  # with a label the target knows
    target_rows: int  # with a label
    floor: Figure  # always the commonest class
    ceiling: Figure  # target only, cross-validated on all its labels
    points: tuple[Point, ...]  # by number of labels
    crossing: Crossing | None  # None: it adds nothing worth having at any size
    learnable: Figure  # AUC of the target-only head: 0.5 is chance
    source_learnable: Figure  # AUC of the source alone on the target
    classes: tuple[ClassResult, ...]  # the worst first
    confusion: tuple[tuple[float, ...], ...]  # [true][predicted], rows, source and all labels
    source_confusion: tuple[tuple[float, ...], ...]  # the source alone
    errors: tuple[Error, ...]  # of the source alone, the surest first


@dataclass(frozen=True, slots=True)
class Sides:
    """Vectors and classes of both sets. No target row may have a near copy in the source."""

    source: Floats
    source_classes: Ints
    target: Floats
    target_classes: Ints
    labels: tuple[str, ...]  # of the classes


def sizes(rows: int) -> tuple[int, ...]:
    """Numbers of labels to train with: 8, 16, 32, … up to what the folds leave of `rows`."""
    most = rows - -(-rows // FOLDS)
    found = [FIRST * 2**i for i in range(30) if FIRST * 2**i <= most / 1.2]
    return (*found, most)


def measure_transfer(
    sides: Sides,
    metric: Metric,
    *,
    texts: Sequence[str],
    worth: float,
    seed: int = 0,
    report: Report = lambda done, total: None,
) -> Transfer:
    """Train and test at every size; `texts` are the target's, `worth` the least gain that counts.

    Every draw and every bootstrap comes from `seed`. Intervals: rows and training sets are drawn
    anew together, as crossed factors (Owen 2007, pigeonhole bootstrap).
    """
    predictions = _predictions(sides, seed, report)
    resampled = _Resampled(sides.target_classes, predictions.folds, seed)
    ks = tuple(predictions.target)
    target = {k: resampled.of(metric, predictions.target[k]) for k in ks}
    both = {k: resampled.of(metric, predictions.both[k]) for k in ks}
    gains = {k: both[k] - target[k] for k in ks}
    width = _band([gains[k] for k in ks])
    points = tuple(
        Point(k, figure(target[k]), figure(both[k]), figure(gains[k]), _within(gains[k], width))
        for k in ks
    )
    last, auc = ks[-1], metric_named("AUC", sides.labels)
    return Transfer(
        metric=metric.name,
        labels=sides.labels,
        source_rows=len(sides.source),
        target_rows=len(sides.target),
        floor=points[0].target,
        ceiling=points[-1].target,
        points=points,
        crossing=_crossing(gains, worth),
        learnable=figure(resampled.of(auc, predictions.target[last])),
        source_learnable=figure(resampled.of(auc, predictions.both[0])),
        classes=_classes(resampled, predictions, sides.labels),
        confusion=_confusion(predictions.truth, predictions.both[last]),
        source_confusion=_confusion(predictions.truth, predictions.both[0]),
        errors=_errors(sides, predictions.both[0][0], texts),
    )


# -- training and predicting -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Predictions:
    """Scores of every target row by heads that did not see it."""

    truth: Ints  # (n,)
    folds: Ints  # (repeats, n): the fold in which a row was tested
    target: dict[int, Floats]  # size → (repeats, n, classes)
    both: dict[int, Floats]


def _predictions(sides: Sides, seed: int, report: Report) -> _Predictions:
    n, classes = len(sides.target), len(sides.labels)
    repeats = REPEATS if n <= REPEATED else 1
    ks = sizes(n)
    folds = np.stack([_folds(sides.target_classes, seed + r) for r in range(repeats)])
    shape = (repeats, n, classes)
    target = {k: np.zeros(shape) for k in (0, *ks)}
    both = {k: np.zeros(shape) for k in (0, *ks)}
    both[0][:] = scores_of(head(sides.source, sides.source_classes), sides.target, classes)
    jobs: list[Callable[[], None]] = []
    for r in range(repeats):
        for fold in range(FOLDS):
            test = np.flatnonzero(folds[r] == fold)
            order = _order(sides.target_classes, np.flatnonzero(folds[r] != fold), seed, r, fold)
            common = np.bincount(sides.target_classes[order], minlength=classes).argmax()
            target[0][r, test, common] = 1.0
            for k in ks:
                rows = order[:k]
                jobs.append(partial(_fit, sides, rows, test, target[k][r], both[k][r]))
    _run(jobs, report)
    return _Predictions(sides.target_classes, folds, target, both)


def _run(jobs: Sequence[Callable[[], None]], report: Report) -> None:
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


def _fit(sides: Sides, rows: Ints, test: Ints, target: Floats, both: Floats) -> None:
    """Train on target `rows` without and with the source; fill the `test` rows of both results."""
    x, y, classes = sides.target[rows], sides.target_classes[rows], len(sides.labels)
    target[test] = scores_of(head(x, y), sides.target[test], classes)
    say = min(SAY, max(1.0, len(sides.source) / len(rows)))
    weights = np.r_[np.ones(len(sides.source)), np.full(len(rows), say)]
    joined = np.r_[sides.source_classes, y]
    model = head(np.vstack((sides.source, x)), joined, weights)
    both[test] = scores_of(model, sides.target[test], classes)


def _folds(classes: Ints, seed: int) -> Ints:
    """The fold of each row, with the classes spread evenly over the folds."""
    dice = np.random.default_rng([seed, 1])
    shuffled = dice.permutation(len(classes))
    by_class = shuffled[np.argsort(classes[shuffled], kind="stable")]
    folds = np.empty(len(classes), dtype=np.int64)
    folds[by_class] = np.arange(len(classes)) % FOLDS
    return folds


def _order(classes: Ints, rows: Ints, seed: int, repeat: int, fold: int) -> Ints:
    """`rows` in random order in which every beginning has the classes in proportion."""
    dice = np.random.default_rng([seed, 2, repeat, fold])
    place = np.empty(len(rows))
    for each in np.unique(classes[rows]):
        at = dice.permutation(np.flatnonzero(classes[rows] == each))
        place[at] = (np.arange(len(at)) + dice.random()) / len(at)
    return rows[np.argsort(place, kind="stable")]


# -- intervals -------------------------------------------------------------------------------------


class _Resampled:
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
        return metric.of(self._weights, self._truth, scores.reshape(len(self._truth), -1))


def figure(values: Floats) -> Figure:
    """A value, the first, with the interval of its resampled ones."""
    low, high = np.nanquantile(values[1:], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Figure(float(values[0]), float(low), float(high))


def _band(gains: Sequence[Floats]) -> float:
    """How many standard errors hold all true gains at once (the largest deviation's quantile)."""
    deviations = [np.abs(gain[1:] - gain[0]) / max(float(gain[1:].std()), 1e-9) for gain in gains]
    return float(np.quantile(np.max(deviations, axis=0), LEVEL))


def _within(gain: Floats, width: float) -> tuple[float, float]:
    error = width * float(gain[1:].std())
    return float(gain[0] - error), float(gain[0] + error)


def _crossing(gains: dict[int, Floats], worth: float) -> Crossing | None:
    """Where the gain falls below `worth`, from the curve and from its resampled likes."""
    ks = np.array([k for k in gains if k])
    curves = np.stack([gains[int(k)] for k in ks], axis=1)  # (1 + bootstraps, sizes)
    found = np.array([_falls_below(np.log2(ks), curve, worth) for curve in curves])
    if found[0] == 0:
        return None
    low, high = np.quantile(found[1:], [(1 - LEVEL) / 2, (1 + LEVEL) / 2], method="nearest")
    return Crossing(*(_rounded(each) for each in (found[0], low, high)))


def _falls_below(sizes: Floats, gains: Floats, worth: float) -> float:
    """Labels from which the gain is below `worth`: 0 never worth it, infinite with no end in sight.

    Gains are made to fall with log2 of the labels (isotonic regression); past the last size they
    go on as the last TREND did, by least squares.
    """
    from sklearn.isotonic import IsotonicRegression

    falling = IsotonicRegression(increasing=False).fit_transform(sizes, gains)
    below = np.flatnonzero(falling < worth)
    if len(below) and below[0] == 0:
        return 0.0
    if len(below):
        at = below[0]
        share = (falling[at - 1] - worth) / (falling[at - 1] - falling[at])
        return float(2 ** (sizes[at - 1] + share * (sizes[at] - sizes[at - 1])))
    last = sizes[-TREND:] - sizes[-1]
    slope = np.polyfit(last, gains[-TREND:], 1)[0] if len(last) > 1 else 0.0
    steps = (falling[-1] - worth) / -slope if slope < 0 else np.inf
    return float(2 ** (sizes[-1] + steps)) if steps <= FAR else np.inf


def _rounded(labels: float) -> int:
    """To two digits; 0 for no end in sight."""
    return int(float(f"{labels:.2g}")) if np.isfinite(labels) else 0


# -- classes and examples --------------------------------------------------------------------------


def _classes(
    resampled: _Resampled, predictions: _Predictions, labels: tuple[str, ...]
) -> tuple[ClassResult, ...]:
    last = max(predictions.both)
    found = []
    for at, label in enumerate(labels):
        recall = metric_named(f"recall:{label}", labels)
        found.append(
            ClassResult(
                label,
                int((predictions.truth == at).sum()),
                figure(resampled.of(recall, predictions.both[last])),
                figure(resampled.of(recall, predictions.target[last])),
            )
        )
    return tuple(sorted(found, key=lambda each: each.recall.value))


def _confusion(truth: Ints, scores: Floats) -> tuple[tuple[float, ...], ...]:
    """Rows of truth and columns of what was said, in target rows (the mean of the repeats)."""
    classes = scores.shape[-1]
    said = scores.argmax(axis=-1)
    counts = np.zeros((classes, classes))
    for each in said:
        np.add.at(counts, (truth, each), 1 / len(said))
    return tuple(tuple(round(float(count), 2) for count in row) for row in counts)


def _errors(sides: Sides, scores: Floats, texts: Sequence[str]) -> tuple[Error, ...]:
    """The target texts that are told wrongly with the highest probability."""
    said = scores.argmax(axis=1)
    sure = scores.max(axis=1)
    wrong = np.flatnonzero(said != sides.target_classes)
    worst = wrong[np.lexsort((wrong, -sure[wrong]))][:EXAMPLES]
    return tuple(
        Error(
            texts[at][:EXAMPLE_LENGTH],
            sides.labels[sides.target_classes[at]],
            sides.labels[said[at]],
            round(float(sure[at]), 4),
        )
        for at in worst
    )
