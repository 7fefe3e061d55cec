"""References in CSL-JSON, the form that all bibliographies take here before they are stored.

It knows the fields of CSL-JSON and what they mean for a document: key, kind, metadata, text. It
does not know BibTeX or RIS, nor files or the network.

Field names and types: https://citeproc-js.readthedocs.io/en/latest/csl-json/markup.html.
"""

from __future__ import annotations

import hashlib
import html
import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ingest.addresses import canonical_url
from ingest.arxiv_id import ArxivId, parse_arxiv_id
from kb.records import Kind, Metadata

__all__ = [
    "Broken",
    "Item",
    "Reference",
    "arxiv_of",
    "as_bytes",
    "doi_of",
    "key_of",
    "kind_of",
    "looks_like_csl",
    "metadata_of",
    "read_csl",
    "same_work",
    "text_of",
    "titled",
    "url_of",
]

Item = dict[str, Any]
"""One CSL-JSON object. From outside: any field may have any type."""

_TYPE_NAMES = (
    "article article-journal article-magazine article-newspaper bill book broadcast chapter "
    "classic collection dataset document entry entry-dictionary entry-encyclopedia event figure "
    "graphic hearing interview legal_case legislation manuscript map motion_picture musical_score "
    "pamphlet paper-conference patent performance periodical personal_communication post "
    "post-weblog regulation report review review-book software song speech standard thesis treaty "
    "video webpage"
)
TYPES = frozenset(_TYPE_NAMES.split())
_BLOGS = ("webpage", "post", "post-weblog")
_PLACES = ("container-title", "event-title", "publisher", "collection-title")

_DOI = re.compile(r"10\.\d{4,9}/[^\s\"]+")
_ARXIV_DOI = "10.48550/arxiv."
_ARXIV_NAME = re.compile(
    r"arxiv(?:\.org)?(?:\s+e-?prints?|\s+preprint)?[\s:,/]*(?:abs/|pdf/)?"
    r"((?:\d{4}\.\d{4,5}|[a-z-]+(?:\.[a-z]{2})?/\d{7})(?:v\d+)?)(?!\d)",
    re.IGNORECASE,
)
_TAG = re.compile(r"</?(?:i|b|sub|sup|sc|em|strong|p|br|jats:\w+|span)\b[^<>]*>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reference:
    """One readable entry of a bibliography."""

    name: str  # its citation key, or the line it begins on
    item: Item
    files: tuple[str, ...] = ()  # paths that it names, as they are written


@dataclass(frozen=True, slots=True)
class Broken:
    """One entry that cannot be read, and why, in a sentence."""

    name: str
    reason: str


def looks_like_csl(head: str) -> bool:
    """Whether a JSON file that begins with `head` is a list of CSL items."""
    types = re.findall(r'"type"\s*:\s*"([\w-]+)"', head)
    return re.match(r"\s*\[\s*(?:\{|\])", head) is not None and bool(TYPES.intersection(types))


def read_csl(text: str) -> Iterator[Reference | Broken]:
    """The items of a CSL-JSON file; ValueError with a sentence where it is none."""
    try:
        items = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"It is not valid JSON: {error}.") from error
    except RecursionError:
        raise ValueError("It is nested too deeply to be a bibliography.") from None
    if not isinstance(items, list):
        raise ValueError("CSL-JSON is a list of items, and this is none. Export it anew.")
    seen: set[str] = set()
    for number, item in enumerate(items, start=1):
        name = f"item {number}"
        if not isinstance(item, dict):
            yield Broken(name, f"Item {number} of the list is no object with fields.")
            continue
        name = str(item.get("id") or item.get("citation-key") or name)
        name = f"{name}, item {number}" if name in seen else name
        seen.add(name)
        if not _text(item, "type"):
            yield Broken(name, f"Item {number} has no type, so it is no CSL item.")
        elif titled(item):
            yield Reference(name, item)
        else:
            yield Broken(name, f"Item {number} has no title. Add one and ingest the file again.")


def as_bytes(item: Item) -> bytes:
    """The item in one spelling: UTF-8, sorted keys, no spaces."""
    return json.dumps(
        item, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str
    ).encode("utf-8", "replace")


def doi_of(item: Item) -> str:
    """The DOI in lower case, without prefix; "" where there is none or it is one of arXiv."""
    found = _DOI.search(_text(item, "DOI"))
    if not found and "doi.org/" in _text(item, "URL"):
        found = _DOI.search(_text(item, "URL"))
    doi = found[0].rstrip(".,;").lower() if found else ""
    return "" if doi.startswith(_ARXIV_DOI) else doi


def arxiv_of(item: Item) -> ArxivId | None:
    """The arXiv paper that the item is, as its id, DOI, address, number or journal says."""
    in_archive = _text(item, "archive").lower() == "arxiv"
    if in_archive and (paper := parse_arxiv_id(f"arXiv:{_text(item, 'archive_location')}")):
        return paper
    for name in ("DOI", "URL"):
        if "arxiv" in _text(item, name).lower() and (paper := parse_arxiv_id(_text(item, name))):
            return paper
    for name in ("number", "container-title", "publisher", "archive_location", "note"):
        text = _text(item, name)
        if name == "note" and len(text) > 200:  # prose, which may speak of other papers
            continue
        if (found := _ARXIV_NAME.search(text)) and (paper := parse_arxiv_id(f"arXiv:{found[1]}")):
            return paper
    return None


def url_of(item: Item) -> str:
    """The web address of the item, "" where there is none."""
    url = "".join(_text(item, "URL").split())
    return url if canonical_url(url) else ""


def key_of(item: Item, *, apart: bool = False) -> str:
    """`doi:…`, or `entry:` and a hash of normalised title, first author and year.

    What an entry points to has a key of its own (`arxiv:…`, `url:…`): an entry is what somebody
    noted about a work, and never takes its place. Where title, author or year are too thin to tell
    works apart, or the caller knows that they are not enough (`apart`), the kind and the place of
    publication count too, and the DOI does not.
    """
    if not apart and (doi := doi_of(item)):
        return f"doi:{doi}"
    title = _plain(_text(item, "title"))
    people = _people(item)
    first = _plain(people[0]).split()[-1:] if people else []
    parts = [title, *first, _date(item)[:4]]
    if apart or len(title.split()) < 3 or not first or not parts[-1]:
        parts += _whereabouts(item)
    return f"entry:{hashlib.sha256('|'.join(parts).encode()).hexdigest()[:16]}"


def same_work(one: Item, other: Item) -> bool:
    """Whether two entries of one key speak of one work: same title, kind and place."""
    titles = {_plain(_text(item, "title")) for item in (one, other)}
    return len(titles) == 1 and _whereabouts(one) == _whereabouts(other)


def _whereabouts(item: Item) -> list[str]:
    names = ("type", *_PLACES, "volume", "page", "URL", "number")
    return [_plain(_text(item, name)) for name in names]


def titled(item: Item) -> bool:
    """Whether the item has a title; the next best name that it has is made one."""
    for name in ("title", "title-short", "container-title", "URL", "DOI"):
        if title := _text(item, name):
            item["title"] = title
            return True
    return False


def kind_of(item: Item) -> Kind:
    """`blog` for web pages and posts, `note` for what is published nowhere, else `paper`."""
    kind = _text(item, "type")
    if kind in _BLOGS:
        return "blog"
    placed = any(_text(item, name) for name in (*_PLACES, "DOI", "URL", "archive", "author"))
    return "note" if kind in ("document", "personal_communication") and not placed else "paper"


def metadata_of(item: Item) -> Metadata:
    """What the item says of its work."""
    identifiers = []
    arxiv = arxiv_of(item)
    if arxiv:
        identifiers.append(arxiv.key)
    if doi := doi_of(item):
        identifiers.append(f"doi:{doi}")
    url = url_of(item)
    if url and _text(item, "type") in _BLOGS:
        identifiers.append(f"url:{canonical_url(url)}")
    where = (
        f"https://arxiv.org/abs/{arxiv.id}" if arxiv else f"https://doi.org/{doi}" if doi else ""
    )
    language = re.match(r"[A-Za-z]{2}(?![A-Za-z])", _text(item, "language"))
    return Metadata(
        title=(title := _text(item, "title")),
        authors=_people(item),
        published=_date(item),
        abstract=_text(item, "abstract"),
        venue=next((t for name in _PLACES if (t := _text(item, name)) not in ("", title)), ""),
        url=url or where,
        language=language[0].lower() if language else "",
        tags=_keywords(item),
        identifiers=tuple(identifiers),
    )


def text_of(item: Item) -> str:
    """The entry as a short readable text: title, authors, where and when, abstract, notes."""
    known = metadata_of(item)
    published = ", ".join(filter(None, (known.venue, known.published)))
    lines = [known.title, ", ".join(known.authors), published, known.abstract]
    lines.append(f"Keywords: {', '.join(known.tags)}" if known.tags else "")
    note = "\n".join(_text_lines(item.get("note")))
    lines.append(f"Note: {note}" if note else "")
    return "\n\n".join(line for line in lines if line)


# -- single fields -----------------------------------------------------------------------------


def _text(item: Item, name: str) -> str:
    """A field as one line without markup; "" where it is missing or of another type."""
    return " ".join(_text_lines(item.get(name)))


def _text_lines(value: object) -> list[str]:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return [str(value)]
    if not isinstance(value, str):
        return []
    lines = (html.unescape(_TAG.sub("", line)) for line in value.split("\n"))
    return [flat for line in lines if (flat := " ".join(line.split()))]


def _people(item: Item) -> tuple[str, ...]:
    """Authors, else editors, as "First Last"."""
    for role in ("author", "editor", "director", "composer", "container-author"):
        people = item.get(role)
        names = [_name(person) for person in people] if isinstance(people, list) else []
        if found := tuple(dict.fromkeys(filter(None, names))):
            return found
    return ()


def _name(person: object) -> str:
    if not isinstance(person, dict):
        return " ".join(person.split()) if isinstance(person, str) else ""
    parts = ("given", "dropping-particle", "non-dropping-particle", "family", "suffix")
    return " ".join(filter(None, (_text(person, part) for part in parts))) or _text(
        person, "literal"
    )


def _date(item: Item) -> str:
    """ISO 8601 as far as it is known, of the first date that the item has."""
    for name in ("issued", "available-date", "original-date", "submitted", "event-date"):
        date = item.get(name)
        if isinstance(date, dict):
            if found := _from_parts(date.get("date-parts")):
                return found
            date = date.get("raw") or date.get("literal")
        if isinstance(date, str | int) and (found := _iso(str(date))):
            return found
    return ""


def _from_parts(parts: object) -> str:
    first = parts[0] if isinstance(parts, list) and parts else None
    numbers = (
        [str(part) for part in first or [] if str(part).isdecimal()]
        if isinstance(first, list)
        else []
    )
    if not numbers or not 1000 <= int(numbers[0][:6]) <= 9999:
        return ""
    months = [n.zfill(2) for n in numbers[1:2] if 1 <= int(n) <= 12]
    days = [n.zfill(2) for n in numbers[2:3] if months and 1 <= int(n) <= 31]
    return "-".join([numbers[0], *months, *days])


def _iso(text: str) -> str:
    found = re.search(
        r"(?<!\d)(\d{4})(?!\d)(?:[-/](0?[1-9]|1[0-2])(?!\d)(?:[-/](0?[1-9]|[12]\d|3[01])(?!\d))?)?",
        text,
    )
    return "-".join(part.zfill(2) for part in found.groups() if part) if found else ""


def _keywords(item: Item) -> tuple[str, ...]:
    value = item.get("keyword", item.get("keywords"))
    words = (
        value
        if isinstance(value, list)
        else re.split(r"[;,\n]", value if isinstance(value, str) else "")
    )
    tags = (" ".join(_text_lines(word)) for word in words)
    return tuple(dict.fromkeys(tag for tag in tags if 1 < len(tag) <= 80))


def _plain(text: str) -> str:
    """Lower case words without accents and punctuation, with one space between them."""
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    return " ".join(
        re.findall(r"\w+", "".join(c for c in decomposed if not unicodedata.combining(c)))
    )
