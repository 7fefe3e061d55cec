from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from kb.planning.growth import metric_law, runtime_law
from kb.planning.ladder import ladder
from kb.records.planning import Trial
from tests.test_schedule import experiment

SIZES = (500, 1000, 2000, 4000)
PLANNED = [
    experiment(1, runs=4),
    experiment(2, runs=3),
    experiment(3, retraining=False, gpu_hours=2.0),
    experiment(4, runs=9, status="finished"),
]


def trial(samples: int, hours: float, value: float | None = None, **fields: object) -> Trial:
    made = Trial(1, "mail", "base", 110.0, samples, hours, value, "a100", "", "", "")
    return replace(made, **fields)  # type: ignore[arg-type]


def reached(samples: float) -> float:
    """A metric that follows the law exactly."""
    return 90 - 60 * samples**-0.35


EXACT = [trial(n, 2e-4 * n**0.9, reached(n)) for n in SIZES]


# -- laws ------------------------------------------------------------------------------------------


def test_an_exact_law_of_runtime_is_found_again() -> None:
    grown = [
        trial(n, 1e-6 * n**0.9 * size**1.1, parameters=size)
        for n in SIZES
        for size in (30.0, 110.0)
    ]
    law = runtime_law(grown)
    assert law.parameters is not None
    assert law.samples.value == pytest.approx(0.9)
    assert law.parameters.value == pytest.approx(1.1)
    assert law.hours(20_000, 330.0) == pytest.approx(1e-6 * 20_000**0.9 * 330**1.1)
    assert law.largest(law.hours(12_345, 60.0), 60.0) == pytest.approx(12_345)
    assert law.doubt == ""


def test_one_trial_takes_time_to_grow_in_proportion_and_says_so() -> None:
    law = runtime_law([trial(1000, 0.5)])
    assert (law.samples.fitted, law.samples.low, law.spread) == (False, None, None)
    assert law.hours(3000, 110.0) == pytest.approx(1.5)
    found = ladder([trial(1000, 0.5)], PLANNED, gpu_hours=23.0)
    assert "which no trial has shown" in found.sentences[0]
    assert "takes more trials to tell" in found.sentences[0]
    # (23 − 2) GPU hours for 7 runs: 3 hours each, six times the trial
    assert (found.runs, found.rungs[0].samples) == (7, 6000)
    assert found.rungs[0].value is None


def test_two_trials_give_an_exponent_without_a_range_and_three_one_with_it() -> None:
    two = runtime_law(EXACT[:2])
    assert (two.samples.fitted, two.samples.low) == (True, None)
    noisy = [trial(500, 0.1), trial(1000, 0.22), trial(2000, 0.39)]
    three = runtime_law(noisy).samples
    assert three.low is not None
    assert three.high is not None
    assert three.low < three.value < three.high


def test_ranges_of_runtime_hold_the_truth_nine_times_in_ten() -> None:
    draws = np.random.default_rng(0)
    held = 0
    for _ in range(400):
        noise = np.exp(draws.normal(0, 0.1, len(SIZES)))
        law = runtime_law(
            [trial(n, 2e-4 * n**0.9 * float(x)) for n, x in zip(SIZES, noise, strict=True)]
        )
        assert law.samples.low is not None
        assert law.samples.high is not None
        held += law.samples.low <= 0.9 <= law.samples.high
    assert held / 400 == pytest.approx(0.9, abs=0.05)


def test_an_exact_law_of_the_metric_is_found_again() -> None:
    law = metric_law(EXACT)
    assert law is not None
    assert law.exponent == pytest.approx(0.35, abs=0.02)
    assert law.value(16_000).likely == pytest.approx(reached(16_000), abs=0.1)
    assert law.change(4000, 8000).likely == pytest.approx(reached(8000) - reached(4000), abs=0.05)
    limit = law.limit()
    assert limit.low < 90 < limit.high


@pytest.mark.parametrize("exponent", [0.15, 0.5])
def test_ranges_of_the_metric_hold_new_runs_at_least_as_often_as_they_say(exponent: float) -> None:
    draws = np.random.default_rng(1)
    inside, times = 0, 150
    for _ in range(times):

        def value(samples: int) -> float:
            return 90 - 80 * samples**-exponent + float(draws.normal(0, 0.4))

        law = metric_law([trial(n, 1.0, value(n)) for n in (*SIZES, 8000)])
        assert law is not None
        range_ = law.value(32_000)
        inside += range_.low <= value(32_000) <= range_.high
    assert 0.72 <= inside / times <= 0.96  # 0.8 is said


def test_further_away_is_less_sure() -> None:
    noisy = [
        trial(n, 1.0, reached(n) + wrong)
        for n, wrong in zip(SIZES, (0.3, -0.4, 0.2, -0.1), strict=True)
    ]
    law = metric_law(noisy)
    assert law is not None
    widths = [law.value(n).high - law.value(n).low for n in (4000, 8000, 16_000, 64_000)]
    assert widths == sorted(widths)


def test_two_sizes_do_not_tell_how_the_metric_grows() -> None:
    assert metric_law([*EXACT[:2], EXACT[0]]) is None
    assert metric_law([replace(one, value=None) for one in EXACT]) is None


def test_equal_values_are_a_law_too() -> None:
    law = metric_law([trial(n, 1.0, 70.0) for n in SIZES])
    assert law is not None
    assert law.value(8000).likely == pytest.approx(70.0)
    assert math.isfinite(law.limit().high)


# -- the ladder ------------------------------------------------------------------------------------


def test_the_largest_size_with_which_all_planned_experiments_fit() -> None:
    found = ladder(EXACT, PLANNED, gpu_hours=20.0)
    each = (20.0 - 2.0) / 7
    assert (found.runs, found.other_gpu_hours) == (7, 2.0)
    assert found.rungs[0].samples == math.floor((each / 2e-4) ** (1 / 0.9))
    assert found.rungs[0].run_hours == pytest.approx(each, rel=1e-3)
    assert found.rungs[0].gpu_hours <= 20.0 + 1e-6
    value = found.rungs[0].value
    assert value is not None
    assert value.likely == pytest.approx(reached(found.rungs[0].samples), abs=0.1)
    assert any("times the largest trial: try one in between" in said for said in found.sentences)


def test_what_more_hardware_would_buy() -> None:
    found = ladder(EXACT, PLANNED, gpu_hours=6.0)
    now, twice, four = found.hardware
    assert (now.times, twice.gpu_hours, four.gpu_hours) == (1, 12.0, 24.0)
    assert twice.gain is not None
    expected = reached(twice.rung.samples) - reached(now.rung.samples)
    assert twice.gain.likely == pytest.approx(expected, abs=0.05)
    assert now.rung.samples < twice.rung.samples < four.rung.samples


def test_a_falling_metric_gains_where_lower_is_better() -> None:
    errors = [replace(one, value=100 - (one.value or 0)) for one in EXACT]
    found = ladder(errors, PLANNED, gpu_hours=6.0, direction="lower")
    gain = found.hardware[1].gain
    assert gain is not None
    assert 0 < gain.low < gain.likely < gain.high


def test_nothing_is_predicted_further_than_ten_times_the_largest_trial() -> None:
    found = ladder(EXACT, PLANNED, gpu_hours=2000.0)
    rung = found.rungs[0]
    assert (rung.samples, rung.capped) == (40_000, True)
    assert any("More is not predicted" in said for said in found.sentences)
    assert not any("would buy" in said for said in found.sentences)


def test_what_is_too_small_for_every_trial_does_not_fit() -> None:
    found = ladder(EXACT, PLANNED, gpu_hours=2.001)
    assert found.rungs[0].samples == 0
    assert any("do not fit" in said for said in found.sentences)
    none = ladder(EXACT, PLANNED, gpu_hours=1.0)
    assert none.rungs[0].samples == 0
    assert any("nothing is left to train with" in said for said in none.sentences)
    assert any("Twice the GPU hours are not enough" in said for said in none.sentences)


@pytest.mark.parametrize(
    ("trials", "said"),
    [
        ([trial(500, 2.0), trial(1000, 1.0)], "more samples took less time"),
        (
            [trial(n, h) for n, h in zip(SIZES, (0.1, 3.0, 0.1, 9.0), strict=True)],
            "differ from any",
        ),
        ([trial(500, 1.0), trial(4000, 1.1)], "starting up"),
        ([trial(500, 0.01), trial(1000, 0.2)], "faster than the cube"),
    ],
)
def test_trials_that_contradict_each_other_give_no_rung(trials: list[Trial], said: str) -> None:
    found = ladder(trials, PLANNED, gpu_hours=100.0)
    assert said in found.sentences[0]
    assert found.rungs == found.hardware == ()


def test_more_samples_that_do_not_help_are_said() -> None:
    falling = [trial(n, 1e-3 * n, v) for n, v in zip(SIZES, (80, 78, 76, 74), strict=True)]
    found = ladder(falling, PLANNED, gpu_hours=10.0)
    assert any("more samples did not make it better" in said for said in found.sentences)
    chance = [trial(n, 1e-3 * n, v) for n, v in zip(SIZES, (70, 73, 69, 72), strict=True)]
    found = ladder(chance, PLANNED, gpu_hours=10.0)
    assert any("may be chance" in said for said in found.sentences)


def test_machines_are_not_mixed() -> None:
    other = [trial(1000, 9.0, machine="laptop")]
    found = ladder([*other, *EXACT], PLANNED, gpu_hours=20.0)
    assert (found.machine, found.trials) == ("a100", 4)
    assert "1 of other machines or models are not used." in found.sentences[0]


def test_models_of_unknown_size_are_not_mixed() -> None:
    trials = [replace(one, parameters=None) for one in EXACT]
    found = ladder([*trials, trial(1000, 5.0, model="x", parameters=None)], PLANNED, gpu_hours=20.0)
    assert (found.trials, [rung.model for rung in found.rungs]) == (4, ["base"])


def test_each_model_has_its_rung() -> None:
    large = [trial(n, 6e-4 * n**0.9, model="large", parameters=330.0) for n in SIZES[:2]]
    found = ladder([*large, *EXACT], PLANNED, gpu_hours=10.0)
    assert [rung.model for rung in found.rungs] == ["base", "large"]
    assert found.rungs[1].samples < found.rungs[0].samples
    assert found.rungs[1].value is None


def test_what_is_missing_is_said() -> None:
    assert ladder([], PLANNED, gpu_hours=1.0).sentences == (
        "No trial run is recorded: add one of a small sample with `kb runtime add`.",
    )
    assert "state the project's GPU hours" in ladder(EXACT, PLANNED, gpu_hours=None).sentences[-1]
    assert "No training is planned" in ladder(EXACT, [], gpu_hours=5.0).sentences[-1]
