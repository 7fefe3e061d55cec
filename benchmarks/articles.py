"""Article text of real pages: ours against trafilatura's own result on the same pages.

It measures what `ingest.from_web.article` makes of the three collections in the shared data folder.
It does not fetch anything.

    python -m benchmarks.articles [--worst N]

Readability and newspaper4k give the expected text: F1 over the words of each page (a word counts
as often as it occurs), averaged over pages; a page on which nothing is found counts 0. The
collection of trafilatura gives snippets that must and must not occur: precision, recall and F1 over
all snippets, as its own evaluation does, white space aside. Our times include metadata. A date that
is 1 January counts by its year.
"""

from __future__ import annotations

import argparse
import gzip
import json
import logging
import os
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import trafilatura
from lxml import html as lxml_html

from ingest.from_web import Web
from ingest.source import Raw
from kb.errors import ParseFailure
from kb.records import Metadata, Parsed

SHARED = Path(os.environ.get("KB_SHARED_DATA") or Path(__file__).parents[2] / "shared" / "data")


@dataclass(frozen=True, slots=True)
class Page:
    """A page and what is known of it."""

    name: str
    content: bytes
    expected: str = ""  # article text
    must: tuple[str, ...] = ()
    must_not: tuple[str, ...] = ()
    title: str = ""
    date: str = ""


def readability(folder: Path) -> Iterator[Page]:
    for source in sorted(folder.glob("*/source.html.gz")):
        expected = gzip.decompress((source.parent / "expected.html.gz").read_bytes()).decode()
        text = "\n".join(lxml_html.fromstring(f"<div>{expected}</div>").itertext())
        known = json.loads((source.parent / "expected-metadata.json").read_text())
        yield Page(
            source.parent.name,
            gzip.decompress(source.read_bytes()),
            text,
            title=known.get("title") or "",
        )


def newspaper(folder: Path) -> Iterator[Page]:
    for source in sorted(folder.glob("*.html.gz")):
        name = source.name.removesuffix(".html.gz")
        known = folder / f"{name}.json"
        values = json.loads(known.read_text()) if known.exists() else {}
        text = (folder / f"{name}.txt").read_text()
        yield Page(
            name, gzip.decompress(source.read_bytes()), text, title=values.get("title") or ""
        )


def snippets(folder: Path) -> Iterator[Page]:
    for entry in json.loads((folder / "evaldata_subset.json").read_text()).values():
        yield Page(
            entry["file"].split("/")[-1],
            gzip.decompress((folder / entry["file"]).read_bytes()),
            must=tuple(entry["with"]),
            must_not=tuple(entry["without"]),
            title=entry.get("title") or "",
            date=entry.get("date") or "",
        )


def parsed(content: bytes) -> Parsed | None:
    try:
        return Web().parse(Raw("page.html", "web", "sha256:0", "0", "text/html", content, "blog"))
    except ParseFailure:
        return None


def ours(content: bytes) -> str:
    page = parsed(content)
    return page.text if page else ""


def theirs(content: bytes) -> str:
    return trafilatura.extract(content) or ""


def words(text: str) -> Counter[str]:
    """Words as runs of letters and digits; scripts without spaces by their letters."""
    wide = r"[぀-ヿ㐀-鿿가-힯฀-๿]"
    return Counter(re.findall(rf"{wide}|(?:(?!{wide})\w)+", text.casefold()))


def token_f1(text: str, expected: str) -> float:
    found, wanted = words(text), words(expected)
    common = sum((found & wanted).values())
    return 2 * common / (sum(found.values()) + sum(wanted.values())) if common else 0.0


def snippet_counts(text: str, page: Page) -> Counter[str]:
    flat = "".join(text.split())
    counts: Counter[str] = Counter()
    for snippet in page.must:
        counts["hit" if "".join(snippet.split()) in flat else "miss"] += 1
    for snippet in page.must_not:
        counts["false" if "".join(snippet.split()) in flat else "clean"] += 1
    return counts


def snippet_f1(counts: Counter[str]) -> tuple[float, float, float]:
    precision = counts["hit"] / (counts["hit"] + counts["false"])
    recall = counts["hit"] / (counts["hit"] + counts["miss"])
    return precision, recall, 2 * precision * recall / (precision + recall)


def run(pages: Sequence[Page], extract: Callable[[bytes], str]) -> tuple[list[str], float]:
    started = time.perf_counter()
    texts = [extract(page.content) for page in pages]
    return texts, time.perf_counter() - started


def text_row(name: str, pages: Sequence[Page], worst: int) -> str:
    cells, scores = [], []
    for extract in (ours, theirs):
        texts, seconds = run(pages, extract)
        scores.append([token_f1(t, page.expected) for t, page in zip(texts, pages, strict=True)])
        empty = sum(not text for text in texts)
        cells.append(
            f"{mean(scores[-1]):.4f} ({empty} empty, {1000 * seconds / len(pages):.0f} ms)"
        )
    gaps = sorted(zip(scores[0], scores[1], (page.name for page in pages), strict=True), key=_gap)
    for own, other, page in gaps[:worst]:
        print(f"    {page}: {own:.3f} against {other:.3f}")
    return f"| {name}, {len(pages)} pages | token F1 | {cells[0]} | {cells[1]} |"


def _gap(row: tuple[float, float, str]) -> float:
    return row[0] - row[1]


def snippet_row(name: str, pages: Sequence[Page], worst: int) -> str:
    cells, tallies = [], []
    for extract in (ours, theirs):
        texts, seconds = run(pages, extract)
        tallies.append([snippet_counts(t, page) for t, page in zip(texts, pages, strict=True)])
        precision, recall, f1 = snippet_f1(sum(tallies[-1], Counter()))
        ms = 1000 * seconds / len(pages)
        cells.append(f"{f1:.4f} (P {precision:.3f}, R {recall:.3f}, {ms:.0f} ms)")
    for own, other, page in zip(*tallies, pages, strict=True):
        if worst and own != other:
            print(f"    {page.name}: {dict(own)} against {dict(other)}")
    return f"| {name}, {len(pages)} pages | snippet F1 | {cells[0]} | {cells[1]} |"


def metadata_row(name: str, pages: Sequence[Page]) -> str:
    """How many titles and dates are the expected ones: ours, and trafilatura's own."""
    titles: Counter[str] = Counter()
    dates: Counter[str] = Counter()
    for page in pages:
        found = trafilatura.extract_metadata(page.content)
        own = parsed(page.content)
        known = own.metadata if own else Metadata()
        for who, title, date in (
            ("ours", known.title, known.published),
            ("theirs", found.title or "", found.date or ""),
        ):
            right = date.removesuffix("-01-01") == page.date.removesuffix("-01-01")
            titles[who] += bool(page.title) and _same(title, page.title)
            dates[who] += bool(page.date) and right
            dates[f"{who} wrong"] += bool(page.date) and bool(date) and not right
    of = (sum(bool(page.title) for page in pages), sum(bool(page.date) for page in pages))
    cells = [
        f"titles {titles[who]}/{of[0]}, dates {dates[who]}/{of[1]} ({dates[f'{who} wrong']} wrong)"
        for who in ("ours", "theirs")
    ]
    return f"| {name} | title, date | {cells[0]} | {cells[1]} |"


def _same(a: str, b: str) -> bool:
    return re.findall(r"\w+", a.casefold()) == re.findall(r"\w+", b.casefold())


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument(
        "--worst", type=int, default=0, help="name the N pages where ours is behind"
    )
    worst = options.parse_args().worst
    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
    folder = SHARED / "html"
    sets = {
        "readability": list(readability(folder / "readability")),
        "newspaper4k": list(newspaper(folder / "newspaper4k")),
        "trafilatura": list(snippets(folder / "trafilatura")),
    }
    for extract in (ours, theirs):  # imports, and patterns compiled
        extract(sets["readability"][0].content)
    rows = [
        text_row("readability", sets["readability"], worst),
        text_row("newspaper4k", sets["newspaper4k"], worst),
        snippet_row("trafilatura", sets["trafilatura"], worst),
        *(metadata_row(name, pages) for name, pages in sets.items()),
    ]
    print(f"| pages | measure | kb | trafilatura {trafilatura.__version__} |\n|---|---|---|---|")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
