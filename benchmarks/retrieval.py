"""Search quality on collections with judgements, through the product's own code.

    python -m benchmarks.retrieval [NAME …] [--collection DIR …] [--json] [--cache DIR]

NAMEs are folders of ../shared/data/retrieval; without any, all of them. DIR is any folder in BEIR's
layout: corpus.jsonl, queries.jsonl, qrels/test.tsv or qrels.tsv, each plain or gzipped. Each
collection becomes a library of its own, split, embedded and indexed as `kb ingest` does it, kept in
the cache until its passages, the model or the tables change.

nDCG@10 is of searches for 10 documents, Recall@100 of searches for 100. A document whose id is the
question's own is passed over, as BEIR does. Milliseconds are the median of the searches for 10,
in this process, with the model loaded.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from benchmarks.beir import Collection, ndcg, read_collection, recall
from ingest.split import split
from kb.config import read_config
from kb.knowledge_base import Engine, KnowledgeBase
from kb.records import MODES, Metadata, Mode, Parsed, PassageSpan, Query, Section
from kb.search.embed import Embedder, embed_missing, heading
from kb.search.models import load_embedder
from kb.store.schema import VERSION
from tests.conftest import shared_folder

KEY = "benchmark:"  # before a document's id in the library
NAMES = ("scifact", "cacm", "cisi", "cranfield")


@dataclass(frozen=True, slots=True)
class Measured:
    """One mode on one collection: means over the questions."""

    collection: str
    mode: Mode
    questions: int
    ndcg10: float
    recall100: float
    milliseconds: float


def measure(collection: Collection, cache: Path) -> list[Measured]:
    """All modes on one collection."""
    with library(collection, cache) as kb:
        kb.search(Query("warm", k=1))  # so that no question pays for loading
        return [_mode(kb, collection, mode) for mode in MODES]


@contextmanager
def library(collection: Collection, cache: Path) -> Iterator[KnowledgeBase]:
    """A library that holds the collection, made where the cache has none that fits."""
    config = read_config(cache)
    embedder = load_embedder(config, say=_say)
    prepared = [_prepared(document, embedder) for document in collection.documents]
    name = f"{collection.name}-{_stamp(prepared, embedder)}"
    config = replace(config, library=cache / name)
    with KnowledgeBase(config, engine=Engine(config, say=_say)) as kb:
        _fill(kb, prepared, name)
        yield kb


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A document as it goes into the library."""

    key: str
    parsed: Parsed
    spans: tuple[PassageSpan, ...]

    def encoder_texts(self, embedder: Embedder) -> Iterator[str]:
        for span in self.spans:
            head = heading(embedder, self.parsed.metadata.title, span.section)
            yield head + self.parsed.text[span.start : span.end]


def _prepared(document: tuple[str, str, str], embedder: Embedder) -> _Prepared:
    """The document split; one without a text stands by its title."""
    key, title, text = document
    text = text if text.strip() else title
    parsed = Parsed(text, Metadata(title=title), (), (Section("", 1, 0, len(text)),))
    return _Prepared(f"{KEY}{key}", parsed, tuple(split(parsed, embedder=embedder)))


def _stamp(prepared: Sequence[_Prepared], embedder: Embedder) -> str:
    """Changes whenever a stored vector would, or the tables do."""
    digest = hashlib.sha256(f"{VERSION} {embedder.name} {embedder.revision}".encode())
    for document in prepared:
        for text in (document.key, *document.encoder_texts(embedder)):
            digest.update(text.encode() + b"\0")
    return digest.hexdigest()[:12]


def _fill(kb: KnowledgeBase, prepared: Sequence[_Prepared], name: str) -> None:
    """Write, embed and index every document; what is there from an earlier run is kept."""
    model = kb.model()
    for document in prepared:
        if kb.store.documents.has(document.key) or not document.spans:
            continue
        text, title = document.parsed.text, document.parsed.metadata.title
        with kb.store.transaction():
            document_id, version_id, _ = kb.store.documents.add_version(
                document.key, document.parsed, kind="paper", source="benchmark", label="v1",
                sha256=hashlib.sha256(document.key.encode()).hexdigest(),
                media_type="text/plain", raw_bytes=len(text), fetched_from="",
            )  # fmt: skip
            kb.store.passages.replace(
                document_id, version_id, model.id, document.spans, title=title, text=text
            )
    left = kb.store.passages.counts(model.id)[1]
    if left:
        _say(f"{name}: embedding {left} passages")
    embed_missing(kb.store, kb.embedder(), model)


def _mode(kb: KnowledgeBase, collection: Collection, mode: Mode) -> Measured:
    gains, found, times = [], [], []
    for question, text in collection.questions.items():
        relevant = collection.judgements[question]
        started = time.perf_counter()
        first = _ranking(kb, Query(text, k=11, mode=mode), question)
        times.append(time.perf_counter() - started)
        gains.append(ndcg(first, relevant))
        found.append(recall(_ranking(kb, Query(text, k=101, mode=mode), question), relevant))
    return Measured(
        collection.name,
        mode,
        len(gains),
        statistics.fmean(gains),
        statistics.fmean(found),
        1000 * statistics.median(times),
    )


def _ranking(kb: KnowledgeBase, query: Query, question: str) -> list[str]:
    """Ids of the documents found, best first, copies of a work behind it; the question's own not.

    One more than needed is asked for, since one may fall away.
    """
    keys = [key for group in kb.search(query) for key in (group.document.key, *group.also)]
    return [key for key in (key.removeprefix(KEY) for key in keys) if key != question]


def table(rows: Sequence[Measured]) -> str:
    """The figures as a Markdown table, with what the hybrid gains over the better of the others."""
    lines = [
        "| collection | questions | semantic | lexical | hybrid | gain "
        "| R@100 semantic | lexical | hybrid | ms hybrid |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    gains = []
    for name in dict.fromkeys(row.collection for row in rows):
        by = {row.mode: row for row in rows if row.collection == name}
        gains.append(gain(by["hybrid"], by["semantic"], by["lexical"]))
        order = [by[mode] for mode in ("semantic", "lexical", "hybrid")]
        scores = " | ".join(f"{row.ndcg10:.4f}" for row in order)
        recalls = " | ".join(f"{row.recall100:.3f}" for row in order)
        lines.append(
            f"| {name} | {by['hybrid'].questions} | {scores} | {gains[-1]:+.1%} | {recalls} "
            f"| {by['hybrid'].milliseconds:.0f} |"
        )
    lines.append(f"\nnDCG@10; hybrid gains {statistics.fmean(gains):+.1%} on average.")
    return "\n".join(lines)


def gain(hybrid: Measured, *others: Measured) -> float:
    """By what share the hybrid's nDCG@10 is above the better of the others."""
    return hybrid.ndcg10 / max(other.ndcg10 for other in others) - 1


def folders(names: Sequence[str]) -> list[Path]:
    """The folders of the shared collections of those names. Ends the program where there are none.

    Raises SystemExit with a sentence.
    """
    shared = shared_folder()
    if shared is None:
        raise SystemExit("The shared data folder is not here; set KB_SHARED_DATA, or --collection.")
    return [shared / "retrieval" / name for name in names]


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.retrieval", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--collection", action="append", default=[], type=Path, metavar="DIR")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--cache", type=Path, default=default_cache(), metavar="DIR")
    given = parser.parse_args()
    names = given.names or ([] if given.collection else NAMES)
    rows = []
    for folder in [*(folders(names) if names else ()), *given.collection]:
        rows += measure(read_collection(folder), given.cache)
    print(json.dumps([asdict(row) for row in rows], indent=2) if given.json else table(rows))


def default_cache() -> Path:
    """Where the libraries are kept between runs."""
    return Path(tempfile.gettempdir()) / "kb-benchmarks"


if __name__ == "__main__":
    main()
