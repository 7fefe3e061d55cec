"""Findings as a table for spreadsheets: a row for each quote, which no spreadsheet calculates.

It knows the columns and what a spreadsheet takes for a formula. It reads nothing.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence

from kb.export import KIND_NAMES, value_text, visible
from kb.export.tables import QUOTE_COLUMNS, Cell, quote_cells
from kb.records import Finding, Supported

_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")


def findings_csv(found: Sequence[Supported]) -> bytes:
    """UTF-8 with a byte-order mark, so that Excel reads it as such; RFC 4180 line ends.

    A finding without evidence has one row. Fields are columns named after them.
    """
    fields = list(dict.fromkeys(name for each in found for name in each.finding.fields))
    head = ["kind", "name", "other names", "tags", *fields, "note", "projects", *QUOTE_COLUMNS]
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([harmless(name) for name in head])
    for each in found:
        about = _about(each, fields)
        rows = [[cell_text(c) for c in quote_cells(e)] for e in each.evidence] or [
            [""] * len(QUOTE_COLUMNS)
        ]
        writer.writerows([harmless(cell) for cell in [*about, *row]] for row in rows)
    return text.getvalue().encode("utf-8-sig")


def harmless(cell: str) -> str:
    """`cell` on one line, led by an apostrophe where a spreadsheet would calculate it."""
    shown = visible(cell)
    return f"'{shown}" if _FORMULA.match(shown) and not _NUMBER.fullmatch(shown) else shown


def _about(each: Supported, fields: Sequence[str]) -> list[str]:
    finding: Finding = each.finding
    values = [value_text(finding.fields[n]) if n in finding.fields else "" for n in fields]
    projects = "; ".join(f"{c.project}: {c.status}" for c in each.candidates)
    return [
        KIND_NAMES[finding.kind][0].lower(), finding.name, "; ".join(finding.aliases),
        "; ".join(finding.tags), *values, finding.note, projects,
    ]  # fmt: skip


def cell_text(cell: Cell) -> str:
    """A cell as it is written: numbers in full, days as ISO 8601, nothing for the unknown."""
    if cell is None:
        return ""
    return f"{cell:.12g}" if isinstance(cell, float) else str(cell)
