from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ingest.pace import LONGEST_HOLD, HostPace, MachinePace
from kb.errors import FetchFailure

ROOT = Path(__file__).resolve().parent.parent


def quiet(text: str) -> None:
    pass


PACES: list[Callable[..., HostPace]] = [
    lambda folder, gap, **how: HostPace(gap, **how),
    lambda folder, gap, **how: MachinePace(folder, gap, **how),
]


@pytest.mark.parametrize("make", PACES)
def test_a_gap_lies_between_two_turns(make: Callable[..., HostPace], tmp_path: Path) -> None:
    pace = make(tmp_path, 0.15, pause=time.sleep, say=quiet)
    starts = []
    for _ in range(3):
        with pace.turn("here"):
            starts.append(time.monotonic())
    assert starts[1] - starts[0] >= 0.14
    assert starts[2] - starts[1] >= 0.14


@pytest.mark.parametrize("make", PACES)
def test_threads_take_turns_one_by_one(make: Callable[..., HostPace], tmp_path: Path) -> None:
    pace = make(tmp_path, 0.0, pause=time.sleep, say=quiet)
    inside, most = 0, 0

    def visit() -> None:
        nonlocal inside, most
        with pace.turn("here"):
            inside += 1
            most = max(most, inside)
            time.sleep(0.02)
            inside -= 1

    threads = [threading.Thread(target=visit) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


@pytest.mark.parametrize("make", PACES)
def test_what_a_server_asks_for_is_waited_and_said(
    make: Callable[..., HostPace], tmp_path: Path
) -> None:
    waits: list[float] = []
    said: list[str] = []
    pace = make(tmp_path, 0.1, pause=waits.append, say=said.append)
    with pace.turn("here"):
        pace.hold(30)
    with pace.turn("here"):
        pass
    assert [wait for wait in waits if wait] == [pytest.approx(30, abs=1)]
    assert said == ["waiting 30 s, as here asked"]


@pytest.mark.parametrize("make", PACES)
def test_no_server_makes_us_wait_for_ever(make: Callable[..., HostPace], tmp_path: Path) -> None:
    waits: list[float] = []
    pace = make(tmp_path, 0.1, pause=waits.append, say=quiet)
    with pace.turn("here"):
        pace.hold(1e9)
    with pace.turn("here"):
        pass
    assert LONGEST_HOLD - 1 < max(waits) <= LONGEST_HOLD


def test_a_turn_is_given_back_when_its_block_fails(tmp_path: Path) -> None:
    pace = MachinePace(tmp_path, 0.0, pause=time.sleep, say=quiet)
    with pytest.raises(ZeroDivisionError), pace.turn("here"):
        raise ZeroDivisionError
    with pace.turn("here"):
        assert (tmp_path / "pace.time").exists()


def test_waiting_for_another_ends_when_the_user_stops(tmp_path: Path) -> None:
    def stop(seconds: float) -> None:
        raise KeyboardInterrupt

    holder = MachinePace(tmp_path, 0.0, pause=time.sleep, say=quiet)
    waiter = MachinePace(tmp_path, 0.0, pause=stop, say=quiet)
    with holder.turn("here"), pytest.raises(KeyboardInterrupt), waiter.turn("here"):
        pytest.fail("two had the turn at once")


def test_a_clock_set_back_or_a_cut_file_costs_no_more_than_the_longest_hold(
    tmp_path: Path,
) -> None:
    waits: list[float] = []
    (tmp_path / "pace.time").write_text(str(time.time() + 1e6))
    with MachinePace(tmp_path, 3.0, pause=waits.append, say=quiet).turn("here"):
        pass
    assert waits == [LONGEST_HOLD]
    (tmp_path / "pace.time").write_text("17")
    with MachinePace(tmp_path, 3.0, pause=waits.append, say=quiet).turn("here"):
        pass
    (tmp_path / "pace.time").write_text("12.9.8\n")
    with MachinePace(tmp_path, 3.0, pause=waits.append, say=quiet).turn("here"):
        pass
    assert waits == [LONGEST_HOLD]


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    pace = MachinePace(tmp_path / "file" / "state", 0.0, pause=time.sleep, say=quiet)
    with pytest.raises(FetchFailure, match="KB_STATE"), pace.turn("here"):
        pass


# -- over processes ----------------------------------------------------------------------------

VISITOR = """
import sys, time
from pathlib import Path
from ingest.pace import MachinePace
pace = MachinePace(Path(sys.argv[1]), float(sys.argv[2]), pause=time.sleep, say=print)
print("ready", flush=True)
sys.stdin.readline()
for _ in range(int(sys.argv[3])):
    with pace.turn("here"):
        print(time.time(), flush=True)
        time.sleep(float(sys.argv[4]))
"""


def visitor(folder: Path, gap: float, times: int, stay: float) -> subprocess.Popen[str]:
    arguments = [str(folder), str(gap), str(times), str(stay)]
    return subprocess.Popen(
        [sys.executable, "-c", VISITOR, *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def test_two_processes_keep_the_gap_together(tmp_path: Path) -> None:
    with visitor(tmp_path, 0.2, 3, 0.01) as one, visitor(tmp_path, 0.2, 3, 0.01) as two:
        for process in (one, two):
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
        outputs = [""] * 2

        def run(at: int, process: subprocess.Popen[str]) -> None:
            outputs[at] = process.communicate("go\n", timeout=20)[0]

        threads = [threading.Thread(target=run, args=(at, p)) for at, p in enumerate((one, two))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    lines = [line for output in outputs for line in output.splitlines()]
    times = sorted(float(line) for line in lines if line[0].isdigit())
    assert len(times) == 6
    assert min(b - a for a, b in itertools.pairwise(times)) >= 0.19


def test_a_killed_process_blocks_nobody(tmp_path: Path) -> None:
    with visitor(tmp_path, 0.1, 1, 60) as holder:
        assert holder.stdin
        assert holder.stdout
        assert holder.stdout.readline() == "ready\n"
        holder.stdin.write("go\n")
        holder.stdin.flush()
        assert float(holder.stdout.readline()) > 0  # it has the turn, and would keep it a minute
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        holder.stdin.close()
    started = time.monotonic()
    with MachinePace(tmp_path, 0.1, pause=time.sleep, say=quiet).turn("here"):
        assert time.monotonic() - started < 5
