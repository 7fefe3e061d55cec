from __future__ import annotations

from dataclasses import replace

import pytest

from kb.records import Document, DocumentHits, Hit, Metadata
from kb.search.closeness import CLOSE, is_close

DOCUMENT = Document(1, "url:https://example.org", "blog", "web", Metadata(), "2026", 1, "1")
TEXT = "Dropout and warmup help here."
HIT = Hit(1, DOCUMENT, 0, len(TEXT), "", None, None, "", TEXT, (), 0.5, semantic=0.1)


def found(*hits: Hit) -> list[DocumentHits]:
    return [DocumentHits(DOCUMENT, hits)]


@pytest.mark.parametrize(("cosine", "close"), [(CLOSE - 0.01, False), (CLOSE, True)])
def test_by_the_nearest_passage(cosine: float, close: bool) -> None:
    hits = found(HIT, replace(HIT, semantic=cosine))
    assert is_close("recipe for banana bread", hits) is close


@pytest.mark.parametrize(
    ("question", "marks", "close"),
    [
        ("dropout", ((0, 7),), True),
        ("what about dropout and warmup?", ((0, 7), (12, 18)), True),
        ("dropout in bread", ((0, 7),), False),
    ],
)
def test_words_that_all_stand_there_are_close_too(
    question: str, marks: tuple[tuple[int, int], ...], close: bool
) -> None:
    assert is_close(question, found(replace(HIT, marks=marks))) is close


def test_a_question_of_stop_words_alone_is_not_answered_by_them() -> None:
    assert not is_close("what is it", found(replace(HIT, marks=((8, 11),))))


def test_by_words_alone_nothing_is_said_of_meaning() -> None:
    assert is_close("bread", found(replace(HIT, semantic=None)))
    assert is_close("bread", [])
