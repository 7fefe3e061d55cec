"""Texts that stand in both sets or twice in one, and labels that stand in the text.

Compares hashes of words, vectors and single words; it removes nothing itself, and does not know
which of two copies is the original.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kb.search.embed import Vectors

NEAR = 0.95
"""Cosine from which two texts count as near copies: the least near of those it finds between two
collections made from the same reviews still are, and between movies, products and airlines it
finds none (benchmarks/dataset_fit.py)."""
BLOCK = 256  # rows compared at once: 10 MB against 10,000
SHOWN = 5
LENGTH = 200
GIVES_AWAY = 0.9  # share of a label's texts that have the word
SELDOM_ELSEWHERE = 0.02  # share of the other texts that have it
LEAST = 20  # texts of a label: fewer share a word by chance

_WORDS = re.compile(r"\w+")

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two texts that are nearly the same."""

    first: str
    second: str
    cosine: float


@dataclass(frozen=True, slots=True)
class GivenAway:
    """A word that gives a label away."""

    word: str
    label: str
    share: float  # of the label's texts that have it
    elsewhere: float  # of the others


@dataclass(frozen=True, slots=True)
class Leakage:
    """Copies within and across, in rows, and labels in texts."""

    source_repeated: int  # rows that repeat an earlier row's words
    target_repeated: int
    target_near: int  # rows with a near copy in the target, not counting the repeated
    across_exact: int  # target rows whose words stand in the source
    across_near: int  # further target rows with a near copy in the source
    source_removed: int  # source rows that were left out for it
    pairs: tuple[Pair, ...]  # near copies across, the least near last
    source_given_away: GivenAway | None
    target_given_away: GivenAway | None


@dataclass(frozen=True, slots=True)
class Copies:
    """What is to be left out before anything is measured."""

    source: Mask  # rows that stand in the target, or repeat an earlier one
    target: Mask  # rows that repeat an earlier one
    leakage: Leakage


def find_copies(
    source: Sequence[str],
    target: Sequence[str],
    vectors: tuple[Vectors, Vectors],
    labels: tuple[Sequence[str | None], Sequence[str | None]],
) -> Copies:
    """Copies within and across two sets; `vectors` and `labels` of source and target, by row."""
    source_words, target_words = ([_words(text) for text in texts] for texts in (source, target))
    source_again, target_again = _again(source_words), _again(target_words)
    in_source = set(source_words)
    exact = np.array([words in in_source for words in target_words])
    nearest, cosines, source_near = _nearest(vectors[1], vectors[0])
    near = (cosines >= NEAR) & ~exact
    in_target = set(target_words)
    source_copies = np.array([words in in_target for words in source_words]) | source_near
    rows = np.flatnonzero(near)
    rows = rows[np.argsort(-cosines[rows], kind="stable")]
    shown = [*rows[: SHOWN // 2], *rows[SHOWN // 2 :][-(SHOWN - SHOWN // 2) :]]
    leakage = Leakage(
        source_repeated=int(source_again.sum()),
        target_repeated=int(target_again.sum()),
        target_near=_near_within(vectors[1], target_again),
        across_exact=int(exact.sum()),
        across_near=int(near.sum()),
        source_removed=int(source_copies.sum()),
        pairs=tuple(
            Pair(target[at][:LENGTH], source[nearest[at]][:LENGTH], round(float(cosines[at]), 4))
            for at in shown
        ),
        source_given_away=given_away(source, labels[0]),
        target_given_away=given_away(target, labels[1]),
    )
    return Copies(source_copies | source_again, target_again, leakage)


def given_away(texts: Sequence[str], labels: Sequence[str | None]) -> GivenAway | None:
    """The word that best gives a label away, where one does."""
    from sklearn.feature_extraction.text import CountVectorizer

    rows = [at for at, label in enumerate(labels) if label is not None]
    names = sorted({str(labels[at]) for at in rows})
    if len(names) < 2:
        return None
    counter = CountVectorizer(
        binary=True, token_pattern=r"(?u)\S*\w\S*", min_df=LEAST, dtype=np.int32
    )
    try:
        present = counter.fit_transform([texts[at] for at in rows])
    except ValueError:  # no word stands in so many texts
        return None
    words = counter.get_feature_names_out()
    of_row = np.array([str(labels[at]) for at in rows])
    best: GivenAway | None = None
    for name in names:
        own = of_row == name
        if own.sum() < LEAST or (~own).sum() == 0:
            continue
        share = np.asarray(present[own].mean(axis=0)).ravel()
        elsewhere = np.asarray(present[~own].mean(axis=0)).ravel()
        at = int(np.argmax(share - elsewhere))
        found = GivenAway(str(words[at]), name, float(share[at]), float(elsewhere[at]))
        if found.share >= GIVES_AWAY and found.elsewhere <= SELDOM_ELSEWHERE:
            best = max(best or found, found, key=lambda each: each.share - each.elsewhere)
    return best


def repeated(texts: Sequence[str]) -> Mask:
    """Which texts repeat the words of an earlier one."""
    return _again([_words(text) for text in texts])


def _words(text: str) -> str:
    """What of a text counts for sameness: its words, whatever stands between them."""
    return " ".join(_WORDS.findall(text.casefold())) or text


def _again(words: Sequence[str]) -> Mask:
    seen: set[str] = set()
    found = np.zeros(len(words), dtype=bool)
    for at, each in enumerate(words):
        found[at] = each in seen
        seen.add(each)
    return found


def _nearest(rows: Vectors, others: Vectors) -> tuple[NDArray[np.int64], Vectors, Mask]:
    """For each row the nearest of the others and its cosine; and which others are near a row."""
    at = np.zeros(len(rows), dtype=np.int64)
    cosines = np.zeros(len(rows), dtype=np.float32)
    near = np.zeros(len(others), dtype=bool)
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK] @ others.T
        at[start : start + BLOCK] = block.argmax(axis=1)
        cosines[start : start + BLOCK] = block.max(axis=1)
        near |= (block >= NEAR).any(axis=0)
    return at, cosines, near


def _near_within(vectors: Vectors, repeated: Mask) -> int:
    """Rows with an earlier near copy, among those that repeat nothing."""
    rows = vectors[~repeated]
    count = 0
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK] @ rows[: start + BLOCK].T
        count += int((np.tril(block >= NEAR, k=start - 1)).any(axis=1).sum())
    return count
