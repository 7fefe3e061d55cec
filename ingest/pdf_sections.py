"""Headings found in the running text of a paper, and the sections that they begin.

It knows what headings look like and are called. It does not know PDF, pages or what the sections
say.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace

from ingest.pdf_text import Paragraph, RunningText, SetLine
from kb.records import Section, SectionRole

__all__ = ["OutlineEntry", "find_sections", "plain"]

OUTLINE_FOUND = 0.5
"""Share of an outline's entries that must be found in the text for the outline to be believed, and
of the numbered headings in print that it must name: some outlines name the title only."""
LARGER = 1.06
"""Times the body's font size: larger than body text."""
LONGEST_HEADING = 160
"""Characters."""
SHORTEST_ABSTRACT = 250
"""Characters before a change of print counts as its end: the first lines may hold odd symbols."""
LONGEST_ABSTRACT = 4000
"""Characters; arXiv takes 1,920. What goes on for longer is the text, its heading not found."""

_NUMBER = r"(?:\d{1,2}(?:\.\d{1,2}){0,3}\.?|[A-Z](?:\.\d{1,2}){0,3}\.?|[IVX]{1,5}\.)"
_NUMBERED = re.compile(
    rf"(?:(?P<part>Appendix|Chapter|Section|Part|§)\s*)?(?P<number>{_NUMBER})[.:]?\s+(?P<title>\S.*)"
)
_NAMES = frozenset({
    "summary", "introduction", "background", "relatedwork", "relatedworks", "preliminaries",
    "method", "methods", "methodology", "approach", "model", "experiments", "experiment",
    "experimentalsetup", "experimentalresults", "evaluation", "results", "discussion",
    "resultsanddiscussion", "analysis", "conclusion", "conclusions", "conclusionandfuturework",
    "conclusionsandfuturework", "futurework", "notation", "datasets",
})  # fmt: skip
_UNNUMBERED = frozenset({
    "abstract", "acknowledgment", "acknowledgments", "acknowledgement", "acknowledgements",
    "references", "bibliography", "literaturecited", "appendix", "appendices", "limitations",
    "supplementarymaterial", "broaderimpact", "broaderimpacts", "broaderimpactstatement",
    "ethicsstatement", "ethicalconsiderations", "contents", "tableofcontents",
    "authorcontributions", "reproducibilitystatement", "preface", "keywords", "indexterms",
    "ccsconcepts",
})  # fmt: skip
"""Headings that have no number where the others have one."""
_SET_PLAIN = frozenset({
    "abstract", "references", "bibliography", "acknowledgment", "acknowledgments",
    "acknowledgement", "acknowledgements",
})  # fmt: skip
"""Headings that some print like the text."""
_REFERENCES = re.compile(
    r"(?:list\s?of|bibliographical|cited|selected)?(?:references|bibliography|literature)"
    r"(?:cited|andnotes|list)?|workscited|notesandreferences"
)
_RUN_IN = re.compile(
    r"(?:abstract|a b s t r a c t)\s*[.:—–-]\s*\S|ABSTRACT\s+[A-Z]|Abstract\s+[A-Z]"
    r"|(?i:abstract)[.:—–-]"
)
_AFTER_ABSTRACT = re.compile(
    r"(?:categories and subject|general terms|key\s?words?\b|index terms|ccs concepts)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class OutlineEntry:
    """An entry of the file's own table of contents."""

    title: str
    level: int  # from 1
    page: int  # from 1


@dataclass(frozen=True, slots=True)
class _Heading:
    start: int
    title: str
    level: int
    sure: bool  # named by the outline, or one of the well-known names


def plain(text: str) -> str:
    """Letters and digits alone, in lower case: for comparing headings."""
    return re.sub(r"[\W_]+", "", text.casefold())


def find_sections(
    running: RunningText, outline: Sequence[OutlineEntry], *, body: float
) -> tuple[Section, ...]:
    """The sections of the text, covering it in order. `body` is the font size of body text, or 0.

    The outline first, where its entries are found in the text; then headings by number, by name and
    by print.
    """
    if not running.text:
        return ()
    printed = _printed_headings(running, body)
    located = _located(running, outline)
    numbered = sum(_NUMBERED.fullmatch(heading.title) is not None for heading in printed)
    if len(located) < max(2, OUTLINE_FOUND * len(outline), OUTLINE_FOUND * numbered):
        headings = {heading.start: heading for heading in printed}
    else:
        headings = {heading.start: heading for heading in printed if heading.sure}
        headings |= {heading.start: heading for heading in located}
    run_in = _run_in_abstract(running)
    if run_in is not None and not any(_is_abstract(h.title) for h in headings.values()):
        headings[run_in.start] = run_in
    ordered = [headings[start] for start in sorted(headings)]
    abstract = next((h.start for h in ordered if _is_abstract(h.title)), 0)
    return _sections(running, [h for h in ordered if h.start >= abstract])


# -- the outline -----------------------------------------------------------------------------------


def _located(running: RunningText, outline: Sequence[OutlineEntry]) -> list[_Heading]:
    """The outline's entries at the lines where they are printed, in order."""
    lines = [line for paragraph in running.paragraphs for line in paragraph.lines]
    by_page: dict[int, list[int]] = {}
    for at, line in enumerate(lines):
        by_page.setdefault(line.line.page, []).append(at)
    found: list[_Heading] = []
    last = -1
    for entry in outline:
        wanted = _without_number(entry.title)
        if not wanted:
            continue
        near = [
            at
            for page in (entry.page, entry.page - 1, entry.page + 1)
            for at in by_page.get(page, ())
            if lines[at].start > last
        ]
        for test in (_prints, _begins):
            place = next((at for at in near if test(lines, at, wanted)), None)
            if place is not None:
                last = lines[place].start
                title = " ".join(entry.title.split())
                level = _level(title) if _NUMBERED.fullmatch(title) else entry.level
                found.append(_Heading(last, title, level, sure=True))
                break
    if len(found) > 2 and sum(h.level == 1 for h in found) <= 1:  # one entry holds all others
        found = [replace(h, level=max(1, h.level - 1)) for h in found]
    return found


def _without_number(title: str) -> str:
    found = _NUMBERED.fullmatch(" ".join(title.split()))
    return plain(found["title"] if found else title)


def _prints(lines: Sequence[SetLine], at: int, wanted: str) -> bool:
    """Whether the line, with up to two more, is a heading of those words."""
    first = lines[at].line.text
    if not wanted.startswith((_without_number(first), plain(first))):
        return False
    text = ""
    for line in lines[at : at + 3]:
        text += line.line.text + " "
        if _without_number(text) == wanted or plain(text) == wanted:
            return True
    return False


def _begins(lines: Sequence[SetLine], at: int, wanted: str) -> bool:
    """Whether the line begins with those words: a heading with the text behind it, or with a
    reference that the outline does not spell out.
    """
    text = lines[at].line.text
    heads = [text[: mark.start()] for mark in re.finditer(r"[.:]", text)]
    if any(_without_number(head) == wanted for head in heads):
        return True
    return (
        len(wanted) > 8
        and bool(_NUMBERED.match(text))
        and (_without_number(text).startswith(wanted))
    )


# -- headings by their looks -----------------------------------------------------------------------

_Style = tuple[float, bool, bool]


def _style(paragraph: Paragraph, text: str) -> _Style:
    letters = [c for c in text if c.isalpha()]
    capitals = len(letters) > 3 and all(c.isupper() for c in letters)
    return round(paragraph.size * 2) / 2, paragraph.bold, capitals


def _printed_headings(running: RunningText, body: float) -> list[_Heading]:
    """Paragraphs that look like headings: numbered in sequence, well known, or alike in print."""
    candidates = [
        (paragraph, " ".join(running.text[paragraph.start : paragraph.end].split()))
        for paragraph in running.paragraphs
        if _may_be_heading(running.text, paragraph)
    ]
    found: dict[int, _Heading] = {}
    for paragraph, text in _in_sequence(candidates, body) or _plain_sequence(candidates):
        found[paragraph.start] = _Heading(paragraph.start, text, _level(text), sure=False)
    numbered = len(found) >= 3
    names = _UNNUMBERED if numbered else _UNNUMBERED | _NAMES
    for paragraph, text in candidates:
        fits = plain(text) in _SET_PLAIN or _stands_out(paragraph, text, body)
        if fits and _is_known(text, names):
            found[paragraph.start] = _Heading(paragraph.start, text, 1, sure=True)
    styles = {
        _style(p, text)
        for p, text in candidates
        if p.start in found and found[p.start].level == 1 and _stands_out(p, text, body)
    }
    if not numbered:
        styles |= _recurring(candidates, body)
    for paragraph, text in candidates:
        first_page = paragraph.lines[0].line.page == 1
        style = _style(paragraph, text)
        if (
            paragraph.start not in found
            and style in styles
            and (style[0] > LARGER * body or style[1] or style[2])
            and not _NUMBERED.fullmatch(text)
            and (not first_page or any(start < paragraph.start for start in found))
        ):
            found[paragraph.start] = _Heading(paragraph.start, text, 1, sure=False)
    return [found[start] for start in sorted(found)]


def _may_be_heading(text: str, paragraph: Paragraph) -> bool:
    if len(paragraph.lines) > 3 or any(line.line.cells > 2 for line in paragraph.lines):
        return False
    content = text[paragraph.start : paragraph.end].strip()
    letters = sum(c.isalpha() for c in content)
    return (
        letters >= 3
        and len(content) <= LONGEST_HEADING
        and letters > 0.5 * len(content.replace(" ", ""))
        and content[-1] not in ",;("
        and not re.match(r"(?:Figure|Fig\.|Table|Algorithm|Listing)\s*\d", content)
        and "@" not in content
    )


def _is_known(text: str, names: Set[str]) -> bool:
    return len(text) <= 60 and not text.endswith("-") and plain(text) in names


def _level(text: str) -> int:
    number = _NUMBERED.fullmatch(text)
    return 1 + number["number"].strip(".").count(".") if number else 1


def _stands_out(paragraph: Paragraph, text: str, body: float) -> bool:
    size, bold, capitals = _style(paragraph, text)
    return bold or capitals or not body or size > LARGER * body


def _in_sequence(
    candidates: Sequence[tuple[Paragraph, str]], body: float
) -> list[tuple[Paragraph, str]]:
    """Numbered headings that continue the numbers before them: 1, 1.1, 1.2, 2, A, B."""
    kept: list[tuple[Paragraph, str]] = []
    seen: set[str] = set()
    for paragraph, text in candidates:
        found = _NUMBERED.fullmatch(text)
        if not found or not found["title"][0].isupper() or len(found["title"]) < 3:
            continue
        if not _stands_out(paragraph, text, body):
            continue
        number = found["number"].rstrip(".")
        if number not in seen and _follows(number, seen):
            seen.add(number)
            kept.append((paragraph, text))
    return kept


def _plain_sequence(candidates: Sequence[tuple[Paragraph, str]]) -> list[tuple[Paragraph, str]]:
    """Numbered headings that are printed like the text: lines of their own, over several pages."""
    single = [(p, text) for p, text in candidates if len(p.lines) == 1 and len(text) < 80]
    kept = _in_sequence(single, 0.0)
    pages = {paragraph.lines[0].line.page for paragraph, _ in kept}
    return kept if len(pages) >= 3 else []


def _follows(number: str, seen: set[str]) -> bool:
    """Whether `number` may come after those: it is a first one, or the one before it was seen.

    One may be missing, since a heading can go unnoticed.
    """
    *parent, last = number.split(".")
    if parent and ".".join(parent) not in seen and int(last) > 2:
        return False
    if last.isdigit():
        value = int(last)
        before = [".".join([*parent, str(value - step)]) for step in (1, 2)]
        return value <= 1 or (value == 2 and not parent) or any(b in seen for b in before)
    if re.fullmatch(r"[IVX]+", last) and (
        last == "I" or seen & {"I", "II", "III", "IV", "V", "VI"}
    ):
        return True
    return last == "A" or chr(ord(last[0]) - 1) in seen or chr(ord(last[0]) - 2) in seen


def _recurring(candidates: Sequence[tuple[Paragraph, str]], body: float) -> set[_Style]:
    """Styles that stand out and come several times, in documents whose headings have no numbers."""
    counts: Counter[_Style] = Counter()
    for paragraph, text in candidates:
        if paragraph.lines[0].line.page > 1 and len(text) < 80 and text[0].isupper():
            style = _style(paragraph, text)
            if style[0] > LARGER * body or (style[1] and style[0] >= 0.97 * body):
                counts[style] += 1
    return {style for style, count in counts.items() if count >= 2 and body}


# -- sections --------------------------------------------------------------------------------------


def _run_in_abstract(running: RunningText) -> _Heading | None:
    """An abstract whose heading stands on its first line: "Abstract—We …"."""
    for paragraph in running.paragraphs:
        if paragraph.lines[0].line.page > 2:
            return None
        if _RUN_IN.match(running.text, paragraph.start, paragraph.end):
            return _Heading(paragraph.start, "Abstract", 1, sure=True)
    return None


def _is_abstract(title: str) -> bool:
    return plain(title) in {"abstract", "summary"}


def _abstract_end(running: RunningText, start: int, end: int) -> int:
    """Where the abstract ends, at `end` at the latest: it is set smaller or narrower than the text,
    and keywords are no part of it.
    """
    paragraphs = [p for p in running.paragraphs if start <= p.start < end]
    if len(paragraphs) > 1 and len(paragraphs[0].lines) == 1:
        paragraphs = paragraphs[1:]  # the heading
    first = paragraphs[0]
    left = min(line.line.left for line in first.lines)
    for paragraph in paragraphs[1:]:
        larger = paragraph.size > 1.03 * first.size
        wider = min(line.line.left for line in paragraph.lines) < left - first.size
        same_column = paragraph.lines[0].line.block == first.lines[0].line.block
        long = paragraph.start - start > SHORTEST_ABSTRACT
        if (
            (long and same_column and (larger or wider))
            or _AFTER_ABSTRACT.match(running.text, paragraph.start)
            or paragraph.start - start > LONGEST_ABSTRACT
        ):
            return paragraph.start
    return end


def _role(title: str) -> SectionRole:
    if _is_abstract(title):
        return "abstract"
    return "references" if _REFERENCES.fullmatch(_without_number(title)) else "body"


def _sections(running: RunningText, headings: Sequence[_Heading]) -> tuple[Section, ...]:
    """Headings with their ends; an abstract that never ends is cut at a paragraph."""
    length = len(running.text)
    sections: list[Section] = []
    if not headings or headings[0].start > 0:
        first = headings[0].start if headings else length
        sections.append(Section("", 1, 0, first))
    for at, heading in enumerate(headings):
        end = headings[at + 1].start if at + 1 < len(headings) else length
        role = _role(heading.title)
        stop = end
        if role == "abstract":
            stop = _abstract_end(running, heading.start, end)
        sections.append(Section(heading.title, heading.level, heading.start, stop, role))
        if stop < end:
            sections.append(Section("", 1, stop, end))
    return tuple(sections)
