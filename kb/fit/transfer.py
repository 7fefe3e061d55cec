"""What a source adds to a target: a linear head on fixed vectors, with and without the source.

For growing numbers k of target labels it is trained on them alone, and on them together with the
source, and tested on target texts that neither has seen. It does not say what follows from that:
the verdict has its own rules.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from kb.fit.learning import Floats, Ints, Metric, head, metric_named, scores_of
from kb.fit.resampling import (
    FOLDS,
    LEVEL,
    Figure,
    Report,
    Resampled,
    band,
    figure,
    folds,
    run_all,
    within,
)

FIRST = 8  # smallest number of target labels
SAY = 10.0
"""How much more a target label may count than a source label, at most; else both sides count the
same in all. Of 1, 5, 10, 20 and no limit, 10 was among the best at every size from 8 to 2,048
labels (benchmarks/dataset_fit.py, settings)."""
TREND = 4  # sizes that the curve's end is continued by
FAR = 3.0  # doublings beyond the largest size: further nothing is foretold
EXAMPLES = 8
EXAMPLE_LENGTH = 300


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
    resampled = Resampled(sides.target_classes, predictions.folds, seed)
    ks = tuple(predictions.target)
    target = {k: resampled.of(metric, predictions.target[k]) for k in ks}
    both = {k: resampled.of(metric, predictions.both[k]) for k in ks}
    gains = {k: both[k] - target[k] for k in ks}
    width = band([gains[k] for k in ks])
    points = tuple(
        Point(k, figure(target[k]), figure(both[k]), figure(gains[k]), within(gains[k], width))
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
    ks = sizes(n)
    drawn = folds(sides.target_classes, seed)
    repeats = len(drawn)
    shape = (repeats, n, classes)
    target = {k: np.zeros(shape) for k in (0, *ks)}
    both = {k: np.zeros(shape) for k in (0, *ks)}
    both[0][:] = scores_of(head(sides.source, sides.source_classes), sides.target, classes)
    jobs: list[Callable[[], None]] = []
    for r in range(repeats):
        for fold in range(FOLDS):
            test = np.flatnonzero(drawn[r] == fold)
            order = _order(sides.target_classes, np.flatnonzero(drawn[r] != fold), seed, r, fold)
            common = np.bincount(sides.target_classes[order], minlength=classes).argmax()
            target[0][r, test, common] = 1.0
            for k in ks:
                rows = order[:k]
                jobs.append(partial(_fit, sides, rows, test, target[k][r], both[k][r]))
    run_all(jobs, report)
    return _Predictions(sides.target_classes, drawn, target, both)


def _fit(sides: Sides, rows: Ints, test: Ints, target: Floats, both: Floats) -> None:
    """Train on target `rows` without and with the source; fill the `test` rows of both results."""
    x, y, classes = sides.target[rows], sides.target_classes[rows], len(sides.labels)
    target[test] = scores_of(head(x, y), sides.target[test], classes)
    say = min(SAY, max(1.0, len(sides.source) / len(rows)))
    weights = np.r_[np.ones(len(sides.source)), np.full(len(rows), say)]
    joined = np.r_[sides.source_classes, y]
    model = head(np.vstack((sides.source, x)), joined, weights)
    both[test] = scores_of(model, sides.target[test], classes)


def _order(classes: Ints, rows: Ints, seed: int, repeat: int, fold: int) -> Ints:
    """`rows` in random order in which every beginning has the classes in proportion."""
    dice = np.random.default_rng([seed, 2, repeat, fold])
    place = np.empty(len(rows))
    for each in np.unique(classes[rows]):
        at = dice.permutation(np.flatnonzero(classes[rows] == each))
        place[at] = (np.arange(len(at)) + dice.random()) / len(at)
    return rows[np.argsort(place, kind="stable")]


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
    resampled: Resampled, predictions: _Predictions, labels: tuple[str, ...]
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
