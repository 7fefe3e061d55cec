"""How the two scores of a passage, by meaning and by words, become one.

Pure arithmetic on arrays. It knows no query text, no store and no encoder.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]

SEMANTIC_SHARE = 0.6


def fuse(cosines: Scores, lexical: Scores) -> Scores:
    """One score for each candidate, higher is better, in the order given.

    `cosines` is NaN where a passage has no vector yet: it then counts as an average candidate.
    `lexical` is BM25, and 0 where no word matched.
    """
    known = cosines[~np.isnan(cosines)]
    meaning = np.where(np.isnan(cosines), known.mean() if known.size else 0.0, cosines)
    top = lexical.max(initial=0.0)
    words = lexical / top if top > 0 else lexical
    return SEMANTIC_SHARE * _spread(meaning) + (1 - SEMANTIC_SHARE) * words


def _spread(scores: Scores) -> Scores:
    """Scores stretched over 0 to 1; all are 0 where they are equal."""
    span = float(np.ptp(scores)) if scores.size else 0.0
    return (scores - scores.min()) / span if span > 0 else np.zeros_like(scores)
