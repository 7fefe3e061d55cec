from __future__ import annotations

import numpy as np
import pytest
from sklearn.covariance import LedoitWolf
from sklearn.linear_model import BayesianRidge, LinearRegression

from kb.fit.scores import h_score, log_me


def drawn(n: int, d: int, *, apart: float, classes: int = 3, seed: int = 0) -> tuple:
    dice = np.random.default_rng(seed)
    y = dice.integers(classes, size=n)
    centres = dice.normal(size=(classes, d)) * apart
    return centres[y] + dice.normal(size=(n, d)), y


@pytest.mark.parametrize(("n", "d", "apart"), [(200, 10, 0.5), (200, 10, 0.0), (60, 100, 0.5)])
def test_log_me_is_the_evidence_that_scikit_learn_maximises(n: int, d: int, apart: float) -> None:
    x, y = drawn(n, d, apart=apart)
    expected = []
    for each in range(3):
        flat = dict.fromkeys(("alpha_1", "alpha_2", "lambda_1", "lambda_2"), 0.0)
        model = BayesianRidge(
            max_iter=5000, tol=1e-10, fit_intercept=False, compute_score=True, **flat
        )
        expected.append(model.fit(x, (y == each).astype(float)).scores_[-1] / n)
    assert log_me(x, y) == pytest.approx(float(np.mean(expected)), abs=2e-3)


def test_log_me_of_one_direction_is_what_paper_and_pencil_give() -> None:
    """One column of ones and a class of a half: m = 1/2 or so, noise of variance 1/4."""
    n = 10_000
    x, y = np.ones((n, 1)), np.arange(n) % 2
    # with n rows the best weight is 1/2 and the residual n/4: -1/2 (log 2 pi + log 1/4 + 1), and
    # the price of choosing one weight goes with (log n) / n
    assert log_me(x, y) == pytest.approx(-0.5 * (np.log(2 * np.pi / 4) + 1), abs=1e-3)


def test_h_score_of_one_dimension_is_the_share_of_variance_between() -> None:
    x = np.array([[-1.5], [-0.5], [0.5], [1.5]])
    # between: the class means are -1 and 1, so 1; in all: (2.25 + 0.25) / 2 = 1.25
    assert h_score(x, np.array([0, 0, 1, 1])) == pytest.approx(1 / 1.25)


def test_h_score_of_two_classes_is_the_r_squared_of_least_squares() -> None:
    x, y = drawn(20_000, 5, apart=0.5, classes=2)
    assert h_score(x, y) == pytest.approx(LinearRegression().fit(x, y).score(x, y), abs=0.01)


def test_h_score_holds_with_fewer_rows_than_dimensions() -> None:
    x, y = drawn(40, 100, apart=0.5)
    means = np.stack([x[y == each].mean(axis=0) for each in y]) - x.mean(axis=0)
    shrunk = LedoitWolf().fit(x)
    expected = (1 - shrunk.shrinkage_) * np.trace(
        np.linalg.inv(shrunk.covariance_) @ means.T @ means / len(x)
    )
    assert h_score(x, y) == pytest.approx(expected)
    assert 0 <= expected <= 2


@pytest.mark.parametrize("score", [log_me, h_score])
def test_what_is_further_apart_scores_higher_and_shuffled_labels_lowest(score) -> None:
    noise, y = drawn(300, 20, apart=0.0)
    noise *= np.linspace(0.5, 2, 20)
    centres = np.random.default_rng(3).normal(size=(3, 20))
    found = [score(noise + apart * centres[y], y) for apart in (0.3, 0.6, 1.2, 2.4)]
    assert found == sorted(found)
    assert score(noise + centres[y], np.random.default_rng(1).permutation(y)) < found[0]


@pytest.mark.parametrize("score", [log_me, h_score])
def test_order_of_rows_and_names_of_classes_do_not_matter(score) -> None:
    x, y = drawn(100, 8, apart=0.5)
    order = np.random.default_rng(2).permutation(len(x))
    assert score(x[order], 7 - y[order]) == pytest.approx(score(x, y))


def test_vectors_without_any_spread_score_nothing_and_do_not_fail() -> None:
    x, y = np.ones((50, 4)), np.arange(50) % 2
    assert h_score(x, y) == pytest.approx(0.0)
    assert np.isfinite(log_me(x, y))
