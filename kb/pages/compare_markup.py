"""Works beside findings and axes beside tasks as HTML tables, which fold into lists on a phone.

It knows how they look. It draws nothing itself and knows no widget.
"""

from __future__ import annotations

from collections.abc import Sequence

from kb.export.findings_markdown import effect_text
from kb.findings.compare import Coverage, Matrix
from kb.findings.taxonomy import Axis
from kb.pages import place
from kb.pages.event_markup import link
from kb.pages.finding_markup import where
from kb.pages.markup import authors, escaped
from kb.records import Document, Evidence, Finding

NO_TASK = "Task not known"


def matrix(found: Matrix) -> str:
    """Works in rows, findings in columns; a cell unfolds to the quotes behind it."""
    heads = "".join(f'<th scope="col">{_to_finding(each)}</th>' for each in found.findings)
    rows = "".join(
        f'<tr><th scope="row">{_work(row.document)}</th>'
        + "".join(map(_said, found.findings, row.cells))
        + "</tr>"
        for row in found.rows
    )
    return _table("Works beside findings", f'<th scope="col">Work</th>{heads}', rows)


def coverage(found: Coverage) -> str:
    """Axes in rows, tasks in columns; an empty cell leads to a search."""
    tasks = [*found.tasks, *([""] if any(task == "" for _, task in found.cells) else [])]
    heads = "".join(f'<th scope="col">{escaped(task or NO_TASK)}</th>' for task in tasks)
    rows = "".join(
        f'<tr><th scope="row"><span title="{escaped(axis.definition)}">{escaped(axis.name)}</span>'
        "</th>"
        + "".join(_covered(axis, task, found.cells.get((axis.id, task), ())) for task in tasks)
        + "</tr>"
        for axis in found.axes
    )
    return _table(
        "Design choices found, by axis and task", f'<th scope="col">Axis</th>{heads}', rows
    )


def _table(caption: str, heads: str, rows: str) -> str:
    return (
        f'<div class="kb-wide" role="region" tabindex="0" aria-label="{caption}">'
        f'<table class="kb-grid"><caption class="kb-hidden">{caption}</caption>'
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _work(document: Document) -> str:
    meta = document.metadata
    about = ", ".join(filter(None, (authors(meta.authors), str(meta.year or ""))))
    return (
        f"{link('search', document.title, {'document': document.key})}"
        f'<span class="kb-meta">{escaped(about)}</span>'
    )


def _to_finding(finding: Finding) -> str:
    return link("findings", finding.name, {"finding": str(finding.id)})


def _said(finding: Finding, quotes: Sequence[Evidence]) -> str:
    """A cell: how many quotes speak for and against, and unfolded, which."""
    if not quotes:
        return "<td></td>"
    against = sum(each.stance == "against" for each in quotes)
    counts = ((len(quotes) - against, "for"), (against, "against"))
    summary = ", ".join(
        f'<span class="kb-stance-{stance}">{count} {stance}</span>'
        for count, stance in counts if count
    )  # fmt: skip
    body = "".join(map(_quote, quotes))
    return (
        f'<td><span class="kb-cell">{escaped(finding.name)}</span>'
        f"<details><summary>{summary}</summary>{body}</details></td>"
    )


def _quote(each: Evidence) -> str:
    effect = f'<p class="kb-effect">{escaped(effect_text(each.effect))}</p>' if each.effect else ""
    to = link("search", where(each) or "Open in the text", place.of_evidence(each))
    return (
        f'<div class="kb-hit kb-{each.stance}"><p>“{escaped(each.quote)}”</p>{effect}'
        f'<p class="kb-meta">{each.stance} · {to}</p></div>'
    )


def _covered(axis: Axis, task: str, found: Sequence[Finding]) -> str:
    name = f'<span class="kb-cell">{escaped(task or NO_TASK)}</span>'
    if found:
        noun = "choice" if len(found) == 1 else "choices"
        items = "".join(f"<li>{_to_finding(each)}</li>" for each in found)
        return (
            f"<td>{name}<details><summary>{len(found)} {noun}</summary>"
            f'<ul class="kb-outline">{items}</ul></details></td>'
        )
    if not task:
        return "<td></td>"
    search = link("search", "Search", {"q": f"{axis.name} for {task}"})
    return f'<td class="kb-gap">{name}{search}</td>'
