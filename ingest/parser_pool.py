"""Parsing in processes of its own, so that no file can hang ingest, kill it or eat its memory.

It knows processes, time and memory. It does not know any file format: the source that fetched the
bytes parses them.

    with ParserPool(config.parse_workers, config.parse_seconds, config.parse_bytes) as pool:
        for raw, result in pool.map(raws):  # in the order in which they are finished
            ...  # `result` is a Parsed or a ParseFailure

A worker is a fresh interpreter that reads pickled Raws from its standard input and writes results
to its standard output. It ends when its input does, so it does not outlive the process it works
for.
"""

from __future__ import annotations

import json
import logging
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from ingest.source import Raw
from kb.errors import ParseFailure
from kb.records import Parsed

__all__ = ["ParserPool", "Result", "parse_with_source"]

log = logging.getLogger(__name__)

Result = Parsed | ParseFailure
Read = Callable[[Raw], Parsed]

START_SECONDS = 120.0
"""A worker's imports, at most. They take under 2 s here; a cold and busy disk takes far longer."""
GRACE_SECONDS = 5.0
"""After the time limit, until a worker that nobody stopped ends itself."""
RETIRE_SHARE = 0.5
"""Share of the memory limit that a worker may have used when it takes another file. Fragmented
memory of earlier files would otherwise count against the next one."""
CROWDED_SHARE = 0.75
"""Share of the memory limit in use from which a crash counts as a lack of memory: a C library whose
allocation fails aborts without saying so."""

_BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]);"
    "from ingest.parser_pool import _work; _work(float(sys.argv[2]), int(sys.argv[3]))"
)


def parse_with_source(raw: Raw) -> Parsed:
    """What the source that fetched `raw` makes of it."""
    from ingest.sources import BY_NAME

    return BY_NAME[raw.source].parse(raw)


class ParserPool:
    """Worker processes that parse, each with a limit of time and of memory per file."""

    def __init__(
        self, workers: int, seconds: float, memory: int, *, read: Read = parse_with_source
    ) -> None:
        """`memory` in bytes; `read` must be importable by name, since workers import it."""
        self._count = max(1, workers)
        self._seconds = seconds
        self._memory = memory
        self._read = read
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._live: set[_Worker] = set()

    def __enter__(self) -> ParserPool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop: what is being parsed is given up, and every worker is gone when this returns."""
        self._closed.set()
        with self._lock:
            workers = list(self._live)
        for worker in workers:
            worker.kill()

    def map(self, raws: Iterable[Raw]) -> Iterator[tuple[Raw, Result]]:
        """Each of `raws` with its result, in the order in which they are finished.

        `raws` is read lazily, by threads of the pool, and no further than two a worker ahead of
        what has been taken. It may block. What it raises is raised here, after what came before.
        """
        source = _Shared(raws, self._closed)
        results: queue.Queue[tuple[Raw, Result] | BaseException | None] = queue.Queue(self._count)
        threads = [
            threading.Thread(target=self._serve, args=(source, results), daemon=True)
            for _ in range(self._count)
        ]
        for thread in threads:
            thread.start()
        running = len(threads)
        error: BaseException | None = None
        try:
            while running:
                item = results.get()
                if item is None:
                    running -= 1
                elif isinstance(item, BaseException):
                    error = error or item
                    source.stop()  # what is being parsed is still finished
                else:
                    yield item
            if error is not None:
                raise error
        finally:
            source.stop()
            if running:  # left early
                self.close()
                _drain(results, threads)

    def _serve(
        self,
        source: _Shared,
        results: queue.Queue[tuple[Raw, Result] | BaseException | None],
    ) -> None:
        """One thread, one worker at a time: the next file, its result, until there is no more."""
        worker: _Worker | None = None
        try:
            while (raw := source.next()) is not None:
                if worker is None:
                    worker = self._hire()
                result = worker.parse(raw)
                if worker.retired:
                    self._dismiss(worker)
                    worker = None
                if self._closed.is_set():
                    break
                results.put((raw, result))
        except BaseException as error:
            if not self._closed.is_set():  # else it is what closing does to a worker
                results.put(error)
        finally:
            if worker is not None:
                self._dismiss(worker)
            results.put(None)

    def _hire(self) -> _Worker:
        worker = _Worker(self._seconds, self._memory, self._read)
        with self._lock:
            self._live.add(worker)
            closed = self._closed.is_set()
        if closed:
            worker.kill()
        return worker

    def _dismiss(self, worker: _Worker) -> None:
        worker.close()
        with self._lock:
            self._live.discard(worker)


def _drain(results: queue.Queue[Any], threads: list[threading.Thread]) -> None:
    """Empty the queue until no thread waits to put something; one may still wait for a file."""
    for thread in threads:
        with suppress(queue.Empty):
            while True:
                results.get(timeout=0.1 if thread.is_alive() else 0)


class _Shared:
    """An iterator that several threads read from, one item each."""

    def __init__(self, raws: Iterable[Raw], closed: threading.Event) -> None:
        self._raws = iter(raws)
        self._closed = closed
        self._lock = threading.Lock()
        self._ended = False

    def next(self) -> Raw | None:
        """The next file; None at the end, also when another thread has seen it."""
        with self._lock:
            if self._ended or self._closed.is_set():
                return None
            try:
                raw = next(self._raws, None)
            except BaseException:
                self._ended = True
                raise
            self._ended = raw is None
            return raw

    def stop(self) -> None:
        """No further item is asked for. One that is being waited for is lost."""
        self._ended = True


class _Worker:
    """One process and what is said to it. Used by one thread; `kill` may come from any."""

    def __init__(self, seconds: float, memory: int, read: Read) -> None:
        self._seconds = seconds
        self._memory = memory
        self._read = read
        self._ready = False
        self._first_peak = 0  # what the system counted as its peak before it did anything
        self._timed_out = False
        self.retired = False
        self._process = subprocess.Popen(
            [sys.executable, "-c", _BOOT, json.dumps(sys.path), str(seconds), str(memory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # a Ctrl-C at the terminal is for the parent to act on
        )

    def parse(self, raw: Raw) -> Result:
        """The result for one file. Afterwards `retired` says whether the worker has had its day."""
        if not self._ready:
            self._start()
        answer = self._ask(raw, self._seconds)
        if isinstance(answer, tuple):
            result: Result
            result, retired = answer
            self.retired = retired or self._timed_out  # the limit came just after the answer
            return result
        self.retired = True
        return self._death()

    def kill(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        with suppress(OSError, ValueError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        self._process.wait()

    def close(self) -> None:
        """End the process and let go of its answers. Only for the thread that reads them."""
        self.kill()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _start(self) -> None:
        answer = self._ask(self._read, START_SECONDS)
        if not isinstance(answer, int):
            raise RuntimeError(f"A parser process could not start: {answer or self._death()}")
        self._first_peak = answer
        self._ready = True

    def _ask(self, message: object, seconds: float) -> Any:
        """Send and wait for the answer; None where the process is dead or took too long."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        timer = threading.Timer(seconds, self._time_out)
        timer.daemon = True
        timer.start()
        try:
            _send(self._process.stdin, message)
            return _receive(self._process.stdout)
        except (OSError, EOFError, ValueError):  # ValueError: closed by `kill`
            return None
        finally:
            timer.cancel()
            timer.join()

    def _time_out(self) -> None:
        self._timed_out = True
        self._process.kill()

    def _death(self) -> ParseFailure:
        """Why the process is dead, in a sentence. Waits for its end."""
        peak, code = _end_of(self._process)
        if self._timed_out or -code == getattr(signal, "SIGALRM", 0):
            return ParseFailure(
                f"Reading this file took longer than {self._seconds:g} s and was stopped. "
                "KB_PARSE_SECONDS allows more."
            )
        grown = self._ready and peak > self._first_peak
        if grown and peak >= CROWDED_SHARE * self._memory:
            return _too_much_memory(self._memory)
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return ParseFailure(
            f"The reader crashed on this file ({how}). It may be damaged: try to open it, and to "
            "save it anew."
        )


def _end_of(process: subprocess.Popen[bytes]) -> tuple[int, int]:
    """The most memory that a process used, in bytes (0: unknown), and its exit code."""
    if not hasattr(os, "wait4"):
        return 0, process.wait()
    try:
        _, status, usage = os.wait4(process.pid, 0)
    except ChildProcessError:  # waited for by another thread
        return 0, process.wait()
    process.returncode = os.waitstatus_to_exitcode(status)
    return _in_bytes(usage.ru_maxrss), process.returncode


def _in_bytes(maxrss: int) -> int:
    return maxrss if sys.platform == "darwin" else maxrss * 1024


def _too_much_memory(memory: int) -> ParseFailure:
    return ParseFailure(
        f"Reading this file needed more than {memory / 1024**3:.3g} GiB of memory and was stopped. "
        "KB_PARSE_BYTES allows more."
    )


def _send(stream: IO[bytes], message: object) -> None:
    data = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    stream.write(len(data).to_bytes(8, "little") + data)
    stream.flush()


def _receive(stream: IO[bytes]) -> Any:
    head = stream.read(8)
    if len(head) < 8:
        raise EOFError
    size = int.from_bytes(head, "little")
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return pickle.loads(data)


# -- inside the worker ---------------------------------------------------------------------------


def _work(seconds: float, memory: int) -> None:
    """The worker's whole life."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.setswitchinterval(0.05)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not mix with the answers
    _limit_memory(memory)
    inbox: queue.SimpleQueue[object] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(inbox,), daemon=True).start()
    try:
        read = inbox.get()
        if read is parse_with_source:
            import ingest.sources  # noqa: F401  # before the clock of the first file starts
        _send(answers, _counted_peak())
    except BaseException as error:
        _send(answers, f"{type(error).__name__}: {error}")
        return
    while True:
        raw = inbox.get()
        _alarm(seconds + GRACE_SECONDS)
        result, spent = _read_one(read, raw, memory)  # type: ignore[arg-type]
        _alarm(0)
        retire = spent or _peak() > RETIRE_SHARE * memory
        _send(answers, (result, retire))


def _listen(inbox: queue.SimpleQueue[object]) -> None:
    """Take in messages while the file before them is parsed; at the end of input, end at once."""
    stream = sys.stdin.buffer
    try:
        while True:
            inbox.put(_receive(stream))
    except BaseException:
        os._exit(0)


def _read_one(read: Read, raw: Raw, memory: int) -> tuple[Result, bool]:
    """The result, and whether this process should take no further file."""
    try:
        return read(raw), False
    except ParseFailure as failure:
        return ParseFailure(failure.reason, retry=failure.retry), False
    except MemoryError:
        return _too_much_memory(memory), True
    except RecursionError:
        return ParseFailure("This file is nested too deeply to be read."), True
    except Exception as error:
        log.exception("the %s source broke", raw.source)
        return ParseFailure(
            f"The {raw.source} reader broke on this file ({type(error).__name__}: {error}). "
            "Please report it."
        ), False


def _limit_memory(memory: int) -> None:
    if sys.platform == "win32":
        return
    import resource

    with suppress(ValueError, OSError):  # a platform without it, or a lower limit from outside
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _alarm(seconds: float) -> None:
    """Have the system end this process after so many seconds, even where Python cannot; 0: not."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _peak() -> int:
    """The most memory that this process has used, in bytes."""
    with suppress(OSError, IndexError):  # Linux: the program's own, since it was loaded
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
        return int(status.split("VmHWM:")[1].split()[0]) * 1024
    return _counted_peak()


def _counted_peak() -> int:
    """The same as the system counts it for the parent: on Linux the parent's own peak at the time
    when it started this process is in it.
    """
    if sys.platform == "win32":
        return 0
    import resource

    return _in_bytes(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
