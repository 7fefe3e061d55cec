from __future__ import annotations

import multiprocessing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kb.errors import UsageError
from kb.fit.dataset import Options
from kb.fit.models import BASELINE, ModelFit, fit_models, short_names
from kb.fit.verdict import cannot_tell
from tests.fit_encoders import ENCODERS, feelings
from tests.fit_texts import table

OURS = table(feelings(160, seed=1))


def measured(folder: Path, *models: str, target: Any = OURS, **given: Any) -> ModelFit:
    options = given.pop("options", Options())
    return fit_models(target, models, ENCODERS, folder, options, **given)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("library")


@pytest.fixture(scope="module")
def ranked(folder: Path) -> ModelFit:
    return measured(folder, "words", "knows", "blurred", "missing", "odd", "dying", "folder/knows")


def test_who_knows_most_comes_first_and_words_last(ranked: ModelFit) -> None:
    names = [each.name for each in ranked.entries]
    assert names[0] == "knows"
    assert names[-1] == BASELINE
    assert set(names) == {"knows", "blurred", "words", BASELINE}
    knows, baseline = ranked.entries[0], ranked.entries[-1]
    assert knows.gain is not None
    assert knows.gain.low > 0.02
    assert knows.gain.value == pytest.approx(knows.score.value - baseline.score.value)
    assert (knows.behind, baseline.behind, baseline.gain, baseline.log_me) == (None,) * 4
    assert ranked.verdict.text == "knows is worth its time"
    assert ranked.floor is not None
    assert ranked.floor.value < 0.4  # of macro-F1, half of the labels never said
    assert ranked.rows == 160


def test_differences_have_wider_intervals_where_more_are_compared(
    ranked: ModelFit, folder: Path
) -> None:
    [alone, _] = measured(folder, "knows").entries
    together = ranked.entries[0]
    assert alone.gain is not None
    assert together.gain is not None
    assert alone.gain.value == together.gain.value
    assert alone.gain.high - alone.gain.low < together.gain.high - together.gain.low


def test_the_cheap_estimates_agree_with_the_trained_head_here(ranked: ModelFit) -> None:
    encoders = ranked.entries[:-1]
    scores = [each.score.value for each in encoders]
    assert scores == sorted(scores, reverse=True)
    for estimate in ("log_me", "h_score"):
        values = [getattr(each, estimate) for each in encoders]
        assert values == sorted(values, reverse=True)
    told = "LogME and H-score, which train nothing, put knows first as well."
    assert told in ranked.verdict.sentences


def test_what_cannot_be_tried_is_listed_and_stops_nothing(ranked: ModelFit) -> None:
    assert {each.name: each.reason for each in ranked.failed} == {
        "missing": "missing holds no model.",
        "odd": "TypeError: no tokenizer",
        "dying": "The process that timed it ended with exit code 3; often the memory did not do. "
        "Try a smaller model.",
        "folder/knows": "It has the same files as knows.",
    }
    assert multiprocessing.active_children() == []


def test_each_is_timed_and_weighed(ranked: ModelFit) -> None:
    assert set(ranked.speed) == {each.name for each in ranked.entries}
    assert ranked.speed["knows"].disk_mb == len("knows")
    assert all(0 < s.p50_ms <= s.p95_ms and s.texts_per_second > 0 for s in ranked.speed.values())


def test_the_same_again_is_the_same_to_the_digit(ranked: ModelFit, folder: Path) -> None:
    again = measured(folder / "new", "blurred", "words", "knows")
    assert again.entries == ranked.entries
    assert again.floor == ranked.floor
    other = measured(folder, "knows", options=Options(seed=1))
    assert other.entries[0].score != ranked.entries[0].score


def test_an_encoder_over_the_limit_is_not_advised(folder: Path) -> None:
    few = table(feelings(48, seed=1))
    fast = measured(folder, "slow", "blurred", target=few, latency_ms=20)
    assert fast.speed["slow"].p95_ms > 30
    assert fast.entries[0].name == "slow"
    assert fast.verdict.name != "slow"
    assert any("slow is too slow" in each for each in fast.verdict.sentences)
    none = measured(folder, "slow", target=few, latency_ms=20)
    assert none.verdict.text == "none is fast enough"
    assert "No encoder answers within 20 ms here" in none.verdict.sentences[0]


def test_without_any_encoder_the_baseline_is_still_there(tmp_path: Path) -> None:
    found = measured(tmp_path, "missing")
    assert found.verdict.text == "none could be loaded"
    assert [each.name for each in found.entries] == [BASELINE]
    assert "missing holds no model." in found.verdict.sentences[-1]


# -- it knows what it cannot know ------------------------------------------------------------------


def test_few_texts_and_one_class_get_the_sentences_of_dataset_fit(tmp_path: Path) -> None:
    few = measured(tmp_path, "knows", target=table(feelings(12, seed=2)))
    assert few.verdict.rule == "too few"
    expected = cannot_tell(dict(few.desk.labels), shared=2)
    assert expected is not None
    assert (few.verdict.sentences, few.verdict.would_change, few.verdict.text) == (
        expected.sentences, expected.would_change, expected.text,
    )  # fmt: skip
    assert few.entries == ()
    assert set(few.speed) == {"knows"}  # how fast it is can be told all the same
    one = measured(
        tmp_path, "missing", target=table([(t, "only") for t, _ in feelings(60, seed=2)])
    )
    assert "nothing to tell apart" in one.verdict.sentences[0]


def test_without_labels_only_the_speed_is_told(tmp_path: Path) -> None:
    found = measured(tmp_path, "knows", target=table([(t, None) for t, _ in feelings(60, seed=2)]))
    assert found.verdict.sentences == (
        "The target has no labels, so nothing can be said about which encoder suits it; only how "
        "fast each of them is.",
    )
    assert set(found.speed) == {"knows"}
    assert not list((tmp_path / "fit").glob("*.bin"))  # nothing was embedded for nothing


def test_shuffled_labels_are_told(tmp_path: Path) -> None:
    rows = feelings(160, seed=3)
    labels = np.random.default_rng(0).permutation([label for _, label in rows])
    shuffled = [(text, str(label)) for (text, _), label in zip(rows, labels, strict=True)]
    found = measured(tmp_path, "knows", target=table(shuffled))
    assert found.verdict.rule == "labels cannot be learned"
    assert "by any encoder or by words" in found.verdict.sentences[0]


def test_a_label_that_stands_in_the_text_is_told(tmp_path: Path) -> None:
    rows = [(f"{text} [{label}]", label) for text, label in feelings(120, seed=3)]
    found = measured(tmp_path, "missing", target=table(rows))
    assert found.verdict.rule == "label in the text"
    assert "gives the label" in found.verdict.sentences[0]


def test_texts_that_repeat_and_labels_left_out_do_not_count(tmp_path: Path) -> None:
    rows = [
        *feelings(120, seed=4),
        *feelings(40, seed=4),
        *[(f"so so {i}", "mixed") for i in range(9)],
    ]
    found = measured(tmp_path, "missing", target=table(rows), options=Options({"mixed": ""}))
    assert found.rows == 120
    assert found.labels == ("negative", "positive")
    assert found.notes == ("40 texts of ours.csv repeat another: left out.",)


def test_texts_of_signs_alone_are_compared_too(tmp_path: Path) -> None:
    dice = np.random.default_rng(5)
    rows = [
        ("".join(dice.choice(list(good + "🙃…!?"), 12)), label)
        for good, label in [("🙂🎉", "positive"), ("😡💔", "negative")] * 40
    ]
    found = measured(tmp_path, "missing", target=table(rows))
    assert found.entries[-1].score.value > 0.9


def test_an_unknown_metric_is_told_before_anything_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="rouge"):
        measured(tmp_path, "stops", options=Options(metric="rouge"))


def test_a_stop_leaves_what_was_embedded_and_no_process(tmp_path: Path) -> None:
    many = table(feelings(600, seed=6))
    with pytest.raises(KeyboardInterrupt):
        measured(tmp_path, "stops", target=many)
    assert [file.stat().st_size for file in (tmp_path / "fit").glob("*.bin")] == [256 * (16 + 96)]
    assert multiprocessing.active_children() == []


def test_progress_is_told_for_each(tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    said: list[str] = []
    measured(
        tmp_path, "knows", say=said.append, progress=lambda *step: seen.append(step),
        target=replace(OURS, texts=OURS.texts[:80], labels=OURS.labels[:80]),
    )  # fmt: skip
    assert ("embedding with knows", 80, 80) in seen
    assert [step for step in seen if step[0] == "training"][-1][1:] == (41, 41)
    assert said[0].startswith("Hypothesis: A linear model on the vectors of knows reaches a macro")


def test_names_are_short_where_they_stay_apart() -> None:
    assert short_names(["a/one", "b/two", "b/two"]) == {"a/one": "one", "b/two": "two"}
    assert short_names(["a/one", "b/one"]) == {"a/one": "a/one", "b/one": "b/one"}
    assert short_names([f"x/{BASELINE}"]) == {f"x/{BASELINE}": f"x/{BASELINE}"}
