"""Findings and their evidence as HTML, everything escaped by `kb.pages.markup`.

It knows how they look. It draws nothing itself and knows no widget.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from kb.export import KIND_NAMES, value_text, version
from kb.export.findings_markdown import effect_text
from kb.pages.markup import authors, escaped, facts, painted
from kb.records import (
    Acceptance,
    Candidate,
    Comment,
    Document,
    Evidence,
    Finding,
    Suggestion,
    Version,
    page_at,
)

CONTEXT = 140  # characters before and after a quote: a line and a half on each side, by eye


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


def suggestion(found: Suggestion, version: Version, *, alone: bool) -> str:
    """What the machine proposes and why, with its quote.

    `alone`, that is not beside its document: with the words around the quote, and the work.
    """
    kind = KIND_NAMES[found.kind][0] + (f" · {found.axis}" if found.axis else "")
    state = {"open": "suggested", "accepted": "accepted", "rejected": "rejected"}[found.status]
    effect = (
        f'<p class="kb-effect">{escaped(effect_text(found.effect))}</p>' if found.effect else ""
    )
    quote = in_context(version.text, found, CONTEXT if alone else 0)
    page = page_at(version.pages, found.start)
    section = next((s.title for s in version.sections if s.start <= found.start < s.end), "")
    where_ = filter(None, (section, f"page {page}" if page else ""))
    about = " · ".join((work(found.document), *where_) if alone else where_)
    older = found.version_id != found.document.version_id
    rows = (about, f"from {version.label}, which is not the latest" if older else "",
            f"{found.status} by {by(found.decided_by, found.decided_at)}"
            if found.decided_at else "")  # fmt: skip
    meta = "".join(f'<p class="kb-meta">{escaped(row)}</p>' for row in rows if row)
    return (
        f'<div class="kb-hit kb-machine"><p class="kb-place"><span>{escaped(kind)} '
        f'<span class="kb-chip">{state}</span></span><span class="kb-score" title="How sure kb is, '
        f'from 0 to 1">score {found.score:.2f} · {escaped(found.why)}</span></p>'
        f'<p class="kb-name">{escaped(found.name)}</p>'
        f'<p class="kb-passage">{quote}</p>{effect}{meta}</div>'
    )


def in_context(text: str, found: Suggestion, size: int) -> str:
    """The quote with its name marked, and up to `size` characters before and after, as HTML."""
    start, end = found.start, found.end
    first, last = max(0, start - size), min(len(text), end + size)
    if first > 0:  # no word is cut
        first = text.find(" ", first, start) + 1 or start
    if last < len(text):
        last = max(text.rfind(" ", end, last), end)
    name = re.search(re.escape(found.name), text[start:end], re.IGNORECASE)
    marks = [(start + name.start(), start + name.end())] if name else []
    before = f"{'… ' if first > 0 and size else ''}{escaped(text[first:start])}"
    after = f"{escaped(text[end:last])}{' …' if last < len(text) and size else ''}"
    return (
        f'<span class="kb-context">{before}</span>'
        f'{painted(text, [("mark", marks)], (start, end))}<span class="kb-context">{after}</span>'
    )


def acceptance(counts: Sequence[Acceptance]) -> str:
    """How many suggestions of each kind the team has accepted, of those it has decided."""
    decided = [each for each in counts if each.decided]
    kinds = ", ".join(
        f"{KIND_NAMES[each.kind][1].lower()} {_share(each.accepted, each.decided)}"
        for each in decided
    )
    total = _share(sum(each.accepted for each in decided), sum(each.decided for each in decided))
    return f'<p class="kb-meta">Accepted by the team, of what it has decided: {total}; {kinds}.</p>'


def _share(accepted: int, decided: int) -> str:
    return f"{accepted} of {decided} ({accepted / decided:.0%})"


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
