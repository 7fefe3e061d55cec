from __future__ import annotations

import numpy as np

from kb.search.relevance import relevance


def rows(*values: tuple[float, float]) -> np.ndarray:
    found = np.array(values, dtype=np.float32).reshape(-1, 2)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


NOTHING = np.zeros((0, 2), dtype=np.float32)


def test_what_is_like_the_useful_comes_first() -> None:
    scores = relevance(rows((1, 0)), rows((0, 1)), rows((0.1, 1), (1, 0.1), (1, 1)))
    assert list(np.argsort(-scores)) == [1, 2, 0]
    assert abs(scores[2]) < 1e-6


def test_one_side_alone_is_enough() -> None:
    near, far = relevance(rows((1, 0)), NOTHING, rows((1, 0.2), (0.2, 1)))
    assert near > far > 0
    near, far = relevance(NOTHING, rows((1, 0)), rows((1, 0.2), (0.2, 1)))
    assert near < far < 0
    assert list(relevance(NOTHING, NOTHING, rows((1, 0)))) == [0.0]


def test_many_of_one_side_do_not_drown_the_other() -> None:
    useless = rows(*[(0.0, 1.0)] * 50)
    few = relevance(rows((1, 0)), useless[:1], rows((1, 1)))
    many = relevance(rows((1, 0)), useless, rows((1, 1)))
    assert abs(float(many[0] - few[0])) < 0.25
