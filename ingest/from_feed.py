"""Feeds: RSS, Atom, JSON Feed and arXiv's listings, as the entries that they point to.

It knows how feeds name their entries. It does not know what the entries are: each becomes a locator
of its own (arXiv papers by their ids), and whoever takes that locator reads it.

A feed is a list that changes, so it is asked for anew each time; its entries that are here already
cost nothing. `feed:` stands before the address or the path; paths that end in .rss or .atom, and
.xml files that begin like a feed, need no prefix.
"""

from __future__ import annotations

import html
import io
import json
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urljoin
from xml.sax import SAXException

import feedparser

from ingest.addresses import canonical_url, is_web_address
from ingest.arxiv_id import parse_arxiv_id
from ingest.source import Done, Failed, FetchContext, Fetched, Found, Raw
from kb.errors import FetchFailure, ParseFailure
from kb.records import Parsed

__all__ = ["Entry", "Feed", "feed_entries"]

PREFIX = "feed:"
FEED_BYTES = 10 * 1024**2
"""Of a feed, at most: nothing ends feedparser once it has begun. It reads 8 MB a second of a
well-formed feed, 3 of an ill-formed one and 0.3 of one that is nothing but empty entries."""

_SUFFIXES = (".rss", ".atom")
_FEED_ROOT = re.compile(rb"<(?:rss|feed|(?:\w+:)?RDF)[\s>]")
_TAG = re.compile(r"<[^<>]*>")
_LISTED = re.compile(
    r"<link\b(?=[^>]*type\s*=\s*[\"']application/(?:rss|atom)\+xml)[^>]*href\s*=\s*[\"']([^\"'>]+)",
    re.IGNORECASE,
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a feed."""

    title: str
    link: str  # an http or https address, "" where the entry has none
    date: str  # ISO 8601, UTC, of publication, else of the last change; "" where unknown


class Feed:
    """Addresses and files of feeds."""

    name: ClassVar[str] = "feed"

    def matches(self, locator: str) -> bool:
        """`feed:…`, and files that are plainly feeds."""
        if locator.lower().startswith(PREFIX):
            return True
        if is_web_address(locator):
            return False
        suffix = Path(locator).suffix.lower()
        return suffix in _SUFFIXES or (suffix == ".xml" and _begins_like_a_feed(Path(locator)))

    def fetch(self, locators: Sequence[str], context: FetchContext) -> Iterator[Fetched]:
        """The entries of each feed, the newest first and up to the limit; then Done."""
        for locator in dict.fromkeys(locators):
            try:
                content, url, media_type = _content(locator, context)
                entries = feed_entries(content, url=url, media_type=media_type)
            except FetchFailure as failure:
                yield Failed(locator, failure.reason, failure.retry)
            except ParseFailure as failure:
                yield Failed(locator, failure.reason, failure.retry, "parse")
            except OSError as error:
                yield Failed(locator, f"{locator} cannot be read: {error.strerror or error}.")
            else:
                yield from _named(locator, entries, context.options.limit)

    def parse(self, raw: Raw) -> Parsed:
        """A feed has no text of its own."""
        raise ParseFailure(f"{raw.locator} is a feed and cannot be read. Ingest its entries.")


def feed_entries(content: bytes, *, url: str = "", media_type: str = "") -> list[Entry]:
    """The entries of a feed, the newest first; those without a date keep their order at the end.

    `url` is what relative links start from. Entries that link to the same page are one. Raises
    ParseFailure where `content` is no feed.
    """
    if len(content) > FEED_BYTES:
        raise ParseFailure(
            f"The feed has {len(content) / 1e6:.0f} MB, more than the {FEED_BYTES / 1e6:.0f} MB "
            "that are read of one. Ask its site for a shorter one."
        )
    found = _json_entries(content, url)
    if found is None:
        found = _xml_entries(content, url, media_type)
    once: dict[str, Entry] = {}
    for number, entry in enumerate(found):
        once.setdefault(canonical_url(entry.link) or f"{number}", entry)
    entries = list(once.values())
    return sorted(entries, key=lambda entry: entry.date, reverse=True)


# -- fetching ----------------------------------------------------------------------------------


def _content(locator: str, context: FetchContext) -> tuple[bytes, str, str]:
    """The feed's bytes, where they came from and what the server calls them."""
    where = locator[len(PREFIX) :].strip() if locator.lower().startswith(PREFIX) else locator
    if re.match(r"[a-z][a-z+.-]+://", where, re.IGNORECASE):
        where = re.sub(r"\Afeed://", "https://", where, flags=re.IGNORECASE)
        context.say(f"fetching the feed {where}")
        answer = context.fetcher.get(where)
        kind = answer.media_type + (f"; charset={answer.charset}" if answer.charset else "")
        return answer.content, answer.url, kind
    path = Path(where).expanduser()
    if not path.is_file():
        raise FetchFailure(
            f"There is no feed “{where[:200]}”. Give its address or the path of a file."
        )
    with path.open("rb") as file:
        return file.read(FEED_BYTES + 1), "", ""


def _named(locator: str, entries: list[Entry], limit: int | None) -> Iterator[Fetched]:
    """What each entry leads to. Two addresses of one arXiv paper are one locator."""
    taken = entries if limit is None else entries[:limit]
    without = 0
    for number, entry in enumerate(taken, start=1):
        if entry.link:
            paper = parse_arxiv_id(entry.link)
            yield Found(f"arXiv:{paper.id}" if paper else entry.link, locator)
        else:
            without += 1
            name = entry.title[:100] or f"entry {number}"
            yield Failed(
                f"{locator}#{name}",
                f"The entry “{name}” has no link to a page, so there is nothing to take in.",
                stage="parse",
            )
    count = "1 entry" if len(taken) == 1 else f"{len(taken)} entries"
    count = (
        f"the newest {len(taken)} of {len(entries)} entries" if len(taken) < len(entries) else count
    )
    yield Done(locator, f"{count}, {without} without a link" if without else count)


def _begins_like_a_feed(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except (OSError, ValueError):
        return False
    return _FEED_ROOT.search(head.replace(b"\x00", b"")) is not None


# -- reading -----------------------------------------------------------------------------------


def _xml_entries(content: bytes, url: str, media_type: str) -> list[Entry]:
    headers = {"content-location": url} | ({"content-type": media_type} if media_type else {})
    try:
        parsed = (
            feedparser.parse(  # a stream: of bytes it first tries to open the file of that name
                io.BytesIO(content),
                response_headers=headers,
                resolve_relative_uris=False,
                sanitize_html=False,
            )
        )
    except Exception as error:  # it leaks what its parsers raise on odd input
        raise ParseFailure(
            f"This feed is broken in an unknown way ({type(error).__name__}: {error})."
        ) from error
    if parsed.bozo:
        _log.info("%s is ill-formed: %r", url or "the feed", parsed.get("bozo_exception"))
    broken = isinstance(parsed.get("bozo_exception"), SAXException)
    if not parsed.entries and (broken or not parsed.get("version")):
        raise ParseFailure(_no_feed(content, url, parsed))
    return [_entry(item, url) for item in parsed.entries]


def _no_feed(content: bytes, url: str, parsed: Any) -> str:
    head = content[:200_000].decode("utf-8", "replace")
    if re.search(r"<(?:!doctype\s+html|html)\b", head[:2000], re.IGNORECASE):
        listed = _LISTED.search(head)
        where = urljoin(url, html.unescape(listed[1])) if listed else ""
        return "This is a web page and not a feed." + (
            f" It names one: kb ingest feed {where}" if where else " Look on it for an RSS link."
        )
    why = f" ({parsed.get('bozo_exception')})" if parsed.get("bozo") else ""
    if parsed.get("version"):
        return f"This feed is broken{why}, and no entry can be read."
    return f"This is no feed in RSS, Atom or JSON{why}. Open it in a browser to see what it is."


def _entry(item: dict[str, Any], url: str) -> Entry:
    links = [item.get("link"), *_documents(item), _if_address(item.get("id"))]
    get = dict.get  # the feed's own `get` warns where it has to look for another name
    moment = get(item, "published_parsed") or get(item, "updated_parsed")
    date = ""
    if moment and 1 <= moment[0] <= 9999:
        date = "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z".format(*moment[:6])
    return Entry(_plain(item.get("title")), _first_address(links, url), date)


def _documents(item: Mapping[str, Any]) -> list[object]:
    """What an entry encloses, where it is something to read."""
    kinds = ("application/pdf", "text/html")
    return [e.get("href") for e in item.get("enclosures") or [] if e.get("type") in kinds]


def _json_entries(content: bytes, url: str) -> list[Entry] | None:
    """The items of a JSON Feed (jsonfeed.org, version 1.1); None for anything else."""
    if not content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return None
    try:
        feed = json.loads(content)
    except (ValueError, RecursionError):
        return None
    items = feed.get("items")
    if "jsonfeed.org" not in str(feed.get("version")) or not isinstance(items, list):
        return None
    return [_json_entry(item, url) for item in items if isinstance(item, dict)]


def _json_entry(item: Mapping[str, Any], url: str) -> Entry:
    links = [item.get("url"), item.get("external_url"), _if_address(item.get("id"))]
    date = ""
    with suppress(KeyError, TypeError, ValueError, OverflowError):
        moment = datetime.fromisoformat(item.get("date_published") or item["date_modified"])
        date = f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return Entry(_plain(item.get("title")), _first_address(links, url), date)


def _if_address(text: object) -> str:
    """An entry's id where it is an address: many are nothing that could be joined to one."""
    return text if isinstance(text, str) and is_web_address(text) else ""


def _first_address(links: Sequence[object], url: str) -> str:
    """The first of `links` that is a web address, made absolute where `url` allows."""
    for link in links:
        if not isinstance(link, str) or not link.strip():
            continue
        try:
            address = urljoin(url, "".join(link.split()))
        except ValueError:
            continue
        if canonical_url(address):
            return address
    return ""


def _plain(text: object) -> str:
    """A title as one line without markup."""
    return " ".join(html.unescape(_TAG.sub(" ", text)).split()) if isinstance(text, str) else ""
