"""Each check against a library that lacks what it looks for."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import time
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from kb.cli.main import cli
from kb.config import Config
from kb.health import Check, checks
from kb.knowledge_base import KnowledgeBase
from kb.records import Outcome
from tests.test_store import PARSED, add


@pytest.fixture
def sound(knowledge_base: KnowledgeBase) -> KnowledgeBase:
    """A library with one document, its file, and a quote on it."""
    kb = knowledge_base
    sha = kb.store.raw_files.put(b"bytes")
    add(kb.store, sha256=sha)
    kb.workbench.tag("arxiv:1901.00001", "dataset", "Pets", quote="Dogs bark at the mailman.")
    return kb


def found(kb: KnowledgeBase, name: str, *, thorough: bool = False) -> Check:
    return next(each for each in checks(kb, thorough=thorough) if each.name == name)


def sql(kb: KnowledgeBase, statement: str) -> None:
    kb.store.close()
    with sqlite3.connect(kb.store.file) as db:
        db.execute(statement)
    db.close()
    kb.store.__init__(kb.config.library)  # type: ignore[misc]


def test_a_sound_library(sound: KnowledgeBase) -> None:
    states = {each.name: each.state for each in checks(sound)}
    assert {name for name, state in states.items() if state != "good"} <= {"vectors", "model"}
    assert len(states) == 12


def lose_a_file(kb: KnowledgeBase) -> None:
    shutil.rmtree(kb.store.raw_files.folder)


def change_a_file(kb: KnowledgeBase) -> None:
    next(kb.store.raw_files.folder.glob("??/*")).write_bytes(b"other")


def lose_words(kb: KnowledgeBase) -> None:
    sql(kb, "delete from passages_fts where rowid = (select min(id) from passages)")


def loosen(kb: KnowledgeBase) -> None:
    sql(kb, "update evidence set finding_id = 99")


def change_a_text(kb: KnowledgeBase) -> None:
    sql(kb, "update versions set text = upper(text)")


def fail_an_ingest(kb: KnowledgeBase) -> None:
    kb.store.locators.finish(Outcome("x", "failed", stage="fetch", reason="no"))


def leave_a_file(kb: KnowledgeBase) -> None:
    file = kb.store.raw_files.folder / "ab" / ".tmp1"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"")
    os.utime(file, (time.time() - 7200,) * 2)


@pytest.mark.parametrize(
    ("harm", "name", "state", "says"),
    [
        (lose_a_file, "sources", "bad", "1 of 1 are missing, as of arxiv:1901.00001"),
        (change_a_file, "sources", "bad", "1 are damaged"),
        (lose_words, "words", "bad", "1 passages differ"),
        (loosen, "references", "bad", "evidence → findings: 1 rows"),
        (change_a_text, "quotes", "bad", "1 of 1 cannot be read again"),
        (fail_an_ingest, "ingest", "note", "0 wait, 1 failed"),
        (leave_a_file, "leftovers", "note", "1 unfinished files"),
    ],
)
def test_what_is_wrong_is_seen_and_has_a_remedy(
    sound: KnowledgeBase, harm: Callable[[KnowledgeBase], None], name: str, state: str, says: str
) -> None:
    assert found(sound, name).state == "good"
    harm(sound)
    check = found(sound, name, thorough=True)
    assert check.state == state
    assert says in check.found
    assert check.remedy


def test_words_that_are_lost_are_put_back(sound: KnowledgeBase) -> None:
    before = sound.store.passages.match_count('"cats"')
    lose_words(sound)
    assert sound.store.passages.match_count('"cats"') == before - 1
    assert sound.store.passages.mend_words() == 1
    assert sound.store.passages.match_count('"cats"') == before
    assert found(sound, "words").state == "good"
    assert sound.store.passages.mend_words() == 0


def test_a_newer_version_that_says_something_else_is_a_note(sound: KnowledgeBase) -> None:
    sha = sound.store.raw_files.put(b"newer")
    newer = PARSED.__class__("Cats purr. Birds sing in the tree all morning long.", PARSED.metadata)
    add(sound.store, label="v2", sha256=sha, parsed=newer)
    check = found(sound, "quotes")
    assert (check.state, check.found) == (
        "note", "all 1 stand; 1 say something else in a newer version",
    )  # fmt: skip


def test_a_full_disk_and_a_long_log(sound: KnowledgeBase, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("kb.health.shutil.disk_usage", lambda _: usage(10, 10, 5_000_000))
    monkeypatch.setattr("kb.health.LONG_LOG", -1)
    assert found(sound, "disk").found == "0.0 GB free"
    assert found(sound, "disk").state == "bad"
    assert found(sound, "log").state == "note"


def test_damage_that_sqlite_finds(sound: KnowledgeBase, monkeypatch: pytest.MonkeyPatch) -> None:
    file = sound.store.file
    sql(sound, "create index extra on documents (title)")
    sound.store.close()
    content = bytearray(file.read_bytes())
    at = content.rindex(PARSED.metadata.title.encode())  # in the index, which is written last
    content[at : at + 4] = b"XXXX"
    file.write_bytes(content)
    Path(f"{file}-wal").unlink(missing_ok=True)
    sound.store.__init__(sound.config.library)  # type: ignore[misc]
    check = found(sound, "database")
    assert check.state == "bad"
    assert "extra" in check.found


def test_the_command_says_it_and_its_exit_code_too(sound: KnowledgeBase, config: Config) -> None:
    lose_a_file(sound)
    result = CliRunner().invoke(cli, ["doctor"], obj=config, standalone_mode=False)
    assert result.return_value == 1
    assert "✗ sources" in result.output
    assert "→ Restore the folder raw from a backup" in result.output
    listed = CliRunner().invoke(cli, ["doctor", "--json"], obj=config, standalone_mode=False)
    assert {each["name"]: each["state"] for each in json.loads(listed.output)}["sources"] == "bad"
