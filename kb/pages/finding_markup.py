"""Findings and their evidence as HTML, everything escaped by `kb.pages.markup`.

It knows how they look. It draws nothing itself and knows no widget.
"""

from __future__ import annotations

from collections.abc import Sequence

from kb.export import KIND_NAMES, value_text, version
from kb.export.findings_markdown import effect_text
from kb.pages.markup import authors, escaped, facts
from kb.records import Candidate, Comment, Document, Evidence, Finding


def title(finding: Finding) -> str:
    """A finding's kind and name, as the heading of its page."""
    return (
        f'<p class="kb-meta">{KIND_NAMES[finding.kind][0]}</p>'
        f'<h2 class="kb-h1">{escaped(finding.name)}</h2>'
    )


def about(finding: Finding) -> str:
    """Its other names, tags and fields, and who wrote them down when."""
    fields = {n.replace("_", " ").capitalize(): value_text(v) for n, v in finding.fields.items()}
    rows = {
        "Also called": ", ".join(finding.aliases),
        "Tags": ", ".join(finding.tags),
        **fields,
        "Note": finding.note,
        "Added": by(finding.created_by, finding.created_at),
    }
    if finding.updated_at != finding.created_at:
        rows["Changed"] = by(finding.updated_by, finding.updated_at)
    return facts({name: escaped(value) for name, value in rows.items()})


def by(who: str, at: str) -> str:
    """Who did it and when, to the minute in UTC; plain text."""
    return f"{who}, {at[:16].replace('T', ' ')} UTC"


def evidence(found: Evidence) -> str:
    """A quote, its work and place, what it claims, and who pinned it."""
    effect = (
        f'<p class="kb-effect">{escaped(effect_text(found.effect))}</p>' if found.effect else ""
    )
    note = f"<p>{escaped(found.note)}</p>" if found.note else ""
    return (
        f'<div class="kb-hit kb-{found.stance}"><p class="kb-passage">“{escaped(found.quote)}”</p>'
        f'{effect}{note}<p class="kb-meta">{escaped(cited(found))}</p>'
        f'<p class="kb-meta">{escaped(by(found.created_by, found.created_at))}</p></div>'
    )


def cited(found: Evidence) -> str:
    """Title, authors, year, section, page and version of a quote; plain text."""
    return " · ".join(filter(None, (work(found.document), where(found), version(found))))


def work(document: Document) -> str:
    """Title (authors, year); plain text."""
    meta = document.metadata
    who = ", ".join(filter(None, (authors(meta.authors), str(meta.year or ""))))
    return f"{document.title} ({who})" if who else document.title


def where(found: Evidence) -> str:
    """Section and page of a quote; plain text."""
    page = f"page {found.page}" if found.page else ""
    return " · ".join(filter(None, (found.section, page)))


def candidates(found: Sequence[Candidate]) -> str:
    """What each project makes of a finding."""
    rows = {}
    for each in found:
        pieces = (each.status, f"owner: {each.owner}" if each.owner else "", each.reason, each.note)
        line = " · ".join(filter(None, pieces))
        meta = f'<span class="kb-meta"> · {escaped(by(each.updated_by, each.updated_at))}</span>'
        rows[each.project] = escaped(line) + meta
    return facts(rows)


def comments(found: Sequence[Comment]) -> str:
    """Remarks, oldest first, each with who made it."""
    return "".join(
        f'<div class="kb-comment"><p>{escaped(each.text)}</p>'
        f'<p class="kb-meta">{escaped(by(each.created_by, each.created_at))}</p></div>'
        for each in found
    )


def history(events: Sequence[dict[str, str]], evidence: Sequence[Evidence]) -> str:
    """What was done to a finding, newest first; its evidence by the beginnings of the quotes."""
    quotes = {f"evidence:{each.id}": f"“{each.quote[:60]} …”" for each in evidence}
    rows = []
    for event in reversed(events):
        before = "" if event["what"] in {"merged", "unmerged"} else event["before"]  # ids
        change = " → ".join(quotes.get(each, each) for each in (before, event["after"]) if each)
        rows.append(
            f"<li>{escaped(event['what'])} {escaped(change)}"
            f'<span class="kb-meta"> · {escaped(by(event["who"], event["at"]))}</span></li>'
        )
    return f'<ul class="kb-outline">{"".join(rows)}</ul>'
