from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from ingest.pipeline import ingest
from ingest.source import Options
from kb.cli.main import run
from kb.errors import NotFound, UsageError
from kb.knowledge_base import KnowledgeBase
from kb.records import Query
from tests.test_pipeline import NOTES

SENTENCE = "An email has a sentiment."


@pytest.fixture
def kb(knowledge_base: KnowledgeBase, tmp_path: Path) -> KnowledgeBase:
    """Three notes, and the project “mail” that has taken them up."""
    for name, text in NOTES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    ingest(knowledge_base, [str(tmp_path / name) for name in NOTES], Options(), project="mail")
    return knowledge_base


def key(kb: KnowledgeBase, title: str) -> str:
    return next(d.key for d in kb.store.documents.all() if d.title == title)


def test_tagging_a_hit_pins_its_words(kb: KnowledgeBase) -> None:
    hit = kb.search(Query("sentiment review"))[0].hits[0]
    tagged = kb.workbench.tag(
        f"#{hit.passage_id}",
        "design_choice",
        "Sentiment of e-mails",
        quote="An   email has a\nsentiment.",
        fields={"axis": "labelling"},
        effect={"metric": "accuracy", "unit": "%", "baseline": "85.2%", "value": "87"},
        tags=["mail"],
        project="mail",
    )
    assert tagged.new
    assert tagged.evidence.quote == SENTENCE
    version = kb.store.documents.version(tagged.evidence.version_id)
    assert version.text[tagged.evidence.start : tagged.evidence.end] == SENTENCE
    assert tagged.evidence.effect is not None
    assert tagged.evidence.effect.difference == pytest.approx(1.8)
    assert [c.project for c in kb.store.candidates.of_finding(tagged.finding.id)] == ["mail"]
    again = kb.workbench.tag(
        hit.document.key, "design_choice", "sentiment of e-mails", quote=SENTENCE, tags=["x"]
    )
    assert (again.new, again.evidence.id) == (False, tagged.evidence.id)
    assert set(again.finding.tags) == {"mail", "x"}
    assert [f.id for f in kb.workbench.findings(axis="labelling", text="SENTIMENT")] == [1]
    assert kb.workbench.findings(text="nowhere") == []


def test_what_cannot_be_tagged_leaves_nothing_behind(kb: KnowledgeBase) -> None:
    mail = key(kb, "On e-mail")
    for error, hit, arguments in (
        (UsageError, mail, {"quote": "words that stand nowhere in it at all"}),
        (NotFound, "#999", {"quote": SENTENCE}),
        (NotFound, "note:none", {"quote": SENTENCE}),
        (UsageError, mail, {"quote": SENTENCE, "fields": {"colour": "red"}}),
        (UsageError, mail, {"quote": SENTENCE, "effect": {"metric": "F1", "value": "1"}}),
        (UsageError, mail, {"quote": SENTENCE, "effect": {"metric": "F1", "value": "x"}}),
        (NotFound, mail, {"quote": SENTENCE, "project": "post"}),
    ):
        with pytest.raises(error):
            kb.workbench.tag(hit, "dataset", "X", **arguments)  # type: ignore[arg-type]
    assert kb.workbench.findings() == []


def test_quotes_are_verified_and_followed_into_new_versions(
    kb: KnowledgeBase, tmp_path: Path
) -> None:
    kb.workbench.new_project("chat", {})
    for quote in (SENTENCE, "Each review has one too."):
        kb.workbench.tag(key(kb, "On e-mail"), "dataset", quote[:6], quote=quote, project="chat")
    assert [(v.stands, v.newest) for v in kb.workbench.verify()] == [(True, "same")] * 2
    (tmp_path / "mail.md").write_text(
        "# On e-mail\n\nBefore it all. An email has a sentiment. "
        "Each review has three of them, too.\n",
        encoding="utf-8",
    )
    ingest(kb, [str(tmp_path / "mail.md")], Options())
    moved, changed = kb.workbench.verify()
    assert (moved.stands, moved.newest) == (True, "moved")
    assert (changed.stands, changed.newest) == (True, "changed")
    assert "three of them" in changed.newest_text
    assert [c.project for c in changed.rests] == ["chat"]
    kb.store.raw_files.path(moved.evidence.sha256).unlink()
    assert all(not v.stands and "missing" in v.reason for v in kb.workbench.verify())


def test_names_that_are_nearly_the_same_are_offered(kb: KnowledgeBase) -> None:
    long = kb.store.findings.add("dataset", "Stanford Sentiment Treebank")
    short = kb.store.findings.add("dataset", "SST")
    typo = kb.store.findings.add("dataset", "Stanford Sentiment Treebanks")
    kb.store.findings.add("dataset", "IMDB")
    assert {f.id for f in kb.workbench.near_equal(long)} == {short.id, typo.id}


def test_a_clone_begins_anew_with_what_the_other_knew(kb: KnowledgeBase) -> None:
    project = kb.store.projects.get("mail")
    kb.workbench.edit_project(project, {"metric": "macro-F1", "unit": "points"})
    finding = kb.store.findings.add("dataset", "IMDB")
    kb.store.candidates.set("mail", finding.id, "rejected", reason="no neutral class")
    copy = kb.workbench.clone_project("mail", "chat")
    assert copy.brief == {"metric": "macro-F1", "unit": "points"}
    assert [c.status for c in kb.store.candidates.of_project("chat")] == ["new"]
    assert len(kb.store.projects.readings("chat")) == 3
    assert kb.workbench.missing(copy)[:2] == ["baseline", "baseline_is"]


def test_progress_orders_what_is_left(kb: KnowledgeBase) -> None:
    assert kb.workbench.progress("mail").left == 3
    mail = kb.store.documents.by_key(key(kb, "On e-mail"))
    kb.workbench.tag(mail.key, "dataset", "E-mails", quote=SENTENCE, project="mail")
    kb.store.projects.read("mail", mail.id, "read", minutes=30)
    now = kb.workbench.progress("mail", today=date(2026, 11, 24))
    assert (now.read, now.left, now.findings, now.curve) == (1, 2, 1, (1,))
    assert now.time_box.used == 0.5
    order = kb.reading_order("mail")
    assert len(order) == 2
    assert order[0][1] > order[1][1]
    kb.store.documents.remove(order[0][0].key)
    assert [d.id for d, _ in kb.reading_order("mail")] == [order[1][0].id]


@pytest.fixture
def command(
    kb: KnowledgeBase, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    def call(*arguments: str) -> tuple[int, str]:
        code = run(["--library", str(kb.config.library), *arguments])
        out, err = capsys.readouterr()
        return code, out + err

    return call


def test_the_same_from_the_command_line(
    kb: KnowledgeBase, command: Callable[..., tuple[int, str]]
) -> None:
    mail = key(kb, "On e-mail")
    code, out = command("project", "new", "chat", "--set", "metric=macro-F1", "--set", "unit=%")
    assert code == 0
    assert "missing  baseline, baseline_is" in out
    code, out = command(
        "tag", mail, "E-mail sentiment", "--as", "dataset", "--quote", SENTENCE,
        "--set", "licence=MIT", "--effect", "metric=F1", "--effect", "unit=points",
        "--effect", "gain=1.8", "--project", "chat",
    )  # fmt: skip
    assert code == 0, out
    assert "New: dataset E-mail sentiment (finding 1), evidence 1" in out
    code, out = command("tag", mail, "X", "--as", "dataset", "--quote", "An email has a feeling.")
    assert code == 1
    assert SENTENCE in out
    listed = json.loads(command("findings", "list", "--project", "chat", "--json")[1])
    assert [(f["name"], f["fields"], f["evidence"]) for f in listed] == [
        ("E-mail sentiment", {"licence": "MIT"}, [1])
    ]
    assert SENTENCE in command("findings", "show", "1")[1]
    assert command("findings", "edit", "1", "--alias", "mail set", "--set", "licence=")[0] == 0
    assert command("project", "candidate", "chat", "1", "--status", "rejected")[0] == 1
    assert (
        command("project", "candidate", "mail", "1", "--status", "rejected", "--reason", "old")[0]
        == 0
    )
    assert "mail has it as rejected: old" in command("project", "candidate", "chat", "1")[1]
    assert command("comment", "finding:1", "which", "split?")[0] == 0
    assert "which split?" in command("findings", "show", "1")[1]
    assert command("project", "read", "mail", mail, "--minutes", "20")[0] == 0
    assert "1 documents, 2 left" in command("project", "progress", "mail")[1]
    code, out = command("verify")
    assert (code, "1 stand" in out) == (0, True)
    assert "pinned finding:1" in command("log")[1]
    assert command("comment", "evidence:1", "whose", "mail?")[0] == 0
    assert "whose mail?" in command("findings", "show", "1")[1]
    assert "Taken back from E-mail sentiment" in command("findings", "unpin", "1")[1]
    assert SENTENCE not in command("findings", "show", "1")[1]
    assert "Restored to E-mail sentiment" in command("findings", "unpin", "1", "--undo")[1]
    assert command("findings", "unpin", "1", "--undo")[0] == 1
    command("tag", mail, "Review set", "--as", "dataset", "--quote", "Each review has one too.")
    assert command("findings", "merge", "1", "2")[0] == 0
    assert "Review set" in command("findings", "show", "1")[1]
    assert command("findings", "merge", "2", "--undo")[0] == 0
    assert command("findings", "split", "1", "Other", "--evidence", "2")[0] == 1
    assert command("project", "archive", "chat")[0] == 0
    assert "chat" not in command("project", "list")[1]
    for name in ("project", "findings"):
        assert command(name, "--help")[0] == 0


def test_suggestions_wait_for_a_person(
    kb: KnowledgeBase, command: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    note = tmp_path / "films.md"
    note.write_text(
        "# Films\n\nWe fine-tune BERT on the IMDB dataset with a learning rate of 2e-5. "
        "Accuracy improves from 85.2 % to 87.0 % on SST-2.\n",
        encoding="utf-8",
    )
    ingest(kb, [str(note)], Options(), project="mail")
    films = key(kb, "Films")
    found = {s.name: s for s in kb.workbench.suggest(films)}
    assert {found["IMDB"].kind, found["BERT"].kind} == {"dataset", "pretrained_model"}
    assert kb.workbench.findings() == []  # nothing is asserted
    tagged = kb.workbench.accept(found["IMDB"].id, project="mail")
    assert (tagged.finding.name, tagged.new) == ("IMDB", True)
    assert tagged.evidence.quote == found["IMDB"].quote
    kb.workbench.reject(found["BERT"].id)
    again = {s.name for s in kb.workbench.suggest(films)}
    assert not again & {"IMDB", "BERT"}
    assert again
    (accepted,) = kb.workbench.suggestions("accepted", project="mail")
    assert (accepted.name, accepted.evidence_id) == ("IMDB", tagged.evidence.id)
    listed = json.loads(command("suggest", "--rejected", films, "--json")[1])
    assert [each["name"] for each in listed] == ["BERT"]
    assert command("suggest", "--reopen", str(found["BERT"].id))[0] == 0
    assert command("suggest", "--reopen", str(found["BERT"].id))[0] == 1
    assert "BERT" in {s.name for s in kb.workbench.suggestions()}
    rate = next(s for s in kb.workbench.suggestions() if s.kind == "design_choice")
    tagged = kb.workbench.accept(rate.id, name="Small steps", axis="training")
    assert (tagged.finding.name, tagged.finding.fields) == ("Small steps", {"axis": "training"})
    with pytest.raises(UsageError, match="There is no axis “tone”"):
        kb.workbench.accept(found["BERT"].id, kind="design_choice", axis="tone")
    assert {s.name for s in kb.workbench.suggestions()} == again - {rate.name} | {"BERT"}


def test_a_team_may_have_axes_of_its_own(
    kb: KnowledgeBase, command: Callable[..., tuple[int, str]]
) -> None:
    assert [axis.id for axis in kb.workbench.axes()][:2] == ["data-collection", "labelling"]
    with pytest.raises(UsageError, match=r"There is no axis “tone”\. Axes are: data-collection"):
        kb.workbench.tag(
            key(kb, "On e-mail"), "design_choice", "X", quote=SENTENCE, fields={"axis": "tone"}
        )
    assert command("axes", "--add", "Tone of voice")[0] == 1
    assert command("axes", "--add", "tone")[0] == 1
    code, out = command("axes", "--add", "tone", "--definition", "How a reply is worded.")
    assert code == 0
    assert "How a reply is worded." in out
    tagged = kb.workbench.tag(
        key(kb, "On e-mail"), "design_choice", "X", quote=SENTENCE, fields={"axis": "tone"}
    )
    assert tagged.finding.fields == {"axis": "tone"}
    assert "loss" in command("axes", "--guess", "We train with a focal loss.")[1]
