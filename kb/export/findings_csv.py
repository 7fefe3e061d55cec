"""Findings as a table for spreadsheets: a row for each quote, which no spreadsheet calculates.

It knows the columns and what a spreadsheet takes for a formula. It reads nothing.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence

from kb.export import KIND_NAMES, source, value_text, version
from kb.records import Evidence, Finding, Supported

QUOTE_COLUMNS = (
    "stance", "quote", "title", "authors", "year", "section", "page", "version", "source",
    "metric", "unit", "baseline", "value", "gain", "measured on", "scale", "reported by",
    "remark", "tagged by", "tagged on",
)  # fmt: skip

_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
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
        rows = [_quote(evidence) for evidence in each.evidence] or [[""] * len(QUOTE_COLUMNS)]
        writer.writerows([harmless(cell) for cell in [*about, *row]] for row in rows)
    return text.getvalue().encode("utf-8-sig")


def harmless(cell: str) -> str:
    """`cell` on one line, led by an apostrophe where a spreadsheet would calculate it."""
    shown = " ".join(_UNSEEN.sub("", cell).split())
    return f"'{shown}" if _FORMULA.match(shown) and not _NUMBER.fullmatch(shown) else shown


def _about(each: Supported, fields: Sequence[str]) -> list[str]:
    finding: Finding = each.finding
    values = [value_text(finding.fields[n]) if n in finding.fields else "" for n in fields]
    projects = "; ".join(f"{c.project}: {c.status}" for c in each.candidates)
    return [
        KIND_NAMES[finding.kind][0].lower(), finding.name, "; ".join(finding.aliases),
        "; ".join(finding.tags), *values, finding.note, projects,
    ]  # fmt: skip


def _quote(evidence: Evidence) -> list[str]:
    document, effect = evidence.document, evidence.effect
    meta = document.metadata
    place = [
        evidence.stance, evidence.quote, document.title, "; ".join(meta.authors),
        str(meta.year or ""), evidence.section, str(evidence.page or ""), version(evidence),
        source(document),
    ]  # fmt: skip
    claim = [""] * 8
    if effect is not None:
        numbers = ["" if n is None else f"{n:g}" for n in (effect.baseline, effect.value)]
        gain = "" if effect.difference is None else f"{effect.difference:g}"
        claim = [effect.metric, effect.unit, *numbers, gain, effect.dataset, effect.scale,
                 effect.reported_by]  # fmt: skip
    return [*place, *claim, evidence.note, evidence.created_by, evidence.created_at[:10]]
