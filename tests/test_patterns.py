from __future__ import annotations

import pytest

from kb.findings.choices import choices
from kb.findings.gains import effect
from kb.findings.patterns import chains, cues, definitions, name_spans, shape_of
from kb.findings.sentences import sentence_at, sentences
from kb.records import Section


def parts(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]


def test_sentences_end_where_a_reader_ends_them() -> None:
    text = "We follow Doe et al. (2019), e.g. in Fig. 2. It works! See J. Doe.\n\nA heading\n\nEnd"
    assert parts(text) == [
        "We follow Doe et al. (2019), e.g. in Fig. 2.",
        "It works!",
        "See J. Doe.",
        "A heading",
        "End",
    ]


def test_numbers_do_not_end_a_sentence() -> None:
    assert parts("A rate of 0.1 on SQuAD 2.0 is used. Next.") == [
        "A rate of 0.1 on SQuAD 2.0 is used.",
        "Next.",
    ]


def test_references_have_no_sentences() -> None:
    text = "Body one. Body two.\nReferences\nVaswani 2017. Attention."
    cut = text.index("References")
    sections = [Section("", 1, 0, cut), Section("References", 1, cut, len(text), "references")]
    assert [text[s:e] for s, e in sentences(text, sections)] == ["Body one.", "Body two."]


def test_the_sentence_at_an_offset() -> None:
    spans = [(0, 5), (8, 12)]
    assert sentence_at(spans, 4) == (0, 5)
    assert sentence_at(spans, 6) is None
    assert sentence_at(spans, 8) == (8, 12)


@pytest.mark.parametrize(
    ("word", "shape"),
    [
        ("SQuAD", "mixed"),
        ("XNLI", "acronym"),
        ("CNNs", "acronym"),
        ("CIFAR-10", "digits"),
        ("however", ""),
        ("However", ""),
        ("size-M", ""),
    ],
)
def test_shapes_of_names(word: str, shape: str) -> None:
    assert shape_of(word) == shape


def names(text: str) -> list[str]:
    return [text[n.start : n.end] for n in name_spans(text, 0, len(text))]


def test_names_are_found_by_shape() -> None:
    text = "The Foo Sentence Corpus and FooNLI beat BarNet-based ones, says Table 3."
    assert names(text) == ["Foo Sentence Corpus", "FooNLI", "BarNet"]


def test_authors_and_metrics_are_no_names() -> None:
    assert names("As McCann et al. say, the F1 and BLEU of MacDonald (2019) rise.") == []


def test_an_enumeration_is_one_chain() -> None:
    text = "evaluated on FooNLI (Doe, 2020), BarQA and BazBank, unlike QuxNet"
    found = chains(text, name_spans(text, 0, len(text)))
    assert [[text[n.start : n.end] for n in chain] for chain in found] == [
        ["FooNLI", "BarQA", "BazBank"],
        ["QuxNet"],
    ]


@pytest.mark.parametrize(
    ("text", "cue"),
    [
        ("We use the @ dataset.", "data noun"),
        ("the @ (Doe et al., 2013) corpus", "data noun"),
        ("models trained on the @ first", "trained on"),
        ("We fine-tune @ for it", "fine-tune"),
        ("a new model called @", "proposed"),
        ("initialised with @ vectors", "fine-tune"),
        ("the @ encoder", "model noun"),
        ("datasets such as @", "data list"),
        ("we outperform @ clearly", "compared"),
        ("@ is a large corpus", "data is"),
        ("@ outperforms all", "model acts"),
    ],
)
def test_cues_beside_a_name(text: str, cue: str) -> None:
    at = text.index("@")
    whole = text.replace("@", "FooBar")
    assert cue in cues(whole, at, at + 6, (0, len(whole)))


def test_no_cue_where_nothing_is_said() -> None:
    text = "Thanks to FooBar."
    assert cues(text, 10, 16, (0, len(text))) == set()


def test_acronyms_meet_their_long_forms() -> None:
    text = "We use the Stanford Sentiment Treebank (SST) and Foo Bar (see below)."
    assert [(text[slice(*a)], text[slice(*b)]) for a, b in definitions(text, 0, len(text))] == [
        ("Stanford Sentiment Treebank", "SST")
    ]


@pytest.mark.parametrize(
    ("text", "name", "axis", "value"),
    [
        ("We train with a learning rate of 2e-5.", "learning rate", "optimisation", "2e-5"),
        ("a peak learning rate of 1 × 10−4 is used", "learning rate", "optimisation", "1 × 10−4"),
        ("We apply dropout of 0.1 here.", "dropout", "regularisation", "0.1"),
        ("with label smoothing of value 0.1", "label smoothing", "regularisation", "0.1"),
        ("the batch size is set to 32", "batch size", "optimisation", "32"),
        ("with 10,000 warm-up steps", "warm-up", "optimisation", "10,000"),
        ("trained for 3 epochs", "training epochs", "training", "3"),
        ("We use AdamW throughout.", "AdamW", "optimisation", ""),
        ("augmented by back-translation", "back-translation", "augmentation", ""),
        ("we adopt gradual unfreezing", "gradual unfreezing", "transfer", ""),
        ("by temperature scaling", "temperature scaling", "calibration", ""),
        ("an ensemble of five", "ensemble", "ensembling", ""),
        ("class weights are used", "class weights", "sampling", ""),
    ],
)
def test_design_choices_with_their_values(text: str, name: str, axis: str, value: str) -> None:
    found = {hit.choice.name: hit for hit in choices(text, (0, len(text)))}
    assert (found[name].choice.axis, found[name].value) == (axis, value)


def test_a_person_named_adam_and_an_everyday_word_are_no_choice() -> None:
    text = "The adamant author adopts a dropoutish view of lambs."
    assert list(choices(text, (0, len(text)))) == []


@pytest.mark.parametrize(
    ("text", "metric", "gain", "unit", "baseline", "value"),
    [
        ("FooNet outperforms BERT by 1.8 F1 on it.", "F1", 1.8, "points", None, None),
        ("It improves accuracy from 85.2 to 87.0.", "accuracy", 1.8, "", 85.2, 87.0),
        ("accuracy rises from 85.2% to 87.0%, better", "accuracy", 1.8, "%", 85.2, 87.0),
        (
            "We gain 2.5 points in BLEU, an improvement of 2.5 points.",
            "BLEU",
            2.5,
            "points",
            None,
            None,
        ),
        ("Without it, accuracy drops by 3.1%.", "accuracy", -3.1, "%", None, None),
        ("better, including +14.6% average accuracy", "average accuracy", 14.6, "%", None, None),
    ],
)
def test_gains(
    text: str, metric: str, gain: float, unit: str, baseline: float | None, value: float | None
) -> None:
    claim = effect(text, (0, len(text)))
    assert claim is not None
    assert (claim.metric, claim.gain, claim.unit) == (metric, gain, unit)
    assert (claim.baseline, claim.value) == (baseline, value)


def test_a_value_without_a_gain_is_kept_as_a_value() -> None:
    text = "FooNet achieves an accuracy of 85.5% on the test set."
    claim = effect(text, (0, len(text)))
    assert claim is not None
    assert (claim.metric, claim.gain, claim.value, claim.unit) == ("accuracy", None, 85.5, "%")


def test_a_gain_says_over_what() -> None:
    text = "FooNet outperforms BERT by 1.8 F1."
    claim = effect(text, (0, len(text)))
    assert claim is not None
    assert claim.over == "BERT"
    assert text[claim.start : claim.end].strip() == "by 1.8 F1"


@pytest.mark.parametrize(
    "text",
    [
        "We improve by 3 layers.",
        "It was found in 2019.",
        "a range from 1 to 5",
        "grown by 10 epochs",
        "increased with a dropout rate of 10%",
        "outperforming all others by 4-16%",
        "the lower the temperature by 3",
    ],
)
def test_numbers_without_a_metric_are_no_gain(text: str) -> None:
    assert effect(text, (0, len(text))) is None


@pytest.mark.parametrize(
    "piece", ["A", "(", "A-", "Aa ", "Aa and ", "1.", "BERT (", "[", "on the ", "from 1 to "]
)
def test_text_without_end_or_sense_is_read_through(piece: str) -> None:
    text = piece * (60_000 // len(piece))
    spans = sentences(text)
    assert spans[-1][1] == len(text.rstrip())
    for start, end in spans:
        assert all(start <= n.start < n.end <= end for n in name_spans(text, start, end))
        assert list(choices(text, (start, end))) == []
        assert effect(text, (start, end)) is None
        assert list(definitions(text, start, end)) == []
