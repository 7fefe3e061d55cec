"""The Embedder contract, what the encoder reads for a passage, and embedding what is not yet.

Knows nothing of any library that computes vectors: those are behind the contract.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from kb.records import Model
from kb.store import Store

Vectors = NDArray[np.float32]
"""(n, d) or (d,) float32; rows of length 1."""


class Embedder(Protocol):
    """A pretrained encoder. Thread-safe for reading; the same text gives the same vector."""

    @property
    def name(self) -> str:
        """What the user calls it: "all-MiniLM-L6-v2", or a path."""
        ...

    @property
    def revision(self) -> str:
        """Changes whenever its vectors would: part of the content hash of the weights."""
        ...

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        ...

    @property
    def max_tokens(self) -> int:
        """Tokens a text may have, special tokens and document prompt already taken off."""
        ...

    def token_spans(self, text: str) -> Sequence[tuple[int, int]]:
        """Where each token of `text` stands: (start, end) character offsets, in order, uncut."""
        ...

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """(len(texts), d). An empty list gives shape (0, d). Longer texts than max_tokens raise."""
        ...

    def embed_query(self, text: str) -> Vectors:
        """(d,). Here, and only here, a text longer than the encoder takes is cut."""
        ...


def encodable(text: str) -> str:
    """A question as every tokenizer takes it: what no encoding can write becomes "?".

    Bytes of a command line that are not UTF-8 arrive as lone surrogates.
    """
    return text.encode("utf-8", "replace").decode("utf-8")


HEADING_SHARE = 0.25
"""Of the encoder's tokens that title and section may take; a longer heading is left out whole."""

CHUNK = 512
"""Passages looked up at a time: enough that those of one length can be embedded together."""
WRITTEN = 64
"""Passages embedded between two writes: about a second, which is what a stop may lose."""


def heading(embedder: Embedder, title: str, section: str) -> str:
    """The context that a passage's text is embedded with: its title and section, or "".

    Splitting and embedding both ask here, so that what was measured is what is embedded.
    """
    for parts in ((title, section), (title,), (section,)):
        text = " · ".join(part for part in parts if part)
        if text and len(embedder.token_spans(text)) <= HEADING_SHARE * embedder.max_tokens:
            return f"{text}\n"
    return ""


def to_blob(vector: Vectors) -> bytes:
    """A vector as it is stored: little-endian float16."""
    return vector.astype("<f2").tobytes()


def from_blobs(blobs: Sequence[bytes], dimension: int) -> Vectors:
    """(n, dimension) float32 from stored vectors, rows of length 1 again."""
    flat = np.frombuffer(b"".join(blobs), dtype="<f2").astype(np.float32)
    vectors = flat.reshape(len(blobs), dimension)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    lengths[lengths == 0] = 1
    unit: Vectors = vectors / lengths
    return unit


def embed_missing(
    store: Store,
    embedder: Embedder,
    model: Model,
    *,
    report: Callable[[int], None] = lambda count: None,
    stop: Callable[[], bool] = lambda: False,
) -> int:
    """Embed every passage of `model` that has no vector; returns how many.

    `report` is told of each written batch, `stop` is asked between two. What is left is found by
    the next call. A passage that goes while it is embedded is passed over.
    """
    count, last = 0, 0
    while rows := store.passages.unembedded(model.id, CHUNK, after=last):
        last = rows[-1].id
        texts = {r.id: heading(embedder, r.title, r.section) + r.text for r in rows}
        ids = sorted(texts, key=lambda i: len(texts[i]))
        for at in range(0, len(ids), WRITTEN):
            if stop():
                return count
            part = ids[at : at + WRITTEN]
            vectors = embedder.embed_documents([texts[i] for i in part])
            store.vectors.add([(i, to_blob(v)) for i, v in zip(part, vectors, strict=True)])
            count += len(part)
            report(len(part))
    return count
