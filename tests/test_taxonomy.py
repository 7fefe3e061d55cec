from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kb.findings.taxonomy import Axis, axes, cues_in, guess_axis, read_axes

IDS = [
    *("data-collection", "labelling", "cleaning", "augmentation", "sampling", "features"),
    *("representation", "architecture", "loss", "optimisation", "regularisation", "transfer"),
    *("training", "ensembling", "calibration", "retrieval", "evaluation", "deployment"),
]

SENTENCES = {
    "data-collection": (
        "We crawled two years of forum posts and kept the public ones.",
        "More e-mails were collected from the support desk in spring.",
    ),
    "labelling": (
        "Each message was annotated by three colleagues who followed a written guideline.",
        "Labelling functions gave weak supervision for the rest.",
    ),
    "cleaning": (
        "Near-duplicates and messages with mislabelled intent were removed first.",
        "Cleaning the signatures out of the text was worth a point.",
    ),
    "augmentation": (
        "Back-translation through German doubled the number of examples.",
        "We augment each review by swapping in a synonym.",
    ),
    "sampling": (
        "The rare class was oversampled until the two were of equal size.",
        "Hard negatives are drawn anew every thousand steps.",
    ),
    "features": (
        "Tf-idf over bigrams, with a one-hot column for the sender, is all the input there is.",
        "Feature selection left forty of the nine hundred columns.",
    ),
    "representation": (
        "A pretrained multilingual encoder replaces the word embeddings.",
        "The tokenizer was given a vocabulary from our own field.",
    ),
    "architecture": (
        "A bidirectional LSTM with one hidden layer for each language reads the characters.",
        "Residual connections around every convolution let us stack twice as many blocks.",
    ),
    "loss": (
        "Focal loss took the place of cross-entropy.",
        "Class weights in the loss were set by inverse frequency.",
    ),
    "optimisation": (
        "AdamW with a learning rate of 2e-5 and a linear warm-up did best.",
        "A batch size of 256 made the gradient steady.",
    ),
    "regularisation": (
        "Label smoothing of 0.1 and dropout kept it from overfitting.",
        "Early stopping was enough; weight decay changed nothing.",
    ),
    "transfer": (
        "Fine-tuning on a related task first brings two points on the target domain.",
        "Adapters leave the encoder frozen and do as well.",
    ),
    "training": (
        "The model was trained for three epochs in mixed precision.",
        "Training took five random seeds and one GPU.",
    ),
    "ensembling": (
        "An ensemble of five models, by majority vote, adds half a point.",
        "Stacking a random forest over the three scores helped little.",
    ),
    "calibration": (
        "Temperature scaling brought the calibration error down.",
        "We set a decision threshold for each class after the fact.",
    ),
    "retrieval": (
        "The prompt holds five retrieved passages and the question.",
        "Reranking what BM25 returns is where the gain is.",
    ),
    "evaluation": (
        "We report macro F1 on a held-out test set, split by time.",
        "Five-fold cross-validation with a significance test guards against luck.",
    ),
    "deployment": (
        "Quantised to int8, the model answers with half the latency on a CPU.",
        "In production we monitor for drift.",
    ),
}


def test_the_axes_are_those_of_the_workflow_and_whole() -> None:
    assert [axis.id for axis in axes()] == IDS
    for axis in axes():
        assert axis.definition.endswith("."), axis.id
        assert axis.name, axis.id
        assert 3 <= len(axis.examples) <= 6, axis.id
        assert len(axis.strong) >= 5, axis.id
        assert not set(axis.strong) & set(axis.weak), axis.id


def test_no_cue_is_strong_for_two_axes() -> None:
    owners: dict[str, str] = {}
    for axis in axes():
        for cue in axis.strong:
            assert owners.setdefault(cue, axis.id) == axis.id, cue


@pytest.mark.parametrize("axis", IDS)
def test_a_sentence_about_an_axis_is_guessed_as_that_axis(axis: str) -> None:
    for sentence in SENTENCES[axis]:
        guesses = guess_axis(sentence)
        assert guesses, sentence
        assert guesses[0][0] == axis, (sentence, cues_in(sentence))


def test_a_sentence_without_cues_has_no_axis() -> None:
    assert guess_axis("The weather was fine, and everybody went home early.") == []
    assert guess_axis("") == []


def test_scores_are_shares_of_the_weight_found_and_one_more() -> None:
    assert guess_axis("Dropout helped.") == [("regularisation", 0.75)]
    assert guess_axis("Dropout in every layer.") == [
        ("regularisation", 3 / 5),
        ("architecture", 1 / 5),
    ]


def test_the_longest_cue_counts_and_says_why() -> None:
    assert cues_in("Label  smoothing and Dropout; dropout again") == {
        "regularisation": ("Label  smoothing", "Dropout")
    }


def test_cues_are_whole_words() -> None:
    assert guess_axis("The storage of glossy drags.") == []  # rag, loss


def test_a_team_adds_an_axis_and_replaces_one() -> None:
    own = Axis("consent", "Consent", "Who agreed.", "rarely", strong=("consent form",))
    assert guess_axis("Consent-forms were signed.", [own]) == [("consent", 0.75)]
    assert guess_axis("Consent-forms were signed.") == []
    known = next(axis for axis in axes() if axis.id == "loss")
    silent = replace(known, strong=(), weak=())
    assert guess_axis("Focal loss.", [silent]) == []


def test_an_unknown_word_for_retraining_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "axes.toml"
    file.write_text(
        '[[axis]]\nid = "a"\nname = "A"\ndefinition = "B."\nretraining = "maybe"\n'
        "examples = []\nstrong = []\nweak = []\n"
    )
    with pytest.raises(ValueError, match="axis a: retraining is one of"):
        read_axes(file)
