"""Retrieval collections in BEIR's layout: documents, questions and judgements, and two measures.

Knows files and arithmetic. It refuses to know how anything is searched.
"""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Judgements = Mapping[str, Mapping[str, int]]
"""Question id → document id → how relevant; only what is judged relevant at all (above 0)."""


@dataclass(frozen=True, slots=True)
class Collection:
    """One collection in memory."""

    name: str
    documents: tuple[tuple[str, str, str], ...]  # (id, title, text)
    questions: Mapping[str, str]  # those with a relevant document, by id
    judgements: Judgements


def read_collection(folder: Path) -> Collection:
    """`folder` with corpus.jsonl, queries.jsonl and qrels.tsv or qrels/test.tsv; .gz may follow.

    Raises FileNotFoundError that names the file which is missing.
    """
    documents = tuple(
        (str(row["_id"]), row.get("title") or "", row.get("text") or "")
        for row in _rows(folder, "corpus.jsonl")
    )
    judgements = _judgements(folder)
    questions = {
        str(row["_id"]): row["text"]
        for row in _rows(folder, "queries.jsonl")
        if judgements.get(str(row["_id"]))
    }
    return Collection(folder.name, documents, questions, judgements)


def _judgements(folder: Path) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    name = "qrels.tsv" if _existing(folder, "qrels.tsv") else "qrels/test.tsv"
    for line in _lines(folder, name):
        question, *_, document, grade = line.split("\t")
        if grade.lstrip("-").isdigit() and int(grade) > 0:  # else the head line
            found.setdefault(question, {})[document] = int(grade)
    return found


def _rows(folder: Path, name: str) -> Iterator[dict[str, Any]]:
    for line in _lines(folder, name):
        yield json.loads(line)


def _lines(folder: Path, name: str) -> Iterator[str]:
    file = _existing(folder, name)
    if file is None:
        raise FileNotFoundError(f"{folder} has no {name}, and no {name}.gz.")
    content = file.read_bytes()
    text = (gzip.decompress(content) if file.suffix == ".gz" else content).decode("utf-8")
    return (line for line in text.splitlines() if line.strip())


def _existing(folder: Path, name: str) -> Path | None:
    return next((f for f in (folder / name, folder / f"{name}.gz") if f.is_file()), None)


def ndcg(ranking: Sequence[str], relevant: Mapping[str, int], k: int = 10) -> float:
    """Normalised discounted cumulative gain of the first k, as trec_eval and BEIR count it.

    The gain is the grade itself, discounted by log2(rank + 1).
    """
    gains = [relevant.get(document, 0) for document in ranking[:k]]
    ideal = sorted(relevant.values(), reverse=True)[:k]
    return _discounted(gains) / _discounted(ideal)


def _discounted(gains: Sequence[int]) -> float:
    return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, start=1))


def recall(ranking: Sequence[str], relevant: Mapping[str, int], k: int = 100) -> float:
    """The share of the relevant documents that are among the first k."""
    return len(set(ranking[:k]) & set(relevant)) / len(relevant)
