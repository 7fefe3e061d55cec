from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.planning.labelling import (
    Wish,
    detectable,
    detectable_unpaired,
    independent,
    labelling,
    labels_needed,
    labels_needed_unpaired,
    wished,
)

TIMES = 4_000  # simulated comparisons: their share is known to ±0.02


def test_the_paired_formula_worked_out_by_hand() -> None:
    # apart 0.1, gain 0.05: (1.959964·√0.1 + 0.841621·√0.0975)² / 0.0025
    # = (0.619795 + 0.262795)² / 0.0025 = 0.778965 / 0.0025 = 311.6
    assert labels_needed(0.8, 0.05, disagreement=0.1) == 312


def test_the_unpaired_formula_worked_out_by_hand() -> None:
    # 0.8 → 0.85, middle 0.825: (1.959964·√0.28875 + 0.841621·√0.2875)² / 0.0025
    # = (1.053190 + 0.451269)² / 0.0025 = 2.263397 / 0.0025 = 905.4
    assert labels_needed_unpaired(0.8, 0.05) == 906


@pytest.mark.parametrize(
    ("baseline", "gain", "disagreement"),
    [(0.8, 0.05, 0.1), (0.6, 0.1, None), (0.9, 0.03, 0.06), (0.84, 0.02, 0.08)],
)
def test_a_paired_gain_is_shown_as_often_as_promised(
    baseline: float, gain: float, disagreement: float | None
) -> None:
    labels = labels_needed(baseline, gain, disagreement=disagreement)
    apart = independent(baseline, gain) if disagreement is None else disagreement
    draws = np.random.default_rng(0)
    shares = [(apart + gain) / 2, (apart - gain) / 2, 1 - apart]
    better, worse, _ = draws.multinomial(labels, shares, TIMES).T
    shown = (better - worse) ** 2 / (better + worse) > 3.841459  # McNemar's test, 5 %
    assert shown.mean() == pytest.approx(0.8, abs=0.03)
    even, odd, _ = draws.multinomial(labels, [apart / 2, apart / 2, 1 - apart], TIMES).T
    assert ((even - odd) ** 2 / (even + odd) > 3.841459).mean() == pytest.approx(0.05, abs=0.02)


@pytest.mark.parametrize(("baseline", "gain"), [(0.8, 0.05), (0.5, 0.1), (0.9, 0.03)])
def test_an_unpaired_gain_is_shown_as_often_as_promised(baseline: float, gain: float) -> None:
    labels = labels_needed_unpaired(baseline, gain)
    draws = np.random.default_rng(1)
    before = draws.binomial(labels, baseline, TIMES) / labels
    after = draws.binomial(labels, baseline + gain, TIMES) / labels
    middle = (before + after) / 2
    z = (after - before) / np.sqrt(middle * (1 - middle) * 2 / labels)
    assert (np.abs(z) > 1.959964).mean() == pytest.approx(0.8, abs=0.03)


@given(
    test=st.integers(50, 50_000),
    baseline=st.floats(0.3, 0.95),
    disagreement=st.none() | st.floats(0.02, 0.3),
)
def test_the_smallest_gain_is_the_first_that_the_labels_suffice_for(
    test: int, baseline: float, disagreement: float | None
) -> None:
    gain = detectable(test, baseline, disagreement=disagreement)
    if gain is None:
        assert labels_needed(baseline, 1 - baseline, disagreement=disagreement) > test
    else:
        assert labels_needed(baseline, gain, disagreement=disagreement) <= test
        assert labels_needed(baseline, gain * 0.99, disagreement=disagreement) > test * 0.97
    more = detectable(2 * test, baseline, disagreement=disagreement)
    assert gain is None or (more is not None and more < gain)
    assert detectable_unpaired(2, 0.99) is None


def test_models_that_agree_more_take_fewer_labels() -> None:
    needed = [labels_needed(0.84, 0.02, disagreement=apart) for apart in (0.02, 0.05, 0.1, 0.2)]
    assert needed == sorted(needed)
    assert needed[0] == labels_needed(0.84, 0.02, disagreement=0.0)  # never less than the gain


def test_money_buys_labels_and_half_of_them_train() -> None:
    plan = labelling(
        Wish(cost=0.25, money=1000, baseline=0.84, smallest_gain=0.02, disagreement=0.08,
             labels_an_hour=50, people=2)
    )  # fmt: skip
    assert (plan.labels, plan.needed, plan.test, plan.train) == (4000, 1568, 1568, 2432)
    assert (plan.cost, plan.hours) == (1000.0, 40.0)
    assert plan.smallest_gain == pytest.approx(0.02, abs=1e-4)
    assert plan.sentences[:2] == (
        "4,000 labels for 1,000.00: 1,568 to test, 2,432 to train.",
        "They take each of 2 people 40 hours.",
    )
    small = labelling(Wish(labels=1000, baseline=0.84, smallest_gain=0.02, disagreement=0.08))
    assert (small.test, small.train) == (500, 500)
    assert any("1,068 more than planned" in sentence for sentence in small.sentences)


def test_without_a_wanted_gain_a_fifth_tests() -> None:
    plan = labelling(Wish(labels=1000, baseline=0.84))
    assert (plan.test, plan.train, plan.needed) == (200, 800, None)
    assert any("smallest gain worth having" in sentence for sentence in plan.sentences)


def test_what_is_missing_is_said() -> None:
    assert labelling(Wish()).sentences == (
        "How many labels can be made is not known: state their number, or money and cost.",
        "What they can show is not known: state the baseline.",
    )
    beyond = labelling(Wish(labels=100, baseline=0.99, smallest_gain=0.02))
    assert beyond.needed is None
    assert "The smallest gain worth having lies beyond a faultless model." in beyond.sentences


def test_an_unknown_disagreement_is_taken_at_its_worst_and_the_best_is_said() -> None:
    plan = labelling(Wish(labels=1000, baseline=0.84, smallest_gain=0.02))
    assert plan.needed == 5006
    assert any("391 would do" in sentence for sentence in plan.sentences)


def test_a_brief_s_numbers_become_shares_of_right_answers() -> None:
    brief = {"metric": "accuracy", "unit": "%", "baseline": 84.0, "smallest_gain": 2.0}
    assert wished(brief, Wish(labels=5)) == Wish(
        labels=5, baseline=0.84, smallest_gain=pytest.approx(0.02)
    )
    fraction = {"metric": "macro-F1", "baseline": 0.71, "smallest_gain": 0.01}
    assert wished(fraction, Wish()).baseline == pytest.approx(0.71)
    error = {"metric": "error rate", "unit": "%", "baseline": 16.0, "direction": "lower"}
    assert wished(error, Wish()).baseline == pytest.approx(0.84)
    assert wished({"metric": "perplexity", "baseline": 20.0}, Wish()) == Wish()
    assert wished({}, Wish()) == Wish()
