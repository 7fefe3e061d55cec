from __future__ import annotations

from dataclasses import replace

import pytest

from kb.fit.model_verdict import FASTER, Choice, Entry, Failed, Measured, choose
from kb.fit.resampling import Figure
from kb.fit.speed import Speed

FIGURE = Figure(0.8, 0.75, 0.85)


def figure(value: float, half: float) -> Figure:
    return Figure(value, value - half, value + half)


def entry(name: str, gain: Figure | None, behind: Figure | None = None, *, h: float = 1) -> Entry:
    score = figure(0.7 + (gain.value if gain else 0), 0.03)
    cheap = (-0.5 + h / 10, h) if gain else (None, None)
    return Entry(name, "", 8, score, FIGURE, gain, behind, *cheap)


def speed(ms: float) -> Speed:
    return Speed(1000 / ms, ms, 2 * ms, 1.0, 100.0, 90.0, 200)


BASE = entry("TF-IDF", None)


def chosen(
    *entries: Entry, ms: dict[str, float] | None = None, limit: float | None = None, **given: object
) -> Choice:
    speeds = {e.name: speed((ms or {}).get(e.name, 10.0)) for e in (*entries, BASE)}
    found = Measured("macro-F1", 200, (*entries, BASE), speeds, limit, 0.02)
    return choose(replace(found, **given), [Failed("gone", "No such folder.")])


def test_a_sure_gain_worth_having_is_worth_it() -> None:
    found = chosen(entry("good", figure(0.05, 0.03)))
    assert (found.text, found.rule) == ("good is worth its time", "worth it")
    assert found.sentences[0] == (
        "On 200 labelled texts good reaches a macro-F1 of 0.750 (0.720 to 0.780), TF-IDF with a "
        "linear model 0.700 (0.670 to 0.730): +0.050 (+0.020 to +0.080)."
    )
    assert "95 of 100 within 20, and takes 100 MB of memory" in found.sentences[-1]


def test_a_metric_has_its_own_article() -> None:
    found = chosen(entry("good", figure(0.05, 0.03)), metric="accuracy")
    assert "good reaches an accuracy of 0.750" in found.sentences[0]


@pytest.mark.parametrize(
    ("gain", "text"),
    [
        (figure(0.01, 0.005), "none is worth its time beside TF-IDF"),  # sure, and too small
        (figure(-0.05, 0.03), "none is worth its time beside TF-IDF"),
        (figure(0.01, 0.02), "needs about 40 more labels to tell"),
        (figure(0.03, 0.09), "needs about 1,600 more labels to tell"),  # 200 * (9 - 1)
        (figure(0.019, 0.01), "needs about 40 more labels to tell"),  # sure, worth it or not
    ],
)
def test_what_the_interval_allows_decides(gain: Figure, text: str) -> None:
    assert chosen(entry("some", gain)).text == text


def test_one_that_may_be_worth_it_keeps_the_question_open() -> None:
    open_ = chosen(
        entry("a", figure(0.01, 0.005)), entry("b", figure(0.005, 0.03), figure(0.005, 0.03))
    )
    assert open_.kind == "needs labels"
    assert open_.rule == "interval too wide"


def test_the_noise_and_the_surely_worse_are_told_apart() -> None:
    found = chosen(
        entry("best", figure(0.08, 0.03), h=1),
        entry("near", figure(0.07, 0.03), figure(0.01, 0.03), h=2),
        entry("far", figure(-0.06, 0.03), figure(0.14, 0.03), h=0),
    )
    text = " ".join(found.sentences)
    assert "Within the noise of best: near −0.010 (−0.040 to +0.020)." in text
    assert "Surely behind best: far −0.140 (−0.170 to −0.110)." in text
    assert "Surely worse than TF-IDF: far." in text
    assert "LogME puts near first, H-score puts near first." in text


def test_one_as_good_and_much_faster_is_advised_in_its_place() -> None:
    both = (
        entry("large", figure(0.08, 0.03)),
        entry("small", figure(0.075, 0.03), figure(0.005, 0.01)),
    )
    faster = chosen(*both, ms={"small": 10.0 / FASTER})
    assert (faster.name, faster.rule) == ("small", "as good and faster")
    assert "2.0 times as fast" in faster.sentences[-1]
    assert chosen(*both, ms={"small": 8.0}).name == "large"  # within what two runs differ by
    unsure = replace(both[1], behind=figure(0.005, 0.02))
    assert chosen(both[0], unsure, ms={"small": 1.0}).name == "large"  # perhaps not as good


def test_over_the_limit_the_next_is_advised_and_if_all_are_none() -> None:
    both = (
        entry("large", figure(0.08, 0.03), figure(-0.02, 0.03)),
        entry("small", figure(0.06, 0.03)),
    )
    found = chosen(*both, ms={"large": 30.0, "small": 5.0}, limit=20)
    assert found.name == "small"
    assert "large is too slow: 60 ms for 95 of 100 texts, and the limit is 20." in found.sentences
    assert not any("Within the noise" in each for each in found.sentences)
    none = chosen(*both, limit=5)
    assert (none.text, none.name) == ("none is fast enough", "TF-IDF")
    assert "No encoder answers within 5 ms here." in none.sentences[0]


def test_chance_is_no_evidence_whatever_the_gain() -> None:
    guessing = replace(entry("lucky", figure(0.05, 0.03)), auc=figure(0.52, 0.05))
    base = replace(BASE, auc=figure(0.5, 0.05))
    found = chosen(entries=(guessing, base))
    assert (found.text, found.rule) == (
        "no evidence that any of them helps", "labels cannot be learned"
    )  # fmt: skip


def test_without_encoders_the_reasons_are_told() -> None:
    found = chosen()
    assert found.text == "none could be loaded"
    assert found.sentences[-1] == "gone could not be tried: No such folder."
