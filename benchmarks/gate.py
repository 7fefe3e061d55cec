"""Search quality against its floors: an update may raise them, and not lower them.

    python -m benchmarks.gate [--raise] [--cache DIR]

Fails where a figure is below its floor in floors.json, where the hybrid is not above the better of
the other two on every collection, or not by 8 % on average. With --raise, floors that were passed
by more than the margin are raised to just below what was measured.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.beir import read_collection
from benchmarks.retrieval import NAMES, Measured, default_cache, folders, gain, measure, table
from tests.conftest import shared_folder

FLOORS = Path(__file__).with_name("floors.json")
MARGIN = 0.003  # between a floor and what was measured: rounding on another machine
AVERAGE_GAIN = 0.08  # of the hybrid over the better of the others

Floors = Mapping[str, Mapping[str, float]]
"""Collection → mode → the least nDCG@10."""


def failures(rows: Sequence[Measured], floors: Floors) -> list[str]:
    """What is not as good as it must be, each as a sentence."""
    found = [
        f"{row.collection}, {row.mode}: nDCG@10 {row.ndcg10:.4f} is below its floor of {floor:.4f}."
        for row in rows
        if row.ndcg10 < (floor := floors.get(row.collection, {}).get(row.mode, 0.0))
    ]
    gains = []
    for name in dict.fromkeys(row.collection for row in rows):
        by = {row.mode: row for row in rows if row.collection == name}
        gains.append(gain(by["hybrid"], by["semantic"], by["lexical"]))
        if gains[-1] <= 0:
            found.append(
                f"{name}: the hybrid is not above the better of the two ({gains[-1]:+.1%})."
            )
    if statistics.fmean(gains) < AVERAGE_GAIN:
        found.append(
            f"The hybrid gains {statistics.fmean(gains):.1%} on average, not {AVERAGE_GAIN:.0%}."
        )
    return found


def raised(rows: Sequence[Measured], floors: Floors) -> dict[str, dict[str, float]]:
    """The floors, each the higher of what it was and just below what was measured."""
    result = {name: dict(modes) for name, modes in floors.items()}
    for row in rows:
        modes = result.setdefault(row.collection, {})
        below = math.floor((row.ndcg10 - MARGIN) * 1000) / 1000
        modes[row.mode] = max(modes.get(row.mode, 0.0), below)
    return result


def main() -> int:
    """The command line; the exit code."""
    parser = argparse.ArgumentParser(prog="benchmarks.gate", description=__doc__)
    parser.add_argument("--raise", dest="raise_", action="store_true")
    parser.add_argument("--cache", type=Path, default=default_cache())
    given = parser.parse_args()
    if shared_folder() is None:
        print("The gate was not run: the shared data folder is not here (KB_SHARED_DATA).")
        return 0
    rows = [row for f in folders(NAMES) for row in measure(read_collection(f), given.cache)]
    floors: Floors = json.loads(FLOORS.read_text("utf-8")) if FLOORS.exists() else {}
    print(table(rows))
    found = failures(rows, floors)
    for failure in found:
        print(f"BELOW: {failure}")
    if given.raise_ and not found:
        FLOORS.write_text(json.dumps(raised(rows, floors), indent=2) + "\n", "utf-8")
        print(f"Floors raised in {FLOORS.name}.")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
