"""Vectors of texts from a file, kept in the library's folder so that a second look costs nothing.

Keyed by the encoder's revision and the text's hash. It knows nothing of labels or of where a text
is from, and a cache that is lost or cut short is only time lost.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from filelock import FileLock

from kb.search.embed import Embedder, Vectors, encodable

FOLDER = "fit"
KEY_BYTES = 16  # of a text's sha256
WRITTEN = 256
"""Texts embedded between two writes: two to six seconds, which is what a stop may lose."""
PIECES = 4
"""Stretches of `max_tokens` that a long text is read in; what comes after is not looked at."""

Report = Callable[[int, int], None]  # texts done, texts in all


def _silent(done: int, total: int) -> None:
    """Tell nobody."""


class VectorCache:
    """Embeds texts, remembering each vector as little-endian float16.

    One file for each encoder revision, of records of one size: a record that was cut short by a
    stop is overwritten by the next. Two processes may use it at once.
    """

    def __init__(self, library: Path, embedder: Embedder) -> None:
        self._embedder = embedder
        self._file = library / FOLDER / f"vectors-{embedder.revision}.bin"
        self._record = np.dtype([("key", f"V{KEY_BYTES}"), ("vector", "<f2", embedder.dimension)])

    def embed(self, texts: Sequence[str], *, report: Report = _silent) -> Vectors:
        """(len(texts), d) float32 of length 1, in the order of `texts`.

        A text longer than the encoder takes is read in stretches, and has their mean direction.
        What was embedded before a KeyboardInterrupt is kept.
        """
        keys = [self._key(text) for text in texts]
        known = self._known(set(keys))
        missing = {k: t for k, t in zip(keys, texts, strict=True) if k not in known}
        report(len(texts) - len(missing), len(texts))
        waiting = sorted(missing, key=lambda key: (len(missing[key]), key))
        for at in range(0, len(waiting), WRITTEN):
            part = waiting[at : at + WRITTEN]
            known.update(
                self._append(part, embed_whole(self._embedder, [missing[k] for k in part]))
            )
            report(len(texts) - len(waiting) + at + len(part), len(texts))
        rows = np.array([known[key] for key in keys], dtype="<f2").astype(np.float32)
        return _unit(rows.reshape(len(texts), self._embedder.dimension))

    def _key(self, text: str) -> bytes:
        return hashlib.sha256(encodable(text).encode()).digest()[:KEY_BYTES]

    def _known(self, wanted: set[bytes]) -> dict[bytes, Vectors]:
        if not self._file.exists():
            return {}
        count = self._file.stat().st_size // self._record.itemsize
        if not count:
            return {}
        records = np.memmap(self._file, dtype=self._record, mode="r", shape=(count,))
        stored = ((key.tobytes(), row) for row, key in enumerate(records["key"]))
        return {key: np.array(records["vector"][row]) for key, row in stored if key in wanted}

    def _append(self, keys: Sequence[bytes], vectors: Vectors) -> dict[bytes, Vectors]:
        """Write the records, and give the vectors as they will be read again."""
        records = np.zeros(len(keys), dtype=self._record)
        records["key"] = np.frombuffer(b"".join(keys), dtype=f"V{KEY_BYTES}")
        records["vector"] = vectors
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(self._file.with_suffix(".lock")), self._file.open("ab") as out:
            out.truncate(out.tell() // self._record.itemsize * self._record.itemsize)
            out.write(records.tobytes())
        return dict(zip(keys, records["vector"], strict=True))


def embed_whole(embedder: Embedder, texts: Sequence[str]) -> Vectors:
    """(n, d), one row a text, of the mean direction of its stretches; nothing is remembered."""
    pieces = [_pieces(embedder, encodable(text)) for text in texts]
    vectors = embedder.embed_documents([piece for each in pieces for piece in each])
    ends = np.cumsum([len(each) for each in pieces])
    sums = [part.sum(axis=0) for part in np.split(vectors, ends[:-1])]
    return _unit(np.array(sums, dtype=np.float32))


def _pieces(embedder: Embedder, text: str) -> list[str]:
    """`text`, or where it is too long its first PIECES stretches."""
    limit = embedder.max_tokens
    spans = embedder.token_spans(text)
    if len(spans) <= limit:
        return [text]
    # a cut may fall between two tokens of one word, which then count as more: room for that
    size = limit - 8
    starts = range(0, min(len(spans), size * PIECES), size)
    return [text[spans[at][0] : spans[min(at + size, len(spans)) - 1][1]] for at in starts]


def _unit(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    lengths[lengths == 0] = 1
    unit: Vectors = vectors / lengths
    return unit
