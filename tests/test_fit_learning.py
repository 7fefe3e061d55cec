from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from kb.errors import UsageError
from kb.fit.learning import head, metric_named, scores_of

LABELS = ("bad", "good", "so-so")


def drawn(classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    dice = np.random.default_rng(seed)
    scores = np.round(dice.dirichlet(np.ones(classes), 200), 2)  # rounded: with ties
    truth = np.array([dice.choice(classes, p=row / row.sum()) for row in scores])
    return truth, scores


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("name", ["accuracy", "balanced-accuracy", "macro-F1", "AUC", "F1:good",
                                  "recall:good", "precision:good"])  # fmt: skip
def test_metrics_agree_with_scikit_learn_for_every_weighting(name: str, classes: int) -> None:
    truth, scores = drawn(classes, 7)
    counts = np.random.default_rng(1).integers(0, 4, size=(5, 200))
    counts[0] = 1
    found = metric_named(name, LABELS[:classes]).of(counts.astype(np.float32), truth, scores)
    for row, value in zip(counts, found, strict=True):
        expected = _by_scikit_learn(name, np.repeat(truth, row), np.repeat(scores, row, axis=0))
        assert value == pytest.approx(expected, abs=1e-5)


def _by_scikit_learn(name: str, y: np.ndarray, scores: np.ndarray) -> float:
    said = scores.argmax(axis=1)
    if name == "AUC":
        classes = [1] if scores.shape[1] == 2 else range(scores.shape[1])
        return float(np.mean([metrics.roc_auc_score(y == c, scores[:, c]) for c in classes]))
    if name == "accuracy":
        return float(metrics.accuracy_score(y, said))
    if name == "balanced-accuracy":
        return float(metrics.balanced_accuracy_score(y, said))
    if name == "macro-F1":
        return float(metrics.f1_score(y, said, average="macro"))
    of = {"F1": metrics.f1_score, "recall": metrics.recall_score,
          "precision": metrics.precision_score}  # fmt: skip
    return float(of[name.removesuffix(":good")](y == 1, said == 1))


def test_a_class_that_is_not_there_does_not_count() -> None:
    truth, scores = np.array([0, 0, 1]), np.eye(3)[[0, 0, 1]]
    one = np.ones((1, 3), dtype=np.float32)
    assert metric_named("macro-F1", LABELS).of(one, truth, scores)[0] == 1.0


@pytest.mark.parametrize("name", ["rouge", "F1:worse", "F1:", "recall"])
def test_an_unknown_metric_is_answered_with_those_known(name: str) -> None:
    with pytest.raises(UsageError, match=r"macro-F1.*F1:LABEL.*bad, good, so-so"):
        metric_named(name, LABELS)


def test_names_are_read_as_people_write_them() -> None:
    names = ["Macro-F1", "macro f1", "F1", "ROC-AUC", "Accuracy", "balanced accuracy", "f1:good"]
    assert [metric_named(name, LABELS).name for name in names] == [
        "macro-F1", "macro-F1", "macro-F1", "AUC", "accuracy", "balanced-accuracy", "F1:good",
    ]  # fmt: skip


def test_a_head_that_saw_one_class_says_it_always() -> None:
    x = np.eye(3)
    found = scores_of(head(x, np.array([2, 2, 2])), x, 3)
    assert found.tolist() == [[0, 0, 1]] * 3
