"""The Embedder contract, and the text that the encoder is given for a passage.

Knows nothing of any library that computes vectors: those are behind the contract.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

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


def encoder_text(title: str, section: str, text: str) -> str:
    """What the encoder reads for a passage: its title and section are context for the words."""
    heading = " · ".join(part for part in (title, section) if part)
    return f"{heading}\n{text}" if heading else text
