"""Cheap estimates of how well fixed vectors suit labels: LogME and the shrunk H-score.

Both need one pass over vectors and classes and train nothing. What they are good for is only their
order among encoders on the same rows: neither is a metric of any prediction.
"""

from __future__ import annotations

import numpy as np

from kb.fit.learning import Floats, Ints

ROUNDS = 100  # of LogME's fixed point; it is reached in 5 to 20
CLOSE = 1e-6  # relative change of the prior's precision at which it is


def log_me(x: Floats, classes: Ints) -> float:
    """Logarithm of the maximum evidence a row, the mean over the classes, each against the rest.

    A Bayesian linear model of 0 and 1 on rows `x` (n, d), its two precisions chosen by the evidence
    itself (You, Liu, Wang and Long, ICML 2021). Larger is better; vectors are taken as they are.
    """
    left, singular, _ = np.linalg.svd(x, full_matrices=False)
    strengths = singular**2
    found = [
        _evidence(left.T @ y, float(y @ y), strengths, x.shape)
        for y in (np.asarray(classes == each, dtype=np.float64) for each in np.unique(classes))
    ]
    return float(np.mean(found))


def _evidence(
    projected: Floats, squared: float, strengths: Floats, shape: tuple[int, ...]
) -> float:
    """Log evidence a row of one target with `squared` length, `projected` on the directions.

    `strengths` are the squared singular values, `shape` (n, d).
    """
    n, d = shape
    outside = max(squared - float(projected @ projected), 0.0)  # what no weights can reach
    alpha, beta = 1.0, 1.0  # precision of the weights, of the noise
    for _ in range(ROUNDS):
        before = alpha / beta
        known = float((strengths / (strengths + before)).sum())  # directions the data decide
        weights = float((strengths * projected**2 / (strengths + before) ** 2).sum())
        missed = float(((before * projected / (strengths + before)) ** 2).sum()) + outside
        alpha = known / max(weights, 1e-12)
        beta = (n - known) / max(missed, 1e-12)
        if abs(alpha / beta - before) <= CLOSE * before:
            break
    spread = float(np.log(alpha + beta * strengths).sum()) + (d - len(strengths)) * np.log(alpha)
    evidence = (
        d * np.log(alpha)
        + n * np.log(beta)
        - n * np.log(2 * np.pi)
        - beta * missed
        - alpha * weights
        - spread
    ) / 2
    return float(evidence / n)


def h_score(x: Floats, classes: Ints) -> float:
    """How much of the vectors' spread lies between the classes: from 0 to the classes less one.

    The trace of the inverse covariance of rows `x` (n, d) times that of their class means (Bao and
    others, ICIP 2019), with the covariance shrunk after Ledoit and Wolf and the other by as much,
    so that it holds for fewer rows than dimensions too (Ibrahim, Ponomareva and Mazumder, 2022).
    """
    from sklearn.covariance import ledoit_wolf

    centred = x - x.mean(axis=0)
    covariance, shrunk = ledoit_wolf(centred, assume_centered=True)
    names, rows = np.unique(classes, return_inverse=True)
    means = np.stack([centred[classes == each].mean(axis=0) for each in names])[rows]
    between = means.T @ means / len(x)
    apart = np.linalg.lstsq(np.atleast_2d(covariance), between, rcond=None)[0]
    return float((1 - shrunk) * np.trace(apart))
