"""Which unread documents are most like those that proved useful: a linear model on mean vectors.

Pure: arrays in, scores out. Ridge regression in its dual form: with a few hundred documents it is
solved in milliseconds, so it is fitted anew each time and never stored.
"""

from __future__ import annotations

import numpy as np

from kb.search.embed import Vectors

RIDGE = 1.0
"""Rows have length 1, so this trusts a document as much as the prior: strong, for few labels."""


def relevance(useful: Vectors, useless: Vectors, left: Vectors) -> Vectors:
    """Scores of the rows of `left` (k, d), higher is more promising; (k,).

    `useful` (n, d) and `useless` (m, d) are what the team has tagged in and what it has excluded or
    read in vain; both sides weigh the same whatever their number. Without either, all are 0.
    """
    known = np.concatenate([useful, useless])
    if not len(known):
        return np.zeros(len(left), dtype=np.float32)
    sides = np.concatenate([np.ones(len(useful)), -np.ones(len(useless))])
    weights = np.concatenate(
        [np.full(len(useful), 0.5 / max(1, len(useful))),
         np.full(len(useless), 0.5 / max(1, len(useless)))]
    ) * len(known)  # fmt: skip
    scaled = known * np.sqrt(weights)[:, None]
    alpha = np.linalg.solve(
        scaled @ scaled.T + RIDGE * np.eye(len(known)), sides * np.sqrt(weights)
    )
    scores: Vectors = (left @ (scaled.T @ alpha)).astype(np.float32)
    return scores
