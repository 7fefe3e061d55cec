"""Untrusted text as HTML: everything is escaped here, and only here are tags put around it.

It knows how things look as markup. It draws nothing itself and knows no widget.
"""

from __future__ import annotations

import html
import itertools
import re
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from kb.records import Document, Hit, Mark, Member, Outcome, Section, Version, page_at

Span = tuple[int, int]

SNIPPET = 480  # characters of a passage among results: five lines at full width, by eye
PART = 6000  # characters of a text without pages that are shown at once: three screens, by eye
MARK_TAGS: dict[Mark, str] = {  # the innermost first
    "passage": "mark", "for": "span.kb-seen-for", "against": "span.kb-seen-against",
    "suggestion": "span.kb-seen-suggestion",
}  # fmt: skip
STAGES = {"fetch": "while fetching", "parse": "while reading the file", "embed": "while embedding"}

_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


def escaped(text: str) -> str:
    """`text` as HTML that shows exactly it, less characters that are unseen or turn the writing."""
    return html.escape(_UNSEEN.sub("", text), quote=True)


def painted(text: str, layers: Iterable[tuple[str, Sequence[Span]]], span: Span) -> str:
    """The stretch `span` of `text` as HTML, with tags around the spans of each layer.

    A layer is a tag name ("mark", "strong", "span.kb-seen-for": with a class) and its spans, in
    offsets into `text`. Layers may overlap: the text is cut wherever any begins or ends.
    """
    start, end = span
    tags = [(tag, [(max(a, start), min(b, end)) for a, b in spans]) for tag, spans in layers]
    cuts = {start, end}
    for _, spans in tags:
        cuts.update(side for a, b in spans if a < b for side in (a, b))
    edges = sorted(cuts)
    pieces = []
    for a, b in itertools.pairwise(edges):
        piece = escaped(text[a:b])
        for tag, spans in tags:
            if any(x <= a and b <= y for x, y in spans):
                name, _, its_class = tag.partition(".")
                opened = f'{name} class="{its_class}"' if its_class else name
                piece = f"<{opened}>{piece}</{name}>"
        pieces.append(piece)
    return "".join(pieces)


def snippet(text: str, marks: Sequence[Span], size: int = SNIPPET) -> str:
    """The stretch of about `size` characters that holds most of the marks, as HTML."""
    if len(text) <= size * 1.2:
        return painted(text, [("mark", marks)], (0, len(text)))
    starts = [0, *(max(0, a - size // 6) for a, _ in marks)]
    best = max(starts, key=lambda s: sum(s <= a and b <= s + size for a, b in marks))
    start = 0 if best == 0 else _word_edge(text, min(best, len(text) - size))
    end = _word_edge(text, start + size)
    before = "… " if start > 0 else ""
    after = " …" if end < len(text) else ""
    return before + painted(text, [("mark", marks)], (start, end)) + after


def _word_edge(text: str, offset: int) -> int:
    """The first offset from `offset` on where no word is cut."""
    if offset >= len(text):
        return len(text)
    found = re.compile(r"\s").search(text, offset, offset + 40)
    return found.end() if found else offset


def parts(text: str, size: int = PART) -> list[Span]:
    """A long text in stretches of about `size` characters that end at a paragraph or a word."""
    found: list[Span] = []
    start = 0
    while len(text) - start > size * 1.3:
        end = _cut(text, start, size)
        found.append((start, end))
        start = end
    return [*found, (start, len(text))]


def _cut(text: str, start: int, size: int) -> int:
    for gap in ("\n\n", "\n", " "):
        at = text.rfind(gap, start + size // 2, start + size)
        if at >= 0:
            return at + len(gap)
    return start + size


def reading(
    text: str, span: Span, sections: Sequence[Section], marks: Sequence[tuple[Mark, Span]]
) -> str:
    """A stretch of a document's text to be read, with its headings and what is marked in it."""
    places = ((text.find(s.title, s.start, s.start + len(s.title) + 8), s) for s in sections)
    headings = [(at, at + len(s.title)) for at, s in places if s.title and at >= 0]  # after "## "
    layers = [("strong", headings)]
    for kind, tag in MARK_TAGS.items():
        layers.append((tag, [mark for each, mark in marks if each == kind]))
    return f'<div class="kb-reading">{painted(text, layers, span)}</div>'


def authors(names: Sequence[str]) -> str:
    """Up to three authors, or the first and “et al.”; plain text."""
    return f"{names[0]} et al." if len(names) > 3 else ", ".join(names)


def work(document: Document, *, also: Sequence[str] = (), heading: str = "h2") -> str:
    """A document's title and what is known of it in a line."""
    meta = document.metadata
    facts = [
        authors(meta.authors),
        str(meta.year or ""),
        meta.venue,
        document.kind,
        short_key(document.key),
    ]
    line = '<span class="kb-dot"> · </span>'.join(escaped(fact) for fact in facts if fact)
    copies = (
        f'<p class="kb-meta">also here as {escaped(", ".join(map(short_key, also)))}</p>'
        if also
        else ""
    )
    return (
        f'<div class="kb-work"><{heading} class="kb-title">{escaped(document.title)}</{heading}>'
        f'<p class="kb-meta">{line}</p>{copies}</div>'
    )


def short_key(key: str) -> str:
    """A key for people: hashes by their beginning, long addresses by both ends."""
    if key.startswith("sha256:"):
        return key[:19]
    return f"{key[:40]}…{key[-18:]}" if len(key) > 60 else key


def hit(found: Hit) -> str:
    """A passage among results: where it stands, its score, and its words."""
    return (
        f'<div class="kb-hit"><p class="kb-place">{escaped(place(found))}'
        f'<span class="kb-score" title="{escaped(scores(found))}">score {found.score:.2f}</span>'
        f'</p><p class="kb-passage">{snippet(found.text, found.marks)}</p></div>'
    )


def place(found: Hit) -> str:
    """Section and page of a hit, in words; plain text."""
    page = ""
    if found.page is not None:
        page = f"page {found.page}"
        if found.page_end and found.page_end != found.page:
            page = f"pages {found.page}–{found.page_end}"
        elif found.page_label not in ("", str(found.page)):
            page += f" (printed {found.page_label})"
    return " · ".join(part for part in (found.section, page) if part) or "text"


def scores(found: Hit) -> str:
    """What a hit's score is made of; plain text."""
    pieces = ["Scores order this answer only."]
    if found.semantic is not None:
        pieces.append(f"By meaning: cosine {found.semantic:.2f}.")
    if found.lexical is not None:
        pieces.append(f"By words: BM25 {found.lexical:.1f}.")
    return " ".join(pieces)


def link(url: str, label: str) -> str:
    """A link that opens in a new tab, for web addresses; the bare label for all else."""
    try:
        good = urlsplit(url).scheme in {"http", "https"} and bool(urlsplit(url).netloc)
    except ValueError:
        good = False
    if not good:
        return escaped(label)
    return (
        f'<a href="{escaped(url)}" target="_blank" rel="noopener noreferrer">{escaped(label)}</a>'
    )


def facts(rows: dict[str, str]) -> str:
    """Names and values, those without a value left out. Values are HTML already."""
    cells = "".join(f"<dt>{escaped(name)}</dt><dd>{rows[name]}</dd>" for name in rows if rows[name])
    return f'<dl class="kb-facts">{cells}</dl>'


def signed_in(member: Member, *, password: bool) -> str:
    """Who is signed in, and the ways to another password (where that is ours to keep) and out."""
    role = "" if member.role == "editor" else f" ({member.role})"
    return (
        f'<div class="kb-member"><span>{escaped(member.name)}{role}</span> '
        + ('<a href="/password" target="_self">Password</a> ' if password else "")
        + '<a href="/sign-out" target="_self">Sign out</a></div>'
    )


def box(sentence: str, tone: str = "problem") -> str:
    """A sentence in a box. Tones: "problem", "note", "good"."""
    role = "alert" if tone == "problem" else "status"
    return f'<div class="kb-box kb-{tone}" role="{role}">{escaped(sentence)}</div>'


def outline(version: Version) -> str:
    """The headings of a version, with their pages."""
    rows = []
    for section in version.sections:
        if section.title:
            page = page_at(version.pages, section.start)
            where = f' <span class="kb-meta">p. {page}</span>' if page else ""
            indent = max(0, min(section.level - 1, 4))
            rows.append(f'<li class="kb-level-{indent}">{escaped(section.title)}{where}</li>')
    return f'<ul class="kb-outline">{"".join(rows)}</ul>'


def failure(outcome: Outcome) -> str:
    """A locator that failed: which, at what, why, and how often it was tried."""
    tries = "once" if outcome.attempts == 1 else f"{outcome.attempts} times"
    hope = "may work later" if outcome.retry else "will not work as it is"
    stage = f"{STAGES.get(outcome.stage, outcome.stage)} · " if outcome.stage else ""
    return (
        f'<p class="kb-locator">{escaped(outcome.locator)}</p><p>{escaped(outcome.reason)}</p>'
        f'<p class="kb-meta">{escaped(stage)}tried {tries}, the last time on '
        f"{escaped(outcome.at[:16].replace('T', ' '))} UTC · {hope}</p>"
    )
