"""How far questions are from their own collection, and from collections that cannot answer them.

    python -m benchmarks.closeness [--cache DIR]

Fifty questions of each collection of ../shared/data/retrieval are put to all four. For each
threshold: the share of questions to their own collection, and to another one, whose best cosine
stays below it. kb.search.closeness.CLOSE is chosen from this.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

from benchmarks.beir import read_collection
from benchmarks.retrieval import NAMES, default_cache, folders, library
from kb.records import Query

QUESTIONS = 50
THRESHOLDS = (0.25, 0.3, 0.35, 0.4, 0.45, 0.5)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.closeness", description=__doc__)
    parser.add_argument("--cache", type=Path, default=default_cache(), metavar="DIR")
    cache = parser.parse_args().cache
    collections = [read_collection(folder) for folder in folders(NAMES)]
    some = random.Random(0)
    asked = {c.name: some.sample(sorted(c.questions.values()), QUESTIONS) for c in collections}
    own: list[float] = []
    other: list[float] = []
    for collection in collections:
        with library(collection, cache) as kb:
            for name, questions in asked.items():
                for question in questions:
                    found = kb.search(Query(question, k=10))
                    cosines = [h.semantic for group in found for h in group.hits if h.semantic]
                    (own if name == collection.name else other).append(max(cosines, default=0.0))
    print("| best cosine below | of own questions | of others |\n|---|---|---|")
    for threshold in THRESHOLDS:
        shares = [sum(c < threshold for c in side) / len(side) for side in (own, other)]
        print(f"| {threshold} | {shares[0]:.1%} | {shares[1]:.1%} |")


if __name__ == "__main__":
    main()
