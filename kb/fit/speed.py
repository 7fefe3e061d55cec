"""How fast something reads texts on this machine, and what memory it takes to do so.

Measured in a process of its own, which has nothing else in memory. It does not know what is
measured: it is given how to make it, and calls it.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from types import ModuleType

import numpy as np

from kb.errors import ModelError

BATCH = 64  # texts given at once
BATCH_SECONDS = 6.0  # of texts in batches, at most, and at least one batch
ONE_SECONDS = 4.0  # of texts one at a time, at most
ONE_LEAST = 20  # texts one at a time, at least: fewer have no 95th percentile worth a name
WARM_UP = 3  # texts before the clock runs
STATUS = Path("/proc/self/status")  # Linux

Read = Callable[[Sequence[str]], object]
Make = Callable[[], tuple[Read, int]]
"""Can be pickled; called in the other process. Gives what reads texts, and its bytes on disk."""


@dataclass(frozen=True, slots=True)
class Speed:
    """What reading texts costs here."""

    texts_per_second: float  # in batches of BATCH
    p50_ms: float  # for one text at a time, the median
    p95_ms: float
    load_seconds: float
    memory_mb: float | None  # that it adds to its process, at most; None: cannot be told here
    disk_mb: float
    texts: int  # timed one at a time


def measure_speed(make: Make, texts: Sequence[str]) -> Speed:
    """Time what `make` gives on `texts`, again from the first where they are too few.

    ModelError says what went wrong in the other process, which never outlives this call.
    """
    context = get_context("spawn")  # a fork would have this process's memory
    here, there = context.Pipe(duplex=False)
    child = context.Process(target=_answer, args=(make, list(texts), there), daemon=True)
    with _without_main():
        child.start()
    there.close()
    try:
        found = here.recv()
    except EOFError:
        child.join()
        raise ModelError(
            f"The process that timed it ended with exit code {child.exitcode}; often the memory "
            "did not do. Try a smaller model."
        ) from None
    finally:
        child.terminate()
        child.join()
    if isinstance(found, str):
        raise ModelError(found)
    speed: Speed = found
    return speed


@contextmanager
def _without_main() -> Iterator[None]:
    """What is started inside does not run this process's program first: that may be a page."""
    kept = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = kept


def _answer(make: Make, texts: Sequence[str], out: Connection) -> None:
    """In the other process: send a Speed, or what went wrong as a sentence."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one who waits for this
    answer: Speed | str
    try:
        answer = _timed(make, texts)
    except Exception as error:
        answer = str(error) or type(error).__name__
    with suppress(BrokenPipeError):
        out.send(answer)


def _timed(make: Make, texts: Sequence[str]) -> Speed:
    before = _peak_mb()
    started = time.perf_counter()
    read, disk = make()
    loaded = time.perf_counter() - started
    for text in texts[:WARM_UP]:
        read([text])
    rate = _in_batches(read, texts)
    single = _one_by_one(read, texts)
    after = _peak_mb()
    return Speed(
        texts_per_second=_three_digits(rate),
        p50_ms=_three_digits(float(np.percentile(single, 50)) * 1000),
        p95_ms=_three_digits(float(np.percentile(single, 95)) * 1000),
        load_seconds=_three_digits(loaded),
        memory_mb=None if before is None or after is None else round(after - before, 1),
        disk_mb=_three_digits(disk / 1024**2),
        texts=len(single),
    )


def _in_batches(read: Read, texts: Sequence[str]) -> float:
    """Texts a second."""
    count, at = 0, 0
    started = time.perf_counter()
    while at < len(texts):
        batch = texts[at : at + BATCH]
        read(batch)
        count += len(batch)
        at += BATCH
        if time.perf_counter() - started > BATCH_SECONDS:
            break
    return count / (time.perf_counter() - started)


def _one_by_one(read: Read, texts: Sequence[str]) -> list[float]:
    """Seconds of each text."""
    found: list[float] = []
    begun = time.perf_counter()
    while len(found) < ONE_LEAST or (
        len(found) < len(texts) and time.perf_counter() - begun < ONE_SECONDS
    ):
        started = time.perf_counter()
        read([texts[len(found) % len(texts)]])
        found.append(time.perf_counter() - started)
    return found


def _peak_mb() -> float | None:
    """The most memory that this process has had, in MB.

    Not by getrusage where that can be helped: on Linux a new process begins with the peak of the
    one that started it.
    """
    if STATUS.is_file():
        peak = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM"))
        return int(peak.split()[1]) / 1024
    if sys.platform == "win32":
        return None
    from resource import RUSAGE_SELF, getrusage

    return getrusage(RUSAGE_SELF).ru_maxrss / 1024**2  # bytes on macOS


def _three_digits(value: float) -> float:
    return float(f"{value:.3g}")
