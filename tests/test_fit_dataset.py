from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from kb.errors import UsageError
from kb.fit.dataset import DatasetFit, Options, fit_dataset
from kb.fit.desk import map_labels
from kb.fit.distance import measure_distance
from kb.fit.leakage import find_copies, given_away
from kb.fit.many import rank_sources
from kb.fit.tables import Table
from kb.fit.vectors import VectorCache
from tests.fit_texts import ENCODER, MAILS, MOVIES, WordEmbedder, sentences, table

Rows = list[tuple[str, str | None]]


@pytest.fixture
def measure(tmp_path: Path):
    def call(source: Table, target: Table, **options: object) -> DatasetFit:
        cache = VectorCache(tmp_path, WordEmbedder())
        return fit_dataset(source, target, cache, ENCODER, Options(**options))  # type: ignore[arg-type]

    return call


def movies(count: int = 300, seed: int = 1, clear: float = 0.85) -> Table:
    return table(sentences(count, MOVIES, seed=seed, clear=clear), "reviews.csv")


def mails(count: int = 150, seed: int = 2, clear: float = 0.85) -> Table:
    return table(sentences(count, MAILS, seed=seed, clear=clear))


def relabelled(rows: Rows, change: dict[str, str]) -> Rows:
    return [(text, change[str(label)]) for text, label in rows]


def shuffled(rows: Rows, seed: int = 3) -> Rows:
    labels = [label for _, label in rows]
    random.Random(seed).shuffle(labels)
    return [(text, label) for (text, _), label in zip(rows, labels, strict=True)]


# -- what it measures ------------------------------------------------------------------------------


def test_a_source_that_says_the_same_helps_and_the_hypothesis_comes_first(tmp_path: Path) -> None:
    said: list[str] = []
    cache = VectorCache(tmp_path, WordEmbedder())
    found = fit_dataset(movies(), mails(), cache, ENCODER, say=said.append)
    assert found.verdict.kind in {"helps", "helps until"}
    assert said == [f"Hypothesis: {found.hypothesis}"]
    assert found.hypothesis == (
        "Training on reviews.csv beside our own labels raises macro-F1 on ours.csv by at least "
        "0.02."
    )
    assert found.transfer is not None
    none, *_, last = found.transfer.points
    assert none.labels == 0
    assert none.both.low > none.target.high  # the source alone beats the commonest label
    assert last.labels == 120
    for point in found.transfer.points:
        for figure in (point.target, point.both, point.gain):
            assert figure.low <= figure.value <= figure.high
        assert point.band[0] <= point.gain.value <= point.band[1]
    assert sum(map(sum, found.transfer.confusion)) == pytest.approx(150, abs=0.1)
    assert [error.label != error.said for error in found.transfer.errors].count(False) == 0
    assert [each.rows for each in found.transfer.classes] == [
        mails().counts[each.label] for each in found.transfer.classes
    ]


def test_the_same_seed_gives_the_same_digits_from_another_cache(tmp_path: Path) -> None:
    reports = []
    for folder, seed in (("a", 0), ("b", 0), ("a", 1)):
        cache = VectorCache(tmp_path / folder, WordEmbedder())
        found = fit_dataset(movies(), mails(), cache, ENCODER, Options(seed=seed)).as_dict()
        del found["seconds"]
        reports.append(found)
    assert reports[0] == reports[1]
    assert reports[0]["transfer"] != reports[2]["transfer"]


@pytest.mark.parametrize("metric", ["accuracy", "AUC", "F1:negative", "balanced-accuracy"])
def test_the_metric_can_be_chosen(measure, metric: str) -> None:
    found = measure(movies(200), mails(80), metric=metric)
    assert found.transfer.metric == metric
    assert found.transfer.ceiling.value > 0.5
    with pytest.raises(UsageError, match="no metric that is known here"):
        measure(movies(200), mails(80), metric="BLEU")


def test_a_source_whose_labels_mean_the_opposite_hurts(measure) -> None:
    opposite = table(
        relabelled(sentences(300, MOVIES, seed=1),
                   {"positive": "negative", "negative": "positive"}), "opposite.csv"
    )  # fmt: skip
    found = measure(opposite, mails())
    assert found.verdict.text == "hurts"
    assert "−" in found.verdict.sentences[0]


def test_rows_that_stand_in_the_target_teach_nothing_about_it(measure) -> None:
    ours = sentences(150, MAILS, seed=2)
    copied = [(text.upper() + " !", label) for text, label in ours[:60]]
    found = measure(table([*sentences(300, MOVIES, seed=1), *copied], "r.csv"), table(ours))
    assert found.leakage.across_exact == 60
    assert found.leakage.source_removed == 60
    assert found.transfer.source_rows == 300


def test_a_column_that_holds_no_labels_is_asked_about(measure) -> None:
    free = table([(text, text) for text, _ in sentences(300, MAILS, seed=2)])
    with pytest.raises(UsageError, match=r"of 300 kinds.*Is that the column of labels"):
        measure(movies(50), free)


# -- what it cannot know ---------------------------------------------------------------------------


def test_shuffled_labels_of_the_target_are_no_evidence(measure) -> None:
    for seed in (3, 4):
        found = measure(movies(), table(shuffled(sentences(150, MAILS, seed=2), seed)))
        assert found.verdict.kind == "no evidence"
        assert "cannot be told from its texts better than by chance" in found.verdict.sentences[0]


def test_shuffled_labels_of_the_source_never_help(measure) -> None:
    for seed in (3, 4):
        source = table(shuffled(sentences(300, MOVIES, seed=1), seed), "shuffled.csv")
        found = measure(source, mails())
        assert found.verdict.kind not in {"helps", "helps until"}


def test_twelve_rows_are_too_few(measure) -> None:
    found = measure(movies(200), mails(12))
    assert found.verdict.text.startswith("needs about ")
    assert "The target has 12 labelled texts" in found.verdict.sentences[0]
    assert found.transfer is None
    assert found.distance.rows == 12


def test_one_class_cannot_be_told_apart(measure) -> None:
    one = [(text, "negative") for text, _ in sentences(100, MAILS, seed=2)]
    found = measure(movies(200), table(one))
    assert "have the one label “negative”" in found.verdict.sentences[0]
    assert found.verdict.kind == "needs labels"


def test_a_target_without_labels_is_compared_by_its_texts(measure) -> None:
    bare = table([(text, None) for text, _ in sentences(100, MAILS, seed=2)])
    found = measure(movies(200), bare)
    assert found.verdict.text == "needs about 200 more labels to tell"
    assert "The target has no labels" in found.verdict.sentences[0]
    assert found.distance.auc.value > 0.9


@pytest.mark.parametrize("which", ["source", "target"])
def test_a_label_in_the_text_is_found_and_nothing_concluded(measure, which: str) -> None:
    rows = sentences(200, MOVIES if which == "source" else MAILS, seed=1)
    leaking = table([(f"{text} __label__{label}", label) for text, label in rows], "leaking.csv")
    found = measure(leaking, mails()) if which == "source" else measure(movies(300), leaking)
    assert found.verdict.rule == "label in the text"
    assert f"In the {which} the word “__label__" in found.verdict.sentences[0]
    assert found.transfer is None


def test_an_honest_word_is_no_leak() -> None:
    texts, labels = zip(*sentences(400, MAILS, seed=1, clear=0.95), strict=True)
    assert given_away(texts, labels) is None


# -- the desk --------------------------------------------------------------------------------------


def test_labels_are_mapped_and_what_is_not_is_named(measure) -> None:
    theirs = relabelled(sentences(300, MOVIES, seed=1), {"positive": "5", "negative": "NEGATIVE"})
    theirs += [(text, "neutral") for text, _ in sentences(20, MOVIES, seed=9)]
    found = measure(table(theirs, "reviews.csv"), mails(), mapping={"5": "positive"})
    assert found.desk.mapping == (("5", "positive"), ("NEGATIVE", "negative"))
    assert found.desk.unmapped == (("neutral", 20),)
    assert any("does not have: “neutral” (20)" in each for each in found.desk.sentences)
    assert found.transfer.source_rows == 300


def test_a_label_can_be_left_out_of_both_sets() -> None:
    rows = [("a", "neutral"), ("b", "good"), ("c", "bad"), ("d", None)]
    found = map_labels(table(rows, "s"), table(rows), {"neutral": "", "lovely": "good"})
    assert found.source == found.target == (None, "good", "bad", None)
    assert found.notes == ("--map lovely: neither set has that label.",)


GERMAN = (
    "Das Paket ist leider beschädigt angekommen und niemand antwortet auf meine Fragen.",
    "Ich warte seit drei Wochen auf die Rückerstattung und bekomme keine Auskunft von Ihnen.",
    "Vielen Dank für die schnelle Lieferung, ich bin sehr zufrieden mit dem neuen Gerät.",
    "Die Verkäuferin war freundlich, aber der Schrank passt nicht durch unsere Haustür.",
    "Können Sie mir bitte sagen, wann die Rechnung für den letzten Monat verschickt wird?",
    "Wir haben zweimal angerufen und wurden jedes Mal nach einer halben Stunde getrennt.",
    "Der Akku hält nur noch wenige Stunden, obwohl das Telefon erst ein Jahr alt ist.",
    "Bitte kündigen Sie meinen Vertrag zum Ende des Jahres und bestätigen Sie das schriftlich.",
)
ENGLISH = (
    "The parcel came broken and nobody has answered any of my questions about it.",
    "I have been waiting three weeks for the refund and cannot get through to anyone.",
    "Thank you for the quick delivery, I am very happy with the new machine.",
    "The woman in the shop was friendly, but the wardrobe does not fit through our door.",
    "Could you please tell me when the invoice for last month is going to be sent?",
    "We called twice and were cut off after half an hour each time.",
    "The battery only lasts a few hours although the phone is just one year old.",
    "Please cancel my contract at the end of the year and confirm this in writing.",
)


def test_strangers_and_other_languages_and_balances_are_told(measure) -> None:
    german = [(f"{GERMAN[i % 8]} {i}", "good" if i < 10 else "bad") for i in range(100)]
    english = [(f"{ENGLISH[i % 8]} {i}", "good" if i < 90 else "bad") for i in range(100)]
    found = measure(table(german, "s.csv"), table(english), facts={})
    told = " ".join(found.desk.sentences)
    assert "s.csv seems to be in German, ours.csv in English." in told
    assert "“good” is 10% of the source and 90% of the target: the balance differs." in told
    assert "The finding states no licence" in told
    strangers = measure(table([(a, "x") for a, _ in german], "s.csv"), mails())
    assert strangers.verdict.rule == "no shared label"


# -- distance and copies ---------------------------------------------------------------------------


def vectors(rows: Rows) -> np.ndarray:
    return WordEmbedder().embed_documents([text for text, _ in rows])


def test_two_samples_of_one_set_are_near_and_two_domains_far() -> None:
    first, second = sentences(300, MAILS, seed=1), sentences(300, MAILS, seed=2)
    far = sentences(300, MOVIES, seed=3)
    texts = [[text for text, _ in rows] for rows in (first, second, far)]
    near = measure_distance((texts[0], texts[1]), (vectors(first), vectors(second)))
    apart = measure_distance((texts[2], texts[1]), (vectors(far), vectors(second)))
    assert near.auc.low < 0.5 < near.auc.high
    assert near.mmd.p > 0.05
    assert near.mmd.value.low < 0 < near.mmd.value.high
    assert near.neighbours.low < 0.5 < near.neighbours.high
    assert near.vocabulary.value == 1.0
    assert apart.auc.low > 0.99
    assert apart.a_distance.value > 1.8
    assert apart.mmd.p == pytest.approx(1 / 501)
    assert apart.mmd.value.low > near.mmd.value.high
    assert apart.neighbours.high < 0.1
    assert apart.vocabulary.value < 0.7
    strongest = {each.word for each in apart.words if each.z > 5}
    assert strongest
    assert strongest <= set(MAILS)
    assert all(any(word in MAILS for word in text.split()) for text in apart.most_target)
    assert sum(map(sum, apart.map.source_density)) == 300


def test_copies_are_counted_by_what_they_are() -> None:
    one = "the invoice for my order number seven never came and the agent was rude"
    near = "the invoice for my order number seven never came and the agent was so rude"
    source = [one, "a plot without a story", "A plot, without a story!"]
    target = [one.upper(), near, "delivery was quick", "delivery was quick", "login is broken"]
    embedder = WordEmbedder()
    pair = embedder.embed_documents(source), embedder.embed_documents([t.lower() for t in target])
    found = find_copies(source, target, pair, ([None] * 3, [None] * 5))
    assert found.leakage.across_exact == 1
    assert found.leakage.across_near == 1
    assert (found.leakage.source_repeated, found.leakage.target_repeated) == (1, 1)
    assert found.leakage.source_removed == 1
    assert found.leakage.target_near == 1
    assert found.source.tolist() == [True, False, True]
    assert found.target.tolist() == [False, False, False, True, False]
    assert found.leakage.pairs[0].first == near


# -- many ------------------------------------------------------------------------------------------


def test_sources_are_ranked_and_the_best_are_mixed(measure) -> None:
    good = table(sentences(300, MAILS, seed=7), "good.csv")
    bad = table(
        relabelled(sentences(300, MOVIES, seed=1),
                   {"positive": "negative", "negative": "positive"}), "bad.csv"
    )  # fmt: skip
    strange = table([(text, "x") for text, _ in sentences(50, MOVIES, seed=5)], "strange.csv")
    ours = mails(100)
    ranking, singles = rank_sources([bad, strange, good], lambda source: measure(source, ours))
    assert [each.source for each in singles] == ["bad.csv", "strange.csv", "good.csv"]
    assert ranking.places[0].source in {"good.csv", "bad.csv + good.csv"}
    assert ranking.places[-1].source == "strange.csv"
    assert ranking.places[-1].gain is None
    assert [each.rank for each in ranking.places] == [1, 2, 3, 4]
    assert ranking.labels == 80
    assert any("The best mixture" in sentence for sentence in ranking.sentences)
    with pytest.raises(UsageError, match="same file"):
        rank_sources([good, good], lambda source: measure(source, ours))
