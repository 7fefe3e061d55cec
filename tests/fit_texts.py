"""Labelled sentences made for the tests, and an encoder whose vectors are sums of word vectors."""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kb.fit.dataset import Encoder
from kb.fit.tables import Table

POSITIVE = [
    "splendid",
    "helpful",
    "quick",
    "lovely",
    "solid",
    "pleased",
    "thanks",
    "brilliant",
    "smooth",
    "perfect",
]
NEGATIVE = [
    "broken",
    "late",
    "rude",
    "useless",
    "angry",
    "refund",
    "awful",
    "slow",
    "faulty",
    "disappointed",
]
MOVIES = [
    "film",
    "plot",
    "actor",
    "scene",
    "script",
    "director",
    "screen",
    "camera",
    "story",
    "ending",
    "cast",
    "music",
]
MAILS = [
    "invoice",
    "parcel",
    "account",
    "order",
    "login",
    "agent",
    "ticket",
    "delivery",
    "address",
    "phone",
    "form",
    "bank",
]
FILLER = [
    "the",
    "a",
    "this",
    "was",
    "with",
    "and",
    "very",
    "my",
    "our",
    "it",
    "on",
    "for",
    "again",
    "today",
    "still",
    "never",
]


class WordEmbedder:
    """The mean direction of a text's words, each word with a fixed random vector."""

    name = "words"
    revision = "1"
    dimension = 48
    max_tokens = 64

    def __init__(self, *, stop_after: int | None = None) -> None:
        self.embedded = 0
        self._stop_after = stop_after

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        return [found.span() for found in re.finditer(r"\w+|[^\w\s]", text)]

    def embed_documents(self, texts: Sequence[str]) -> np.ndarray:
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in enumerate(texts):
            if len(self.token_spans(text)) > self.max_tokens:
                raise ValueError("longer than the encoder takes")
            vectors[row] = self.embed_query(text)
            self.embedded += 1
            if self.embedded == self._stop_after:
                raise KeyboardInterrupt
        return vectors

    def embed_query(self, text: str) -> np.ndarray:
        found = sum((_vector(word) for word in text.lower().split()), np.zeros(self.dimension))
        vector = np.asarray(found, dtype=np.float32)
        return vector / (np.linalg.norm(vector) or 1)


ENCODER = Encoder(WordEmbedder.name, WordEmbedder.revision)


def _vector(word: str) -> np.ndarray:
    seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8])
    return np.random.default_rng(seed).normal(size=WordEmbedder.dimension)


def sentences(
    count: int, domain: Sequence[str], *, seed: int, clear: float = 0.85
) -> list[tuple[str, str]]:
    """(text, label) pairs: words of the domain, filler, and words of the label or, seldom, not."""
    dice = np.random.default_rng(seed)
    rows = []
    for _ in range(count):
        label = str(dice.choice(["negative", "positive"]))
        words = [*dice.choice(domain, 4), *dice.choice(FILLER, 3)]
        for _ in range(4):
            own = POSITIVE if label == "positive" else NEGATIVE
            other = NEGATIVE if label == "positive" else POSITIVE
            words.append(dice.choice(own if dice.random() < clear else other))
        dice.shuffle(words)
        rows.append((" ".join(map(str, words)), label))
    return rows


def table(rows: Sequence[tuple[str, str | None]], name: str = "ours.csv") -> Table:
    """The rows as a table that was read."""
    texts, labels = zip(*rows, strict=True)
    sha256 = hashlib.sha256(repr(rows).encode()).hexdigest()
    return Table(name, sha256, texts, labels, len(rows), 0, ())


def write_csv(file: Path, rows: Sequence[tuple[str, str | None]]) -> Path:
    """The rows as a CSV file with the columns text and label."""
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(["text", "label"])
        writer.writerows(rows)
    return file
