from __future__ import annotations

from dataclasses import replace

import pytest

from kb.fit.resampling import Figure
from kb.fit.transfer import ClassResult, Crossing, Point, Transfer
from kb.fit.verdict import cannot_tell, decide, leaks

KS = (0, 8, 16, 32, 64, 128, 160)


def figure(value: float, half: float = 0.05) -> Figure:
    return Figure(value, value - half, value + half)


def transfer(
    gains: tuple[float, ...], half: float, crossing: Crossing | None, *, band: float = 1.2
) -> Transfer:
    """Curves with these gains at 8, 16, … 160 labels, all with intervals of ± `half`."""
    points = tuple(
        Point(k, figure(0.6), figure(0.6 + gain), figure(gain, half),
              (gain - band * half, gain + band * half))
        for k, gain in zip(KS, (0.2, *gains), strict=True)
    )  # fmt: skip
    recall = ClassResult("negative", 100, figure(0.5), figure(0.7))
    return Transfer(
        "macro-F1", ("negative", "positive"), 1000, 200, figure(0.35), figure(0.7), points,
        crossing, figure(0.8), figure(0.7), (recall,), (), (), (),
    )  # fmt: skip


def test_it_helps_where_the_gain_is_sure_and_shows_no_end() -> None:
    found = decide(
        transfer((0.2, 0.2, 0.18, 0.17, 0.16, 0.15), 0.05, Crossing(0, 300, 0)), worth=0.02
    )
    assert (found.kind, found.text) == ("helps", "helps")
    assert "With 160 target labels, macro-F1 is 0.600" in found.sentences[0]
    assert "+0.150 (+0.100 to +0.200)" in found.sentences[0]


def test_an_end_in_sight_is_named_even_where_it_helps_with_all_labels() -> None:
    found = decide(
        transfer((0.2, 0.18, 0.15, 0.12, 0.08, 0.06), 0.05, Crossing(420, 250, 900)), worth=0.02
    )
    assert found.text == "helps until about 420 labels"
    assert (
        "From about 420 labels on (between 250 and 900) it adds less than 0.02." in found.sentences
    )


def test_it_helps_until_where_only_small_numbers_gain() -> None:
    found = decide(
        transfer((0.2, 0.15, 0.1, 0.05, 0.01, 0.0), 0.04, Crossing(110, 40, 0)), worth=0.02
    )
    assert found.text == "helps until about 110 labels"
    assert "surely helps with 64 target labels" in found.sentences[0]
    assert "at least 40; no end can be ruled out" in found.sentences[1]


def test_sure_with_few_and_open_with_all_asks_for_more() -> None:
    found = decide(
        transfer((0.2, 0.15, 0.1, 0.06, 0.04, 0.04), 0.05, Crossing(0, 60, 0)), worth=0.02
    )
    assert found.kind == "needs labels"
    assert found.labels == 110  # 200 · ((0.05 / 0.04)² − 1) = 112
    assert found.text == "needs about 110 more labels to tell"


def test_it_hurts_where_the_loss_is_sure() -> None:
    found = decide(transfer((0.0, -0.02, -0.05, -0.07, -0.08, -0.09), 0.05, None), worth=0.02)
    assert found.kind == "hurts"
    assert "Worst off is “negative”" in found.sentences[-1]


def test_what_hurts_with_all_labels_may_help_with_few() -> None:
    found = decide(transfer((0.2, 0.1, 0.0, -0.05, -0.07, -0.08), 0.05, Crossing(25, 10, 40)),
                   worth=0.02)  # fmt: skip
    assert found.kind == "hurts"
    assert "With 16 target labels or fewer it would surely help." in found.sentences


def test_a_gain_that_is_ruled_out_is_no_evidence() -> None:
    found = decide(transfer((0.01, 0.0, 0.0, 0.0, 0.0, 0.0), 0.015, None), worth=0.02)
    assert found.kind == "no evidence"
    assert found.text == "no evidence that it helps"
    assert "A gain of 0.02 or more is ruled out" in found.sentences[0]


def test_a_sure_gain_that_is_not_worth_having_is_no_evidence() -> None:
    found = decide(transfer((0.01,) * 6, 0.005, None), worth=0.02)
    assert found.kind == "no evidence"


def test_harm_with_few_labels_is_no_evidence_even_where_all_leave_it_open() -> None:
    found = decide(transfer((-0.2, -0.1, -0.05, 0.0, 0.0, 0.0), 0.05, None), worth=0.02)
    assert found.kind == "no evidence"
    assert "surely harms with 16 labels, and surely helps with none" in found.sentences[0]


def test_a_wide_interval_asks_for_as_many_labels_as_would_narrow_it() -> None:
    wide = decide(transfer((0.0,) * 6, 0.06, None), worth=0.02)
    assert wide.text == "needs about 1,600 more labels to tell"  # 200 · ((0.06 / 0.02)² − 1)
    generous = decide(transfer((0.0,) * 6, 0.06, None), worth=0.05)
    assert generous.labels is not None
    assert generous.labels < 100
    assert decide(transfer((0.0,) * 6, 0.6, None), worth=0.02).labels == 10_000


@pytest.mark.parametrize("half", [0.01, 0.05])
def test_labels_that_are_chance_are_not_judged(half: float) -> None:
    chance = replace(
        transfer((0.2, 0.2, 0.2, 0.2, 0.2, 0.2), half, Crossing(0, 0, 0)),
        learnable=figure(0.52), source_learnable=figure(0.49),
    )  # fmt: skip
    found = decide(chance, worth=0.02)
    assert found.kind == "no evidence"
    assert (
        "not better than by chance" in found.sentences[0]
        or "better than by chance" in found.sentences[0]
    )
    assert "shuffled" in found.would_change[0]


def test_nothing_is_trained_on_too_little() -> None:
    assert cannot_tell({"a": 100, "b": 100}, shared=2) is None
    twelve = cannot_tell({"a": 7, "b": 5}, shared=2)
    assert twelve is not None
    assert twelve.text == "needs about 188 more labels to tell"
    assert "12 labelled texts, and 5 of its rarest label “b”" in twelve.sentences[0]
    rare = cannot_tell({"a": 300, "b": 2}, shared=2)
    assert rare is not None
    assert rare.labels == 906  # 302 · 8 / 2 = 1,208 in all
    one = cannot_tell({"a": 300}, shared=1)
    assert one is not None
    assert "All 300 labelled texts of the target have the one label “a”" in one.sentences[0]
    none = cannot_tell({}, shared=0)
    assert none is not None
    assert none.text == "needs about 200 more labels to tell"
    strangers = cannot_tell({"a": 100, "b": 100}, shared=0)
    assert strangers is not None
    assert strangers.kind == "no evidence"
    assert "--map" in strangers.would_change[0]


def test_a_leak_is_no_evidence() -> None:
    found = leaks("target", "lblpos", "positive")
    assert found.kind == "no evidence"
    assert "In the target the word “lblpos” gives the label “positive” away" in found.sentences[0]
