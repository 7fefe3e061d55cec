from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kb import background
from kb.background import is_alive, jobs, read_locators, save_upload, start_ingest
from kb.config import Config
from kb.errors import UsageError
from kb.knowledge_base import KnowledgeBase
from kb.store import Store


def wait_until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


@pytest.fixture
def child(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Have `start_ingest` run a program of the test's own in place of `kb ingest`."""

    def become(program: str) -> None:
        real = subprocess.Popen

        def popen(command: list[str], **options: object) -> subprocess.Popen[bytes]:
            return real([sys.executable, "-c", program, *command[5:]], **options)  # type: ignore[call-overload]

        monkeypatch.setattr(background.subprocess, "Popen", popen)

    return become


def test_the_process_gets_its_locators_and_writes_its_log(
    config: Config, child: Callable[[str], None]
) -> None:
    child("import sys; print(sys.argv[1:], sys.stdin.read().split()); print('kb: That is all.')")
    job = start_ingest(config, ["1706.03762", "https://example.org"], project="mail")
    wait_until(lambda: not is_alive(job.pid, job.started_at))
    assert job.log.read_text().splitlines()[0] == (
        "['--member', 'tester', 'ingest', '--from', '-', '--project', 'mail'] "
        "['1706.03762', 'https://example.org']"
    )
    assert job.last_words == "That is all."
    assert [(j.pid, j.alive) for j in jobs(config.library)] == [(job.pid, False)]


def test_an_ended_process_leaves_no_zombie(config: Config, child: Callable[[str], None]) -> None:
    child("pass")
    job = start_ingest(config, ["1706.03762"])

    def gone() -> bool:
        try:
            os.kill(job.pid, 0)
        except ProcessLookupError:
            return True
        return False

    wait_until(gone)


def test_the_same_twice_is_started_once_and_a_retry_waits(
    config: Config, child: Callable[[str], None]
) -> None:
    child("import time; time.sleep(60)")
    first = start_ingest(config, ["1706.03762", "1810.04805"])
    assert start_ingest(config, ["1810.04805", "1706.03762"]) == replace(first)
    other = start_ingest(config, ["2005.14165"])
    try:
        assert other.pid != first.pid
        with pytest.raises(UsageError, match="at work"):
            start_ingest(config, retry=True)
    finally:
        for job in (first, other):
            os.kill(job.pid, signal.SIGKILL)
            wait_until(lambda pid=job.pid, at=job.started_at: not is_alive(pid, at))
    again = start_ingest(config, ["1706.03762", "1810.04805"])
    assert again.pid != first.pid
    os.kill(again.pid, signal.SIGKILL)


def test_it_is_no_child_of_the_terminal(config: Config, child: Callable[[str], None]) -> None:
    child("import os, sys; sys.stdin.read(); print(os.getsid(0) == os.getpid(), flush=True)")
    job = start_ingest(config, ["1706.03762"])
    wait_until(lambda: job.last_words != "")
    assert job.last_words == "True"


def test_nothing_named_is_said(config: Config) -> None:
    with pytest.raises(UsageError, match="Name something"):
        start_ingest(config, [])


def test_old_logs_go(config: Config, child: Callable[[str], None]) -> None:
    child("pass")
    folder = config.library / "logs"
    folder.mkdir(parents=True)
    for n in range(30):
        (folder / f"ingest-20200101T0000{n:02}.000000-0123456789ab-{n + 1}.log").touch()
    start_ingest(config, ["1706.03762"])
    assert len(list(folder.iterdir())) == background.LOGS_KEPT + 1


def test_a_number_given_to_a_younger_process_is_not_alive() -> None:
    assert is_alive(os.getpid(), datetime.now(UTC).isoformat())
    if Path("/proc/self/stat").exists():
        before = datetime.now(UTC) - timedelta(days=400)
        assert not is_alive(os.getpid(), before.isoformat())
    assert not is_alive(2**22 + 1, datetime.now(UTC).isoformat())


# -- as the page sees it -------------------------------------------------------------------------


def test_a_run_is_seen_at_work_and_a_killed_one_as_interrupted(
    knowledge_base: KnowledgeBase, child: Callable[[str], None]
) -> None:
    kb = knowledge_base
    child(
        "import sys, time; from pathlib import Path; from kb.store import Store\n"
        f"store = Store(Path({str(kb.config.library)!r}))\n"
        "run = store.locators.start_run(3)\n"
        "store.locators.report(run, total=3, done=1, doing='reading')\n"
        "time.sleep(60)"
    )
    kb.start_ingest(["1706.03762"])
    assert [ingest.state for ingest in kb.ingests()] == ["starting"]
    wait_until(lambda: kb.ingests()[0].doing == "reading")
    (ingest,) = kb.ingests()
    assert (ingest.state, ingest.active, ingest.done, ingest.total) == ("running", True, 1, 3)
    os.kill(ingest.pid, signal.SIGKILL)
    wait_until(lambda: not kb.ingests()[0].active)
    assert [ingest.state for ingest in kb.ingests()] == ["interrupted"]


def test_one_that_ends_before_it_begins_says_why(
    knowledge_base: KnowledgeBase, child: Callable[[str], None]
) -> None:
    child("print('kb: The model cannot be found.')")
    knowledge_base.start_ingest(["1706.03762"])
    wait_until(lambda: not knowledge_base.ingests()[0].active)
    (ingest,) = knowledge_base.ingests()
    assert (ingest.state, ingest.reason) == ("failed", "The model cannot be found.")


def test_how_runs_ended(knowledge_base: KnowledgeBase, store: Store) -> None:
    for failure in ("", "stopped", "OSError('disk full')"):
        store.locators.end_run(store.locators.start_run(1), failure)
    assert [(i.state, i.reason) for i in knowledge_base.ingests()] == [
        ("failed", "OSError('disk full')"),
        ("interrupted", "stopped"),
        ("finished", ""),
    ]


# -- what may be handed over ---------------------------------------------------------------------


def test_ids_and_addresses_are_read_one_a_line() -> None:
    text = """
    1706.03762
    1706.03762v5   # the latest
    arXiv:cs/0112017
    # a comment
    hep-th/9901001v2
    https://example.org/post#part
    10.48550/arXiv.1706.03762
    feed:https://example.org/feed.xml
    1706.03762
    """
    assert read_locators(text) == [
        "1706.03762",
        "1706.03762v5",
        "arXiv:cs/0112017",
        "hep-th/9901001v2",
        "https://example.org/post#part",
        "10.48550/arXiv.1706.03762",
        "feed:https://example.org/feed.xml",
    ]


@pytest.mark.parametrize(
    "line",
    ["/etc/passwd", "~/.ssh/id_rsa", "../x.pdf", "file:///etc/passwd", "paper.pdf", "attention",
     "C:\\x.pdf", "--retry", "ftp://example.org", "https://a b"],
)  # fmt: skip
def test_paths_and_anything_else_are_refused_by_name(line: str) -> None:
    with pytest.raises(UsageError, match="neither an arXiv id"):
        read_locators(f"1706.03762\n{line}")


@pytest.mark.parametrize(
    ("name", "content", "stem"),
    [
        ("My paper (final).PDF", b"%PDF-1.7 ...", "My-paper-final"),
        ("../../etc/passwd.md", b"# A note", "passwd"),
        ("..\\..\\x.html", b"<p>x</p>", "x"),
        ("\x00<b>.bib", b"@article{a,}", "b"),
        ("Export.ris", b"\xef\xbb\xbfTY  - JOUR\r\nER  - \r\n", "Export"),
        ("My Library.csl.json", b'[{"id": "a", "type": "book"}]', "My-Library-csl"),
        ("Über Größe.txt", "Größe".encode(), "Uber-Groe"),
        ("数据.txt", b"x", "upload"),
        ("a" * 300 + ".md", b"x", "a" * 60),
    ],
)
def test_an_upload_is_kept_under_a_harmless_name(
    config: Config, name: str, content: bytes, stem: str
) -> None:
    path = save_upload(config, name, content)
    assert path.parent == config.library / "uploads"
    assert path.stem.rsplit("-", 1)[0] == stem
    assert path.suffix in background.UPLOAD_SUFFIXES
    assert path.read_bytes() == content
    assert save_upload(config, name, content) == path


def test_two_uploads_of_one_name_are_two_files(config: Config) -> None:
    assert save_upload(config, "a.md", b"1") != save_upload(config, "a.md", b"2")


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("x.pdf", b"<html>", "not a .pdf"),
        ("x.html", b"%PDF-1.7", "not a .html"),
        ("x.md", b"\x00\x01\x02", "not a .md"),
        ("x.bib", b"no entries", "not a .bib"),
        ("x.html", b"plain", "not a .html"),
        ("x.ris", b"T1  - A title without a type", "not a .ris"),
        ("x.json", b"[{", "not a .json"),
        ("x.json", b'{"type": "book"}', "not a .json"),
        ("x.json", b'[{"id": 1}]', "not a .json"),
        ("x.json", b"[" * 900, "not a .json"),
        ("x.exe", b"MZ", "of no kind known"),
        ("x", b"x", "of no kind known"),
        ("x.pdf", b" ", "is empty"),
        ("x.txt", b"x" * 1001, "larger than"),
    ],
)
def test_an_upload_that_is_not_what_it_says_is_refused(
    config: Config, name: str, content: bytes, why: str
) -> None:
    with pytest.raises(UsageError, match=why):
        save_upload(replace(config, fetch_bytes=1000), name, content)
    assert not (config.library / "uploads").exists()
