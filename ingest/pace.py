"""Waiting one's turn: one request at a time to a place, with a gap between two of them.

It knows locks and clocks. It does not know what is asked for, or of whom.

`HostPace` holds within this process. `MachinePace` holds for all processes that share a folder: a
file is locked while a request runs (the operating system frees it when its owner dies), and a
second file says before which moment nobody may ask again.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from kb.errors import FetchFailure

__all__ = ["LONGEST_HOLD", "HostPace", "MachinePace"]

LONGEST_HOLD = 120.0
"""Seconds that a server may make us wait; beyond that it is better to come back another time."""

_POLL = 0.05  # seconds between two looks at a lock that somebody else holds
_WORTH_SAYING = 1.0  # seconds of waiting that the user should hear of


class HostPace:
    """Turns within this process. Thread-safe; waits only through `pause`."""

    def __init__(
        self, gap: float, *, pause: Callable[[float], None], say: Callable[[str], None]
    ) -> None:
        """`gap`: seconds from one answer to the next request."""
        self.gap = gap
        self._pause = pause
        self._say = say
        self._lock = threading.Lock()
        self._time = 0.0

    @contextlib.contextmanager
    def turn(self, place: str) -> Iterator[None]:
        """Wait until `place` may be asked, and keep others waiting until the block ends."""
        while not self._lock.acquire(timeout=_POLL):
            self._pause(0.0)
        try:
            with self._alone(place):
                self._wait(place)
                self.hold(self.gap)
                yield
        finally:
            self._lock.release()

    def hold(self, seconds: float) -> None:
        """Let nobody ask for so many seconds from now, and at least for the gap. In a turn only."""
        self._put(self._now() + max(self.gap, min(seconds, LONGEST_HOLD)))

    def _wait(self, place: str) -> None:
        # A time further off than anybody may hold comes from a clock that was set back.
        seconds = min(self._not_before() - self._now(), max(self.gap, LONGEST_HOLD))
        if seconds >= max(_WORTH_SAYING, 2 * self.gap):
            self._say(f"waiting {seconds:.0f} s, as {place} asked")
        if seconds > 0:
            self._pause(seconds)

    @contextlib.contextmanager
    def _alone(self, place: str) -> Iterator[None]:
        yield

    def _now(self) -> float:
        return time.monotonic()

    def _not_before(self) -> float:
        return self._time

    def _put(self, moment: float) -> None:
        self._time = moment


class MachinePace(HostPace):
    """Turns over all processes that use `folder`."""

    def __init__(
        self,
        folder: Path,
        gap: float,
        *,
        pause: Callable[[float], None],
        say: Callable[[str], None],
    ) -> None:
        """`folder` is made when the first turn begins."""
        super().__init__(gap, pause=pause, say=say)
        self._folder = folder

    @contextlib.contextmanager
    def _alone(self, place: str) -> Iterator[None]:
        lock = self._file_lock()
        told = False
        while True:
            try:
                lock.acquire(timeout=2 * _POLL, poll_interval=_POLL)
                break
            except Timeout:
                if not told:
                    self._say(f"waiting for another kb that is asking {place}")
                told = True
                self._pause(0.0)
        try:
            yield
        finally:
            lock.release()

    def _file_lock(self) -> FileLock:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            if not os.access(self._folder, os.W_OK):
                raise PermissionError("it is read-only")
        except OSError as error:
            raise FetchFailure(
                f"The pace of requests is kept in {self._folder}, which cannot be written: "
                f"{error}. Set KB_STATE to a folder of yours."
            ) from error
        return FileLock(self._folder / "pace.lock")

    def _now(self) -> float:
        return time.time()  # the one clock that processes share, also after a restart

    def _not_before(self) -> float:
        try:
            return float((self._folder / "pace.time").read_text(encoding="ascii"))
        except (OSError, ValueError):  # the first turn, or a file cut short by a crash
            return 0.0

    def _put(self, moment: float) -> None:
        (self._folder / "pace.time").write_text(f"{moment:.6f}", encoding="ascii")
