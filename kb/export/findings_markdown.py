"""Findings as Markdown: by kind, each with its fields and its quotes and where these stand.

It knows how Markdown reads and escapes all that is not its own. It reads nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from kb.export import KIND_NAMES, source, value_text, version
from kb.records import FINDING_KINDS, Effect, Evidence, Supported

_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_SPECIAL = re.compile(r"[\\`*_\[\]|~$#!^@{}]|:(?=[/\w])|(?<=[wW]{3})\.")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_START = re.compile(r"^([-+=]|\d+(?=[.)](\s|$)))")


def escaped(text: str) -> str:
    """`text` on one line as Markdown (CommonMark and GitHub's) that shows exactly it."""
    line = " ".join(_UNSEEN.sub("", text).split())
    line = _SPECIAL.sub(lambda found: f"\\{found[0]}", line)
    line = re.sub("[&<>]", lambda found: _ENTITIES[found[0]], line)
    return _START.sub(lambda f: f"\\{f[0]}" if not f[0].isdigit() else f"{f[0]}\\", line)


def findings_markdown(found: Sequence[Supported], *, title: str = "Findings") -> str:
    """The findings under a heading for each kind; what stands for them before what speaks against.

    `title` is the heading of all.
    """
    lines = [f"# {escaped(title)}", ""]
    if not found:
        lines += ["No findings.", ""]
    for kind in FINDING_KINDS:
        of_kind = [each for each in found if each.finding.kind == kind]
        if of_kind:
            lines += [f"## {KIND_NAMES[kind][1]}", ""]
        for each in of_kind:
            lines += _finding(each)
    return "\n".join(lines)


def _finding(each: Supported) -> list[str]:
    finding = each.finding
    facts = {
        "also called": ", ".join(finding.aliases),
        "tags": ", ".join(finding.tags),
        **{name.replace("_", " "): value_text(v) for name, v in finding.fields.items()},
        "projects": "; ".join(
            f"{c.project}: {c.status}" + (f" ({c.reason})" if c.reason else "")
            for c in each.candidates
        ),
        "note": finding.note,
    }
    lines = [f"### {escaped(finding.name)}", ""]
    lines += [f"- {escaped(name)}: {escaped(value)}" for name, value in facts.items() if value]
    lines += [""] if any(facts.values()) else []
    for stance, heading in (("for", ""), ("against", "Against it:")):
        quotes = [evidence for evidence in each.evidence if evidence.stance == stance]
        if quotes and heading:
            lines += [heading, ""]
        for evidence in quotes:
            lines += _quote(evidence)
    return lines if each.evidence else [*lines, "No evidence yet.", ""]


def _quote(evidence: Evidence) -> list[str]:
    lines = [f"> “{escaped(evidence.quote)}”", ">", f"> — {cited(evidence)}"]
    if evidence.effect is not None:
        lines += [">", f"> Effect: {escaped(effect_text(evidence.effect))}"]
    if evidence.note:
        lines += [">", f"> {escaped(evidence.note)}"]
    return [*lines, ""]


def cited(evidence: Evidence) -> str:
    """Authors, title, year, section, page, version and address of a quote, as Markdown."""
    document = evidence.document
    meta = document.metadata
    authors = f"{escaped(', '.join(meta.authors))}: " if meta.authors else ""
    year = f" ({meta.year})" if meta.year else ""
    where = [
        f"section “{escaped(evidence.section)}”" if evidence.section else "",
        f"page {evidence.page}" if evidence.page else "",
        escaped(version(evidence)),
        escaped(source(document)),
    ]
    return authors + ", ".join([f"*{escaped(document.title)}*{year}", *filter(None, where)])


def effect_text(effect: Effect) -> str:
    """An effect in words; plain text, each number with its unit."""
    from_to = ""
    if effect.value is not None:
        before = f"{effect.baseline:g} → " if effect.baseline is not None else ""
        from_to = f"{before}{effect.value:g} {effect.unit}"
    change = (
        f"{effect.difference:+g} {effect.difference_unit}" if effect.difference is not None else ""
    )
    pieces = [
        f"{effect.metric}: " + " = ".join(filter(None, (from_to, change))),
        f"on {effect.dataset}" if effect.dataset else "",
        f"at {effect.scale}" if effect.scale else "",
        f"reported by {effect.reported_by}" if effect.reported_by else "",
    ]
    return ", ".join(filter(None, pieces))
