"""A plan as a Word document: real headings, tables, figures, numbered sources with links to them.

It knows Word's parts. What a plan says is `plan_report`'s business. The only home of python-docx.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import docx
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.image.image import Image
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Emu, Pt, RGBColor
from docx.text.paragraph import Paragraph

from kb.export import visible
from kb.export.plan_findings import Source, sources
from kb.export.plan_report import sections
from kb.export.report import SHORT, Block, Figure, Heading, Quote, Sentences, Table
from kb.records import Plan

PAPER = (Cm(21.0), Cm(29.7))
MARGIN = Cm(2.2)
TEXT = Cm(16.6)  # what the margins leave
LETTER = Cm(0.18)  # of 9 points, as broad as those of DejaVu, which stands in for Calibri on Linux
MARGINS = 4  # letters that the space around a cell takes
PIXEL = 9525  # EMU, at 96 to an inch
SHARP = 2  # dots of a picture for a pixel of the figure
DIM = RGBColor(0x5B, 0x64, 0x74)


def docx_plan(plan: Plan) -> bytes:
    """The plan for Word."""
    document = docx.Document()
    _set_up(document, plan)
    document.add_heading(visible(plan.project.name), 0)
    for blocks in sections(plan).values():
        for block in blocks:
            _add(document, block)
    cited = sources(plan)
    if cited:
        document.add_heading("Sources", 1)
    for each in cited:
        _source(document, each)
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def _set_up(document: Any, plan: Plan) -> None:
    about = document.core_properties
    about.title, about.author = visible(plan.project.name), visible(plan.project.created_by)
    about.subject = visible(str(plan.project.brief.get("objective", "")))[:255]
    about.created = about.modified = datetime.fromisoformat(plan.made_at).replace(tzinfo=None)
    section = document.sections[0]
    section.page_width, section.page_height = PAPER
    section.left_margin = section.right_margin = section.top_margin = MARGIN
    normal = document.styles["Normal"]
    normal.font.name, normal.font.size = "Calibri", Pt(10.5)
    normal.paragraph_format.space_after = Pt(5)
    footer = section.footer.paragraphs[0]
    footer.alignment = WD_ALIGN_PARAGRAPH.CENTER
    footer.add_run(f"As of {plan.made_at[:10]}   ·   ").font.color.rgb = DIM
    _field(footer, "PAGE")


def _add(document: Any, block: Block) -> None:
    match block:
        case Heading(text, level):
            document.add_heading(visible(text), min(level - 1, 9) or 1)
        case Sentences(texts, listed):
            for text in texts:
                document.add_paragraph(visible(text), style="List Bullet" if listed else None)
        case Table(head, rows):
            _table(document, head, rows)
        case Figure(_, caption, draw):
            from kb.export.charts import to_png

            _picture(document, to_png(draw(), scale=SHARP), visible(caption))
        case Quote():
            _quote(document, block)


def _picture(document: Any, png: bytes, caption: str) -> None:
    """At the size of its own pixels, or the page's width where that is less."""
    width = min(TEXT, Emu(Image.from_blob(png).px_width * PIXEL // SHARP))
    shape = document.add_picture(io.BytesIO(png), width=width)
    shape._inline.docPr.set("descr", caption)
    document.paragraphs[-1].paragraph_format.keep_with_next = True
    document.add_paragraph(caption, style="Caption")


def _widths(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    """The page's width shared out: short cells stay on one line, no word breaks, long ones wrap."""
    columns = list(zip(head, *rows, strict=True))
    least = [
        min(24, max(_longest_word(name) + 1, *map(_unbroken, column), 1)) + MARGINS
        for name, *column in columns
    ]
    wished = [
        max(low, min(80, max(map(len, column), default=0)))
        for low, (_, *column) in zip(least, columns, strict=True)
    ]
    left = max(0.0, TEXT / LETTER - sum(least))
    more = [want - low for want, low in zip(wished, least, strict=True)]
    given = [
        low + left * (extra / sum(more) if any(more) else 1 / len(more))
        for low, extra in zip(least, more, strict=True)
    ]
    return [int(TEXT * share / sum(given)) for share in given]


def _unbroken(cell: str) -> int:
    """How many letters of it have to stand on one line."""
    return len(cell) if len(cell) <= SHORT else _longest_word(cell)


def _longest_word(text: str) -> int:
    return max(map(len, text.split()), default=0)


def _table(document: Any, head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    named = any(head)
    table = document.add_table(rows=1 if named else 0, cols=len(head), style="Normal Table")
    before = table._tbl.getprevious()
    if before is not None and before.tag == qn("w:p"):
        Paragraph(before, document).paragraph_format.keep_with_next = True
    if named:
        for cell, text in zip(table.rows[0].cells, head, strict=True):
            cell.paragraphs[0].add_run(visible(text)).bold = True
        repeated = OxmlElement("w:tblHeader")
        table.rows[0]._tr.get_or_add_trPr().append(repeated)
    for row in rows:
        added = table.add_row()
        added._tr.get_or_add_trPr().append(OxmlElement("w:cantSplit"))
        for number, (cell, text) in enumerate(zip(added.cells, row, strict=True)):
            run = cell.paragraphs[0].add_run(visible(text))
            run.bold = not named and number == 0
    for column, width in zip(table.columns, _widths(head, rows), strict=True):
        column.width = width
        for cell in column.cells:
            cell.width = width  # Word goes by the columns, LibreOffice by the cells
    for paragraph in (p for row in table.rows for cell in row.cells for p in cell.paragraphs):
        paragraph.paragraph_format.space_after = Pt(1)
        for run in paragraph.runs:
            run.font.size = Pt(9)
    _pale(table)
    document.add_paragraph().paragraph_format.space_after = Pt(2)


def _quote(document: Any, quote: Quote) -> None:
    paragraph = document.add_paragraph(style="Quote")
    paragraph.paragraph_format.left_indent = Cm(0.8)
    paragraph.paragraph_format.keep_with_next = True
    if quote.against:
        paragraph.add_run("Against: ").bold = True
    paragraph.add_run(f"“{visible(quote.text)}”")
    where = document.add_paragraph()
    where.paragraph_format.left_indent = Cm(0.8)
    where.add_run(f"— {visible(quote.cited)}").font.color.rgb = DIM
    if quote.number is not None:
        where.add_run(" ")
        _internal_link(where, f"[{quote.number}]", f"source_{quote.number}")
    for remark in quote.remarks:
        line = document.add_paragraph(visible(remark))
        line.paragraph_format.left_indent = Cm(0.8)


def _source(document: Any, each: Source) -> None:
    """A numbered line that the quotes' links lead to."""
    paragraph = document.add_paragraph()
    paragraph.paragraph_format.left_indent = Cm(0.9)
    paragraph.paragraph_format.first_line_indent = Cm(-0.9)
    _bookmark(paragraph, f"source_{each.number}", each.number)
    paragraph.add_run(f"[{each.number}]\t{visible(each.text)} ")
    address = visible(each.address)
    if re.fullmatch(r"https?://[^\s<>\"']+", address):
        _external_link(paragraph, address)
    elif address:
        paragraph.add_run(address)


# -- parts of Word that python-docx has no call for -----------------------------------------------


def _pale(table: Any) -> None:
    """Thin grey lines between the rows, as in a book."""
    borders = OxmlElement("w:tblBorders")
    for side in ("top", "bottom", "insideH"):
        line = OxmlElement(f"w:{side}")
        for name, value in (("val", "single"), ("sz", "4"), ("space", "0"), ("color", "B8C0CC")):
            line.set(qn(f"w:{name}"), value)
        borders.append(line)
    table._tbl.tblPr.append(borders)


def _field(paragraph: Any, instruction: str) -> None:
    run = paragraph.add_run()
    for kind in ("begin", None, "end"):
        if kind is None:
            part = OxmlElement("w:instrText")
            part.text = instruction
        else:
            part = OxmlElement("w:fldChar")
            part.set(qn("w:fldCharType"), kind)
        run._r.append(part)


def _bookmark(paragraph: Any, name: str, number: int) -> None:
    for tag in ("w:bookmarkStart", "w:bookmarkEnd"):
        part = OxmlElement(tag)
        part.set(qn("w:id"), str(number))
        if tag == "w:bookmarkStart":
            part.set(qn("w:name"), name)
        paragraph._p.append(part)


def _internal_link(paragraph: Any, text: str, bookmark: str) -> None:
    link = OxmlElement("w:hyperlink")
    link.set(qn("w:anchor"), bookmark)
    link.append(_link_run(text))
    paragraph._p.append(link)


def _external_link(paragraph: Any, address: str) -> None:
    link = OxmlElement("w:hyperlink")
    kind = RELATIONSHIP_TYPE.HYPERLINK
    link.set(qn("r:id"), paragraph.part.relate_to(address, kind, is_external=True))
    link.append(_link_run(address))
    paragraph._p.append(link)


def _link_run(text: str) -> Any:
    run, properties, color = (OxmlElement(tag) for tag in ("w:r", "w:rPr", "w:color"))
    color.set(qn("w:val"), "1D4ED8")
    properties.append(color)
    run.append(properties)
    written = OxmlElement("w:t")
    written.text = text
    run.append(written)
    return run
