from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from kb.errors import ModelError
from kb.fit.speed import BATCH, ONE_LEAST, STATUS, Read, measure_speed

TEXTS = [f"text {number}" for number in range(30)]
MB = 1024**2


def sleeper(seconds: float, log: Path) -> tuple[Read, int]:
    """Reads a text in `seconds`, however many there are, and writes down how many there were."""

    def read(texts: Sequence[str]) -> None:
        with log.open("a") as out:
            out.write(f"{len(texts)}\n")
        time.sleep(seconds)

    return read, 3 * MB


def eater(megabytes: int) -> tuple[Read, int]:
    held = bytearray(megabytes * MB)
    return (lambda texts: held[len(texts)]), 0


def failing(how: str) -> tuple[Read, int]:
    if how == "dies":
        os._exit(9)
    raise ValueError(how)


def test_batches_and_single_texts_are_timed_apart(tmp_path: Path) -> None:
    log = tmp_path / "log"
    found = measure_speed(partial(sleeper, 0.004, log), TEXTS)
    assert 4 <= found.p50_ms <= found.p95_ms
    assert found.texts_per_second > 1000 / found.p50_ms  # 30 texts in one sleep
    assert found.texts == len(TEXTS)
    assert found.disk_mb == 3
    given = [int(line) for line in log.read_text().split()]
    assert given == [1, 1, 1, len(TEXTS), *[1] * len(TEXTS)]
    assert len(TEXTS) < BATCH


def test_few_texts_are_read_again_until_a_percentile_means_something(tmp_path: Path) -> None:
    assert measure_speed(partial(sleeper, 0, tmp_path / "log"), TEXTS[:4]).texts == ONE_LEAST


@pytest.mark.skipif(not STATUS.is_file(), reason="the peak is read from /proc")
def test_memory_is_what_it_adds_and_not_what_this_process_has() -> None:
    here = bytearray(300 * MB)
    little, much = (measure_speed(partial(eater, size), TEXTS).memory_mb for size in (1, 120))
    assert little is not None
    assert much is not None
    assert little < 60
    assert 115 < much - little < 125
    assert here[-1] == 0


def test_what_goes_wrong_there_is_a_sentence_here_and_no_process_is_left() -> None:
    with pytest.raises(ModelError, match="no such weights"):
        measure_speed(partial(failing, "no such weights"), TEXTS)
    with pytest.raises(ModelError, match="exit code 9"):
        measure_speed(partial(failing, "dies"), TEXTS)
    assert multiprocessing.active_children() == []
