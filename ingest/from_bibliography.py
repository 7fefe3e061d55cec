"""Bibliographies: BibTeX, RIS and CSL-JSON files, each entry a document of its own.

It knows which files are bibliographies and where their entries point to. It does not know the
formats (that is `ingest.bibtex`, `ingest.ris`, `ingest.csl`), nor how what they point to is read.

An entry's key is `doi:…` or `entry:…` (see `ingest.csl.key_of`), never that of the work it names:
its text is what the bibliography says, title, abstract and notes. By its identifiers it is linked
with the work itself. What is kept is the entry as CSL-JSON in one spelling, so that moving it, or
changing another entry, changes nothing. With `follow`, arXiv papers, addresses and files that
entries name are taken in as well.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from ingest.addresses import canonical_url, is_web_address
from ingest.bibtex import read_bibtex
from ingest.charsets import decode
from ingest.csl import (
    Broken,
    Reference,
    arxiv_of,
    as_bytes,
    key_of,
    kind_of,
    looks_like_csl,
    metadata_of,
    read_csl,
    same_work,
    text_of,
    url_of,
)
from ingest.headings import sections_of
from ingest.ris import read_ris
from ingest.source import Done, Failed, FetchContext, Fetched, Found, Known, Raw
from kb.errors import ParseFailure
from kb.records import Parsed

__all__ = ["Bibliography", "read_bibliography"]

MEDIA_TYPE = "application/vnd.citationstyles.csl+json"
BIBLIOGRAPHY_BYTES = 32 * 1024**2
"""Of a file, at most: some 50,000 entries with abstracts. Nothing ends a reader that has begun."""
SNIFFED_CHARACTERS = 64 * 1024
"""Of a .json file that are looked at to tell whether it is CSL."""

_READERS: dict[str, Callable[[str], Iterator[Reference | Broken]]] = {
    ".bib": read_bibtex,
    ".bibtex": read_bibtex,
    ".ris": read_ris,
    ".json": read_csl,
}
_FOLLOWED_FILES = (".pdf", ".html", ".htm", ".xhtml", ".md", ".markdown", ".txt")


class Bibliography:
    """Files of references."""

    name: ClassVar[str] = "bibliography"

    def matches(self, locator: str) -> bool:
        """Paths that end in .bib or .ris, and .json files that hold CSL items."""
        if is_web_address(locator):
            return False
        path = Path(_file_of(locator))
        suffix = path.suffix.lower()
        if suffix not in _READERS or _is_folder(path):
            return False
        return suffix != ".json" or path.name.lower().endswith(".csl.json") or _holds_csl(path)

    def fetch(self, locators: Sequence[str], context: FetchContext) -> Iterator[Fetched]:
        """Each entry under `path#citation key`; what is broken fails by itself; then Done.

        A locator that is already an entry's, as after a failure, is read from its file again.
        """
        for locator in dict.fromkeys(locators):
            path = Path(_file_of(locator))
            try:
                entries = list(read_bibliography(path))
            except OSError as error:
                yield Failed(locator, f"{path} cannot be read: {error.strerror or error}.")
            except ValueError as error:
                yield Failed(
                    locator, f"{path.name} cannot be read as a bibliography. {error}", stage="parse"
                )
            else:
                if str(path) != locator:
                    yield _single(locator, path, entries, context)
                else:
                    yield from _all(path, entries, context)

    def parse(self, raw: Raw) -> Parsed:
        """What the entry says, as a short text."""
        try:
            item = json.loads(raw.content)
        except ValueError as error:
            raise ParseFailure(f"{raw.locator} is not stored as CSL-JSON: {error}.") from error
        text = text_of(item)
        if not text:
            raise ParseFailure(f"{raw.locator} has no title, no abstract and no notes.")
        metadata = raw.metadata.filled_from(metadata_of(item))
        return Parsed(text, metadata, sections=sections_of([], len(text)))


def read_bibliography(path: Path) -> Iterator[Reference | Broken]:
    """The entries of a file in order. OSError; ValueError with a sentence for what is none."""
    if path.stat().st_size > BIBLIOGRAPHY_BYTES:
        raise ValueError(f"It has more than {BIBLIOGRAPHY_BYTES / 1e6:.0f} MB. Divide it.")
    text = decode(path.read_bytes())
    if text is None:
        raise ValueError("It is not text. Export it anew.")
    if not text.strip():
        raise ValueError("It is empty. Export it anew.")
    yield from _READERS[path.suffix.lower()](text)


def _all(
    path: Path, entries: Sequence[Reference | Broken], context: FetchContext
) -> Iterator[Fetched]:
    taken = entries[: context.options.limit]
    keys = _keys(entries)
    for entry in taken:
        yield _fetched(f"{path}#{entry.name}", entry, keys, context)
        if context.options.follow and isinstance(entry, Reference):
            for locator in _followed(entry, path.parent):
                yield Found(locator, str(path))
    broken = sum(isinstance(entry, Broken) for entry in taken)
    count = "1 entry" if len(taken) == 1 else f"{len(taken):,} entries"
    yield Done(str(path), f"{count}, {broken} broken" if broken else count)


def _single(
    locator: str, path: Path, entries: Sequence[Reference | Broken], context: FetchContext
) -> Fetched:
    name = locator[len(str(path)) + 1 :]
    for entry in entries:
        if entry.name == name:
            return _fetched(locator, entry, _keys(entries), context)
    return Failed(locator, f"{path.name} has no entry “{name}” any more.")


def _keys(entries: Sequence[Reference | Broken]) -> dict[str, str]:
    """The document key of each entry of a file, by its name.

    Two entries of one key (a chapter with its book's DOI, a report and the article of one year and
    title) must not become versions of one document: the later gets a key of its own.
    """
    first: dict[str, Reference] = {}
    keys: dict[str, str] = {}
    for entry in entries:
        if isinstance(entry, Reference):
            key = key_of(entry.item)
            if not same_work(first.setdefault(key, entry).item, entry.item):
                key = key_of(entry.item, apart=True)
            keys[entry.name] = key
    return keys


def _fetched(
    locator: str, entry: Reference | Broken, keys: Mapping[str, str], context: FetchContext
) -> Fetched:
    if isinstance(entry, Broken):
        return Failed(locator, entry.reason, stage="parse")
    content = as_bytes(entry.item)
    key, label = keys[entry.name], hashlib.sha256(content).hexdigest()[:12]
    if context.in_library(key, label) and not context.options.refresh:
        return Known(locator, key, "unchanged")
    return Raw(
        locator=locator,
        source=Bibliography.name,
        key=key,
        label=label,
        media_type=MEDIA_TYPE,
        content=content,
        kind=kind_of(entry.item),
    )


def _followed(entry: Reference, folder: Path) -> Iterator[str]:
    """What an entry points to: its arXiv paper, its address unless that is the same, its files."""
    paper, url = arxiv_of(entry.item), url_of(entry.item)
    if paper:
        yield f"arXiv:{paper}"
    if url and not (paper and "arxiv" in url.lower()):
        yield canonical_url(url) or url
    for name in entry.files:
        path = folder / Path(name.replace("\\", "/")).expanduser()
        if path.suffix.lower() in _FOLLOWED_FILES and _is_file(path):
            yield str(path.resolve())


def _file_of(locator: str) -> str:
    """The file in `path#citation key`; the locator itself where it is a file's."""
    found = re.match(r"(.*?\.(?:bib|bibtex|ris|json))#", locator, re.IGNORECASE | re.DOTALL)
    return found[1] if found and not _is_file(Path(locator)) else locator


def _holds_csl(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            head = file.read(SNIFFED_CHARACTERS)
    except (OSError, ValueError):
        return False
    return looks_like_csl(head.decode("utf-8-sig", "replace"))


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False
