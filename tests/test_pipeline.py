from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ingest.cli import _unfinished
from ingest.pipeline import Progress, Report, ingest
from ingest.source import Options
from kb.config import Config
from kb.knowledge_base import KnowledgeBase
from kb.records import Query
from tests.conftest import ROOT

NOTES = {
    "cats.md": "# On cats\n\nA cat sleeps. The cat purrs at the dog.\n",
    "mail.md": "# On e-mail\n\nAn email has a sentiment. Each review has one too.\n",
    "loss.txt": "The loss of a model falls with data.\n",
}


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    for name, text in NOTES.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def statuses(report: Report) -> dict[str, str]:
    return {Path(outcome.locator).name: outcome.status for outcome in report.outcomes}


def take_in(kb: KnowledgeBase, *locators: Path | str, **options: object) -> Report:
    return ingest(kb, [str(locator) for locator in locators], Options(**options))  # type: ignore[arg-type]


def test_a_folder_is_taken_in_embedded_and_found(
    knowledge_base: KnowledgeBase, notes: Path
) -> None:
    report = take_in(knowledge_base, notes)
    assert statuses(report) == {
        "cats.md": "added",
        "mail.md": "added",
        "loss.txt": "added",
        "notes": "unchanged",
    }
    status = knowledge_base.status()
    assert (status.documents, status.unembedded, status.queued) == (3, 0, 0)
    assert status.index_current
    assert report.embedded == status.passages >= 3
    for query, title in (("cat", "On cats"), ("sentiment review", "On e-mail")):
        assert knowledge_base.search(Query(query))[0].document.title == title


def test_a_second_run_does_nothing(knowledge_base: KnowledgeBase, notes: Path) -> None:
    take_in(knowledge_base, notes)
    before = knowledge_base.store.vectors.generation()
    report = take_in(knowledge_base, notes)
    assert set(statuses(report).values()) == {"unchanged"}
    assert report.embedded == 0
    assert knowledge_base.store.vectors.generation() == before
    assert knowledge_base.status().versions == 3


def test_a_source_file_that_is_gone_comes_back(knowledge_base: KnowledgeBase, notes: Path) -> None:
    take_in(knowledge_base, notes)
    files = set(knowledge_base.store.raw_files.folder.glob("??/*"))
    lost = next(iter(files))
    content = lost.read_bytes()
    lost.unlink()
    assert set(statuses(take_in(knowledge_base, notes)).values()) == {"unchanged"}
    assert lost.read_bytes() == content
    assert set(knowledge_base.store.raw_files.folder.glob("??/*")) == files


def test_an_edited_note_is_a_new_version(knowledge_base: KnowledgeBase, notes: Path) -> None:
    take_in(knowledge_base, notes)
    (notes / "cats.md").write_text("# On cats\n\nNow it is about a dog.\n", encoding="utf-8")
    assert statuses(take_in(knowledge_base, notes))["cats.md"] == "updated"
    status = knowledge_base.status()
    assert (status.documents, status.versions, status.unembedded) == (3, 4, 0)
    [found] = knowledge_base.search(Query("purrs", mode="lexical")) or [None]
    assert found is None
    assert knowledge_base.search(Query("dog"))[0].document.title == "On cats"


def test_one_bad_file_never_stops_the_rest(knowledge_base: KnowledgeBase, notes: Path) -> None:
    (notes / "broken.pdf").write_bytes(b"%PDF-1.4\nnothing more")
    report = take_in(knowledge_base, notes, notes / "missing.pdf", "no such thing at all")
    ended = statuses(report)
    assert [ended[name] for name in NOTES] == ["added"] * 3
    assert [ended[n] for n in ("broken.pdf", "missing.pdf", "no such thing at all")] == [
        "failed"
    ] * 3
    failed = {Path(o.locator).name: o for o in knowledge_base.store.locators.all("failed")}
    assert failed["broken.pdf"].stage == "parse"
    assert all(outcome.reason.endswith((".", ")")) for outcome in failed.values())
    assert report.failures == 3


def test_removed_documents_stay_removed(knowledge_base: KnowledgeBase, notes: Path) -> None:
    take_in(knowledge_base, notes)
    [key] = [d.key for d in knowledge_base.store.documents.all() if d.title == "On cats"]
    knowledge_base.store.documents.remove(key)
    report = take_in(knowledge_base, notes / "cats.md")
    assert report.outcomes[0].status == "unchanged"
    assert "kb documents restore" in report.outcomes[0].reason
    assert all(group.document.key != key for group in knowledge_base.search(Query("cat")))


def test_a_project_takes_up_what_is_new_and_what_was_there(
    knowledge_base: KnowledgeBase, notes: Path
) -> None:
    take_in(knowledge_base, notes / "cats.md")
    ingest(knowledge_base, [str(notes)], Options(), project="mail")
    assert knowledge_base.store.projects.names() == ["mail"]
    assert len(knowledge_base.store.documents.all(project="mail")) == 3


def test_limit_bounds_what_a_folder_leads_to(knowledge_base: KnowledgeBase, notes: Path) -> None:
    report = take_in(knowledge_base, notes, limit=2)
    assert list(statuses(report).values()).count("added") == 2
    assert knowledge_base.status().queued == 0


def test_ctrl_c_leaves_whole_documents_and_the_next_run_goes_on(
    knowledge_base: KnowledgeBase, notes: Path
) -> None:
    def interrupt(progress: Progress) -> None:
        if progress.done == 1:
            raise KeyboardInterrupt

    locators = [str(notes / name) for name in NOTES]
    report = ingest(knowledge_base, locators, Options(), show=interrupt)
    assert report.stopped
    status = knowledge_base.status()
    assert status.documents == 1
    assert status.queued == 2
    run = knowledge_base.store.locators.runs()[0]
    assert (run.failure, bool(run.finished_at)) == ("stopped", True)
    left = [locator for locator, _ in knowledge_base.store.locators.unfinished()]
    assert not take_in(knowledge_base, *left).stopped
    status = knowledge_base.status()
    assert (status.documents, status.versions, status.queued, status.unembedded) == (3, 3, 0, 0)


def test_a_bug_in_a_thread_is_raised_and_recorded(
    knowledge_base: KnowledgeBase, notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("ingest.pipeline.embed_missing", broken)
    with pytest.raises(ZeroDivisionError):
        take_in(knowledge_base, notes)
    assert "a bug" in knowledge_base.store.locators.runs()[0].failure


def _environment(config: Config) -> dict[str, str]:
    return os.environ | {"KB_LIBRARY": str(config.library), "KB_STATE": str(config.state)}


@pytest.mark.model
def test_killed_at_any_moment_nothing_is_missing_or_double(config: Config, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(40):
        text = f"# Note {number}\n\n" + f"Sentence {number} speaks of reviews and e-mails. " * 60
        (folder / f"{number:02}.md").write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "ingest"]
    environment = _environment(config)
    arguments = [str(folder)]
    for delay, what in (
        (1.2, signal.SIGKILL),
        (1.0, signal.SIGINT),
        (1.5, signal.SIGINT),
        (1.8, signal.SIGKILL),
    ):
        running = subprocess.Popen(
            [*command, *arguments], env=environment, cwd=ROOT, stderr=subprocess.PIPE, text=True
        )
        time.sleep(delay)
        running.send_signal(what)
        _, said = running.communicate()
        assert "Traceback" not in said
        assert what is signal.SIGKILL or running.returncode in {0, 130}, said
        arguments = ["--retry"]
    for arguments in (["--retry"], [str(folder)]):
        subprocess.run([*command, *arguments], env=environment, cwd=ROOT, check=True)
    with KnowledgeBase(config) as kb:
        status = kb.status()
        documents = kb.store.documents.all()
        model = kb.model()
        passages = [kb.store.passages.of_document(d.id, model.id) for d in documents]
    assert (status.documents, status.versions, status.unembedded, status.queued) == (40, 40, 0, 0)
    assert len({len(ids) for ids in passages}) == 1  # the same text over and over: the same split


@pytest.mark.model
def test_the_command_line_takes_locators_from_anywhere(config: Config, notes: Path) -> None:
    def kb(*arguments: str, stdin: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "kb.cli.main", "ingest", *arguments],
            env=_environment(config) | environ, cwd=notes, input=stdin, capture_output=True,
            text=True, check=False,
        )  # fmt: skip

    planned = kb("--dry-run", "--json", "cats.md", "1706.03762", "what is this")
    assert planned.returncode == 1
    assert [row["source"] for row in json.loads(planned.stdout)] == ["markdown", "arxiv", ""]
    done = kb(
        "--json", "--from", "-", stdin="# what we read\ncats.md\n\nmail.md # twice\nmail.md\n"
    )
    assert done.returncode == 0, done.stderr
    outcomes = json.loads(done.stdout)
    assert [(Path(o["locator"]).name, o["status"]) for o in outcomes] == [
        ("cats.md", "added"),
        ("mail.md", "added"),
    ]
    failed = kb("nowhere.pdf")
    assert failed.returncode == 1
    assert "nowhere.pdf" in failed.stdout
    assert "nowhere.pdf" in kb("--failures").stdout
    assert kb().returncode == 2
    (notes / "bert.md").write_text("# B\n\nWe fine-tune BERT on the IMDB dataset.\n")
    switched = kb("bert.md", KB_SUGGEST="true")
    assert "suggestions in 1 documents: kb suggest note:" in switched.stderr
    assert "nothing to retry" in kb("--retry").stderr


def test_a_retry_embeds_what_was_written_and_not_embedded(
    knowledge_base: KnowledgeBase, notes: Path
) -> None:
    take_in(knowledge_base, notes)
    assert _unfinished(knowledge_base, Options()) == []
    knowledge_base.store._connection.run("delete from vectors")
    ((locators, options, project),) = _unfinished(knowledge_base, Options())
    report = ingest(knowledge_base, locators, options, project=project)
    assert (report.outcomes, report.stopped, report.embedded > 0) == ((), False, True)
    assert knowledge_base.status().unembedded == 0
