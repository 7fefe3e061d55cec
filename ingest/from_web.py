"""Web pages and blog posts: by address, and as saved HTML files.

It knows where a page's article, title, authors and date stand. It does not know how bytes travel
(that is `ingest.fetch`) and never runs a page's scripts.

A page's key is `url:` and the address that was asked for, in the spelling of
`ingest.addresses.canonical_url`: it must be known before the page is fetched, so that what is here
is not fetched again. Where the page really stood after redirects, and what it declares canonical
on its own host, become identifiers and link it with other copies; an address that redirects to a
page that is here already is that page. A saved file's key is the hash of its content.

Text is trafilatura's article as plain text: paragraphs apart by empty lines, list items behind
hyphens, cells between bars, code as it stands. What is kept is the page as it was fetched.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urljoin, urlsplit

from lxml import etree
from lxml import html as lxml_html

from ingest.addresses import canonical_url, is_web_address
from ingest.arxiv_id import parse_arxiv_id
from ingest.charsets import decode
from ingest.headings import LONGEST_TITLE, Heading, markdown_headings, sections_of
from ingest.source import Failed, FetchContext, Fetched, Known, Raw
from kb.errors import FetchFailure, ParseFailure
from kb.records import Metadata, Parsed

__all__ = ["Web", "article"]

HTML_BYTES = 20 * 1024**2
"""Of a page that is parsed, at most: trafilatura's own limit for what it downloads. The largest of
the real pages that we measure with has 1.3 MB."""
THIN_CHARACTERS = 250
"""An article shorter than this beside signs of a login or a script is the sign, not an article:
trafilatura's own MIN_EXTRACTED_SIZE."""
LATEST_DATE = "2099-12-31"
"""Of publication, where it is not known when a page was saved: parsing looks at no clock."""

SUFFIXES = (".html", ".htm", ".xhtml")
_PDF, _HTML = "application/pdf", "text/html"
_PLAIN = ("text/plain", "text/markdown", "text/x-markdown")
_FEEDS = ("application/rss+xml", "application/atom+xml", "application/feed+json")
_ACCEPT = (_HTML, "application/xhtml+xml", _PDF, *_PLAIN, *_FEEDS)

_META_CHARSET = re.compile(rb"<meta[^>]{0,500}?charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
_XML_CHARSET = re.compile(rb"\A\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([\w.:-]+)")
_XML_DECLARATION = re.compile(r"\A\s*<\?xml[^>]*\?>")
_CHALLENGE = re.compile(
    r"just a moment|attention required|access denied|are you a robot|verify(?:ing)? (?:that )?you "
    r"are (?:a )?human|checking your browser|please wait while we verify",
    re.IGNORECASE,
)
_NEEDS_SCRIPT = re.compile(
    r"(?:enable|requires?|need(?:s|ed)?|turn on|activate|without)\s+java\s?script", re.IGNORECASE
)
_LOGIN = re.compile(
    r"\b(?:log\s?in|sign\s?in|subscribe|create an account)\b[^.]{0,40}\b(?:to|for)\s+"
    r"(?:continue|read|view|access|see)",
    re.IGNORECASE,
)
_DOI = re.compile(r"(?:doi:\s*|https?://(?:dx\.)?doi\.org/)?(10\.\d{4,9}/\S+)\Z", re.IGNORECASE)
for _name in ("trafilatura", "htmldate", "courlan"):
    logging.getLogger(_name).addHandler(logging.NullHandler())  # what matters is said by ours


class Web:
    """Addresses that no other source takes, and HTML files."""

    name: ClassVar[str] = "web"

    def matches(self, locator: str) -> bool:
        """Any http or https URL; paths that end in .html, .htm or .xhtml."""
        if is_web_address(locator):
            return True
        return Path(locator).suffix.lower() in SUFFIXES and not _is_folder(Path(locator))

    def fetch(self, locators: Sequence[str], context: FetchContext) -> Iterator[Fetched]:
        """One by one; a page that is here is not fetched again unless asked to refresh."""
        for locator in dict.fromkeys(locators):
            if is_web_address(locator):
                yield _from_address(locator, context)
            else:
                yield _from_file(locator, context.config.fetch_bytes)

    def parse(self, raw: Raw) -> Parsed:
        """The article with its headings as sections; a PDF or a plain text as what it is."""
        if raw.media_type == _PDF:
            from ingest.from_pdf import parse_pdf

            parsed = parse_pdf(raw.content)
            here = Metadata(url=raw.url, identifiers=_addresses(raw.url))
            return replace(
                parsed, metadata=raw.metadata.filled_from(here.filled_from(parsed.metadata))
            )
        if raw.media_type in _PLAIN:
            return _plain(raw)
        parsed = article(_decoded(raw), url=raw.url, latest=raw.label if raw.url else LATEST_DATE)
        return replace(parsed, metadata=raw.metadata.filled_from(parsed.metadata))


def article(html: str, *, url: str = "", latest: str = LATEST_DATE) -> Parsed:
    """The article of a page: its text, sections and metadata.

    `url` is where the page stood; `latest`, an ISO date, is when it was fetched: no date of
    publication is later. Raises ParseFailure where there is no article, with the likely reason.
    """
    found = _extracted(html, url, latest)
    page = _tree(html)
    writer = _Writer()
    if found is not None:
        writer.element(found.body)
    text, headings = writer.finish()
    if not text or (len(text) < THIN_CHARACTERS and _obstacle(page, text)):
        raise ParseFailure(_obstacle(page, text) or _NO_ARTICLE)
    metadata = _metadata(found, page, url)
    return Parsed(text, metadata, sections=sections_of(headings, len(text)))


# -- fetching ----------------------------------------------------------------------------------


def _from_address(locator: str, context: FetchContext) -> Fetched:
    address = canonical_url(locator)
    if address is None:
        return Failed(locator, f"“{locator[:200]}” is no web address. Check its host name.")
    key = f"url:{address}"
    if not context.options.refresh and context.in_library(key, None):
        return Known(locator, key)
    context.say(f"fetching {address}")
    try:
        answer = context.fetcher.get(locator.strip(), accept=_ACCEPT)
    except FetchFailure as failure:
        return Failed(locator, failure.reason, failure.retry)
    if answer.media_type in _FEEDS:
        return Failed(
            locator, f"{locator} is a feed. To take in its entries: kb ingest feed {locator}"
        )
    final = canonical_url(answer.url) or address
    if final != address and context.in_library(f"url:{final}", None):
        if not context.options.refresh:
            return Known(locator, f"url:{final}", f"redirects to {final}, which is in the library")
        key = f"url:{final}"
    return Raw(
        locator=locator,
        source=Web.name,
        key=key,
        label=datetime.now(UTC).date().isoformat(),
        media_type=answer.media_type,
        content=answer.content,
        kind="paper" if answer.media_type == _PDF else "blog",
        url=answer.url,
        charset=answer.charset,
    )


def _from_file(locator: str, most: int) -> Fetched:
    path = Path(locator)
    try:
        if not path.exists():
            return Failed(locator, f"There is no file {locator}.")
        if (size := path.stat().st_size) > most:
            return Failed(
                locator,
                f"{path.name} has {size / 1e6:.0f} MB, more than the {most / 1e6:.0f} MB that are "
                "read of one file. Raise fetch_bytes in the configuration if it is meant.",
            )
        content = path.read_bytes()
    except OSError as error:
        return Failed(locator, f"{locator} cannot be read: {error.strerror or error}.")
    except ValueError:  # a NUL
        return Failed(locator, f"“{locator[:200]!a}” is no file name.")
    digest = hashlib.sha256(content).hexdigest()
    return Raw(locator, Web.name, f"sha256:{digest}", digest[:12], _HTML, content, kind="blog")


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


# -- reading -----------------------------------------------------------------------------------


def _decoded(raw: Raw) -> str:
    if len(raw.content) > HTML_BYTES:
        raise ParseFailure(
            f"The page has {len(raw.content) / 1e6:.0f} MB of HTML, more than the "
            f"{HTML_BYTES / 1e6:.0f} MB that are read. Save the part that matters as a file."
        )
    head = raw.content[:8192]
    declared = [
        m[1].decode("ascii") for p in (_META_CHARSET, _XML_CHARSET) if (m := p.search(head))
    ]
    text = decode(raw.content, declared=tuple(filter(None, [raw.charset, *declared])))
    if text is None:
        raise ParseFailure("This is called a web page and is not text. Open it to see what it is.")
    if not text.strip():
        raise ParseFailure("The page is empty. Open it in a browser to see whether it has moved.")
    return _XML_DECLARATION.sub("", text)


def _plain(raw: Raw) -> Parsed:
    """A plain text or Markdown file on the web, such as a README."""
    text = (decode(raw.content, declared=(raw.charset,)) or "").strip()
    if not text:
        raise ParseFailure(f"{raw.url} has no text.")
    markdown = raw.media_type != "text/plain" or urlsplit(raw.url).path.endswith(
        (".md", ".markdown")
    )
    headings = markdown_headings(text, underlined=markdown) if markdown else []
    title = headings[0].title if headings else Path(urlsplit(raw.url).path).name
    found = Metadata(title=title, url=raw.url, identifiers=_addresses(raw.url))
    return Parsed(text, raw.metadata.filled_from(found), sections=sections_of(headings, len(text)))


def _extracted(html: str, url: str, latest: str) -> Any:
    """What trafilatura makes of the page, without any network; None where there is no article."""
    import trafilatura

    dates = {"original_date": True, "extensive_search": True, "max_date": latest}
    try:
        return trafilatura.bare_extraction(
            html,
            url=url or None,
            include_comments=False,
            include_formatting=False,
            with_metadata=True,
            date_extraction_params=dates,
        )
    except (RecursionError, MemoryError):
        raise
    except Exception as error:  # it leaks what lxml and others raise on odd pages
        raise ParseFailure(
            f"The page's HTML is broken in an unknown way ({type(error).__name__}: {error}). Save "
            "it anew from your browser, and ingest the file."
        ) from error


def _tree(html: str) -> Any:
    """The page's tree as lxml reads it; an empty one where it reads nothing."""
    parser = lxml_html.HTMLParser(remove_comments=True, remove_pis=True, encoding="utf-8")
    try:
        tree = lxml_html.document_fromstring(html.encode("utf-8", "replace"), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        tree = None
    return tree if tree is not None else lxml_html.document_fromstring("<html></html>")


_NO_ARTICLE = (
    "No article text was found on this page. If you see one in a browser, save the page there and "
    "ingest the file."
)


def _obstacle(page: Any, text: str) -> str:
    """Why a page may show no article, as a sentence; "" where nothing hints at a reason."""
    title = " ".join(page.xpath("string(//title)").split())
    seen = " ".join((title, text, " ".join(page.xpath("string(//body)").split())[:5000]))
    if _CHALLENGE.search(title) or _CHALLENGE.search(text):
        return (
            "The site wants to see a browser before it shows this page. Open it in yours, save it "
            "and ingest the file."
        )
    if page.xpath("//input[@type='password']") or _LOGIN.search(seen):
        return "The page asks for a login. Open it in your browser, save it and ingest the file."
    scripts = page.xpath("count(//script)")
    if _NEEDS_SCRIPT.search(seen) or (scripts and len(seen) < THIN_CHARACTERS):
        return (
            "The page is drawn by JavaScript, which is not run here. Save it from your browser "
            "once it shows its text, and ingest the file."
        )
    return ""


# -- metadata ----------------------------------------------------------------------------------


def _metadata(found: Any, page: Any, url: str) -> Metadata:
    """What the page says of itself. `citation_…` tags, made for programs, win."""
    meta = _meta_tags(page)
    authors = meta.get("citation_author") or re.split(r"\s*;\s*", found.author or "")
    where = url or _own_address(page, url) or ""
    return Metadata(
        title=_first(meta, "citation_title") or found.title or "",
        authors=tuple(dict.fromkeys(a for author in authors if (a := _first_last(author)))),
        published=_iso_date(_first(meta, "citation_publication_date", "citation_date"))
        or _found_date(found.date or "")
        or "",
        abstract=_first(meta, "citation_abstract"),
        venue=_first(meta, "citation_journal_title", "citation_conference_title")
        or found.sitename
        or "",
        url=where,
        language=_language(page, meta),
        tags=_tags(found),
        identifiers=_identifiers(page, meta, url),
    )


def _meta_tags(page: Any) -> dict[str, list[str]]:
    """The contents of all `meta` tags by their names in lower case."""
    tags: dict[str, list[str]] = {}
    for element in page.iter("meta"):
        name = element.get("name") or element.get("property") or element.get("http-equiv") or ""
        content = " ".join((element.get("content") or "").split())
        if name and content:
            tags.setdefault(name.strip().lower(), []).append(content)
    return tags


def _first(meta: dict[str, list[str]], *names: str) -> str:
    return next((meta[name][0] for name in names if name in meta), "")


def _first_last(name: str) -> str:
    last, comma, first = name.partition(",")
    return (
        " ".join(f"{first} {last}".split())
        if comma and "," not in first
        else " ".join(name.split())
    )


def _found_date(date: str) -> str:
    """What htmldate found: it makes 1 January of a year that stands alone on the page."""
    return date.removesuffix("-01-01")


def _iso_date(text: str) -> str:
    found = re.match(r"(\d{4})(?:[-/](\d{1,2})(?:[-/](\d{1,2}))?)?", text)
    return "-".join(part.zfill(2) for part in found.groups() if part) if found else ""


def _language(page: Any, meta: dict[str, list[str]]) -> str:
    root = page.getroottree().getroot()
    declared = root.get("lang") or root.get("{http://www.w3.org/XML/1998/namespace}lang") or ""
    declared = declared or _first(meta, "content-language", "og:locale", "citation_language")
    code = re.match(r"[A-Za-z]{2}(?![A-Za-z])", declared.strip())
    return code[0].lower() if code else ""


def _tags(found: Any) -> tuple[str, ...]:
    texts = [*(found.tags or []), *(found.categories or [])]
    tags = [tag.strip() for text in texts for tag in re.split(r"[,;]", text)]
    return tuple(dict.fromkeys(tag for tag in tags if 1 < len(tag) <= 60))[:20]


def _identifiers(page: Any, meta: dict[str, list[str]], url: str) -> tuple[str, ...]:
    found = [*_addresses(url), *_addresses(_own_address(page, url) or "")]
    for name in (
        "citation_doi",
        "dc.identifier",
        "dc.identifier.doi",
        "prism.doi",
        "bepress_citation_doi",
    ):
        found += [f"doi:{m[1].lower()}" for text in meta.get(name, []) if (m := _DOI.match(text))]
    for text in meta.get("citation_arxiv_id", []):
        found += [paper.key] if (paper := parse_arxiv_id(text)) else []
    return tuple(dict.fromkeys(found))


def _addresses(url: str) -> tuple[str, ...]:
    canonical = canonical_url(url) if url else None
    return (f"url:{canonical}",) if canonical else ()


def _own_address(page: Any, url: str) -> str | None:
    """What the page declares canonical: on its own host, and no front page, which many name."""
    for element in page.iter("link"):
        if "canonical" in (element.get("rel") or "").lower().split():
            try:
                address = canonical_url(urljoin(url, element.get("href") or ""))
            except ValueError:
                continue
            if (
                address
                and urlsplit(address).path != "/"
                and (not url or _host(address) == _host(url))
            ):
                return address
    return None


def _host(url: str) -> str:
    return (urlsplit(url).hostname or "").removeprefix("www.")


# -- text --------------------------------------------------------------------------------------

_BLOCKS = frozenset(("body", "div", "item", "p", "quote", "row"))
_BREAK = "\x00"  # a line break within a paragraph; no tree has this character


@dataclass(slots=True)
class _Writer:
    """Writes trafilatura's tree as plain text, and notes where headings stand."""

    parts: list[str] = field(default_factory=list)
    length: int = 0
    headings: list[Heading] = field(default_factory=list)
    run: list[str] = field(default_factory=list)  # of the paragraph that is being read
    mark: str = ""  # stands before the next paragraph: "- " of a list item
    tight: bool = False  # the next paragraph follows without an empty line

    def finish(self) -> tuple[str, list[Heading]]:
        """The text and its headings."""
        self.flush()
        return "".join(self.parts), self.headings

    def element(self, element: Any) -> None:
        """One element with all that is in it, without its tail."""
        match element.tag:
            case "head":
                self.flush()
                if title := _one_line("".join(element.itertext())):
                    start = self.block(title)
                    self.headings.append(Heading(start, _level(element), title[:LONGEST_TITLE]))
            case "list":
                self.items(element)
            case "table":
                self.rows(element)
            case "code" if _is_block(element):
                self.flush()
                self.block("".join(element.itertext()).strip("\n").rstrip())
            case "lb":
                self.run.append(_BREAK)
            case tag if tag in _BLOCKS:
                self.flush()
                self.children(element)
                self.flush()
            case _:
                self.children(element)

    def children(self, element: Any) -> None:
        """What is in an element, in order."""
        self.run.append(element.text or "")
        for child in element:
            self.element(child)
            self.run.append(child.tail or "")

    def items(self, element: Any) -> None:
        """A list: each item begins a line of its own."""
        self.flush()
        depth = sum(1 for _ in element.iterancestors("list"))
        self.tight = depth > 0
        for child in element:
            if child.tag == "item":
                self.mark = f"{'  ' * depth}- "
                self.children(child)
                self.run.append(child.tail or "")
                self.flush()
                self.mark, self.tight = "", True
            else:
                self.element(child)
        self.tight = depth > 0

    def rows(self, element: Any) -> None:
        """A table: a line for each row, bars between the cells."""
        self.flush()
        for row in element.iter("row"):
            cells = [_one_line(" ".join(cell.itertext())) for cell in row.iter("cell")]
            if any(cells):
                self.block(" | ".join(cells))
                self.tight = True
        self.tight = False

    def flush(self) -> None:
        """End the paragraph that is being read."""
        lines = (_one_line(line) for line in "".join(self.run).split(_BREAK))
        self.run.clear()
        if text := "\n".join(line for line in lines if line):
            self.block(text)

    def block(self, text: str) -> int:
        """Write `text` as a paragraph of its own; returns where it begins."""
        gap = ("\n" if self.tight else "\n\n") if self.parts else ""
        start = self.length + len(gap)
        written = f"{gap}{self.mark}{text}"
        self.mark, self.tight = "", False
        self.parts.append(written)
        self.length += len(written)
        return start


def _is_block(element: Any) -> bool:
    """Whether a code element stands by itself; trafilatura uses one tag for both kinds."""
    return element.tag == "code" and "\n" in "".join(element.itertext()).strip()


def _level(element: Any) -> int:
    rend = element.get("rend") or ""
    return int(rend[1]) if re.fullmatch(r"h[1-6]", rend) else 2


def _one_line(text: str) -> str:
    return " ".join(text.split())
