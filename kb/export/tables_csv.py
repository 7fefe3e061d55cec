"""A plan's tables as CSV: a file each, which no spreadsheet calculates.

It knows how CSV is written. What stands in the tables is `kb.export.tables`' business.
"""

from __future__ import annotations

import csv
import io

from kb.errors import NotFound
from kb.export.findings_csv import cell_text, harmless
from kb.export.tables import Table, tables
from kb.records import Plan


def tables_csv(plan: Plan) -> dict[str, bytes]:
    """All tables, by file name: "design-choices.csv", "datasets.csv", …"""
    return {f"{_file_name(table)}.csv": _csv(table) for table in tables(plan)}


def table_csv(plan: Plan, name: str) -> bytes:
    """The table of that name ("design-choices"); NotFound lists those that exist."""
    by_name = {_file_name(table): table for table in tables(plan)}
    if name not in by_name:
        raise NotFound(f"There is no table “{name}”. Tables are: {', '.join(by_name)}.")
    return _csv(by_name[name])


def _file_name(table: Table) -> str:
    return table.name.lower().replace(" ", "-")


def _csv(table: Table) -> bytes:
    """UTF-8 with a byte-order mark, so that Excel reads it as such; RFC 4180 line ends."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([harmless(name) for name in table.columns])
    for row in table.rows:
        writer.writerow([harmless(c) if isinstance(c, str) else cell_text(c) for c in row])
    return text.getvalue().encode("utf-8-sig")
