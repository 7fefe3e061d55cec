"""The Source contract: what a place that literature comes from must be able to do.

A source knows one kind of place. It does not know the store, the encoder or the other sources;
which source takes a locator is decided by `ingest.sources`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from ingest.fetch import Fetcher
from kb.config import Config
from kb.records import Kind, Metadata, Parsed, Stage


@dataclass(frozen=True, slots=True)
class Options:
    """What the caller of one ingest asked for."""

    refresh: bool = False  # look again at what is already here
    limit: int | None = None  # entries taken from a feed, search, folder or bibliography
    follow: bool = False  # bibliographies: take in what the entries point to
    categories: tuple[str, ...] = ()  # arXiv search
    since: str = ""  # arXiv search: earliest date, YYYY-MM-DD


@dataclass(frozen=True, slots=True)
class Raw:
    """Fetched bytes and what is known of them before parsing. Plain enough to cross processes."""

    locator: str  # what was asked for
    source: str  # name of the source that will parse it
    key: str  # the document's key
    label: str  # the version's label: "v5", or the date it was fetched, "2026-11-24"
    media_type: str
    content: bytes
    kind: Kind = "paper"
    metadata: Metadata = field(default_factory=Metadata)
    url: str = ""  # where the bytes came from, after redirects
    charset: str = ""  # as the server declared it


@dataclass(frozen=True, slots=True)
class Found:
    """A further locator that `parent` led to: a file of a folder, an entry of a feed."""

    locator: str
    parent: str


@dataclass(frozen=True, slots=True)
class Known:
    """Nothing to do: the library has this already."""

    locator: str
    key: str
    reason: str = "already in the library"


@dataclass(frozen=True, slots=True)
class Failed:
    """This locator could not be taken in. `retry` where the same call may succeed later."""

    locator: str
    reason: str
    retry: bool = False
    stage: Stage = "fetch"


@dataclass(frozen=True, slots=True)
class Done:
    """A locator that only led to others (a folder, a feed) has been read to its end."""

    locator: str
    reason: str  # "12 entries"


Fetched = Raw | Found | Known | Failed | Done


@dataclass(frozen=True, slots=True)
class FetchContext:
    """What a source may use while it fetches."""

    config: Config
    fetcher: Fetcher
    options: Options
    in_library: Callable[[str, str | None], bool]
    """`in_library(key, label)`: is that document here, in that version (None: in any)?"""
    say: Callable[[str], None]
    """Tell the user in a few words what is being done or waited for."""
    pause: Callable[[float], None]
    """Sleep so many seconds, ending early with KeyboardInterrupt when the user stops."""


class Source(Protocol):
    """One kind of place. One file, one class without state."""

    name: ClassVar[str]
    """Short and stable: it is stored with each document and is what `--source` takes."""

    def matches(self, locator: str) -> bool:
        """Whether this source takes `locator`. No network; a look at the disk is allowed."""
        ...

    def fetch(self, locators: Sequence[str], context: FetchContext) -> Iterator[Fetched]:
        """All input and output. Each locator ends in exactly one Raw, Known, Failed or Done.

        A locator that stands for many (a folder, a search) yields its Raws or Founds under their
        own locators and then Done for itself. A problem with one locator is yielded as Failed and
        stops nothing; what is raised is a bug, or the user's Ctrl-C.
        """
        ...

    def parse(self, raw: Raw) -> Parsed:
        """Bytes to text, pure: no network, no disk, no clock. Runs in a worker with limits.

        Raises ParseFailure with a sentence. What `raw.metadata` says wins over what parsing finds.
        """
        ...
