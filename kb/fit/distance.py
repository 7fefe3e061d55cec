"""How far apart two sets of texts are, whatever their labels: by words and by vectors.

A distance explains a verdict and never makes one: near sets may differ in what their labels mean.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kb.fit.learning import Floats, metric_named
from kb.fit.resampling import Figure, figure
from kb.search.embed import Vectors

ROWS = 2000  # of each set that classifier, neighbours and map look at
KERNEL_ROWS = 1000  # of each set in the two-sample test: a kernel of 2,000 × 2,000
PERMUTATIONS = 500
BOOTSTRAPS = 500
FOLDS = 5
WORDS = 15
EXAMPLES = 5
LENGTH = 200
PRIOR = 500.0  # words that the prior of a word's frequency is worth
GRID = 24  # cells a side of the map's density
POINTS = 300  # of each set shown on the map


@dataclass(frozen=True, slots=True)
class TwoSample:
    """The squared maximum mean discrepancy, and how often chance gives as much."""

    value: Figure
    p: float
    permutations: int


@dataclass(frozen=True, slots=True)
class Word:
    """A word that one set uses more than the other."""

    word: str
    z: float  # positive: more in the target
    source: float  # times in a thousand words
    target: float


@dataclass(frozen=True, slots=True)
class Map:
    """Both sets on the plane of their two largest principal components."""

    source: tuple[tuple[float, float], ...]
    target: tuple[tuple[float, float], ...]
    edges: tuple[float, float, float, float]  # left, right, bottom, top
    source_density: tuple[tuple[int, ...], ...]  # rows in each of GRID × GRID cells, from below
    target_density: tuple[tuple[int, ...], ...]
    explained: float  # share of the variance


@dataclass(frozen=True, slots=True)
class Distance:
    """All distances; each with its interval."""

    rows: int  # of each set that were looked at
    auc: Figure  # of a classifier that tells the sets apart: 0.5 cannot, 1 always
    a_distance: Figure  # 2 (1 − 2 error): 0 to 2 (Ben-David et al. 2010)
    mmd: TwoSample
    vocabulary: Figure  # share of the target's running words that the source has
    neighbours: Figure  # share of target texts as near to the source as to their own set
    words: tuple[Word, ...]  # the most differing, target's first
    most_source: tuple[str, ...]  # source texts least like the target
    most_target: tuple[str, ...]  # target texts least like the source
    map: Map


def measure_distance(
    texts: tuple[Sequence[str], Sequence[str]], vectors: tuple[Vectors, Vectors], *, seed: int = 0
) -> Distance:
    """How far the target (second) is from the source (first), on as many rows of each."""
    count = min(ROWS, len(texts[0]), len(texts[1]))
    rows = [
        np.random.default_rng([seed, 4, side]).permutation(len(texts[side]))[:count]
        for side in (0, 1)
    ]
    source, target = vectors[0][rows[0]], vectors[1][rows[1]]
    told = _told_apart(source, target, seed)
    auc, a_distance = _figures(told, seed)
    picked = tuple([texts[side][row] for row in rows[side]] for side in (0, 1))
    order = np.argsort(told, kind="stable")
    return Distance(
        rows=count,
        auc=auc,
        a_distance=a_distance,
        mmd=_two_sample(source[:KERNEL_ROWS], target[:KERNEL_ROWS], seed),
        vocabulary=_vocabulary(*texts, seed=seed),
        neighbours=_neighbours(source, target, seed),
        words=_words(*texts),
        most_source=tuple(picked[0][at][:LENGTH] for at in order if at < count)[:EXAMPLES],
        most_target=tuple(picked[1][at - count][:LENGTH] for at in order[::-1] if at >= count)[
            :EXAMPLES
        ],
        map=_map(source, target),
    )


# -- vectors ---------------------------------------------------------------------------------------


def _told_apart(source: Vectors, target: Vectors, seed: int) -> Floats:
    """Cross-validated probability of each row, sources first, to be of the target."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    both = np.vstack((source, target)).astype(np.float64)
    side = np.repeat([0, 1], len(source))
    folds = StratifiedKFold(min(FOLDS, len(source)), shuffle=True, random_state=seed)
    with threadpool_limits(1):
        told: Floats = cross_val_predict(
            LogisticRegression(max_iter=2000), both, side, cv=folds, method="predict_proba"
        )[:, 1]
    return told


def _figures(told: Floats, seed: int) -> tuple[Figure, Figure]:
    count = len(told) // 2
    side = np.repeat([0, 1], count)
    dice = np.random.default_rng([seed, 5])
    weights = np.ones((1 + BOOTSTRAPS, 2 * count), dtype=np.float32)
    for row in weights[1:]:
        for half in (slice(0, count), slice(count, None)):
            row[half] = np.bincount(dice.integers(count, size=count), minlength=count)
    scores = np.stack((1 - told, told), axis=1)
    labels = ("source", "target")
    auc = metric_named("AUC", labels).of(weights, side, scores)
    right = metric_named("balanced-accuracy", labels).of(weights, side, scores)
    return figure(auc), figure(np.maximum(0.0, 2 * (2 * right - 1)))


def _two_sample(source: Vectors, target: Vectors, seed: int) -> TwoSample:
    """Unbiased squared MMD with a Gaussian kernel of the median distance (Gretton et al. 2012)."""
    count = len(source)
    both = np.vstack((source, target)).astype(np.float64)
    kernel = both @ both.T  # in place from here on: each copy would be 32 MB
    kernel -= 1.0
    kernel *= -2.0  # squared distances
    np.maximum(kernel, 0.0, out=kernel)
    median = float(np.median(kernel[np.triu(np.ones(kernel.shape, dtype=bool), 1)]))
    kernel /= -(median or 1.0)
    np.exp(kernel, out=kernel)
    np.fill_diagonal(kernel, 0.0)  # a row is not compared with itself
    dice = np.random.default_rng([seed, 6])
    side = np.repeat([1.0, -1.0], count)
    signs = np.stack([side, *(dice.permutation(side) for _ in range(PERMUTATIONS))], axis=1)
    permuted = _mmd(kernel, (signs > 0).astype(float), (signs < 0).astype(float))
    drawn = np.zeros((2 * count, BOOTSTRAPS + 1))
    drawn[:, 0] = 1.0
    for column in drawn.T[1:]:
        for start in (0, count):
            picked = np.bincount(dice.integers(count, size=count), minlength=count)
            column[start : start + count] = picked
    first = np.where(side[:, None] > 0, drawn, 0.0)
    resampled = _mmd(kernel, first, drawn - first)
    p = (1 + int((permuted[1:] >= permuted[0]).sum())) / (1 + PERMUTATIONS)
    return TwoSample(figure(resampled), p, PERMUTATIONS)


def _mmd(kernel: Floats, first: Floats, second: Floats) -> Floats:
    """(b,) squared MMD of weightings (n, b) of the rows, pairs of one row left out."""

    def mean(a: Floats, b: Floats, same: bool) -> Floats:
        pairs = a.sum(axis=0) * b.sum(axis=0) - ((a * b).sum(axis=0) if same else 0.0)
        total: Floats = (a * (kernel @ b)).sum(axis=0) / np.maximum(pairs, 1.0)
        return total

    return mean(first, first, True) + mean(second, second, True) - 2 * mean(first, second, False)


def _neighbours(source: Vectors, target: Vectors, seed: int) -> Figure:
    """Share of target rows whose nearest source row is as near as their nearest target row.

    Two samples of one set give a half.
    """
    own = target @ target.T
    np.fill_diagonal(own, -1.0)
    as_near = ((target @ source.T).max(axis=1) >= own.max(axis=1)).astype(np.float64)
    dice = np.random.default_rng([seed, 7])
    draws = dice.integers(len(target), size=(BOOTSTRAPS, len(target)))
    return figure(np.r_[as_near.mean(), as_near[draws].mean(axis=1)])


def _map(source: Vectors, target: Vectors) -> Map:
    from sklearn.decomposition import PCA

    plane = PCA(n_components=2, svd_solver="full")
    both = plane.fit_transform(np.vstack((source, target)).astype(np.float64))
    both *= np.sign(both[np.abs(both).argmax(axis=0), [0, 1]]) + 0.0  # of two mirror images one
    edges = [*np.quantile(both[:, 0], [0, 1]), *np.quantile(both[:, 1], [0, 1])]
    halves = both[: len(source)], both[len(source) :]

    def density(points: Floats) -> tuple[tuple[int, ...], ...]:
        box = [[edges[0], edges[1]], [edges[2], edges[3]]]
        cells, _, _ = np.histogram2d(points[:, 0], points[:, 1], bins=GRID, range=box)
        return tuple(tuple(int(each) for each in row) for row in cells.T)

    def shown(points: Floats) -> tuple[tuple[float, float], ...]:
        return tuple((round(float(x), 3), round(float(y), 3)) for x, y in points[:POINTS])

    return Map(
        shown(halves[0]),
        shown(halves[1]),
        (float(edges[0]), float(edges[1]), float(edges[2]), float(edges[3])),
        density(halves[0]),
        density(halves[1]),
        round(float(plane.explained_variance_ratio_.sum()), 4),
    )


# -- words -----------------------------------------------------------------------------------------

_WORD = re.compile(r"\w[\w'’-]*")


def _vocabulary(source: Sequence[str], target: Sequence[str], *, seed: int) -> Figure:
    known = {word for text in source for word in _WORD.findall(text.casefold())}
    counts = np.array(
        [
            (len(words), sum(word in known for word in words))
            for words in (_WORD.findall(text.casefold()) for text in target)
        ],
        dtype=np.float64,
    )
    dice = np.random.default_rng([seed, 8])
    shares = [counts[:, 1].sum() / max(counts[:, 0].sum(), 1.0)]
    for _ in range(BOOTSTRAPS):
        all_, there = counts[dice.integers(len(counts), size=len(counts))].sum(axis=0)
        shares.append(there / max(all_, 1.0))
    return figure(np.array(shares))


def _words(source: Sequence[str], target: Sequence[str]) -> tuple[Word, ...]:
    """Log odds with an informative Dirichlet prior, by z (Monroe, Colaresi and Quinn 2008)."""
    from sklearn.feature_extraction.text import CountVectorizer

    counter = CountVectorizer(token_pattern=_WORD.pattern, dtype=np.int32)
    try:
        counts = counter.fit_transform([*source, *target])
    except ValueError:  # no word at all
        return ()
    words = counter.get_feature_names_out()
    parts: list[NDArray[np.float64]] = [
        np.asarray(half.sum(axis=0), dtype=np.float64).ravel()
        for half in (counts[: len(source)], counts[len(source) :])
    ]
    whole = parts[0] + parts[1]
    prior = PRIOR * whole / whole.sum()

    def odds(part: Floats) -> Floats:
        mine: Floats = part + prior
        found: Floats = np.log(mine / np.maximum(part.sum() + PRIOR - mine, 1e-9))
        return found

    z = (odds(parts[1]) - odds(parts[0])) / np.sqrt(1 / (parts[0] + prior) + 1 / (parts[1] + prior))
    order = np.lexsort((words, -z))
    picked = [*order[:WORDS], *order[-WORDS:]] if len(order) > 2 * WORDS else list(order)
    thousand = [1000 * part / max(part.sum(), 1.0) for part in parts]
    return tuple(
        Word(
            str(words[at]),
            round(float(z[at]), 2),
            round(float(thousand[0][at]), 3),
            round(float(thousand[1][at]), 3),
        )
        for at in picked
    )
