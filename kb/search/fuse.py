"""How the two scores of a passage, by meaning and by words, become one.

Pure arithmetic on arrays. It knows no query text, no store and no encoder.

Cosines have an absolute meaning and BM25 has none, so cosines keep their scale and BM25 is measured
against the best match. How much the words then weigh follows from the two rankings themselves. A
side whose best passages stand out from the rest knows something; one that scores fifty passages
nearly alike does not. Words whose best passages mean something else than the question do not
either. docs/decisions/0002-fusion.md has the alternatives and the measurements.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kb.search.embed import Vectors

Scores = NDArray[np.float64]

WORDS = 0.35
"""Weight of the words where both sides stand out fully. 0.25 to 0.4 do alike: 0002-fusion.md."""

MOST = 0.8  # the words' weight, at most: where all cosines are nearly equal

RANK = 50
"""A side stands out by how far its best passage lies above the one of this rank. 20 to 100 do."""

TOP = 5  # best passages by words that are asked what they mean
LEAST = 0.02  # of a measure that others are divided by or multiplied with

FEEDBACK = 5  # best passages that a question is moved towards
FEEDBACK_WEIGHT = 0.3  # of their mean, against 1 for the question: 0.2 to 0.5 do
FEEDBACK_SHARPNESS = 0.05  # a passage this much below the best counts 1/e of it


def fuse(cosines: Scores, lexical: Scores) -> Scores:
    """One score for each candidate, higher is better, in the order given.

    `cosines` is NaN where a passage has no vector yet: it then counts as an average candidate.
    `lexical` is BM25, and 0 where no word matched.
    """
    if not cosines.size:
        return cosines
    meaning = _from_floor(cosines)
    words = lexical / max(float(lexical.max()), 1e-9)
    scores: Scores = meaning + _weight(meaning, words) * words
    return scores


def _weight(meaning: Scores, words: Scores) -> float:
    """How much the words count, against 1 for the meaning."""
    trust = _standing_out(words) ** 2
    doubt = _standing_out(meaning) / _agreement(meaning, words)
    return min(MOST, WORDS * trust / math.sqrt(doubt))


def towards_best(question: Vectors, vectors: Vectors, scores: Scores) -> Vectors:
    """The question's vector (d,), moved towards the candidates (n, d) that `scores` puts first.

    What the best passages have in common says what the question left out. Rows of NaN, passages
    without a vector, are passed over.
    """
    known = np.flatnonzero(~np.isnan(vectors[:, 0]))
    best = known[np.argsort(-scores[known], kind="stable")[:FEEDBACK]]
    if not best.size:
        return question
    shares = np.exp((scores[best] - scores[best[0]]) / FEEDBACK_SHARPNESS)
    mean = (shares / shares.sum()) @ vectors[best]
    moved: Vectors = (question + FEEDBACK_WEIGHT * mean).astype(np.float32)
    return moved / np.float32(np.linalg.norm(moved))


def _from_floor(cosines: Scores) -> Scores:
    """Cosines with the least of them at 0 and 1 at 1; encoders differ in how low cosines get."""
    known = cosines[~np.isnan(cosines)]
    if not known.size:
        return np.zeros_like(cosines)
    floor = float(known.min())
    filled = np.where(np.isnan(cosines), known.mean(), cosines)
    return (filled - floor) / max(1.0 - floor, 1e-9)


def _agreement(meaning: Scores, words: Scores) -> float:
    """How near the words' best passages come to the best by meaning: 1 there, 0 at the median."""
    middle = float(np.median(meaning))
    span = float(meaning.max()) - middle
    if span <= 0:
        return 1.0
    best = np.argsort(-words, kind="stable")[:TOP]
    return max(LEAST, (float(meaning[best].max()) - middle) / span)


def _standing_out(scores: Scores) -> float:
    """How far the best score lies above the one of RANK, or the last."""
    ranked = np.sort(scores)[::-1]
    return max(LEAST, float(ranked[0] - ranked[min(RANK, ranked.size - 1)]))
