from __future__ import annotations

import json
from pathlib import Path

import pytest

from kb.findings.names import (
    KnownName,
    NameMatcher,
    key,
    listed_matcher,
    listed_names,
    matched,
    names_folder,
    overlaps,
    read_names,
)


def found(text: str) -> list[tuple[str, str]]:
    return [(text[h.start : h.end], h.known.name) for h in listed_matcher().find(text)]


@pytest.mark.parametrize("spelling", ["SST-2", "SST2", "SST 2", "SST‑2", "SST-\n2"])
def test_a_name_is_found_in_any_spelling(spelling: str) -> None:
    assert found(f"We train on {spelling} first.") == [(spelling, "SST-2")]


def test_a_name_hyphenated_at_a_line_end_is_found() -> None:
    assert found("We fine-tune Ro-\nBERTa here.") == [("Ro-\nBERTa", "RoBERTa")]


def test_a_long_form_leads_to_the_usual_name() -> None:
    text = "the Stanford Sentiment Treebank is used"
    assert found(text) == [("Stanford Sentiment Treebank", "SST")]


def test_letters_of_neighbouring_words_make_no_name() -> None:
    assert found("what we look at is shown") == []
    assert found("as a gateway. Mr Smith") == []


def test_marks_between_letters_part_names() -> None:
    assert found("say YES/NO to C.4 and to the Human eval column") == []
    assert found("CNN/Daily Mail and SQuAD 2.0") == [
        ("CNN/Daily Mail", "CNN/Daily Mail"),
        ("SQuAD 2.0", "SQuAD 2.0"),
    ]


def test_an_acronym_keeps_its_case() -> None:
    assert found("they race to drop the arc of glue") == []
    assert [name for _, name in found("results on RACE")] == ["RACE"]


def test_an_everyday_word_is_not_certain() -> None:
    hits = {h.known.name: h.certain for h in listed_matcher().find("GLUE and SQuAD and XNLI")}
    assert hits == {"GLUE": False, "SQuAD": True, "XNLI": True}


def test_the_size_of_a_model_belongs_to_its_mention() -> None:
    assert found("BERT-base, BERT Large and BERTLARGE") == [
        ("BERT-base", "BERT"),
        ("BERT Large", "BERT"),
        ("BERTLARGE", "BERT"),
    ]


def test_the_longest_name_wins() -> None:
    assert [name for _, name in found("XLM-RoBERTa beats RoBERTa")] == ["XLM-R", "RoBERTa"]


def test_a_word_that_goes_on_is_another_word() -> None:
    assert found("BERTology and unBERT") == []


def test_team_names_win_over_lists() -> None:
    ours = KnownName("SQuAD, our copy", "dataset", aliases=("SQuAD",))
    text = "Trained on SQuAD and XNLI."
    assert [h.known.name for h in matched(text, [ours])] == ["SQuAD, our copy", "XNLI"]


def test_offsets_hold_where_lower_case_is_longer() -> None:
    text = "İİİ we use SQuAD"
    (hit,) = listed_matcher().find(text)
    assert text[hit.start : hit.end] == "SQuAD"


def test_an_empty_list_finds_nothing() -> None:
    assert NameMatcher([]).find("SQuAD") == []


def test_every_list_names_its_source_and_stays_small() -> None:
    paths = list(names_folder().glob("*.json"))
    assert {"common", "mteb", "transformers", "timm"} <= {p.stem for p in paths}
    for path in paths:
        assert path.stat().st_size < 400_000, path.name
        source = json.loads(path.read_text(encoding="utf-8"))["source"]
        assert source["package"], path.name
        assert source["licence"], path.name


def test_what_a_package_states_is_kept() -> None:
    by_key = {(n.source, key(n.name)): n for n in listed_names()}
    model = by_key["mteb", key("bge-small-en-v1.5")]
    assert (model.kind, model.licence, model.parameters) == ("pretrained_model", "mit", 33_400_000)


def test_own_list_comes_first(tmp_path: Path) -> None:
    for stem in ("a", "common"):
        rows = {"source": {"package": stem}, "names": [{"name": stem, "kind": "dataset"}]}
        (tmp_path / f"{stem}.json").write_text(json.dumps(rows), encoding="utf-8")
    assert [n.name for n in read_names(tmp_path)] == ["common", "a"]


@pytest.mark.parametrize(
    ("start", "end", "shared"),
    [(0, 2, False), (0, 3, True), (4, 9, True), (5, 8, False), (9, 12, True)],
)
def test_spans_overlap_where_they_share_a_place(start: int, end: int, shared: bool) -> None:
    assert overlaps([(2, 5), (8, 10)], start, end) is shared
