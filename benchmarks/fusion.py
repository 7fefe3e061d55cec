"""Ways to join two rankings, side by side on the candidates of the product's own search.

    python -m benchmarks.fusion [NAME …] [--collection DIR …] [--cache DIR]

Each collection is measured three times: as it is; with weak words, where six in ten words of each
question are replaced by words of other questions for the lexical side alone, as if the documents
used other words than the question; and with a weak encoder, where noise as long as the question's
vector is added to it. Prints nDCG@10 as Markdown. docs/decisions/0002-fusion.md draws on it.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.beir import Collection, ndcg, read_collection
from benchmarks.retrieval import KEY, NAMES, default_cache, folders, library
from kb.knowledge_base import KnowledgeBase
from kb.records import Query
from kb.search import fuse
from kb.search.embed import Vectors
from kb.search.fuse import Scores
from kb.search.lexical import Expression, expression
from kb.search.search import DEPTH

WEAK = 0.6  # of the words are replaced
NOISE = 1.0  # length of what is added to a question's vector
VARIANTS = ("", "weak words", "weak encoder")


@dataclass(frozen=True, slots=True)
class Case:
    """One question's candidates: what any way of joining may look at."""

    question: str
    documents: tuple[str, ...]  # of each candidate passage
    vector: Vectors  # (d,)
    vectors: Vectors  # (n, d)
    lexical: Scores  # (n,)

    @property
    def cosines(self) -> Scores:
        """(n,)."""
        return (self.vectors @ self.vector).astype(np.float64)


Join = Callable[[Case], Scores]


def fed_back(join: Callable[[Scores, Scores], Scores]) -> Join:
    """`join`, and once more with the question moved towards what came out best."""

    def scores(case: Case) -> Scores:
        first = join(case.cosines, case.lexical)
        moved = fuse.towards_best(case.vector, case.vectors, first)
        return join((case.vectors @ moved).astype(np.float64), case.lexical)

    return scores


def reciprocal_ranks(case: Case) -> Scores:
    """Reciprocal rank fusion with the usual 60."""
    total = np.zeros(len(case.lexical))
    for side in (case.cosines, case.lexical):
        ranks = np.empty(len(side))
        ranks[np.argsort(-side, kind="stable")] = np.arange(1, len(side) + 1)
        total += np.where(side != 0, 1 / (60 + ranks), 0)
    return total


def stretched(share: float) -> Join:
    """Both sides stretched over 0 to 1, `share` of the meaning."""

    def scores(case: Case) -> Scores:
        meaning, words = (
            (side - side.min()) / max(float(np.ptp(side)), 1e-9)
            for side in (case.cosines, case.lexical)
        )
        return share * meaning + (1 - share) * words

    return scores


def weighed(weight: Callable[[Scores], float]) -> Callable[[Scores, Scores], Scores]:
    """Cosines on their own scale, words against the best match, weighed by `weight(words)`."""

    def scores(cosines: Scores, lexical: Scores) -> Scores:
        words = lexical / max(float(lexical.max()), 1e-9)
        return fuse._from_floor(cosines) + weight(words) * words

    return scores


WAYS: dict[str, Join] = {
    "semantic": lambda case: case.cosines,
    "lexical": lambda case: case.lexical,
    "reciprocal ranks, 60": reciprocal_ranks,
    "min-max, 0.6 semantic": stretched(0.6),
    "min-max, 0.8 semantic": stretched(0.8),
    "cosine + 0.3 words": lambda case: weighed(lambda _: 0.3)(case.cosines, case.lexical),
    "the same, fed back": fed_back(weighed(lambda _: 0.3)),
    "words by how far they stand out, fed back": fed_back(
        weighed(lambda words: 0.9 * fuse._standing_out(words) ** 2)
    ),
    "as chosen, without feedback": lambda case: fuse.fuse(case.cosines, case.lexical),
    "as chosen": fed_back(fuse.fuse),
}


def cases(kb: KnowledgeBase, collection: Collection, variant: str) -> Iterator[Case]:
    """The candidates of each question, by the product's search."""
    searcher = kb._searcher()
    assert searcher is not None
    dice, noise = random.Random(0), np.random.default_rng(0)
    embedder = kb.embedder()
    texts = list(collection.questions.values())
    asked = {text: expression(text, searcher._rarity) for text in texts}
    others = [term for words in asked.values() if words for term in words.terms]
    for question, text in collection.questions.items():
        query, vector, words = Query(text), embedder.embed_query(text), asked[text]
        if variant == "weak encoder":
            added = noise.normal(size=len(vector))
            vector = vector + (NOISE * added / np.linalg.norm(added)).astype(np.float32)
            vector /= np.linalg.norm(vector)
        if variant == "weak words" and words:
            words = Expression(tuple(_replaced(words.terms, others, dice)), words.marked)
        near, _ = searcher._nearest(vector, query, DEPTH)
        matched = searcher._matched(words, query, DEPTH)
        ids = list(dict.fromkeys([*near, *matched]))
        places = kb.store.passages.places(ids)
        keys = kb.store.documents.by_ids({place[0] for place in places.values()})
        yield Case(
            question,
            tuple(keys[places[i][0]].key.removeprefix(KEY) for i in ids),
            vector,
            searcher._vectors(ids),
            np.array([matched.get(i, 0.0) for i in ids]),
        )


def _replaced(terms: Sequence[str], others: Sequence[str], dice: random.Random) -> Iterator[str]:
    for term in terms:
        yield dice.choice(others) if dice.random() < WEAK else term


def measured(collection: Collection, found: Sequence[Case], way: Join) -> float:
    """Mean nDCG@10, documents by their best passage."""
    gains = []
    for case in found:
        scores = way(case)
        order = np.argsort(-scores, kind="stable")
        ranking = list(dict.fromkeys(case.documents[i] for i in order))
        ranking = [document for document in ranking if document != case.question]
        gains.append(ndcg(ranking, collection.judgements[case.question]))
    return float(np.mean(gains))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.fusion", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--collection", action="append", default=[], type=Path, metavar="DIR")
    parser.add_argument("--cache", type=Path, default=default_cache(), metavar="DIR")
    given = parser.parse_args()
    names = given.names or ([] if given.collection else NAMES)
    columns: dict[str, list[float]] = {}
    for folder in [*(folders(names) if names else ()), *given.collection]:
        collection = read_collection(folder)
        with library(collection, given.cache) as kb:
            for variant in VARIANTS:
                found = list(cases(kb, collection, variant))
                title = f"{collection.name}, {variant}" if variant else collection.name
                columns[title] = [measured(collection, found, way) for way in WAYS.values()]
    print("|  | " + " | ".join(columns) + " | gain, least | gain, mean |")
    print("|---" * (len(columns) + 3) + "|")
    for row, way in enumerate(WAYS):
        gains = [column[row] / max(column[:2]) - 1 for column in columns.values()]
        values = " | ".join(f"{column[row]:.3f}" for column in columns.values())
        print(f"| {way} | {values} | {min(gains):+.1%} | {np.mean(gains):+.1%} |")


if __name__ == "__main__":
    main()
