"""`kb search` in a new process against the five lines of sentence-transformers it stands in for.

    python -m benchmarks.cold_start [--library DIR] [--rounds N]

Both load the same weights and embed the same question, in turn, after one run each that is not
counted; `kb` also opens the library, searches it and prints. Without --library, the sample library
is made first. Prints medians of the wall time and their ratio.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from kb.config import read_config
from kb.search.models import find_model

QUESTION = "does fine-tuning on movie reviews help with customer e-mails?"
SCRIPT = """
import sys
from sentence_transformers import SentenceTransformer
model = SentenceTransformer(sys.argv[1], device="cpu")
vector = model.encode(sys.argv[2])
print(vector.shape)
"""


def wall(command: list[str]) -> float:
    """Seconds that a command takes; CalledProcessError where it fails."""
    started = time.perf_counter()
    subprocess.run(
        command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )  # fmt: skip
    return time.perf_counter() - started


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--library", type=Path)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    kb = [str(Path(sys.executable).parent / "kb"), "--library"]
    with tempfile.TemporaryDirectory() as temporary:
        library = arguments.library
        if library is None:
            library = Path(temporary) / "library"
            wall([*kb, str(library), "ingest", "--sample"])
        model = str(find_model(read_config().model))
        commands = {
            "sentence-transformers, five lines": [sys.executable, "-c", SCRIPT, model, QUESTION],
            "kb search": [*kb, str(library), "search", QUESTION],
            "kb search --mode lexical": [
                *kb, str(library), "search", "--mode", "lexical", QUESTION
            ],
        }  # fmt: skip
        seconds: dict[str, list[float]] = {name: [] for name in commands}
        for command in commands.values():
            wall(command)
        for _ in range(arguments.rounds):
            for name, command in commands.items():
                seconds[name].append(wall(command))
    theirs = statistics.median(seconds["sentence-transformers, five lines"])
    print(f"{arguments.rounds} rounds\n")
    print("| | median, s | fastest, s | of the five lines |\n|---|---|---|---|")
    for name, spent in seconds.items():
        median = statistics.median(spent)
        print(f"| {name} | {median:.2f} | {min(spent):.2f} | 1/{theirs / median:.1f} |")


if __name__ == "__main__":
    main()
