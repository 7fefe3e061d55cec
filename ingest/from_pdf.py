"""PDF files and folders of them; and the reading of a PDF's bytes, wherever they came from.

It knows how to find files and how to put PDFium's and pypdf's readings together. It does not know
layout, which is `pdf_layout`'s, nor headings, which are `pdf_sections`'.
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import pypdf
import pypdfium2
import pypdfium2.raw as pdfium

from ingest.pdf_glyphs import Box, Fragment, clean_text, fragments, unreadable_share
from ingest.pdf_layout import (
    PrintedLine,
    body_size,
    common_gutter,
    find_furniture,
    gutter,
    read_page,
)
from ingest.pdf_sections import OutlineEntry, find_sections, plain
from ingest.pdf_text import RunningText, run_together
from ingest.source import Done, Failed, FetchContext, Fetched, Found, Known, Raw
from kb.errors import ParseFailure
from kb.records import Line, Metadata, Page, Parsed, Section

__all__ = ["Pdf", "parse_pdf"]

log = logging.getLogger(__name__)

T = TypeVar("T")

READABLE = frozenset(
    {".pdf", ".html", ".htm", ".xhtml", ".md", ".markdown", ".txt", ".bib", ".ris"}
)
"""Suffixes of files in a folder that one of the sources reads. JSON is left out: a folder may hold
any, and CSL-JSON is rare; name such a file itself."""
HEAD_BYTES = 1024
"""Readers accept a header within the first 1,024 bytes (ISO 32000, implementation notes)."""
UNREADABLE = 0.5
"""Share of characters that are no letters from which a text counts as not readable."""
LONGEST_TITLE = 300
FAR_EDGE = 20_000.0
"""Points: PDF's own limit is 14,400; a box beyond that is not believed."""
PYPDF_LIMITS = pypdf.Configuration(
    array_based_stream_maximum_output_length=32_000_000,
    zlib_maximum_output_length=32_000_000,
    lzw_maximum_output_length=32_000_000,
    run_length_maximum_output_length=32_000_000,
    stream_decoding_work_maximum_length=64_000_000,
    stream_parsing_work_maximum_count=1_000_000,
    outline_maximum_entries=10_000,
    named_destinations_maximum_entries=50_000,
    page_tree_maximum_entries=20_000,
    disable_legacy_handling=True,
)
"""Of what one file may make pypdf do. A page's content is far below 32 MB, a book's outline below
10,000 entries; what is beyond is left out, and the time and memory of the worker bound the rest."""

_PASSWORD = (
    "This PDF is encrypted with a password. Save a copy without it (for example with "
    "`qpdf --decrypt --password=… in.pdf out.pdf`) and ingest that."
)
_SCAN = (
    "This PDF has no text: {pages}, a scan. Read it with OCR first (for example "
    "`ocrmypdf in.pdf out.pdf`) and ingest the result."
)
_STAMP = re.compile(
    r"arXiv:\s*(?P<id>\d{4}\.\d{4,5}|[a-z-]+(?:\.[A-Z]{2})?/\d{7})(?:v\d+)?"
    r"(?:\s*\[(?P<category>[\w.-]+)\])?",
)
_DOI = re.compile(
    r"(?:doi\.org/|\bdoi\s*[:=]?\s*)(10\.\d{4,9}/[-._;()/:A-Za-z0-9]*[A-Za-z0-9])", re.IGNORECASE
)
_POOR_TITLE = re.compile(
    r"untitled|microsoft word|\.(?:dvi|tex|docx?|pdf|ps|indd|qxd)\b|^(?:arxiv:|doi:)|^\W*$|"
    r"^lecture notes|^title$|^paper$|^(?:manuscript|draft|template)",
    re.IGNORECASE,
)


class Pdf:
    """Files and folders on this machine."""

    name: ClassVar[str] = "pdf"

    def matches(self, locator: str) -> bool:
        """A path that ends in .pdf, a file that begins like a PDF, or a folder."""
        if "://" in locator:
            return False
        try:
            path = Path(locator).expanduser()
            return path.suffix.lower() == ".pdf" or path.is_dir() or b"%PDF-" in _head(path)
        except (OSError, ValueError, RuntimeError):  # too long, a NUL, no such user
            return False

    def fetch(self, locators: Sequence[str], context: FetchContext) -> Iterator[Fetched]:
        """Each file as a Raw, each folder as Founds for the files in it."""
        for locator in locators:
            path = Path(locator).expanduser()
            if path.is_dir():
                yield from _folder(locator, path, context.options.limit)
            else:
                yield _file(locator, path, context)

    def parse(self, raw: Raw) -> Parsed:
        """What the file says; what was known before wins."""
        parsed = parse_pdf(raw.content)
        return replace(parsed, metadata=raw.metadata.filled_from(parsed.metadata))


def _head(path: Path) -> bytes:
    if not path.is_file():
        return b""
    with path.open("rb") as file:
        return file.read(HEAD_BYTES)


def _folder(locator: str, folder: Path, limit: int | None) -> Iterator[Fetched]:
    """The readable files below a folder, in order of their names; hidden ones are left out."""
    count = 0
    problems: list[OSError] = []
    for here, folders, files in os.walk(folder, onerror=problems.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(here) / name
            if name.startswith(".") or path.suffix.lower() not in READABLE:
                continue
            if limit is not None and count >= limit:
                yield Done(locator, f"the first {_files(count)}, as --limit asks")
                return
            count += 1
            yield Found(str(path), locator)
    if count:
        yield Done(locator, _files(count))
    elif problems:
        yield Failed(
            locator, f"The folder cannot be read ({problems[0].strerror}). Check its permissions."
        )
    else:
        kinds = " ".join(sorted(READABLE))
        yield Failed(locator, f"There is no file in this folder that is read here ({kinds}).")


def _files(count: int) -> str:
    return f"{count} file{'s' * (count != 1)}"


def _file(locator: str, path: Path, context: FetchContext) -> Fetched:
    """One file. Its key is its content, so it has one version, whose label is the content's too:
    a date would make two versions of the same bytes read on two days.
    """
    try:
        size = path.stat().st_size
        if not path.is_file():
            return Failed(locator, "This is neither a file nor a folder. Give the path of a PDF.")
        most = context.config.fetch_bytes
        if size > most:
            return Failed(
                locator,
                f"The file has {size / 1e6:.1f} MB, more than the {most / 1e6:.1f} MB allowed. "
                "KB_FETCH_BYTES allows more.",
            )
        content = path.read_bytes()
    except FileNotFoundError:
        return Failed(locator, "There is no such file. Check the path.")
    except OSError as error:
        return Failed(
            locator, f"The file cannot be read ({error.strerror}). Check its permissions."
        )
    if not content:
        return Failed(locator, "The file is empty. Fetch it again from where it came.")
    digest = hashlib.sha256(content).hexdigest()
    key = f"sha256:{digest}"
    if context.in_library(key, None) and not context.options.refresh:
        return Known(locator, key)
    return Raw(
        locator=locator, source=Pdf.name, key=key, label=digest[:12],
        media_type="application/pdf", content=content, url=path.absolute().as_uri(),
    )  # fmt: skip


# -- reading ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _About:
    """What pypdf knows of a file besides its text."""

    title: str = ""
    author: str = ""
    labels: tuple[str, ...] = ()
    outline: tuple[OutlineEntry, ...] = ()
    texts: tuple[str, ...] = ()  # a reading page by page, where it was asked for


def parse_pdf(content: bytes) -> Parsed:
    """The text of a PDF with its pages, lines, sections and what it says of itself.

    Line boxes are in the page's own user space, in points, origin at the lower left, before /Rotate
    and regardless of CropBox. Raises ParseFailure with the reason where no text can be had.
    """
    _check_head(content)
    pypdf.overwrite_configuration(PYPDF_LIMITS)
    document = _open(content)
    try:
        pages, visible = _fragments(document)
        pictures = not any(pages) and _has_pictures(document)
    finally:
        document.close()
    stamp = _stamp(pages[0]) if pages else None
    lines = _printed(pages, visible)
    about = _about(content, with_text=not lines)
    if not lines:
        lines = _lines_of(about.texts)
    return _parsed(lines, len(pages), about, stamp, pictures=pictures)


def _check_head(content: bytes) -> None:
    if not content:
        raise ParseFailure("The file is empty. Fetch it again from where it came.")
    head = content[:HEAD_BYTES].lstrip()
    if b"%PDF-" in content[:HEAD_BYTES]:
        return
    if re.match(rb"<(?:!doctype|html|head|\?xml|script)", head, re.IGNORECASE):
        raise ParseFailure(
            "This is a web page, not a PDF: perhaps an error or log-in page that was saved in its "
            "place. Open the address in a browser and save the PDF itself."
        )
    if head[:4] in (b"PK\x03\x04", b"\x1f\x8b\x08\x00", b"\x1f\x8b\x08\x08"):
        raise ParseFailure("This is a compressed archive, not a PDF. Unpack it and ingest the PDF.")


def _open(content: bytes) -> Any:
    """The document, decrypted with an empty password where that is enough."""
    try:
        document = pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError as error:
        document = _reopened(content, error)
    if len(document) == 0:
        document.close()
        raise ParseFailure("This PDF has no pages. Save it anew from the program that made it.")
    return document


def _reopened(content: bytes, error: pypdfium2.PdfiumError) -> Any:
    """A second try on the file as pypdf writes it anew: it repairs what PDFium does not open."""
    code = getattr(error, "err_code", None)
    try:
        reader = pypdf.PdfReader(io.BytesIO(content), strict=False)
        if reader.is_encrypted and not reader.decrypt(""):
            raise ParseFailure(_PASSWORD)
        buffer = io.BytesIO()
        pypdf.PdfWriter(clone_from=reader).write(buffer)
        return pypdfium2.PdfDocument(buffer.getvalue())
    except (ParseFailure, MemoryError):
        raise
    except Exception as second:  # fuzzed files make pypdf raise nearly everything
        log.info("neither reader opens this file: %s; %r", error, second)
        if code == pdfium.FPDF_ERR_PASSWORD:
            raise ParseFailure(_PASSWORD) from error
        if code == pdfium.FPDF_ERR_SECURITY:
            raise ParseFailure(
                "This PDF is encrypted in a way that cannot be read here. Save a copy without "
                "encryption and ingest that."
            ) from error
        if b"%PDF-" not in content[:HEAD_BYTES]:
            raise ParseFailure(
                "This is not a PDF file. Check that it is the file you mean."
            ) from error
        if b"%%EOF" not in content[-2048:]:
            raise ParseFailure(
                "This PDF is cut short: its end is missing. Fetch it again from where it came."
            ) from error
        raise ParseFailure(
            "This PDF is damaged and neither reader opens it. Fetch it again, or save it anew from "
            "a program that still opens it."
        ) from error


def _fragments(document: Any) -> tuple[list[list[Fragment]], list[Box]]:
    """What stands on each page, and the part of the page that a reader shows."""
    pages: list[list[Fragment]] = []
    visible: list[Box] = []
    for number in range(len(document)):
        try:
            page = document[number]
            box = _sane(page.get_bbox())
            textpage = page.get_textpage()
        except pypdfium2.PdfiumError:  # one broken page: the others still count
            log.info("page %d cannot be read", number + 1)
            pages.append([])
            visible.append((0.0, 0.0, 612.0, 792.0))
            continue
        pages.append(fragments(textpage, box))
        visible.append(box)
        textpage.close()
        page.close()
    return pages, visible


def _sane(box: Box) -> Box:
    left, right = sorted((box[0], box[2]))
    bottom, top = sorted((box[1], box[3]))
    if right - left < 1 or top - bottom < 1 or max(map(abs, (left, right, bottom, top))) > FAR_EDGE:
        return -FAR_EDGE, -FAR_EDGE, FAR_EDGE, FAR_EDGE
    return left, bottom, right, top


def _has_pictures(document: Any) -> bool:
    """Whether one of the first pages shows an image."""
    for number in range(min(3, len(document))):
        try:
            page = document[number]
        except pypdfium2.PdfiumError:
            continue
        for at in range(max(0, min(200, pdfium.FPDFPage_CountObjects(page.raw)))):
            kind = pdfium.FPDFPageObj_GetType(pdfium.FPDFPage_GetObject(page.raw, at))
            if kind in (pdfium.FPDF_PAGEOBJ_IMAGE, pdfium.FPDF_PAGEOBJ_FORM):
                return True
    return False


def _printed(pages: Sequence[Sequence[Fragment]], visible: Sequence[Box]) -> list[PrintedLine]:
    """The lines of all pages in reading order, without what is no part of the text."""
    furniture = find_furniture(pages, visible)
    kept = [
        [f for at, f in enumerate(page) if at not in drop and not _is_stamp(f)]
        for page, drop in zip(pages, furniture, strict=True)
    ]
    fallback = common_gutter([gutter(page) for page in kept])
    body = body_size(kept)
    lines: list[PrintedLine] = []
    block = 0
    for number, page in enumerate(kept, start=1):
        lines += read_page(page, number=number, block=block, fallback=fallback, body=body)
        block = max((line.block for line in lines[-len(page) :]), default=block) + 1
    return lines


def _lines_of(texts: Sequence[str]) -> list[PrintedLine]:
    """Lines of a reading that knows no places."""
    lines = []
    for number, text in enumerate(texts, start=1):
        for line in text.splitlines():
            clean = clean_text(line)
            if clean:
                lines.append(
                    PrintedLine(
                        clean.rstrip("\u00ad"),
                        clean.endswith("\u00ad"),
                        number,
                        number,
                        0.0,
                        0.0,
                        0.0,
                        0.0,
                        False,
                        1,
                        (0.0, 0.0),
                        None,
                    )
                )
    return lines


def _parsed(
    lines: Sequence[PrintedLine],
    pages: int,
    about: _About,
    stamp: re.Match[str] | None,
    *,
    pictures: bool,
) -> Parsed:
    running = run_together(lines, pages)
    if not running.text.strip():
        if pictures:
            many = f"its {pages} pages are pictures" if pages != 1 else "its only page is a picture"
            raise ParseFailure(_SCAN.format(pages=many))
        many = f"its {pages} pages show" if pages != 1 else "its only page shows"
        raise ParseFailure(f"This PDF has no text: {many} none. There is nothing to ingest.")
    if unreadable_share(running.text) > UNREADABLE:
        raise ParseFailure(
            "The fonts of this PDF do not say which letters they draw, so its text cannot be read. "
            "Read it with OCR (for example `ocrmypdf --force-ocr in.pdf out.pdf`) and ingest that."
        )
    sections = find_sections(running, about.outline, body=body_size([lines]))
    starts = (0, *running.page_ends[:-1])
    labels = about.labels if len(about.labels) == pages else ()
    return Parsed(
        text=running.text,
        metadata=_metadata(running, sections, about, stamp),
        pages=tuple(
            Page((labels[at] if labels else "") or str(at + 1), start, end)
            for at, (start, end) in enumerate(zip(starts, running.page_ends, strict=True))
        ),
        sections=sections,
        lines=tuple(
            Line(set_line.start, set_line.end, set_line.line.page, set_line.line.box)
            for paragraph in running.paragraphs
            for set_line in paragraph.lines
            if set_line.line.box is not None
        ),
    )


# -- pypdf: what the file says of itself -----------------------------------------------------------


def _about(content: bytes, *, with_text: bool) -> _About:
    """Metadata, outline and page labels; each left empty where the file's is broken."""
    try:
        reader = pypdf.PdfReader(io.BytesIO(content), strict=False)
        if reader.is_encrypted:
            reader.decrypt("")
    except MemoryError:
        raise
    except Exception as error:
        log.info("pypdf does not open this file: %r", error)
        return _About()
    return _About(
        title=_attempt(lambda: _own(reader, "/Title"), ""),
        author=_attempt(lambda: _own(reader, "/Author"), ""),
        labels=_attempt(lambda: tuple(map(clean_text, reader.page_labels)), ()),
        outline=_attempt(lambda: tuple(_entries(reader, reader.outline, 1)), ()),
        texts=_attempt(lambda: tuple(_texts(reader)), ()) if with_text else (),
    )


def _own(reader: pypdf.PdfReader, name: str) -> str:
    metadata = reader.metadata
    return clean_text(str(metadata.get(name) or "")) if metadata else ""


def _attempt(read: Callable[[], T], otherwise: T) -> T:
    """What `read` gives, or `otherwise`: a broken part of a file must not cost the rest."""
    try:
        return read()
    except MemoryError:
        raise
    except Exception as error:
        log.info("left out, since pypdf cannot read it: %r", error)
        return otherwise


def _entries(reader: pypdf.PdfReader, outline: Any, level: int) -> Iterator[OutlineEntry]:
    for entry in outline:
        if isinstance(entry, list):
            yield from _entries(reader, entry, level + 1)
        else:
            page = _attempt(partial(reader.get_destination_page_number, entry), None)
            if page is not None and page >= 0:
                yield OutlineEntry(clean_text(str(entry.title)), level, page + 1)


def _texts(reader: pypdf.PdfReader) -> Iterator[str]:
    for page in reader.pages:
        yield _attempt(page.extract_text, "")


# -- what the paper says of itself -----------------------------------------------------------------


def _is_stamp(fragment: Fragment) -> bool:
    """The line that arXiv prints up the margin of the first page."""
    return fragment.turn != 0 and _STAMP.match(fragment.text) is not None


def _stamp(page: Sequence[Fragment]) -> re.Match[str] | None:
    for fragment in page:
        if fragment.turn != 0 and (found := _STAMP.match(fragment.text)):
            return found
    return None


def _metadata(
    running: RunningText,
    sections: Sequence[Section],
    about: _About,
    stamp: re.Match[str] | None,
) -> Metadata:
    first = running.text[: running.page_ends[0]]
    identifiers = [f"arxiv:{stamp['id'].lower()}"] if stamp else []
    dois = {doi.lower() for doi in _DOI.findall(first)}
    if len(dois) == 1:  # several: some are of works it cites
        identifiers += [f"doi:{doi}" for doi in dois]
    category = stamp["category"] if stamp else None
    return Metadata(
        title=_title(running, about, first),
        authors=_authors(about.author, first),
        published=_submitted(stamp["id"]) if stamp else "",
        abstract=_abstract(running.text, sections),
        tags=(category,) if category else (),
        identifiers=tuple(identifiers),
    )


def _submitted(arxiv_id: str) -> str:
    """The month in which a paper came to arXiv, which its id says: 1706.03762 → 2017-06."""
    digits = arxiv_id.rsplit("/", 1)[-1]
    year, month = int(digits[:2]), digits[2:4]
    return f"{2000 + year if year < 91 else 1900 + year}-{month}"


def _title(running: RunningText, about: _About, first: str) -> str:
    """The file's own title where the first page prints it, else the largest print of that page."""
    own = about.title
    if own and not _POOR_TITLE.search(own) and len(own) <= LONGEST_TITLE:
        letters = plain(own)
        if len(letters) > 5 and letters in plain(first):
            return own
    found = _largest(running)
    if found:
        return found
    return own if len(own.split()) > 2 and not _POOR_TITLE.search(own) else ""


def _largest(running: RunningText) -> str:
    """The first page's lines of the largest print in its upper part, in one."""
    lines = [
        set_line.line
        for paragraph in running.paragraphs
        for set_line in paragraph.lines
        if set_line.line.page == 1 and set_line.line.box is not None
    ]
    if not lines:
        return ""
    upper = lines[: max(8, len(lines) // 3)]
    worded = [line for line in upper if sum(c.isalpha() for c in line.text) > 3]
    if not worded:
        return ""
    size = max(line.size for line in worded)
    at = next(i for i, line in enumerate(upper) if line.size == size and line in worded)
    title = upper[at].text
    for before, line in zip(upper[at:], upper[at + 1 :], strict=False):
        if abs(line.size - size) > 0.06 * size or line.bold != upper[at].bold:
            break
        if before.baseline - line.baseline > 2.2 * size:
            break
        title += ("-" if before.hyphen else " ") + line.text
    title = re.sub(r"[\s∗*†‡§¶]+$", "", title)
    return title if len(title) <= LONGEST_TITLE else ""


def _authors(author: str, first: str) -> tuple[str, ...]:
    """The file's authors where every one of them is named on the first page."""
    names = tuple(name.strip() for name in re.split(r"\s*[;,]\s*|\s+and\s+", author))
    names = tuple(name for name in names if name)
    letters = plain(first)
    named = all(len(name.split()) > 1 and plain(name) in letters for name in names)
    return names if names and named else ()


def _abstract(text: str, sections: Sequence[Section]) -> str:
    """The text under the heading "Abstract", without it, in one paragraph."""
    for section in sections:
        if section.role == "abstract":
            body = text[section.start : section.end]
            body = re.sub(r"^(?:abstract|summary)\s*[.:—–-]*\s*", "", body, flags=re.IGNORECASE)
            return " ".join(body.split())
    return ""
