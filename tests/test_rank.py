from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.planning.rank import SHORTEST, expected, rank
from kb.records import Estimate, Experiment, Gain, Ranking

NOTHING = Estimate(None, "", (), (), ())
Pair = tuple[Experiment, Estimate]


def experiment(number: int, gain: Gain | None, hours: float | None, **more: Any) -> Experiment:
    made = Experiment(
        number, "mail", f"E{number}", "", (), None, (), gain, "", hours, None, None, None, None, "",
        "planned", None, None, "", 1, "", "", "", "",
    )  # fmt: skip
    return replace(made, **more)


def pair(number: int, likely: float | None, hours: float | None, width: float = 1.0) -> Pair:
    gain = None if likely is None else Gain(likely - width, likely, likely + width)
    return experiment(number, gain, hours), NOTHING


def order(ranking: Ranking) -> list[int]:
    return [each.experiment.id for each in ranking.ranked]


def test_gain_per_hour_decides() -> None:
    # 2/4 = 0.5, 3/10 = 0.3, 1/1 = 1
    found = rank([pair(1, 2.0, 4.0), pair(2, 3.0, 10.0), pair(3, 1.0, 1.0)])
    assert order(found) == [3, 1, 2]
    assert [each.gain_per_hour for each in found.ranked] == pytest.approx([1.0, 0.5, 0.3])
    assert [each.rank for each in found.ranked] == [1, 2, 3]
    assert all(each.front for each in found.ranked)  # each longer one promises more


def test_the_teams_gain_comes_before_the_evidences() -> None:
    reported = replace(NOTHING, gain=Gain(0.0, 9.0, 10.0))
    found = rank([(pair(1, 1.0, 1.0)[0], reported), (experiment(2, None, 3.0), reported)])
    assert [(each.experiment.id, each.basis) for each in found.ranked] == [
        (2, "evidence"),  # 9/3 = 3 before 1/1
        (1, "team"),
    ]
    assert found.ranked[1].estimate.gain == Gain(0.0, 9.0, 10.0)  # both numbers stay


def test_the_front_leaves_out_what_another_beats() -> None:
    found = rank(
        [pair(1, 2.0, 4.0), pair(2, 2.0, 5.0), pair(3, 1.0, 4.0), pair(4, 2.0, 4.0),
         pair(5, 0.0, 0.5), pair(6, 3.0, 9.0)]
    )  # fmt: skip
    assert {each.experiment.id for each in found.ranked if each.front} == {1, 4, 6}


def test_what_is_unknown_stands_last_and_it_is_said_what_is_missing() -> None:
    found = rank([pair(1, None, None), pair(2, None, 2.0), pair(3, 5.0, None), pair(4, -1.0, 9.0)])
    assert order(found) == [4, 3, 2, 1]
    assert [each.gain_per_hour is None for each in found.ranked] == [False, True, True, True]
    assert [each.ranks for each in found.ranked[1:]] == [(2, 2), (3, 3), (4, 4)]
    text = " ".join(found.sentences)
    assert "“E3” stands last: how long it takes is unknown" in text
    assert "“E2” stands last: no comparable effect" in text
    assert "“E1” stands last: no comparable effect" in text
    assert "“E4” promises no gain" in text


def test_losses_stand_after_gains_the_smaller_and_shorter_first() -> None:
    found = rank(
        [pair(1, -1.0, 10.0), pair(2, -1.0, 1.0), pair(3, -2.0, 1.0), pair(4, 0.0, 5.0),
         pair(5, 0.1, 99.0)]
    )  # fmt: skip
    assert order(found) == [5, 4, 2, 3, 1]


def test_no_time_at_all_is_counted_as_a_quarter_of_an_hour() -> None:
    found = rank([pair(1, 1.0, 0.0), pair(2, 1.0, SHORTEST), pair(3, 2.0, 0.1)])
    assert order(found) == [3, 1, 2]
    assert found.ranked[0].gain_per_hour == 8.0


def test_ties_are_kept_in_the_order_of_the_experiments() -> None:
    pairs = [pair(number, 1.0, 2.0) for number in (3, 1, 2)]
    assert order(rank(pairs)) == order(rank(pairs[::-1])) == [1, 2, 3]


def test_one_and_none() -> None:
    assert rank([]) == Ranking((), (), 10_000, ())
    (only,) = rank([pair(1, 1.0, 1.0)]).ranked
    assert (only.first, only.ranks, only.rank) == (1.0, (1, 1), 1)
    assert rank([pair(1, 1.0, 1.0)]).swaps == ()


def test_the_expected_value_lies_to_the_longer_side() -> None:
    # (high - likely) - (likely - low) = 2, over 1.28155 × √(2π) = 3.2124
    assert expected(Gain(0.0, 1.0, 4.0)) == pytest.approx(1 + 2 / 3.2124, abs=1e-4)
    assert expected(Gain(-1.0, 1.0, 3.0)) == 1.0
    assert expected(Gain(1.0, 1.0, 1.0)) == 1.0


def test_the_draws_go_through_low_likely_and_high() -> None:
    # one certain experiment at the other's high: the other is first in one draw of ten; with hours
    # of 1 the score is the gain itself
    for bar, share in ((Gain(4.0, 4.0, 4.0), 0.1), (Gain(0.5, 0.5, 0.5), 0.9)):
        pairs = [(experiment(1, bar, 1.0), NOTHING), (experiment(2, Gain(0.5, 1, 4), 1.0), NOTHING)]
        firsts = {each.experiment.id: each.first for each in rank(pairs).ranked}
        assert firsts[2] == pytest.approx(share, abs=0.01)
        assert firsts[1] + firsts[2] == pytest.approx(1.0)


def test_how_sure_the_order_is() -> None:
    # differences of two normals: sd 1/1.28155 each, together 1.1035; 0.3 apart → they swap with
    # P(Z > 0.3/1.1035) = 0.393; the third is 10 apart and never moves
    found = rank([pair(1, 2.3, 1.0), pair(2, 2.0, 1.0), pair(3, 20.0, 1.0, width=0.1)])
    (swap,) = found.swaps
    assert (swap.upper, swap.lower) == (1, 2)
    assert swap.share == pytest.approx(0.393, abs=0.015)
    assert found.ranked[0].first == 1.0
    assert [each.ranks for each in found.ranked] == [(1, 1), (2, 3), (2, 3)]
    assert found.sentences[0] == "“E3” is first in 100 % of draws."
    assert found.sentences[1].startswith(f"Ranks 2 and 3 swap in {100 * swap.share:.0f} %: an hour")


def test_the_advice_names_the_one_that_is_known_worse() -> None:
    # the wide one decides: 1 ± 0.1 against 0.9 ± 3
    found = rank([pair(1, 1.0, 1.0, width=0.1), pair(2, 0.7, 1.0, width=3.0)])
    (swap,) = found.swaps
    assert swap.advice.startswith("An hour of reading on “E2” would separate them: its gain is the")
    # P(Z > 0.3/√(0.1² + 3²) × 1.28155) = 0.449, with half the range 0.399
    assert swap.share == pytest.approx(0.449, abs=0.015)
    said = re.search(r"half as wide, they would swap in (\d+) %\.", swap.advice)
    assert said is not None
    assert int(said[1]) == pytest.approx(39.9, abs=1.5)
    (alike,) = rank([pair(1, 1.0, 1.0), pair(2, 1.0, 1.0)]).swaps
    assert alike.advice.startswith("They are about as good")


def test_the_same_seed_draws_the_same() -> None:
    pairs = [pair(number, 1 + number / 10, 2.0) for number in range(1, 6)]
    assert rank(pairs, draws=500) == rank(pairs[::-1], draws=500)
    assert rank(pairs, draws=500, seed=1).ranked != rank(pairs, draws=500).ranked


# -- properties --------------------------------------------------------------------------------

gains = st.one_of(st.integers(-3, 3).map(float), st.floats(-50, 50))
hours = st.one_of(st.integers(0, 5).map(float), st.floats(0, 200))
tables = st.lists(st.tuples(gains, hours), min_size=1, max_size=8)


def placed(table: list[tuple[float, float]]) -> dict[int, int]:
    pairs = [pair(at, likely, time) for at, (likely, time) in enumerate(table)]
    return {each.experiment.id: each.rank for each in rank(pairs, draws=2).ranked}


@given(tables, st.data(), st.floats(0, 50))
def test_more_gain_never_ranks_lower(
    table: list[tuple[float, float]], data: st.DataObject, more: float
) -> None:
    at = data.draw(st.integers(0, len(table) - 1))
    better = [(g + more, h) if i == at else (g, h) for i, (g, h) in enumerate(table)]
    assert placed(better)[at] <= placed(table)[at]


@given(tables, st.data(), st.floats(0, 1))
def test_less_time_never_ranks_lower(
    table: list[tuple[float, float]], data: st.DataObject, share: float
) -> None:
    at = data.draw(st.integers(0, len(table) - 1))
    sooner = [(g, h * share) if i == at else (g, h) for i, (g, h) in enumerate(table)]
    assert placed(sooner)[at] <= placed(table)[at]


@given(tables)
def test_what_is_dominated_is_never_above_what_dominates_it(
    table: list[tuple[float, float]],
) -> None:
    found = rank([pair(at, *row) for at, row in enumerate(table)], draws=2)
    places = {each.experiment.id: each.rank for each in found.ranked}
    front = {each.experiment.id for each in found.ranked if each.front}
    for one, (gain, time) in enumerate(table):
        better = [
            other for other, (g, h) in enumerate(table)
            if g >= gain and h <= time and (g, h) != (gain, time)
        ]  # fmt: skip
        assert all(places[other] < places[one] for other in better)
        assert (one in front) == (not better and gain > 0)


@given(tables)
def test_shares_and_ranks_are_within_bounds(table: list[tuple[float, float]]) -> None:
    found = rank([pair(at, *row) for at, row in enumerate(table)], draws=50)
    assert sum(each.first for each in found.ranked) == pytest.approx(1.0)
    for each in found.ranked:
        assert 1 <= each.ranks[0] <= each.ranks[1] <= len(table)
