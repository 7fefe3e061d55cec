from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from ingest.pipeline import ingest
from ingest.source import Options
from kb.cli.findings import suggest as cli
from kb.config import Config
from kb.errors import ModelError, UsageError
from kb.findings.choice_names import choice_name
from kb.findings.feedback import FEWEST, head_for, reader_for, refit
from kb.findings.names import names_folder
from kb.findings.said import is_row, said_odds, tells_of_others
from kb.findings.sentence_head import (
    Reading,
    SentenceHead,
    SentenceReader,
    fit,
    read_head,
    sentence_vectors,
    shipped_head,
)
from kb.findings.suggest import Suggestion, suggest
from kb.findings.taxonomy import Axis, axes
from kb.findings.workbench import Workbench
from kb.knowledge_base import Engine, KnowledgeBase
from kb.search.embed import Embedder
from kb.store import Store
from kb.store.suggestions import Proposal
from tests.conftest import FakeEmbedder

OWN = names_folder() / "learned"


def small_head(revision: str = "1") -> SentenceHead:
    """On the fake encoder: "loss" speaks for a choice on the axis loss, "cat" against a choice."""
    loss, cat = FakeEmbedder.WORDS.index("loss"), FakeEmbedder.WORDS.index("cat")
    weights = np.zeros(FakeEmbedder.dimension + 1)
    weights[loss], weights[cat] = 6.0, -6.0
    on_loss, on_data = np.zeros_like(weights), np.zeros_like(weights)
    on_loss[loss], on_data[loss] = 4.0, -4.0
    return SentenceHead(revision, weights, {"loss": on_loss, "data-collection": on_data})


@pytest.fixture
def shipped(monkeypatch: pytest.MonkeyPatch) -> SentenceHead:
    """The small head in place of the one that comes with kb."""
    head = small_head()
    monkeypatch.setattr("kb.findings.feedback.shipped_head", lambda: head)
    monkeypatch.setattr("kb.findings.sentence_head.shipped_head", lambda: head)
    return head


# ── the head ───────────────────────────────────────────────────────────────────────────────────


def test_a_head_is_written_and_read_again() -> None:
    head = small_head()
    again = read_head(head.as_json())
    assert again.revision == "1"
    assert np.array_equal(again.choice, head.choice)
    assert list(again.axes) == ["loss", "data-collection"]
    assert np.array_equal(again.axes["loss"], head.axes["loss"])


def test_the_shipped_head_knows_all_axes_and_is_small() -> None:
    head = shipped_head()
    assert list(head.axes) == [axis.id for axis in axes()]
    assert {len(weights) for weights in (head.choice, *head.axes.values())} == {385}
    assert (OWN / "sentence_head.json").stat().st_size < 100_000


def test_the_training_sentences_are_each_once_and_cover_every_axis() -> None:
    lines = (OWN / "sentences.txt").read_text(encoding="utf-8").splitlines()
    sentences = [line for line in lines if line and line[0] not in "#["]
    assert len(sentences) == len(set(sentences)) > 900
    headings = [line[1:-1] for line in lines if line.startswith("[")]
    assert sorted(headings) == sorted([*(axis.id for axis in axes()), "none"])


def test_a_fit_follows_its_examples_and_its_prior() -> None:
    vectors = np.eye(3, dtype=np.float32)
    free = fit(vectors, [True, False, False], penalty=0.1)
    odds = np.hstack([vectors, np.ones((3, 1))]) @ free
    assert odds[0] > 0 > odds[1]
    prior = np.array([-5.0, 5.0, 0.0, 0.0])
    held = fit(vectors, [True, False, False], penalty=1000.0, prior=prior)
    assert np.abs(held - prior).max() < 0.01


def test_a_fit_from_a_prior_that_is_sure_of_the_contrary_stays_finite() -> None:
    vectors = np.eye(3, dtype=np.float32)
    found = fit(vectors, [True, True, True], penalty=0.01, prior=np.full(4, -300.0))
    assert np.isfinite(found).all()


def test_examples_weigh_what_they_are_given() -> None:
    vectors = np.ones((2, 1), dtype=np.float32)
    more_true = fit(vectors, [True, False], penalty=0.1, weights=[3.0, 1.0])
    assert more_true.sum() > 0


def test_sentences_are_cut_to_what_the_encoder_takes(embedder: FakeEmbedder) -> None:
    long = "loss " * 100
    vectors = sentence_vectors(embedder, [long, "a  cat\n sat \ud800"])
    assert vectors.shape == (2, embedder.dimension)


def test_axes_are_ranked_by_head_and_cues_together() -> None:
    unsure = Reading(1.0, {"loss": -1.0, "optimisation": -1.0})
    ranked = unsure.best_axes("We use a learning rate of 0.1.")
    assert ranked[0][0] == "optimisation"
    assert sum(share for _, share in ranked) == pytest.approx(1)
    own = Axis("consent", "Consent", "Who agreed.", "never", strong=("consent form",))
    assert unsure.best_axes("The consent forms were signed.", [own])[0][0] == "consent"


def test_nothing_is_asked_of_the_encoder_for_no_sentences() -> None:
    assert SentenceReader(small_head(), FakeEmbedder()).read([]) == []


# ── which head ─────────────────────────────────────────────────────────────────────────────────


def test_another_encoder_has_no_head(embedder: FakeEmbedder) -> None:
    assert reader_for("", embedder) is None
    assert head_for("", shipped_head().revision) is shipped_head()


def test_a_librarys_own_head_comes_first_and_a_broken_one_is_passed_over(
    shipped: SentenceHead,
) -> None:
    own = replace(small_head(), choice=np.ones(FakeEmbedder.dimension + 1))
    found = head_for(own.as_json(), "1")
    assert found is not None
    assert np.array_equal(found.choice, own.choice)
    assert head_for("{}", "1") is shipped
    assert head_for("no JSON", "1") is shipped
    assert head_for(replace(own, revision="2").as_json(), "1") is shipped


# ── suggestions ────────────────────────────────────────────────────────────────────────────────

LETTERS = """We present a model for letters. We use a ranked list of greetings for all letters.
We set dropout to 0.1 in every layer of the model. Doe et al. (2019) used dropout in their model.
The LSTM is described elsewhere in much detail. We train a bidirectional LSTM on our letters."""


def reading(favoured: Sequence[str]) -> object:
    def read(texts: Sequence[str]) -> list[Reading]:
        return [
            Reading(2.5 if any(f in text for f in favoured) else -4.0, {"features": -0.1})
            for text in texts
        ]

    return read


def choices_of(read: object) -> dict[str, Suggestion]:
    found = suggest(LETTERS, read=read)  # type: ignore[arg-type]
    return {s.name: s for s in found if s.kind == "design_choice"}


def test_the_head_adds_choices_in_the_papers_own_words() -> None:
    added = choices_of(reading(["greetings"]))["ranked list of greetings"]
    assert (added.why, added.axis) == ("learned", "features")
    assert LETTERS[slice(*added.mention)].endswith("ranked list of greetings")
    assert "ranked list of greetings" not in choices_of(None)


def test_the_head_turns_down_sentences_that_state_nothing() -> None:
    assert "dropout" in choices_of(None)
    assert "dropout" in choices_of(reading(["We set dropout"]))
    assert "dropout" not in choices_of(reading([]))


def test_the_head_chooses_the_sentence_for_an_architecture() -> None:
    found = choices_of(reading(["We train"]))["BiLSTM"]
    assert LETTERS[found.start : found.end].startswith("We train")


def test_an_architecture_named_in_passing_sinks_but_stays() -> None:
    found = choices_of(reading([]))
    assert found["LSTM"].score < choices_of(None)["LSTM"].score
    assert found["LSTM"].score >= 0.5


@pytest.mark.parametrize(
    ("sentence", "others"),
    [
        ("Doe et al. (2019) used dropout.", True),
        ("Doe and Roe [4] also propose a gate.", True),
        ("Recent studies use gates.", True),
        ("Gates have been shown to help.", True),
        ("We use gates (Doe et al., 2019) in every layer.", False),
        ("Following Doe and Roe (2019), we use gates.", False),
    ],
)
def test_it_is_seen_whose_work_a_sentence_tells_of(sentence: str, others: bool) -> None:
    whole = (0, len(sentence))
    assert tells_of_others(sentence, whole) == others
    less = said_odds(sentence, whole, 0.0) - said_odds(sentence, whole, 1.0)
    assert less == pytest.approx(-1)


@pytest.mark.parametrize(
    ("sentence", "row"),
    [
        ("LSTM 81.2 GRU 82.4 CNN 79.9 Ours 85.0", True),
        ("Table 3: The results of all models.", True),
        ("Letters: Sorting Networks", True),
        ("We sort 12 letters by 3 rules in 2 steps of the model.", False),
    ],
)
def test_rows_titles_and_captions_are_no_statements(sentence: str, row: bool) -> None:
    assert is_row(sentence) == row


@pytest.mark.parametrize(
    ("sentence", "name"),
    [
        ("We use a ranked list of greetings (RLG) for all letters.", "ranked list of greetings"),
        ("In all runs, we freeze the lower layers of it.", "freeze lower layers of it"),
        ("Here the size of the window is set to 10 words.", "size of the window"),
        ("Before that, duplicate letters were removed by hand.", "removed duplicate letters"),
        ("We then use two layers of 1,024 units.", "layers of 1,024 units"),
        ("We follow Doe et al. (2015) and think.", None),
        ("We use the same model for the experiments.", None),
        ("We use the public corpus of letters.", None),
        ("The sky over the town is blue and wide.", None),
        ("", None),
    ],
)
def test_choices_are_called_as_the_sentence_calls_them(sentence: str, name: str | None) -> None:
    found = choice_name(sentence, (0, len(sentence)))
    assert (found[0] if found else None) == name


@pytest.mark.model
def test_the_real_head_tells_choices_from_other_sentences(real_embedder: Embedder) -> None:
    reader = reader_for("", real_embedder)
    assert reader is not None
    stated = "We pad every batch to its longest sequence and use eight warm starts."
    other = "The history of postal services goes back several centuries."
    first, second = reader.read([stated, other])
    assert first.odds > 0 > second.odds
    assert first.best_axes("We use a larger learning rate for the head.")[0][0] == "optimisation"


# ── refitting ──────────────────────────────────────────────────────────────────────────────────


TAKEN_UP = [f"We sort the data of letter number {n} by hand." for n in range(12)]
TURNED_DOWN = [f"We saw the dog of house number {n} on the way." for n in range(12)]


@pytest.fixture
def kb(knowledge_base: KnowledgeBase, tmp_path: Path, shipped: SentenceHead) -> KnowledgeBase:
    """A note in a library whose head knows nothing of data and dogs."""
    note = tmp_path / "letters.md"
    note.write_text("# Letters\n\n" + "\n\n".join([*TAKEN_UP, *TURNED_DOWN]), encoding="utf-8")
    ingest(knowledge_base, [str(note)], Options())
    return knowledge_base


def decide(
    kb: KnowledgeBase, taken_up: int, turned_down: int, axis: str = "data-collection"
) -> None:
    """Tag the first sentences about data, and reject suggestions of those about dogs."""
    (document,) = kb.store.documents.all()
    for number, quote in enumerate(TAKEN_UP[:taken_up]):
        kb.workbench.tag(
            document.key, "design_choice", f"Sort {number}", quote=quote, fields={"axis": axis}
        )
    text = kb.version_of(document.key).text
    proposals = [
        Proposal("design_choice", quote, text.index(quote), text.index(quote) + len(quote), 0.9, "")
        for quote in TURNED_DOWN[:turned_down]
    ]
    kb.store.suggestions.replace(document.id, document.version_id, proposals)
    for each in kb.store.suggestions.of_document(document.id):
        kb.workbench.reject(each.id)


def odds(kb: KnowledgeBase, sentence: str) -> float:
    reader = reader_for(kb.store.suggestions.head(), kb.embedder())
    assert reader is not None
    return reader.read([sentence])[0].odds


def test_decisions_move_the_head_and_reset_moves_it_back(kb: KnowledgeBase) -> None:
    decide(kb, 12, 12)
    before = odds(kb, TAKEN_UP[0]), odds(kb, TURNED_DOWN[0])
    done = kb.workbench.refit()
    assert (done.taken_up, done.turned_down) == (12, 12)
    assert done.choice.kept
    assert done.choice.after.surprise < done.choice.before.surprise
    assert done.choice.after.right == 1
    after = odds(kb, TAKEN_UP[0]), odds(kb, TURNED_DOWN[0])
    assert after[0] > before[0]
    assert after[1] < before[1]
    assert kb.workbench.head_in_use().endswith("refitted to its decisions.")
    assert [e["what"] for e in kb.store.events.of("sentence head")] == ["refitted"]
    assert kb.workbench.reset_head()
    assert (odds(kb, TAKEN_UP[0]), odds(kb, TURNED_DOWN[0])) == before
    assert not kb.workbench.reset_head()


def test_the_axis_head_learns_an_axis_of_the_teams_own(kb: KnowledgeBase) -> None:
    kb.workbench.add_axis("sorting", definition="In which order.", retraining="never")
    decide(kb, 12, 12, axis="sorting")
    done = kb.workbench.refit()
    assert done.new_axes == ("sorting",)
    assert done.axis is not None
    assert done.axis.after.right > done.axis.before.right
    assert kb.workbench.guess_axis(TAKEN_UP[0])[0][0] == "sorting"


@pytest.mark.parametrize(("taken_up", "turned_down"), [(0, 0), (12, 4), (4, 12), (9, 9)])
def test_few_decisions_are_refused(kb: KnowledgeBase, taken_up: int, turned_down: int) -> None:
    decide(kb, taken_up, turned_down)
    with pytest.raises(UsageError, match=f"{FEWEST} decisions.*{taken_up} and {turned_down}"):
        kb.workbench.refit()
    assert kb.store.suggestions.head() == ""


def test_decisions_that_follow_no_rule_change_nothing(kb: KnowledgeBase) -> None:
    (document,) = kb.store.documents.all()
    everything = TAKEN_UP + TURNED_DOWN
    text = kb.version_of(document.key).text
    kb.store.suggestions.replace(
        document.id,
        document.version_id,
        [
            Proposal("design_choice", q, text.index(q), text.index(q) + len(q), 0.9, "")
            for q in everything
        ],
    )
    for number, each in enumerate(kb.store.suggestions.of_document(document.id)):
        if number % 2:
            kb.workbench.reject(each.id)
        else:
            kb.workbench.accept(each.id)
    done = kb.workbench.refit()
    assert not done.choice.kept
    assert done.axis is None
    assert kb.store.suggestions.head() == ""


def test_a_refit_on_another_encoder_is_refused(
    knowledge_base: KnowledgeBase, embedder: FakeEmbedder
) -> None:
    with pytest.raises(UsageError, match="another encoder"):
        refit(knowledge_base.store, embedder)
    assert "another encoder" in knowledge_base.workbench.head_in_use()


def test_without_a_model_suggestions_are_made_by_rules(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    def missing() -> Embedder:
        raise ModelError("The weights are not installed.")

    workbench = Workbench(store, missing)
    assert workbench.guess_axis("We use a learning rate of 0.1.")[0][0] == "optimisation"
    assert "rules alone" in caplog.text


def test_refit_and_reset_on_the_command_line(
    kb: KnowledgeBase, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Engine, "embedder", lambda self, store: FakeEmbedder())

    def command(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(cli, [*arguments], obj=config)
        return result.exit_code, result.output

    decide(kb, 12, 12)
    code, said = command("--refit")
    assert code == 0
    assert "12 design choices taken up, 12 turned down." in said
    assert "right" in said
    assert "refitted." in said
    assert "comes with kb" in command("--refit", "--reset")[1]
    assert "Nothing to reset" in command("--refit", "--reset")[1]
    assert command("--reset")[0] == 2


def test_the_command_says_where_no_head_fits(kb: KnowledgeBase, config: Config) -> None:
    kb.engine._embedder.revision = "2"  # type: ignore[union-attr,misc]
    assert not kb.workbench.has_head
    assert "another encoder" in kb.workbench.head_in_use()
