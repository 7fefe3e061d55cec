"""How well and how fast PDFs are read: 56 real papers against their metadata and a second reader.

    python -m benchmarks.pdf_text [--shared DIR] [--each]

Prints titles, abstracts, sections and references found; whether a sample of passages stands on the
page that it names, by pypdf's reading of that page; the words that pypdf finds on a page and we do
not; how often our order of lines leaves the file's own; and pages a second, with and without pypdf.
"""

from __future__ import annotations

import argparse
import bisect
import io
import json
import logging
import random
import re
import time
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pypdf
import pypdfium2

from ingest.from_pdf import parse_pdf
from ingest.pdf_glyphs import fragments
from ingest.pdf_layout import find_furniture
from kb.records import Parsed
from tests.conftest import shared_folder

SAMPLE = 40
PASSAGE = 8  # words of a passage that are looked for on its page
LINE = 24  # letters of a line that are looked for in the file's order
ALIKE = 0.9  # share of an abstract's words


def letters(text: str) -> str:
    """Letters alone, without accents, ligatures and case: readers differ in all else."""
    return re.sub(r"[^a-z]", "", unicodedata.normalize("NFKD", text).lower())


def words(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", re.sub(r"[-‐\u00ad]\s*\n\s*", "", text)).lower()
    return re.findall(r"[a-z]{4,}", "".join(c for c in plain if not unicodedata.combining(c)))


@dataclass(slots=True)
class Tally:
    """What was counted over all papers."""

    papers: int = 0
    pages: int = 0
    titles: int = 0
    abstracts: int = 0
    with_metadata: int = 0
    identifiers: int = 0
    sections: int = 0
    references: int = 0
    words: int = 0
    missing: Counter[str] = field(default_factory=Counter)
    lines: int = 0
    moved: int = 0
    seconds: float = 0.0
    pdfium_seconds: float = 0.0
    passages: list[tuple[str, str, int]] = field(default_factory=list)  # letters, page, number


def furniture(content: bytes) -> list[str]:
    """What is left out of each page on purpose."""
    pages, boxes = [], []
    for page in pypdfium2.PdfDocument(content):
        boxes.append(page.get_bbox())
        pages.append(fragments(page.get_textpage(), boxes[-1]))
    dropped = find_furniture(pages, boxes)
    return [
        letters(" ".join(f.text for at, f in enumerate(page) if at in drop or f.turn))
        for page, drop in zip(pages, dropped, strict=True)
    ]


def count_words(parsed: Parsed, content: bytes, tally: Tally) -> list[str]:
    """Compare each page's words with pypdf's; returns pypdf's letters of each page."""
    texts = []
    left_out = furniture(content)
    for at, page in enumerate(pypdf.PdfReader(io.BytesIO(content)).pages):
        text = page.extract_text()
        texts.append(letters(text))
        here = parsed.pages[at]
        ours = Counter(words(parsed.text[here.start : here.end]))
        around = letters(parsed.text[max(0, here.start - 30) : here.end + 30])
        for word, count in Counter(words(text)).items():
            tally.words += count
            if count > ours[word] and word not in around and word not in left_out[at]:
                tally.missing[word] += count - ours[word]
    return texts


def count_moved(parsed: Parsed, content: bytes, tally: Tally) -> None:
    """Lines outside the longest run that keeps the file's order, page by page."""
    for number, page in enumerate(pypdfium2.PdfDocument(content), start=1):
        drawn = letters(page.get_textpage().get_text_range())
        places = []
        for line in parsed.lines:
            key = letters(parsed.text[line.start : line.end])[:LINE]
            if line.page == number and len(key) == LINE and drawn.count(key) == 1:
                places.append(drawn.index(key))
        ends: list[int] = []
        for place in places:
            at = bisect.bisect(ends, place)
            ends[at : at + 1] = [place]
        tally.lines += len(places)
        tally.moved += len(places) - len(ends)


def pick(parsed: Parsed, texts: list[str], dice: random.Random, tally: Tally) -> None:
    """A few passages of each paper: eight words of prose from anywhere, with their page."""
    for _ in range(8):
        start = dice.randrange(len(parsed.text))
        found = re.compile(rf"\s((?:[A-Za-z][\w,’'-]*\s){{{PASSAGE}}})").search(parsed.text, start)
        number = parsed.page_at(found.start(1)) if found else None
        if found and number and found.end() <= parsed.pages[number - 1].end:
            tally.passages.append((letters(found[1]), texts[number - 1], number))


def measure(row: dict[str, object], content: bytes, dice: random.Random, tally: Tally) -> str:
    """Count one paper in, and say in a line how it went."""
    started = time.perf_counter()
    parsed = parse_pdf(content)
    seconds = time.perf_counter() - started
    started = time.perf_counter()
    for page in pypdfium2.PdfDocument(content):
        page.get_textpage().get_text_range()
    tally.pdfium_seconds += time.perf_counter() - started
    tally.seconds += seconds
    tally.papers += 1
    tally.pages += len(parsed.pages)
    known = row["metadata"] if isinstance(row["metadata"], dict) else {}
    title = letters(known.get("title") or "")
    right = bool(title) and letters(parsed.metadata.title) == title
    abstract = Counter(words(known.get("abstract") or ""))
    common = (abstract & Counter(words(parsed.metadata.abstract))).total()
    sections = sum(bool(section.title) for section in parsed.sections)
    references = any(section.role == "references" for section in parsed.sections)
    tally.with_metadata += bool(title)
    tally.titles += right
    tally.abstracts += bool(title) and common >= ALIKE * abstract.total()
    tally.identifiers += f"arxiv:{row['arxiv_id']}".lower() in parsed.metadata.identifiers
    tally.sections += sections >= 3
    tally.references += references
    pick(parsed, count_words(parsed, content, tally), dice, tally)
    count_moved(parsed, content, tally)
    wrong = "" if right or not title else f" | {parsed.metadata.title} ≠ {known['title']}"
    return (
        f"{row['arxiv_id']}: {len(parsed.pages)} pages, {len(parsed.pages) / seconds:.0f}/s, "
        f"{sections} sections, references {references}{wrong}"
    )


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=shared_folder())
    parser.add_argument("--each", action="store_true", help="print a line for each paper")
    arguments = parser.parse_args()
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    folder = arguments.shared / "arxiv"
    dice = random.Random(0)
    tally = Tally()
    for line in (folder / "pdfs.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        said = measure(row, (folder / row["file"]).read_bytes(), dice, tally)
        if arguments.each:
            print(said)
    sample = dice.sample(tally.passages, SAMPLE)
    right = sum(passage in page for passage, page, _ in sample)
    everywhere = sum(passage in page for passage, page, _ in tally.passages)
    missing = tally.missing.total()
    print(f"| papers, pages | {tally.papers}, {tally.pages} |\n|---|---|")
    print(f"| own arXiv id read from the page | {tally.identifiers} |")
    print(
        f"| title right, of those whose title is known | {tally.titles} of {tally.with_metadata} |"
    )
    print(f"| abstract right in 9 of 10 words | {tally.abstracts} of {tally.with_metadata} |")
    print(f"| at least three sections | {tally.sections} |")
    print(f"| references found | {tally.references} |")
    print(f"| passages on the page they name, of a sample | {right} of {SAMPLE} |")
    print(f"| the same of all that were drawn | {everywhere} of {len(tally.passages)} |")
    print(f"| words of pypdf's not found on their page | {missing} of {tally.words} |")
    print(
        f"| the most frequent of them | {' '.join(w for w, _ in tally.missing.most_common(12))} |"
    )
    print(f"| lines out of the file's order | {tally.moved} of {tally.lines} |")
    print(f"| pages a second | {tally.pages / tally.seconds:.0f} |")
    print(
        f"| pages a second, PDFium's plain text alone | {tally.pages / tally.pdfium_seconds:.0f} |"
    )


if __name__ == "__main__":
    main()
