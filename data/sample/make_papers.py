"""Set the three papers of the sample library from `papers.source`, like a conference does.

Two columns, running heads, numbered pages, tables, a figure, references, an outline, and words
broken at line ends: what a reader of PDFs has to cope with. The same source gives the same bytes.
Nothing here knows how papers are read again.

    python data/sample/make_papers.py [FOLDER]
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reportlab.graphics.shapes import Drawing, Line, PolyLine, String
from reportlab.lib.colors import black, grey
from reportlab.lib.enums import TA_CENTER, TA_JUSTIFY, TA_LEFT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    Flowable,
    Frame,
    FrameBreak,
    KeepTogether,
    NextPageTemplate,
    PageTemplate,
    Paragraph,
    Spacer,
    Table,
)

HERE = Path(__file__).resolve().parent
AUTHOR = "The kb project"
DATE = "November 2026"
NOTE = (
    "Written for the sample library of kb as an example of a paper. Apache-2.0. "
    "It reports no experiments of its own."
)

PAGE_WIDTH, PAGE_HEIGHT = A4
MARGIN, GUTTER, HEAD, FOOT = 21 * mm, 7 * mm, 14 * mm, 22 * mm
COLUMN = (PAGE_WIDTH - 2 * MARGIN - GUTTER) / 2
TITLE_HEIGHT = 34 * mm

# Where English may be broken, roughly: after these beginnings, before these endings, and between
# two consonants that stand between vowels and make two sounds.
BEGINNINGS = ("inter", "trans", "under", "over", "multi", "com", "con", "dis", "mis", "pre", "pro")
ENDINGS = (
    "tions", "tion", "ments", "ment", "ness", "ings", "ing", "ables", "able", "fully", "ful",
    "sions", "sion", "tive", "ture", "less", "lary", "tors", "tor", "ties", "ly",
)  # fmt: skip
BETWEEN = re.compile(
    r"[aeiou](?!ch|sh|th|ph|gh|ck|ng|tw|wh|[bcdfgkpt][lr])[b-df-hj-np-tv-z](?=[b-df-hj-np-tv-z][aeiou])"
)
FLEXION = re.compile(r"\w(ing|ings|ed|es|er|ers|e)")  # not “tes-ting”


def break_word(word: str) -> Iterator[tuple[str, str]]:
    """The two halves of `word` at each place where it may be broken, longest beginning first."""
    core = word.rstrip(".,;:!?)”’")
    if not core.isalpha() or len(core) < 7:
        return
    lower = core.lower()
    places = {len(b) for b in BEGINNINGS if lower.startswith(b)}
    places |= {len(lower) - len(e) for e in ENDINGS if lower.endswith(e)}
    places |= {
        found.end()
        for found in BETWEEN.finditer(lower)
        if lower[found.end() - 1] == lower[found.end()]
        or not FLEXION.fullmatch(lower[found.end() :])
    }
    for place in sorted(places, reverse=True):
        if 3 <= place <= len(core) - 2:
            yield word[:place], word[place:]


def style(
    name: str, font: str = "Times-Roman", size: float = 10.5, **options: Any
) -> ParagraphStyle:
    """A paragraph style with the leading that goes with its size."""
    return ParagraphStyle(name, fontName=font, fontSize=size, leading=size * 1.22, **options)


HYPHENATED = {"alignment": TA_JUSTIFY, "hyphenationLang": break_word, "embeddedHyphenation": 0}
BODY = style("body", firstLineIndent=10, **HYPHENATED)
FIRST = style("first", **HYPHENATED)
ITEM = style("item", leftIndent=11, bulletIndent=2, spaceAfter=1, **HYPHENATED)
ABSTRACT = style("abstract", size=9.5, leftIndent=8, rightIndent=8, **HYPHENATED)
TITLE = style("title", "Times-Bold", 16, alignment=TA_CENTER, spaceAfter=8)
BYLINE = style("byline", "Times-Roman", 11, alignment=TA_CENTER)
HEADING = style("heading", "Times-Bold", 12.5, spaceBefore=11, spaceAfter=4, keepWithNext=1)
SUBHEADING = style("subheading", "Times-Bold", 11, spaceBefore=7, spaceAfter=2, keepWithNext=1)
ABSTRACT_HEADING = style("abstract heading", "Times-Bold", 11, alignment=TA_CENTER, spaceAfter=4)
CAPTION = style("caption", size=9, alignment=TA_LEFT, spaceBefore=3)
CELL = style("cell", size=9)
CELL_HEAD = style("cell head", "Times-Bold", 9)
FORMULA = style("formula", "Times-Italic", 10, alignment=TA_CENTER, spaceBefore=5, spaceAfter=5)
REFERENCE = style("reference", size=9.5, leftIndent=15, firstLineIndent=-15, spaceAfter=2)


@dataclass(slots=True)
class Source:
    """One paper as it stands in `papers.source`."""

    file: str
    facts: dict[str, str] = field(default_factory=dict)
    abstract: str = ""
    blocks: list[str] = field(default_factory=list)
    cited: list[str] = field(default_factory=list)


def read_sources(text: str) -> list[Source]:
    """The papers in `text`. A block is what stands between empty lines."""
    papers = []
    for part in text.split("=== ")[1:]:
        name, _, rest = part.partition("\n")
        blocks = [block.strip() for block in rest.split("\n\n") if block.strip()]
        paper = Source(name.strip())
        for line in blocks.pop(0).splitlines():
            key, _, value = line.partition(": ")
            paper.facts[key] = value
        for block in blocks:
            first, _, body = block.partition("\n")
            if first == "abstract":
                paper.abstract = body
            elif first == "references":
                paper.cited = body.split()
            else:
                paper.blocks += _split_headings(block)
        papers.append(paper)
    return papers


def _split_headings(block: str) -> list[str]:
    """A block whose first line is a heading, as the heading and what follows it."""
    first, _, rest = block.partition("\n")
    return [first, *_split_headings(rest)] if first.startswith("#") and rest else [block]


def read_bibliography(text: str) -> dict[str, dict[str, str]]:
    """The fields of each entry of our own .bib, which keeps one field a line."""
    entries = {}
    for key, body in re.findall(r"@\w+\{(\w+),\n(.*?)\n\}", text, flags=re.DOTALL):
        pairs = re.findall(r"(\w+)\s*= \{(.*)\}", body)
        entries[key] = {name: value.replace("{", "").replace("}", "") for name, value in pairs}
    return entries


def reference(entry: dict[str, str]) -> str:
    """An entry as it is printed."""
    names = [" ".join(reversed(a.split(", "))) for a in entry["author"].split(" and ")]
    authors = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    title = entry["title"] + ("" if entry["title"].endswith("?") else ".")
    return f"{authors}. {title} <i>arXiv:{entry['eprint']}</i>, {entry['year']}."


def marked_up(text: str) -> str:
    """Text with *emphasis* as reportlab wants it."""
    text = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"\*(.+?)\*", r"<i>\1</i>", text)


class Heading(Paragraph):
    """A heading that puts itself into the outline."""

    def __init__(self, text: str, level: int) -> None:
        super().__init__(text, (HEADING, SUBHEADING)[level])
        self.entry, self.level = text, level

    def draw(self) -> None:
        """Draw it, and note where it stands."""
        key = self.entry.casefold()
        self.canv.bookmarkPage(key)
        self.canv.addOutlineEntry(self.entry, key, self.level)
        super().draw()


def set_blocks(paper: Source) -> Iterator[Flowable]:
    """The body of a paper, in order, with headings, tables and figures numbered."""
    section = subsection = tables = figures = 0
    first = False
    for block in paper.blocks:
        kind, _, rest = block.partition(" ")
        if kind == "#":
            section, subsection = section + 1, 0
            yield Heading(f"{section} {rest}", 0)
        elif kind == "##":
            subsection += 1
            yield Heading(f"{section}.{subsection} {rest}", 1)
        elif kind == "@table":
            tables += 1
            yield set_table(rest, tables)
        elif kind == "@figure":
            figures += 1
            yield set_figure(rest.partition(" ")[2], figures)
        elif kind == "@formula":
            yield Paragraph(marked_up(rest), FORMULA)
        elif kind == "-":
            yield from set_list(block)
        else:
            yield Paragraph(marked_up(block), FIRST if first else BODY)
        first = kind in ("#", "##", "@formula")


def set_list(block: str) -> Iterator[Flowable]:
    """A list of points, each of its own, so that a heading stays with the first of them."""
    for point in block.splitlines():
        yield Paragraph(marked_up(point[2:]), ITEM, bulletText="•")


def set_table(block: str, number: int) -> Flowable:
    """A table with its caption below: the first row is the head, `|` parts the cells."""
    caption, *lines = block.splitlines()
    head, *rows = [[marked_up(cell) for cell in line.split("|")] for line in lines]
    cells = [[Paragraph(cell, CELL_HEAD) for cell in head]]
    cells += [[Paragraph(cell, CELL) for cell in row] for row in rows]
    widest = 0.4 if len(head) > 2 else 0.6
    rest = (1 - widest) / (len(head) - 1)
    table = Table(cells, colWidths=[COLUMN * widest] + [COLUMN * rest] * (len(head) - 1))
    table.setStyle(
        [
            ("LINEABOVE", (0, 0), (-1, 0), 0.8, black),
            ("LINEBELOW", (0, 0), (-1, 0), 0.4, black),
            ("LINEBELOW", (0, -1), (-1, -1), 0.8, black),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("TOPPADDING", (0, 0), (-1, -1), 1.5),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
            ("LEFTPADDING", (0, 0), (-1, -1), 2),
            ("RIGHTPADDING", (0, 0), (-1, -1), 2),
        ]
    )
    below = Paragraph(f"<b>Table {number}.</b> {marked_up(caption)}", CAPTION)
    return KeepTogether([Spacer(1, 8), table, below, Spacer(1, 8)])


def set_figure(caption: str, number: int) -> Flowable:
    """The margin of a measured accuracy of 0.8 against the number of test messages."""
    below = Paragraph(f"<b>Figure {number}.</b> {marked_up(caption)}", CAPTION)
    return KeepTogether([Spacer(1, 8), draw_margin(), below, Spacer(1, 8)])


def draw_margin() -> Drawing:
    """The curve of 1.96 √(p (1 − p) / n) for p = 0.8 and n from 50 to 1,000."""
    width, height, left, bottom = COLUMN, 42 * mm, 28.0, 24.0
    drawing = Drawing(width, height)

    def at(n: float, points: float) -> tuple[float, float]:
        return left + (width - left - 8) * n / 1000, bottom + (height - bottom - 6) * points / 12

    drawing.add(Line(*at(0, 0), *at(1000, 0), strokeWidth=0.6))
    drawing.add(Line(*at(0, 0), *at(0, 12), strokeWidth=0.6))
    label = {"fontName": "Helvetica", "fontSize": 7}
    for n in range(0, 1001, 200):
        x, y = at(n, 0)
        drawing.add(String(x, y - 9, str(n), textAnchor="middle", **label))
    for points in (3, 6, 9, 12):
        x, y = at(0, points)
        drawing.add(String(x - 4, y - 2, str(points), textAnchor="end", **label))
        drawing.add(Line(*at(0, points), *at(1000, points), strokeWidth=0.2, strokeColor=grey))
    drawing.add(String(*at(430, -2.7), "test messages", **label))
    curve = [at(n, 196 * (0.8 * 0.2 / n) ** 0.5) for n in range(50, 1001, 10)]
    drawing.add(PolyLine([value for point in curve for value in point], strokeWidth=1.2))
    return drawing


def draw_head(canvas: Canvas, document: BaseDocTemplate) -> None:
    """The running head of every page but the first."""
    canvas.setFont("Times-Italic", 9)
    top = PAGE_HEIGHT - HEAD
    canvas.drawString(MARGIN, top, document.short)
    canvas.drawRightString(PAGE_WIDTH - MARGIN, top, AUTHOR)
    canvas.setLineWidth(0.3)
    canvas.line(MARGIN, top - 4, PAGE_WIDTH - MARGIN, top - 4)


def draw_first(canvas: Canvas, _: BaseDocTemplate) -> None:
    """The note at the foot of the first page that says what this is."""
    canvas.setFont("Times-Roman", 7.5)
    canvas.setLineWidth(0.3)
    canvas.line(MARGIN, 19 * mm, MARGIN + COLUMN * 0.4, 19 * mm)
    canvas.drawString(MARGIN, 16 * mm, NOTE)


def draw_number(canvas: Canvas, document: BaseDocTemplate) -> None:
    """The page number, centred at the foot."""
    canvas.setFont("Times-Roman", 9)
    canvas.drawCentredString(PAGE_WIDTH / 2, 10 * mm, str(document.page))


def columns(height: float) -> list[Frame]:
    """The two columns of a page, `height` high."""
    padding = dict.fromkeys(("leftPadding", "rightPadding", "topPadding", "bottomPadding"), 0)
    return [Frame(MARGIN + i * (COLUMN + GUTTER), FOOT, COLUMN, height, **padding) for i in (0, 1)]


def tell(paper: Source, bibliography: dict[str, dict[str, str]]) -> Iterator[Flowable]:
    """Everything that a paper shows, from its title to its references."""
    yield NextPageTemplate("later")
    yield Spacer(1, 6)
    yield Paragraph(paper.facts["title"], TITLE)
    yield Paragraph(AUTHOR, BYLINE)
    yield Paragraph(DATE, BYLINE)
    yield FrameBreak()
    yield Paragraph("Abstract", ABSTRACT_HEADING)
    yield Paragraph(marked_up(paper.abstract), ABSTRACT)
    yield from set_blocks(paper)
    yield Heading("References", 0)
    for number, key in enumerate(paper.cited, start=1):
        yield Paragraph(f"[{number}] {reference(bibliography[key])}", REFERENCE)


def make_paper(paper: Source, bibliography: dict[str, dict[str, str]], folder: Path) -> Path:
    """Write one paper into `folder`, and say where it is."""
    target = folder / paper.file
    document = BaseDocTemplate(
        str(target),
        pagesize=A4,
        title=paper.facts["title"],
        author=AUTHOR,
        subject="An example paper of the sample library of kb",
        keywords=paper.facts["keywords"],
        creator="data/sample/make_papers.py",
        invariant=1,
        pageCompression=0,  # what zlib writes differs from machine to machine
    )
    document.short = paper.facts["short"]
    body = PAGE_HEIGHT - 2 * FOOT
    lowest = PAGE_HEIGHT - FOOT - TITLE_HEIGHT + 6 * mm
    top = Frame(MARGIN, lowest, PAGE_WIDTH - 2 * MARGIN, TITLE_HEIGHT)
    document.addPageTemplates(
        [
            PageTemplate(
                "first",
                [top, *columns(body - TITLE_HEIGHT)],
                onPage=draw_first,
                onPageEnd=draw_number,
            ),
            PageTemplate("later", columns(body), onPage=draw_head, onPageEnd=draw_number),
        ]
    )
    document.build(list(tell(paper, bibliography)))
    return target


def main(folder: Path) -> None:
    """Write all papers into `folder`."""
    bibliography = read_bibliography((HERE / "references.bib").read_text(encoding="utf-8"))
    for paper in read_sources((HERE / "papers.source").read_text(encoding="utf-8")):
        print(make_paper(paper, bibliography, folder))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "papers")
