"""What the library holds: documents and their versions, passages, hits, and how ingests ended.

Offsets everywhere are character offsets into a version's text, end exclusive. Page numbers are
physical, counted from 1; a page label is what is printed on the page.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field, replace
from typing import Literal

Kind = Literal["paper", "blog", "note"]
Mode = Literal["hybrid", "semantic", "lexical"]
Stage = Literal["fetch", "parse", "write", "embed"]
OutcomeStatus = Literal["added", "unchanged", "updated", "failed"]
IngestState = Literal["starting", "running", "finished", "interrupted", "failed"]
LocatorStatus = Literal["queued", "added", "unchanged", "updated", "failed"]
SectionRole = Literal["body", "abstract", "references"]

KINDS: tuple[Kind, ...] = ("paper", "blog", "note")
MODES: tuple[Mode, ...] = ("hybrid", "semantic", "lexical")


@dataclass(frozen=True, slots=True)
class Metadata:
    """What is known of a work besides its text. Empty values mean unknown."""

    title: str = ""
    authors: tuple[str, ...] = ()  # "First Last", in order
    published: str = ""  # ISO 8601: "2017", "2017-06" or "2017-06-12"
    abstract: str = ""
    venue: str = ""  # journal, conference or site name
    url: str = ""  # where a person would read it
    language: str = ""  # ISO 639-1
    tags: tuple[str, ...] = ()  # free tags, arXiv categories as "cs.CL"
    identifiers: tuple[str, ...] = ()  # "arxiv:1706.03762", "doi:10.18653/v1/…": lower case

    @property
    def year(self) -> int | None:
        """The year of publication, where `published` begins with one."""
        found = re.match(r"\d{4}", self.published)
        return int(found[0]) if found else None

    def filled_from(self, other: Metadata) -> Metadata:
        """This record with its empty fields taken from `other`; tags and identifiers joined."""
        changes: dict[str, object] = {
            name: getattr(other, name)
            for name in ("title", "authors", "published", "abstract", "venue", "url", "language")
            if not getattr(self, name)
        }
        changes["tags"] = tuple(dict.fromkeys(self.tags + other.tags))
        changes["identifiers"] = tuple(dict.fromkeys(self.identifiers + other.identifiers))
        return replace(self, **changes)  # type: ignore[arg-type]


def title_identifier(title: str, authors: tuple[str, ...]) -> str | None:
    """`title:…` from the normalised title and the first author's last name; None where too thin.

    Case, accents, punctuation and spacing do not count. Titles of fewer than three words name too
    many works ("Introduction", "Deep learning") to tell two of them apart, and without an author
    nothing is claimed.
    """
    words = plain_words(title)
    if len(words) < 3 or not authors:
        return None
    first = authors[0].split(",")[0] if "," in authors[0] else authors[0]
    names = plain_words(first)
    return f"title:{' '.join(words)}|{names[-1]}" if names else None


def short_key(key: str) -> str:
    """A key as people type it: of a hash, enough to tell it from others."""
    return key[: len("sha256:") + 12] if key.startswith("sha256:") else key


def plain_words(text: str) -> list[str]:
    """The words of a text without case, accents and punctuation."""
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    return re.findall(r"\w+", "".join(c for c in decomposed if not unicodedata.combining(c)))


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a version: its printed label and where its text stands."""

    label: str  # printed label; str(number) where the file names none
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Section:
    """A stretch of text under one heading, up to the next heading of any level."""

    title: str  # "" before the first heading
    level: int  # 1 is the highest
    start: int  # where the heading itself begins
    end: int
    role: SectionRole = "body"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text as printed, with its box in PDF points, origin at the lower left."""

    start: int
    end: int
    page: int  # from 1
    box: tuple[float, float, float, float]  # left, bottom, right, top


@dataclass(frozen=True, slots=True)
class Parsed:
    """What parsing makes of raw bytes: text with the structure found in it.

    `pages` is empty for what has no pages; otherwise the pages follow one another in order.
    `sections` are in order, do not overlap, and cover the text.
    """

    text: str
    metadata: Metadata = field(default_factory=Metadata)
    pages: tuple[Page, ...] = ()
    sections: tuple[Section, ...] = ()
    lines: tuple[Line, ...] = ()

    def page_at(self, offset: int) -> int | None:
        """The number of the page that `offset` stands on, or None."""
        return page_at(self.pages, offset)


def page_at(pages: tuple[Page, ...], offset: int) -> int | None:
    """The number, from 1, of the page that holds `offset`; None where no page does."""
    for number, page in enumerate(pages, start=1):
        if page.start <= offset < page.end:
            return number
    return None


@dataclass(frozen=True, slots=True)
class PassageSpan:
    """A passage before it is stored: a stretch of text that the encoder takes whole."""

    start: int
    end: int
    section: str  # heading it stands under, "" where there is none
    role: SectionRole
    page: int | None  # page of its first character, from 1
    page_end: int | None  # page of its last character


@dataclass(frozen=True, slots=True)
class Document:
    """One source work as the library holds it."""

    id: int
    key: str  # "arxiv:1706.03762", "doi:…", "url:…", "sha256:…"
    kind: Kind
    source: str  # name of the Source it came through: "arxiv", "pdf", …
    metadata: Metadata
    added_at: str  # ISO 8601, UTC
    version_id: int  # the current version
    version_label: str
    removed_at: str | None = None

    @property
    def title(self) -> str:
        """The title, or the key where none is known."""
        return self.metadata.title or self.key


@dataclass(frozen=True, slots=True)
class Version:
    """One fetched content of a document, with its text. It never changes."""

    id: int
    document_id: int
    label: str  # "v5", or the date it was fetched
    sha256: str  # of the raw bytes
    media_type: str
    text: str
    pages: tuple[Page, ...]
    sections: tuple[Section, ...]
    fetched_at: str


@dataclass(frozen=True, slots=True)
class Query:
    """A question to the library and what its hits must satisfy."""

    text: str
    k: int = 10  # documents, not passages
    mode: Mode = "hybrid"
    kinds: tuple[Kind, ...] = ()  # empty: any
    since: int | None = None  # earliest year
    sources: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()  # all of them
    project: str | None = None
    document: str | None = None  # key
    include_references: bool = False


@dataclass(frozen=True, slots=True)
class SavedSearch:
    """A question that is asked again."""

    id: int
    name: str
    query: Query
    shared: bool  # with all members; else it is its maker's own
    created_at: str
    created_by: str
    last_run: str = ""  # when the member last asked it; "" for never
    added: int = 0  # documents taken in since, of the whole library


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that answers a query, and where it stands."""

    passage_id: int
    document: Document
    start: int
    end: int
    section: str
    page: int | None  # None: unknown
    page_end: int | None
    page_label: str  # as printed; "" where there are no pages
    text: str  # exactly version.text[start:end]
    marks: tuple[tuple[int, int], ...]  # offsets into `text` of words that match the query
    score: float  # what the hits are ordered by; comparable within one answer only
    semantic: float | None = None  # cosine of query and passage, None where not computed
    lexical: float | None = None  # BM25, higher is better, None where not matched


@dataclass(frozen=True, slots=True)
class DocumentHits:
    """The hits within one document, best first, and other copies of the same work."""

    document: Document
    hits: tuple[Hit, ...]
    also: tuple[str, ...] = ()  # keys of other documents known to be the same work

    @property
    def score(self) -> float:
        """The score of the best hit."""
        return self.hits[0].score


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one locator ended."""

    locator: str
    status: LocatorStatus
    source: str = ""
    key: str = ""  # document key, "" where there is none
    title: str = ""
    stage: str = ""  # of a failure
    reason: str = ""  # of a failure, or why nothing was done
    retry: bool = False
    attempts: int = 1
    at: str = ""


@dataclass(frozen=True, slots=True)
class Ingest:
    """One ingest as others see it: its process, and what it has reported."""

    state: IngestState
    pid: int
    started_at: str
    total: int = 0  # locators
    done: int = 0
    doing: str = ""
    reason: str = ""  # of a failure
    ended_at: str = ""  # "" where it is at work, or nobody wrote it down

    @property
    def active(self) -> bool:
        """Whether its process is at work."""
        return self.state in {"starting", "running"}


@dataclass(frozen=True, slots=True)
class Model:
    """An encoder that passages are embedded with."""

    id: int
    name: str
    revision: str  # content hash or commit; vectors of two revisions never mix
    dimension: int
    max_tokens: int


@dataclass(frozen=True, slots=True)
class Status:
    """The library in figures."""

    path: str
    documents: int
    removed: int
    versions: int
    passages: int
    unembedded: int  # passages of the active model without a vector
    queued: int  # locators waiting
    failed: int  # locators whose last try failed
    model: str
    index_generation: int
    index_current: bool  # the index file answers for every vector
    database_bytes: int
    raw_bytes: int
    index_bytes: int
