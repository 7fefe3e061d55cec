from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.parser_pool import ParserPool, Result
from ingest.source import Raw
from kb.errors import ParseFailure
from kb.records import Parsed
from tests.parser_readers import obey

MEMORY = 512 * 1024**2


def raw(content: str) -> Raw:
    return Raw(content, "stub", "key", "label", "text/plain", content.encode())


def results(*contents: str, seconds: float = 20.0, workers: int = 1) -> dict[str, Result]:
    with ParserPool(workers, seconds, MEMORY, read=obey) as pool:
        return {r.locator: result for r, result in pool.map(map(raw, contents))}


def reason(result: Result) -> str:
    assert isinstance(result, ParseFailure)
    return result.reason


def test_results_come_back_whole() -> None:
    found = results("one", "two", "three", workers=2)
    assert found == {name: Parsed(name) for name in ("one", "two", "three")}


def test_a_worker_is_used_again() -> None:
    found = results("pid 1", "pid 2")
    assert len({result.text for result in found.values() if isinstance(result, Parsed)}) == 1


def test_a_failure_of_the_reader_keeps_its_words_and_its_retry() -> None:
    failure = results("refuse This is a scan.")["refuse This is a scan."]
    assert reason(failure) == "This is a scan."
    assert isinstance(failure, ParseFailure)
    assert failure.retry


def test_a_bug_in_a_reader_costs_one_file() -> None:
    found = results("break /Root", "fine")
    assert "KeyError: '/Root'" in reason(found["break /Root"])
    assert found["fine"] == Parsed("fine")


@pytest.mark.parametrize("order", ["sleep 60", "spin", "hold"])
def test_a_file_that_takes_too_long_is_stopped(order: str) -> None:
    started = time.monotonic()
    found = results(order, "fine", seconds=1.0)
    assert "longer than 1 s" in reason(found[order])
    assert found["fine"] == Parsed("fine")
    assert time.monotonic() - started < 15


@pytest.mark.skipif(sys.platform != "linux", reason="no limit of memory on this platform")
def test_a_file_that_needs_too_much_memory_is_stopped() -> None:
    order = f"eat {2 * MEMORY}"
    found = results(order, "fine")
    assert "more than 0.5 GiB" in reason(found[order])
    assert found["fine"] == Parsed("fine")


def test_a_worker_that_used_much_memory_is_replaced() -> None:
    found = results("pid 1", f"eat {int(0.6 * MEMORY)}", "pid 2")
    first, last = found["pid 1"], found["pid 2"]
    assert isinstance(first, Parsed)
    assert isinstance(last, Parsed)
    assert first.text != last.text


def test_a_large_parent_does_not_wear_out_its_workers() -> None:
    ballast = b"x" * int(0.9 * MEMORY)  # a loaded encoder
    found = results("pid 1", "pid 2", "abort")
    assert len(ballast) > 0
    first, second = found["pid 1"], found["pid 2"]
    assert isinstance(first, Parsed)
    assert isinstance(second, Parsed)
    assert first.text == second.text
    assert "SIGABRT" in reason(found["abort"])


def test_a_crash_is_named_and_the_worker_replaced() -> None:
    found = results("abort", "exit", "fine")
    assert "SIGABRT" in reason(found["abort"])
    assert "exit code 3" in reason(found["exit"])
    assert found["fine"] == Parsed("fine")


def test_endless_recursion_is_a_failure() -> None:
    assert "nested too deeply" in reason(results("recurse")["recurse"])


def test_what_a_library_prints_does_not_mix_with_results() -> None:
    order = "print \x00\x00 noise"
    assert results(order, "fine")["fine"] == Parsed("fine")


def test_files_are_read_lazily() -> None:
    taken: list[int] = []

    def files() -> Iterator[Raw]:
        for number in range(50):
            taken.append(number)
            yield raw(str(number))

    with ParserPool(1, 20.0, MEMORY, read=obey) as pool:
        found = pool.map(files())
        next(found)
        time.sleep(0.5)
        assert len(taken) <= 4
        assert len(list(found)) == 49


def test_a_result_does_not_wait_for_the_next_file() -> None:
    more = threading.Event()

    def files() -> Iterator[Raw]:
        yield raw("first")
        more.wait(20)
        yield raw("second")

    with ParserPool(1, 20.0, MEMORY, read=obey) as pool:
        found = pool.map(files())
        assert next(found)[1] == Parsed("first")
        assert not more.is_set()
        more.set()
        assert next(found)[1] == Parsed("second")


def test_what_the_source_of_files_raises_is_raised_here() -> None:
    def files() -> Iterator[Raw]:
        yield raw("first")
        raise LookupError("no more")

    with ParserPool(2, 20.0, MEMORY, read=obey) as pool:
        found = pool.map(files())
        assert next(found)[1] == Parsed("first")
        with pytest.raises(LookupError, match="no more"):
            next(found)


def test_leaving_early_ends_the_workers() -> None:
    started = time.monotonic()
    with ParserPool(2, 60.0, MEMORY, read=obey) as pool:
        for _ in pool.map(map(raw, ["fine", "sleep 50", "sleep 51", "sleep 52"])):
            break
    assert time.monotonic() - started < 20
    assert not pool._live


def test_a_worker_that_cannot_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.parser_pool._BOOT", "raise SystemExit(7)")
    with (
        ParserPool(1, 5.0, MEMORY, read=obey) as pool,
        pytest.raises(RuntimeError, match=r"could not start.*exit code 7"),
    ):
        list(pool.map([raw("any")]))


PARENT = """
import sys; sys.path[:] = {path!r}
from ingest.parser_pool import ParserPool
from tests.parser_readers import obey
from tests.test_parser_pool import raw
with ParserPool(1, 60.0, 512 * 1024**2, read=obey) as pool:
    list(pool.map([raw("note {file}")]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_no_worker_outlives_its_parent(end: signal.Signals, tmp_path: Path) -> None:
    file = tmp_path / "pid"
    code = PARENT.format(path=sys.path, file=file)
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) as parent:
        wait_for(lambda: file.exists() and file.read_text() != "")
        worker = int(file.read_text())
        parent.send_signal(end)
        assert parent.stderr is not None
        errors = parent.stderr.read().decode()
    wait_for(lambda: not is_running(worker))
    assert errors.count("Traceback") == (end is signal.SIGINT)  # the parent's own


def wait_for(condition: object) -> None:
    assert callable(condition)
    for _ in range(300):
        if condition():
            return
        time.sleep(0.05)
    pytest.fail("waited 15 s in vain")


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    try:  # a zombie whose parent is gone waits for init
        return not status.exists() or status.read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
