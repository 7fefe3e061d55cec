from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from kb.search.fuse import FEEDBACK_WEIGHT, fuse, towards_best


def array(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float64)


def order(scores: np.ndarray) -> list[int]:
    return [int(i) for i in np.argsort(-scores, kind="stable")]


def test_by_hand() -> None:
    scores = fuse(array(0.0, 0.5, 0.25), array(8.0, 0.0, 4.0))
    # cosines keep their scale; words 1, 0, .5; both sides stand out: by .5 and by 1
    weight = 0.35 * 1.0**2 / 0.5**0.5
    assert scores == pytest.approx([weight, 0.5, 0.25 + weight / 2])


def test_words_alone_decide_where_cosines_are_equal() -> None:
    assert order(fuse(array(0.3, 0.3, 0.3), array(1.0, 3.0, 0.0))) == [1, 0, 2]


def test_cosines_alone_decide_where_no_word_matches() -> None:
    assert order(fuse(array(0.1, 0.9, 0.5), array(0.0, 0.0, 0.0))) == [1, 2, 0]


def test_words_that_match_everything_alike_count_less() -> None:
    cosines = np.linspace(0.5, 0.1, 100)
    flat = np.full(100, 9.0)
    flat[99] = 10.0  # best by words, hardly ahead, and last by meaning
    peaked = np.full(100, 1.0)
    peaked[99] = 10.0
    assert order(fuse(cosines, flat))[0] == 0
    gains = [fuse(cosines, words)[99] - fuse(cosines, words)[98] for words in (flat, peaked)]
    assert gains[0] < 0.1 * gains[1]


def test_words_count_more_where_meaning_does_not_tell_passages_apart() -> None:
    words = np.zeros(100)
    words[99] = 5.0
    apart = fuse(np.linspace(0.9, 0.0, 100), words)
    alike = fuse(np.linspace(0.3, 0.25, 100), words)
    assert order(apart)[0] == 0
    assert order(alike)[0] == 99


def test_a_passage_without_a_vector_is_an_average_candidate() -> None:
    scores = fuse(array(0.2, np.nan, 0.6), array(1.0, 1.0, 1.0))
    assert order(scores) == [2, 1, 0]


def test_nothing_has_vectors() -> None:
    assert order(fuse(array(np.nan, np.nan), array(1.0, 2.0))) == [1, 0]


def test_no_candidates() -> None:
    assert fuse(array(), array()).shape == (0,)


cosine = st.floats(-1, 1, allow_subnormal=False)
bm25 = st.floats(0, 100, allow_subnormal=False)


@given(st.lists(st.tuples(cosine | st.just(float("nan")), bm25), min_size=1, max_size=80))
def test_scores_are_finite_and_better_on_both_sides_is_better(
    pairs: list[tuple[float, float]],
) -> None:
    cosines, lexical = (np.array(side) for side in zip(*pairs, strict=True))
    scores = fuse(cosines, lexical)
    assert np.isfinite(scores).all()
    for i in range(len(pairs)):
        for j in range(len(pairs)):
            if cosines[i] >= cosines[j] and lexical[i] >= lexical[j]:
                assert scores[i] >= scores[j] - 1e-9


def test_the_question_moves_towards_the_best() -> None:
    question = np.array([1, 0], dtype=np.float32)
    vectors = np.array([[0, 1], [1, 0]], dtype=np.float32)
    moved = towards_best(question, vectors, array(9.0, 0.0))
    expected = np.array([1, FEEDBACK_WEIGHT]) / np.hypot(1, FEEDBACK_WEIGHT)
    assert moved == pytest.approx(expected, abs=1e-6)
    assert moved.dtype == np.float32


def test_passages_without_a_vector_move_nothing() -> None:
    question = np.array([1, 0], dtype=np.float32)
    missing = np.full((3, 2), np.nan, dtype=np.float32)
    assert (towards_best(question, missing, array(3.0, 2.0, 1.0)) == question).all()
    assert (towards_best(question, missing[:0], array()) == question).all()


@given(hnp.arrays(np.float32, (12, 4), elements=st.floats(-1, 1, width=32)))
def test_the_moved_question_has_length_one(vectors: np.ndarray) -> None:
    norms = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-3)
    question = np.array([1, 0, 0, 0], dtype=np.float32)
    moved = towards_best(question, vectors / norms, np.arange(12.0))
    assert np.linalg.norm(moved) == pytest.approx(1.0, abs=1e-4)
