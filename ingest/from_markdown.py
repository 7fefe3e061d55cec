"""Notes: Markdown, reStructuredText and plain text files, with or without front matter.

It knows front matter, headings and what makes a note the same note after an edit. It does not know
the papers that notes are about: a note about a paper is linked to by its address, and is never
taken for the paper itself.

The text is the file as it is written, without front matter: marks and links stay, so that a quote
can be found again in the file with any editor.

The key is `note:` and the `id` of the front matter; without one, the file's name and a hash of its
absolute path. So an edited note is a new version of the same document, notes of one name in two
folders are two documents, and no folder names stand in keys. A note that moves becomes a new
document (told to be the same work, by its content) unless it has an `id`, which also is what makes
it one note on several machines. The label is the first twelve digits of the content's sha256.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import yaml

from ingest.addresses import canonical_url, is_web_address
from ingest.arxiv_id import parse_arxiv_id
from ingest.charsets import decode
from ingest.headings import Heading, markdown_headings, rst_headings, sections_of
from ingest.source import Failed, FetchContext, Fetched, Raw
from kb.errors import ParseFailure
from kb.records import KINDS, Kind, Metadata, Parsed

__all__ = ["FrontMatter", "Markdown", "front_matter", "person_names"]

MEDIA_TYPES = {
    ".md": "text/markdown",
    ".markdown": "text/markdown",
    ".txt": "text/plain",
    ".rst": "text/x-rst",
}
FRONT_MATTER_CHARACTERS = 64 * 1024
"""Of front matter, at most: a thousand lines of it. PyYAML takes about 0.5 s for so much."""

_LABEL_DIGITS = 12
_OPEN = re.compile(r"\A---[ \t]*\n")
_CLOSE = re.compile(r"^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.MULTILINE)
_DATE = re.compile(r"\d{4}(?:-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12]\d|3[01]))?)?(?!\d)")
_DOI = re.compile(r"(?:doi:\s*|https?://(?:dx\.)?doi\.org/)?(10\.\d{4,9}/\S+)\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """What stands before a note's text, and where the text begins."""

    values: dict[str, Any]  # str, list and dict of them only: nothing is converted
    end: int

    def text(self, *names: str) -> str:
        """The first of the fields `names` that is filled, as one line."""
        for name in names:
            value = self.values.get(name)
            if isinstance(value, str) and value.strip():
                return " ".join(value.split())
        return ""

    def items(self, *names: str) -> list[str]:
        """The first of the fields `names` that is filled, as a list of lines."""
        for name in names:
            value = self.values.get(name)
            if isinstance(value, str) and value.strip():
                return [" ".join(value.split())]
            if isinstance(value, list):
                texts = [item.get("name") if isinstance(item, dict) else item for item in value]
                return [" ".join(t.split()) for t in texts if isinstance(t, str) and t.strip()]
        return []


class Markdown:
    """Notes as files."""

    name: ClassVar[str] = "markdown"

    def matches(self, locator: str) -> bool:
        """Paths that end in .md, .markdown, .txt or .rst, whether they exist or not."""
        if is_web_address(locator):
            return False
        path = Path(locator)
        return path.suffix.lower() in MEDIA_TYPES and not _is_folder(path)

    def fetch(self, locators: Sequence[str], context: FetchContext) -> Iterator[Fetched]:
        """One Raw or Failed for each file."""
        for locator in dict.fromkeys(locators):
            try:
                yield _read(Path(locator), locator, context.config.fetch_bytes)
            except OSError as error:
                yield Failed(locator, f"{locator} cannot be read: {error.strerror or error}.")
            except ValueError:  # a NUL
                yield Failed(locator, f"“{locator[:200]!a}” is no file name.")

    def parse(self, raw: Raw) -> Parsed:
        """The text with its headings as sections; the front matter as metadata."""
        text = decode(raw.content)
        if text is None:
            raise ParseFailure(
                f"{Path(raw.locator).name} is not text. If it is a PDF, a web page or a "
                "bibliography, give it the name ending of one."
            )
        front = front_matter(text)
        body = text[front.end :].strip("\n")
        if not body.strip():
            raise ParseFailure(f"{Path(raw.locator).name} has no text.")
        headings = _headings(body, raw.media_type)
        metadata = raw.metadata.filled_from(_metadata(front))
        if not metadata.title and headings:
            top = min(heading.level for heading in headings)
            title = next(heading.title for heading in headings if heading.level == top)
            metadata = replace(metadata, title=title)
        return Parsed(body, metadata, sections=sections_of(headings, len(body)))


def front_matter(text: str) -> FrontMatter:
    """The YAML between two `---` lines at the very start; empty where there is none.

    A first line `---` that is never closed is a rule of Markdown, not front matter. Raises
    ParseFailure with the line for YAML that is malformed, or uses aliases (with which a small file
    can stand for an endless one).
    """
    opened = _OPEN.match(text)
    closed = opened and _CLOSE.search(text, opened.end())
    if not opened or not closed:
        return FrontMatter({}, 0)
    source = text[opened.end() : closed.start()]
    if len(source) > FRONT_MATTER_CHARACTERS:
        raise ParseFailure(
            f"The front matter is longer than {FRONT_MATTER_CHARACTERS:,} characters. Move what is "
            "text below it."
        )
    try:
        values = yaml.load(source, _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f"line {mark.line + 2}" if mark else "unknown line"
        raise ParseFailure(
            f"The front matter is not valid YAML ({line}: {error.problem or error.context}). Put "
            "text with colons or brackets between quotes."
        ) from error
    except yaml.YAMLError as error:
        raise ParseFailure(f"The front matter has characters that YAML forbids: {error}.") from None
    except RecursionError:
        raise ParseFailure("The front matter is nested too deeply. Make it flat.") from None
    if values in (None, ""):
        return FrontMatter({}, closed.end())
    if not isinstance(values, dict):  # text between two rules
        return FrontMatter({}, 0)
    return FrontMatter({str(k).strip().lower(): v for k, v in values.items()}, closed.end())


class _Loader(yaml.BaseLoader):
    """Builds text, lists and dictionaries: `1810.04800` stays as it is written. No aliases."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            event: Any = self.peek_event()  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(
                None, None, f"the alias *{event.anchor} is not allowed here", event.start_mark
            )
        return super().compose_node(parent, index)


def person_names(texts: Sequence[str]) -> tuple[str, ...]:
    """Names as "First Last" from a list, or from one line of several names.

    One line is divided at semicolons and at “and”, and at commas where every part has two words
    ("Ada Lovelace, Alan Turing"); otherwise a comma stands between last and first name.
    """
    names: list[str] = []
    for text in texts:
        parts = re.split(r"\s*;\s*|,?\s+and\s+|\s+&\s+", text)
        for part in parts:
            pieces = [piece.strip() for piece in part.split(",") if piece.strip()]
            if len(pieces) == 2 and " " not in pieces[0]:
                names.append(f"{pieces[1]} {pieces[0]}")
            else:
                names += pieces
    return tuple(dict.fromkeys(names))


def _read(path: Path, locator: str, most: int) -> Fetched:
    if not path.exists():
        return Failed(locator, f"There is no file {locator}.")
    size = path.stat().st_size
    if size > most:
        return Failed(
            locator,
            f"{path.name} has {size / 1e6:.0f} MB, more than the {most / 1e6:.0f} MB that are read "
            "of one file. Divide it, or raise fetch_bytes in the configuration.",
        )
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    front = _front_matter_or_none(content)
    return Raw(
        locator=locator,
        source=Markdown.name,
        key=_key(path, front),
        label=digest[:_LABEL_DIGITS],
        media_type=MEDIA_TYPES[path.suffix.lower()],
        content=content,
        kind=_kind(front),
    )


def _front_matter_or_none(content: bytes) -> FrontMatter:
    """What is needed of it before parsing; what is wrong with it is said by `parse`."""
    head = content[: 4 * FRONT_MATTER_CHARACTERS]
    if not head.lstrip(b"\xef\xbb\xbf\xff\xfe").lstrip(b"\x00").startswith(b"-"):
        return FrontMatter({}, 0)
    try:
        return front_matter(decode(content) or "")
    except ParseFailure:
        return FrontMatter({}, 0)


def _key(path: Path, front: FrontMatter) -> str:
    if name := front.text("id"):
        return f"note:{name}"
    place = hashlib.sha256(path.resolve().as_posix().encode("utf-8", "surrogateescape"))
    stem = re.sub(r"[^\w.-]+", "-", path.stem).strip("-").lower() or "note"
    return f"note:{stem[:60]}-{place.hexdigest()[:8]}"


def _kind(front: FrontMatter) -> Kind:
    asked = front.text("kind").lower()
    return next((kind for kind in KINDS if kind == asked), "note")


def _headings(text: str, media_type: str) -> list[Heading]:
    if media_type == "text/x-rst":
        return rst_headings(text)
    return markdown_headings(text, underlined=media_type == "text/markdown")


def _metadata(front: FrontMatter) -> Metadata:
    """What the front matter says. Only what is no note claims to be the work it names."""
    kind = front.text("kind").lower()
    if kind and kind not in KINDS:
        raise ParseFailure(
            f"The front matter says “kind: {kind}”, which is none. Kinds are: {', '.join(KINDS)}."
        )
    urls, identifiers = [], []
    if url := front.text("url", "source"):
        urls.append(url if is_web_address(url) else "")
        identifiers += [f"url:{canonical}"] if (canonical := canonical_url(url)) else []
    if arxiv := front.text("arxiv"):
        paper = parse_arxiv_id(arxiv)
        if paper is None:
            raise ParseFailure(
                f"The front matter says “arxiv: {arxiv[:100]}”, which is no arXiv id. They look "
                "like 1706.03762 or math/0309136; put them between quotes."
            )
        urls.append(f"https://arxiv.org/abs/{paper}")
        identifiers.append(paper.key)
    if doi := _DOI.match(front.text("doi")):
        urls.append(f"https://doi.org/{doi[1]}")
        identifiers.append(f"doi:{doi[1].lower()}")
    date = _DATE.search(front.text("date", "published", "year"))
    return Metadata(
        title=front.text("title"),
        authors=person_names(front.items("authors", "author")),
        published=date[0] if date else "",
        abstract=front.text("abstract", "summary", "description"),
        venue=front.text("venue", "journal", "site"),
        url=next(filter(None, urls), ""),
        language=front.text("language", "lang").lower()[:2],
        tags=_tags(front),
        identifiers=tuple(identifiers) if kind in ("paper", "blog") else (),
    )


def _tags(front: FrontMatter) -> tuple[str, ...]:
    tags = front.items("tags", "keywords")
    if isinstance(front.values.get("tags", front.values.get("keywords")), str):
        tags = re.split(r"\s*[,;]\s*", tags[0]) if tags else []
    return tuple(dict.fromkeys(t for tag in tags if (t := tag.strip().lstrip("#").strip())))


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False
