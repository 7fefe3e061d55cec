from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.extraction import (
    GSAP_LINES,
    Counts,
    count,
    exact,
    gsap_papers,
    measure,
    overlapping,
    untokenised,
    words,
)
from kb.findings.learned import dataset_odds, features
from kb.findings.names import names_folder
from kb.findings.patterns import cues, name_spans
from kb.findings.suggest import KnownName, Suggestion, suggest
from kb.records import Section

PAPER = """We present FooBERT, a new language model for letters. FooBERT outperforms BERT-base
by 1.8 F1 on the SST-2 dataset.

Experiments. We fine-tune BERT-large with a learning rate of 2e-5 and AdamW. We evaluate on the
Stanford Sentiment Treebank (SST), on SQuAD 2.0 and on our new BarBank corpus. We set dropout to
0.1. The cars race past the beans. Our encoder is a bidirectional LSTM with attention.

References
Doe. The QuxQA dataset for answers. Trained on QuxQA dataset."""


def by_name(text: str = PAPER, **options: object) -> dict[str, Suggestion]:
    cut = text.find("References")
    sections = [Section("", 1, 0, cut), Section("References", 1, cut, len(text), "references")]
    if cut < 0:
        sections = []
    return {s.name: s for s in suggest(text, sections, **options)}  # type: ignore[arg-type]


def test_every_kind_is_suggested() -> None:
    found = by_name()
    assert {n for n, s in found.items() if s.kind == "dataset"} == {
        "SST-2",
        "SST",
        "SQuAD 2.0",
        "BarBank",
    }
    assert {n for n, s in found.items() if s.kind == "pretrained_model"} == {"FooBERT", "BERT"}
    assert {"learning rate", "AdamW", "dropout", "BiLSTM"} <= {
        n for n, s in found.items() if s.kind == "design_choice"
    }


def test_quotes_are_sentences_of_the_text_that_hold_the_name() -> None:
    for suggestion in by_name().values():
        quote = PAPER[suggestion.start : suggestion.end]
        assert quote == quote.strip()
        assert suggestion.start <= suggestion.mention[0] < suggestion.mention[1] <= suggestion.end
        assert 0.5 <= suggestion.score <= 1


def test_the_references_are_skipped() -> None:
    assert "QuxQA" not in by_name()
    assert "QuxQA" in by_name(PAPER.replace("References", "Data"))


def test_a_setting_brings_its_value_and_axis() -> None:
    rate = by_name()["learning rate"]
    assert (rate.axis, rate.value) == ("optimisation", "2e-5")
    assert by_name()["BiLSTM"].axis == "architecture"


def test_a_claim_comes_with_the_quote_that_makes_it() -> None:
    claim = by_name()["FooBERT"].effect
    assert claim is not None
    assert (claim.metric, claim.gain, claim.over) == ("F1", 1.8, "BERT-base")


def test_why_names_the_list_or_the_pattern() -> None:
    found = by_name()
    assert found["SST-2"].why == "name list (kb)"
    assert found["BarBank"].why == "pattern: data noun"


def test_one_suggestion_for_all_spellings() -> None:
    found = by_name("We train on the SST-2 dataset. Then SST2 again, and SST 2 is a dataset.")
    assert found["SST-2"].mentions == 3
    assert set(found["SST-2"].aliases) == {"SST2", "SST 2"}


def test_everyday_words_count_only_beside_a_cue() -> None:
    assert "RACE" not in by_name("RACE stood on the wall in capitals.")
    assert "RACE" in by_name("We evaluate on the RACE dataset.")
    assert by_name("The cars race past the beans near the arc.") == {}


def test_the_teams_own_names_win() -> None:
    ours = KnownName("Letters 2026", "dataset", aliases=("post office letters",))
    found = by_name("We look at post office letters.", known=[ours])
    assert found["Letters 2026"].why == "name list (team)"


def test_a_row_of_figures_is_no_quote() -> None:
    row = "XNLI 80.1 81.2 83.3 84.4 85.5 86.6 87.7 88.8 89.9 dataset."
    text = row + "\n\nThe XNLI dataset is in use here."
    found = by_name(text)["XNLI"]
    assert text[found.start : found.end] == "The XNLI dataset is in use here."


def test_one_name_is_suggested_once_for_each_kind() -> None:
    text = (
        "Memory Networks (FooMems) are models. A FooMem model and FooMems models. Memory network."
    )
    kinds = [(s.kind, s.name.lower()) for s in suggest(text)]
    assert len(kinds) == len(set(kinds)) > 0


def test_an_acronym_of_a_task_is_no_dataset() -> None:
    said = "We evaluate on {} (FND) here. Results on the FND task. Trained on the FND data."
    assert "FND" in by_name(said.format("Foo News Dialogues"))
    assert "FND" not in by_name(said.format("Foo News Detection"))


def test_the_learned_head_tells_data_from_models() -> None:
    def odds(text: str) -> float:
        sentence = (0, len(text))
        (name,) = name_spans(text, *sentence)
        seen = features(text, name, sentence, cues(text, name.start, name.end, sentence))
        return dataset_odds(seen)

    assert odds("We evaluate on the FooQA dataset for reading.") > 0
    assert odds("Our model, called FooNet, outperforms others.") < 0
    assert odds("trained on the FooNLI corpus") > odds("we propose FooNLI to learn")


def test_the_learned_head_is_small_and_tells_its_licence() -> None:
    folder = names_folder() / "learned"
    assert (folder / "head.json").stat().st_size < 100_000
    assert "Apache-2.0" in (folder / "README.md").read_text(encoding="utf-8")


def test_the_limit_keeps_the_surest() -> None:
    everything = suggest(PAPER)
    assert suggest(PAPER, limit=3) == everything[:3]
    assert [s.score for s in everything] == sorted((s.score for s in everything), reverse=True)


@pytest.mark.parametrize("piece", ["BERT, ", "FooNLI dataset and ", "A (B (", "(Foo (a, b), "])
def test_an_endless_enumeration_is_read_through(piece: str) -> None:
    names = [s.name for s in suggest(piece * (60_000 // len(piece)))]
    assert len(names) == len(set(names)) <= 2


def test_an_empty_text_suggests_nothing() -> None:
    assert suggest("") == []


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet=st.sampled_from("aB2 .\n-(),BERTSQuADé‑ﬁİ"), max_size=400))
def test_offsets_always_stand_in_the_text(text: str) -> None:
    for suggestion in suggest(text):
        assert 0 <= suggestion.start <= suggestion.mention[0]
        assert suggestion.mention[1] <= suggestion.end <= len(text)
        assert text[slice(*suggestion.mention)].strip()


# ── how it is measured ─────────────────────────────────────────────────────────────────────────


def test_names_are_compared_by_their_words() -> None:
    assert words("the SQuAD 2.0's") == ("squad", "2", "0")
    assert exact(words("SST2"), words("SST-2"))
    assert overlapping(words("SQuAD"), words("SQuAD v2"))
    assert not overlapping(words("NLI"), words("XNLI"))


def test_counting() -> None:
    counts = Counts()
    count(suggest("We train on the SST-2 dataset."), ["SST2", "XNLI"], exact, counts)
    assert counts == Counts(right=1, suggested=1, found=1, gold=2)
    assert counts.figures() == (1.0, 0.5, pytest.approx(2 / 3))


def test_tokens_are_joined_as_printed() -> None:
    assert untokenised("pre - trained models ( CNNs ) , too .") == "pre-trained models (CNNs), too."


def test_the_floor_holds_on_annotated_papers(shared: Path) -> None:
    result = measure(gsap_papers(shared), GSAP_LINES)
    assert result.overlap["datasets"].figures()[2] > 0.70
    assert result.overlap["models and architectures"].figures()[2] > 0.65
    assert result.top.right / result.top.suggested > 0.8


def test_gold_names_are_read(shared: Path) -> None:
    papers = gsap_papers(shared)
    with gzip.open(shared / "extraction/gsap_ner/share_folds_0-1.jsonl.gz", "rt") as lines:
        ids = {json.loads(line)["id"].split(".txt")[0] for line in lines}
    assert {p.name for p in papers} == ids
    assert len(papers) == 20
