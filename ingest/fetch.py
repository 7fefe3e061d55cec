"""Bounded, polite GETs: the only way to the network. (Contract; being built.)"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Response:
    """A complete answer with status 200, within all limits."""

    url: str  # after redirects
    media_type: str  # lower case, without parameters: "application/pdf"
    charset: str  # as declared by the server, "" where it was not
    content: bytes


class Fetcher:
    """One per ingest. Thread-safe."""

    def get(self, url: str, *, accept: tuple[str, ...] = (), polite: bool = True) -> Response:
        """Fetch `url`; raises FetchFailure with a sentence and whether to retry."""
        raise NotImplementedError
