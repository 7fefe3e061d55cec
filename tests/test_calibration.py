from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.planning.calibration import ENOUGH, REFIT_AT, calibrate, measured, refit
from kb.planning.discounts import Discounts
from kb.planning.effects import Setting, estimate
from kb.records import (
    Document,
    Effect,
    Estimate,
    Evidence,
    Experiment,
    Forecast,
    Gain,
    Metadata,
    Result,
)

OURS = Setting("accuracy", unit="points", domain="e-mails", training_samples=1000, year=2026)


def finished(
    number: int, value: float | None, likely: float | None = 2.0, **more: Any
) -> Experiment:
    """On a baseline of 80 with a forecast of likely ± 1 and 10 hours, of which it took 10."""
    gain = None if likely is None else Gain(likely - 1, likely, likely + 1)
    forecast = Forecast(gain, "team", None, 10.0, None, "")
    result = Result(value=value, person_hours=more.pop("took", 10.0), **more)
    return Experiment(
        number, "mail", "", "", (), None, (), None, "", None, None, None, None, None, "",
        "finished", forecast, result, "", 1, "", "", "", "",
    )  # fmt: skip


def told(experiments: list[Experiment], **labels: Any) -> Any:
    return calibrate(experiments, direction="higher", baseline=80.0, labels=labels.get("of", {}))


def test_a_gain_is_measured_from_the_baseline_beside_it_and_upwards() -> None:
    case = finished(1, 83.0)
    assert measured(case, direction="higher", baseline=80.0) == 3.0
    assert measured(case, direction="lower", baseline=80.0) == -3.0
    beside = finished(1, 83.0, baseline=82.0)
    assert measured(beside, direction="higher", baseline=80.0) == 1.0
    assert measured(case, direction="higher", baseline=None) is None
    assert measured(finished(1, None), direction="higher", baseline=80.0) is None


def test_nothing_finished_says_so() -> None:
    found = told([])
    assert (found.finished, found.inside, found.bias, found.hours_ratio, found.by) == (
        0, None, None, None, (),
    )  # fmt: skip
    assert found.sentences == (
        "No experiment is finished with a forecast and a measured value: how good forecasts are "
        "cannot be told below 10.",
    )


def test_the_figures_of_a_few_and_that_they_tell_nothing_yet() -> None:
    # gains 2.5, 3, 3.5 of 2 ± 1: two inside (3 is the end itself), bias (0.5 + 1 + 1.5) / 3 = 1;
    # hours 10, 20, 30 of 10: the middle is 2. What has no forecast or no value does not count.
    cases = [
        finished(1, 82.5), finished(2, 83.0, took=20.0), finished(3, 83.5, took=30.0),
        finished(4, None, took=None), finished(5, 90.0, likely=None, took=None),
    ]  # fmt: skip
    found = told(cases)
    assert found.finished == 3
    assert found.inside == pytest.approx(2 / 3)
    assert found.bias == pytest.approx(1.0)
    assert found.hours_ratio == 2.0
    assert found.sentences == (
        "3 finished so far: how good forecasts are cannot be told below 10.",
    )


def test_ranges_that_are_too_narrow_are_called_so() -> None:
    # 5 of 10 inside happens to good forecasts in 3.3 %; half are 2 too high, half 2 too low
    cases = [finished(at, 82.0 + (0, 2, 0, -2)[at % 4], 2.0) for at in range(ENOUGH)]
    found = told(cases)
    assert found.inside == 0.5
    assert found.sentences[0] == (
        "5 of 10 results lay inside their range, 80 % is right: the ranges are too narrow."
    )
    assert found.sentences[1].endswith("that may be chance.")
    inside = told([finished(at, 82.0) for at in range(20)]).sentences[0]
    assert inside.endswith("the ranges are wider than they need be.")  # 0.8^20 = 1 %
    eight = told([finished(at, 82.0 if at < 8 else 90.0) for at in range(10)]).sentences[0]
    assert eight.endswith("no more off than chance allows.")


def test_a_bias_is_told_where_chance_does_not_explain_it() -> None:
    # errors of -1.5 and -0.5 by turns: mean -1, deviation 0.527, t(9) at 0.95 = 1.833:
    # ± 1.833 × 0.527 / √10 = 0.306
    cases = [finished(at, 80.5 + at % 2, 2.0) for at in range(ENOUGH)]
    found = told(cases)
    assert found.bias == pytest.approx(-1.0)
    assert found.sentences[1] == (
        "Results were 1 below the likely gain on average of 10 (90 % interval -1.31 to -0.694): "
        "forecasts are too hopeful."
    )


def test_bias_by_axis_source_and_member() -> None:
    # ana's five miss by about -1, ben's five by about +1: together no bias
    cases = [finished(at, 81.0 + 2 * (at % 2) + at / 100, 2.0) for at in range(10)]
    labels = {at: [("member", ("ana", "ben")[at % 2]), ("axis", "loss")] for at in range(10)}
    labels[0].append(("source", "blog"))
    found = told(cases, of=labels)
    assert [(axis, name, count) for axis, name, count, _ in found.by] == [
        ("axis", "loss", 10),
        ("member", "ana", 5),
        ("member", "ben", 5),
        ("source", "blog", 1),
    ]
    assert [bias for *_, bias in found.by] == pytest.approx([0.045, -0.96, 1.05, -1.0])
    text = " ".join(found.sentences)
    assert "Of member “ana”, results were 0.96 below" in text
    assert "Of member “ben”, results were 1.05 above" in text
    assert "loss" not in text  # no bias
    assert "blog" not in text  # one is not enough


def test_hours_of_people_and_gpus_count_as_far_as_both_are_known() -> None:
    planned = Forecast(None, None, None, 10.0, 30.0, "")
    case = replace(finished(1, None, took=20.0, gpu_hours=60.0), forecast=planned)
    assert told([case]).hours_ratio == 2.0
    case = replace(finished(1, None, took=None, gpu_hours=60.0), forecast=planned)
    assert told([case]).hours_ratio == 2.0  # 60 of 30
    case = replace(finished(1, None, took=None), forecast=planned)
    assert told([case]).hours_ratio is None
    five = told([finished(at, None, took=14.0) for at in range(5)])
    assert five.sentences[-1] == "Half of 5 experiments took 1.4 times their hours or more."


# -- refitting ---------------------------------------------------------------------------------


def _evidence(number: int, gain: float, **more: Any) -> Evidence:
    metadata = Metadata(authors=(f"A Number{number}",), published=more.get("year", "2026"))
    kind = more.get("kind", "paper")
    document = Document(number, f"k:{number}", kind, "", metadata, "", number, "v1")
    effect = Effect("accuracy", "points", gain=gain, dataset="e-mails", scale="1000 samples")
    return Evidence(
        number, 1, document, number, "v1", "", 0, 1, 1, "", "", "for", effect, "", "", ""
    )  # fmt: skip


def _pair(number: int, gain: float, known: Estimate) -> tuple[Experiment, Estimate]:
    return finished(number, gain, None, baseline=0.0), known


def _true(evidence: list[Evidence], discounts: Discounts) -> float:
    gain = estimate(evidence, replace(OURS, discounts=discounts)).gain
    assert gain is not None
    return gain.likely


def _library(count: int, discounts: Discounts) -> list[tuple[Experiment, Estimate]]:
    """Two reports each, of posts and papers, with gains exactly as `discounts` say."""
    dice, pairs = np.random.default_rng(7), []
    for at in range(count):
        evidence = [
            _evidence(n, float(dice.uniform(1, 5)), kind=kind, year=str(dice.integers(2016, 2027)))
            for n, kind in enumerate(dice.choice(["paper", "blog"], 2))
        ]
        pairs.append(_pair(at, _true(evidence, discounts), estimate(evidence, OURS)))
    return pairs


def test_too_few_do_not_change_the_discounts() -> None:
    assert refit(_library(REFIT_AT - 1, Discounts()), Discounts()) is None
    without_value = [
        (finished(at, None), known) for at, (_, known) in enumerate(_library(30, Discounts()))
    ]
    assert refit(without_value, Discounts()) is None


def test_discounts_that_were_right_stay() -> None:
    found = refit(_library(REFIT_AT, Discounts()), Discounts())
    assert found is not None
    for field in fields(Discounts):
        assert getattr(found, field.name) == pytest.approx(getattr(Discounts(), field.name))


def test_the_discount_that_was_too_strong_is_weakened_and_the_others_hardly() -> None:
    # sources deserve no discount at all; the prior holds it back, the more so with few
    true = Discounts(peer_reviewed=1.0, preprint=1.0, blog=1.0, vendor=1.0)
    few, many = (refit(_library(count, true), Discounts()) for count in (REFIT_AT, 300))
    assert few is not None
    assert many is not None
    assert Discounts().blog < few.blog < many.blog <= 1.0
    assert many.blog > 0.9
    assert many.age_year == pytest.approx(Discounts().age_year, abs=0.01)
    assert many.against == Discounts().against  # nothing was learned about it


def test_what_disappoints_is_discounted_more() -> None:
    true = Discounts(preprint=0.8**2, blog=0.65**2)
    found = refit(_library(300, true), Discounts())
    assert found is not None
    assert found.blog == pytest.approx(0.65**2, abs=0.06)
    assert found.preprint == pytest.approx(0.8**2, abs=0.06)


@given(st.lists(st.floats(-20, 20), min_size=REFIT_AT, max_size=REFIT_AT))
def test_a_refitted_factor_is_never_above_one(gains: list[float]) -> None:
    known = [each for _, each in _library(REFIT_AT, Discounts())]
    found = refit([_pair(at, gain, known[at]) for at, gain in enumerate(gains)], Discounts())
    assert found is not None
    assert all(0 <= getattr(found, field.name) <= 1 for field in fields(found))
