"""A plan's tables as one Excel workbook, a sheet each.

It knows what Excel takes for a formula, a link or a broken file. What stands in the tables is
`kb.export.tables`' business.
"""

from __future__ import annotations

import io
import re
import zipfile
from datetime import datetime
from typing import Any

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter

from kb.export.findings_csv import harmless
from kb.export.tables import Cell, Table, tables
from kb.records import Plan

LONGEST = 32_767  # characters that Excel takes in a cell
LONGEST_LINK = 2_079  # and in an address
WIDEST = 60  # columns of a sheet, in characters: longer text is wrapped
_LINK = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)
_MODIFIED = re.compile(rb"<dcterms:modified\b.*?</dcterms:modified>")
_WHEN = (1980, 1, 1, 0, 0, 0)  # of the files in the archive: the same plan gives the same bytes


def xlsx(plan: Plan) -> bytes:
    """The workbook. Numbers are numbers; text that begins like a formula stays text."""
    book = Workbook()
    book.remove(book.active)
    book.properties.title = _text(plan.project.name)
    book.properties.creator = "kb"
    book.properties.created = _moment(plan.made_at)
    for table in tables(plan):
        _sheet(book, table)
    written = io.BytesIO()
    book.save(written)
    return _steady(written.getvalue())


def _sheet(book: Workbook, table: Table) -> None:
    sheet = book.create_sheet(table.name)
    for column, name in enumerate(table.columns, start=1):
        _write(sheet.cell(1, column), name)
        head = sheet.cell(1, column)
        head.font = Font(bold=True)
        head.fill = PatternFill("solid", fgColor="E8EDF3")
        head.alignment = Alignment(wrap_text=True, vertical="top")
        column_cells = [row[column - 1] for row in table.rows]
        sheet.column_dimensions[get_column_letter(column)].width = _width(name, column_cells)
    for row, cells in enumerate(table.rows, start=2):
        for column, value in enumerate(cells, start=1):
            _write(sheet.cell(row, column), value)
    sheet.freeze_panes = "B2" if table.columns[0] != "rank" else "C2"
    last = get_column_letter(len(table.columns))
    sheet.auto_filter.ref = f"A1:{last}{len(table.rows) + 1}"


def _write(cell: Any, value: Cell) -> None:
    if not isinstance(value, str):
        cell.value = value
    elif value:
        text = _text(value)
        cell.value = text
        cell.data_type = "s"
        if _LINK.fullmatch(text) and len(text) <= LONGEST_LINK:
            cell.hyperlink = text
            cell.font = Font(color="0563C1", underline="single")
    cell.alignment = Alignment(wrap_text=True, vertical="top")


def _text(value: str) -> str:
    """On one line, harmless, and cut with an ellipsis where Excel would call the file broken."""
    text = harmless(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _width(name: str, cells: list[Cell]) -> float:
    longest = max((len(str(cell)) for cell in cells if cell is not None), default=0)
    return min(WIDEST, max(8, len(name), longest) + 2)


def _moment(made_at: str) -> datetime:
    return datetime.fromisoformat(made_at).replace(tzinfo=None, microsecond=0)


def _steady(content: bytes) -> bytes:
    """The same archive without the time at which it was written."""
    steady = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(steady, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            info = zipfile.ZipInfo(name, _WHEN)
            info.compress_type = zipfile.ZIP_DEFLATED
            content = old.read(name)
            if name == "docProps/core.xml":  # saving puts the time of the day there
                content = _MODIFIED.sub(b"", content)
            new.writestr(info, content)
    return steady.getvalue()
