"""The one classifier of this room, a linear head on vectors, and the metrics it is measured by.

Knows scikit-learn's estimators and counts of right and wrong; not where vectors come from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kb.errors import UsageError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Weights = NDArray[np.float32]  # (b, n): how much each of n rows counts, b times

METRICS = ("accuracy", "balanced-accuracy", "macro-F1", "AUC")
OF_LABEL = ("F1", "precision", "recall")  # written F1:label
TOKENS = r"(?u)\w+|[^\w\s]"
ITERATIONS = 2000  # lbfgs on unit vectors is done in 20 to 200


def head(x: Floats, y: Ints, weights: Floats | None = None) -> Any:
    """A logistic regression fitted to rows `x` of length 1 and classes `y`.

    C=1 with balanced classes is the best of C = 1, 3, 10 and 30 or within 0.01 of it at every
    size (benchmarks/dataset_fit.py, settings). One class gives a constant.
    """
    from sklearn.dummy import DummyClassifier
    from sklearn.linear_model import LogisticRegression

    if (y == y[0]).all():
        return DummyClassifier(strategy="most_frequent").fit(x, y)
    model = LogisticRegression(C=1.0, class_weight="balanced", max_iter=ITERATIONS)
    return model.fit(x, y, sample_weight=weights)


def scaled(train: Floats, test: Floats) -> tuple[Floats, Floats]:
    """Both moved and scaled by what the mean of `train` and its mean distance from it are.

    A head of one C is then as strict for vectors that all point one way as for those that do not.
    """
    mean = train.mean(axis=0)
    scale = float(np.sqrt(((train - mean) ** 2).sum(axis=1).mean())) or 1.0
    return (train - mean) / scale, (test - mean) / scale


def words_model() -> Any:
    """A logistic regression on TF-IDF of words, pairs of words and their letters: untrained.

    Of words with and without pairs, letters, and both, with C = 1, 3, 10, both with C = 1 were the
    best or within 0.01 of it with 200, 1,000 and 2,000 labels of three sets (benchmarks/models.py).
    Signs count as words, so that no text is without any.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline, make_union

    words = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), token_pattern=TOKENS)
    letters = TfidfVectorizer(sublinear_tf=True, ngram_range=(2, 5), analyzer="char_wb")
    model = LogisticRegression(C=1.0, class_weight="balanced", max_iter=ITERATIONS)
    return make_pipeline(make_union(words, letters), model)


def scores_of(model: Any, x: Floats | Sequence[str], classes: int) -> Floats:
    """(n, classes) probabilities; a class that the model never saw has 0."""
    scores = np.zeros((len(x), classes))
    scores[:, model.classes_] = model.predict_proba(x)
    return scores


@dataclass(frozen=True, slots=True)
class Metric:
    """A measure of predictions, computed for many weightings of the rows at once."""

    name: str
    of: Callable[[Weights, Ints, Floats], Floats]
    """(weights (b, n), truth (n,), scores (n, classes)) → (b,)"""


def metric_named(name: str, labels: tuple[str, ...]) -> Metric:
    """The metric of that name, for classes in the order of `labels`; UsageError lists those known.

    Known are METRICS, and F1:label, precision:label and recall:label.
    """
    kind, colon, label = name.partition(":")
    plain = "".join(sign for sign in kind.lower() if sign.isalnum())
    known = {"".join(s for s in each.lower() if s.isalnum()): each for each in METRICS}
    known |= {"f1": "macro-F1", "f1macro": "macro-F1", "rocauc": "AUC"} if not colon else {}
    if not colon and plain in known:
        found = known[plain]
        return Metric(found, _auc if found == "AUC" else _COUNTED[found])
    one = {each.lower(): each for each in OF_LABEL}.get(plain)
    if one and label in labels:
        return Metric(f"{one}:{label}", _of_class(one, labels.index(label)))
    raise UsageError(
        f"“{name}” is no metric that is known here. Known are: {', '.join(METRICS)}, and "
        f"{', '.join(f'{each}:LABEL' for each in OF_LABEL)} for one label of "
        f"{', '.join(labels)}."
    )


def _counts(weights: Weights, truth: Ints, scores: Floats) -> tuple[Floats, Floats, Floats]:
    """(b, classes) each: weight of the rightly predicted, the predicted and the true."""
    classes = np.arange(scores.shape[1])
    predicted = scores.argmax(axis=1)
    is_true = truth[:, None] == classes
    is_predicted = predicted[:, None] == classes
    return (
        _sums(weights, is_true & is_predicted),
        _sums(weights, is_predicted),
        _sums(weights, is_true),
    )


def _sums(weights: Weights, there: NDArray[np.bool_]) -> Floats:
    return (weights @ there.astype(np.float32)).astype(np.float64)


def _share(part: Floats, whole: Floats) -> Floats:
    """Part / whole; NaN where there is no whole."""
    return np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0)


def _mean(values: Floats) -> Floats:
    """Mean over the classes that there are."""
    there = np.isfinite(values)
    return _share(np.where(there, values, 0.0).sum(axis=1), there.sum(axis=1).astype(float))


def _accuracy(weights: Weights, truth: Ints, scores: Floats) -> Floats:
    right, _, true = _counts(weights, truth, scores)
    return _share(right.sum(axis=1), true.sum(axis=1))


def _balanced(weights: Weights, truth: Ints, scores: Floats) -> Floats:
    right, _, true = _counts(weights, truth, scores)
    return _mean(_share(right, true))


def _macro_f1(weights: Weights, truth: Ints, scores: Floats) -> Floats:
    right, predicted, true = _counts(weights, truth, scores)
    return _mean(_share(2 * right, predicted + true))


_COUNTED = {"accuracy": _accuracy, "balanced-accuracy": _balanced, "macro-F1": _macro_f1}


def _of_class(kind: str, at: int) -> Callable[[Weights, Ints, Floats], Floats]:
    def of(weights: Weights, truth: Ints, scores: Floats) -> Floats:
        right, predicted, true = (each[:, at] for each in _counts(weights, truth, scores))
        whole = {"F1": (predicted + true) / 2, "precision": predicted, "recall": true}[kind]
        return np.nan_to_num(_share(right, whole))

    return of


def _auc(weights: Weights, truth: Ints, scores: Floats) -> Floats:
    """Area under the ROC curve; of more than two classes, the mean of each against the rest."""
    columns = [1] if scores.shape[1] == 2 else range(scores.shape[1])
    return _mean(
        np.stack([_binary_auc(weights, truth == c, scores[:, c]) for c in columns], axis=1)
    )


def _binary_auc(weights: Weights, positive: NDArray[np.bool_], scores: Floats) -> Floats:
    """P(a positive row scores above a negative one), ties counting half, for each weighting."""
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(scores[order]) > 0])
    sorted_weights = weights[:, order].astype(np.float64)
    up = np.add.reduceat(sorted_weights * positive[order], starts, axis=1)
    down = np.add.reduceat(sorted_weights * ~positive[order], starts, axis=1)
    below = np.cumsum(down, axis=1) - down / 2
    return _share((up * below).sum(axis=1), up.sum(axis=1) * down.sum(axis=1))
