"""Headings: where they stand in plain text, and the sections that they divide a text into.

It knows the heading marks of Markdown and reStructuredText. It does not know front matter, HTML or
PDF: who found a heading is of no matter to it.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kb.records import Section, SectionRole

__all__ = ["Heading", "markdown_headings", "plain_inline", "rst_headings", "sections_of"]

LONGEST_TITLE = 300
"""Characters of a heading that are kept as its section's title; longer lines are seldom headings.
Chosen."""

_ATX = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))??(?:[ \t]+#+)?[ \t]*\Z")
_SETEXT = re.compile(r" {0,3}(=+|-{2,})[ \t]*\Z")
_FENCE = re.compile(r" {0,3}(`{3,}(?=[^`]*\Z)|~{3,})")
_NO_PARAGRAPH = re.compile(r" {4,}|\t| {0,3}(?:>|[-*+][ \t]|\d{1,9}[.)][ \t]|\||<)")
_RST_RULE = re.compile(r"([!-/:-@\[-`{-~])\1{2,}[ \t]*\Z")
_NUMBER = re.compile(r"\A(?:\d+|[ivx]+|[A-Z])(?:\.\d+)*[.):]?\s+", re.IGNORECASE)
_REFERENCES = frozenset(
    ("references", "bibliography", "works cited", "literature cited", "literatur", "références")
)
_INLINE = (
    (re.compile(r"!?\[([^\[\]]*)\]\([^()\s]*(?:\s+\"[^\"]*\")?\)"), r"\1"),  # links and images
    (re.compile(r"(\*{1,3}|~~)(?=\S)(.+?)(?<=\S)\1"), r"\2"),
    (re.compile(r"\b(_{1,2})(?=\S)(.+?)(?<=\S)\1\b"), r"\2"),
    (re.compile(r"(`+)[ ]?(.+?)[ ]?\1"), r"\2"),
    (re.compile(r"\s*\{#[\w:.-]+\}\s*\Z"), ""),  # an anchor, as Pandoc writes it
    (re.compile(r"\\([!-/:-@\[-`{-~])"), r"\1"),
)


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading and where its line begins."""

    start: int
    level: int  # 1 is the highest
    title: str


def sections_of(headings: Sequence[Heading], length: int) -> tuple[Section, ...]:
    """Sections that cover `length` characters in order; `headings` are in order of `start`.

    Text before the first heading is a section without a title. What stands below a heading such as
    “References”, with its sub-headings, has that role.
    """
    if not length:
        return ()
    marks = list(headings)
    if not marks or marks[0].start > 0:
        marks.insert(0, Heading(0, 1, ""))
    ends = [mark.start for mark in marks[1:]] + [length]
    sections: list[Section] = []
    role: SectionRole = "body"
    role_level = 0
    for mark, end in zip(marks, ends, strict=True):
        if role == "body" or mark.level <= role_level:
            role, role_level = _role(mark.title), mark.level
        sections.append(Section(mark.title, mark.level, mark.start, end, role))
    return tuple(sections)


def _role(title: str) -> SectionRole:
    plain = _NUMBER.sub("", title).strip(" .:*_").casefold()
    if plain == "abstract":
        return "abstract"
    return "references" if plain in _REFERENCES else "body"


def plain_inline(text: str) -> str:
    """One line of Markdown as it reads: without emphasis, code marks and link targets."""
    for pattern, replacement in _INLINE:
        text = pattern.sub(replacement, text)
    return " ".join(text.split())


def markdown_headings(text: str, *, underlined: bool = True) -> list[Heading]:
    """The `#` headings of `text`, and those underlined by `===` or `---`; not those in code.

    `underlined` is False for plain text, where a row of hyphens is more often a rule.
    """
    found: list[Heading] = []
    fence, before = "", ""
    before_start = 0
    for start, line in _lines(text):
        if mark := _FENCE.match(line):
            if not fence:
                fence = mark[1]
            elif mark[1].startswith(fence) and not line.strip(" \t`~"):
                fence = ""
            before = ""
            continue
        if fence:
            continue
        if mark := _ATX.match(line):
            _add(found, start, len(mark[1]), mark[2] or "")
            before = ""
            continue
        if underlined and before and (mark := _SETEXT.match(line)):
            _add(found, before_start, 1 if mark[1][0] == "=" else 2, before)
            before = ""
            continue
        before = "" if before or _NO_PARAGRAPH.match(line) else line.strip()
        before_start = start
        if not line.strip():
            before = ""
    return found


def rst_headings(text: str) -> list[Heading]:
    """The underlined headings of reStructuredText; the level is the order in which marks appear."""
    lines = list(_lines(text))
    levels: dict[str, int] = {}
    found: list[Heading] = []
    for (start, line), (_, rule) in itertools.pairwise(lines):
        title = line.strip()
        if (
            title
            and not line[0].isspace()
            and not _RST_RULE.match(line)
            and _RST_RULE.match(rule)
            and len(rule.rstrip()) >= len(title)
        ):
            level = levels.setdefault(rule[0], len(levels) + 1)
            _add(found, start, level, title)
    return found


def _add(found: list[Heading], start: int, level: int, title: str) -> None:
    if plain := plain_inline(title):
        found.append(Heading(start, level, plain[:LONGEST_TITLE]))


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Each line, without its end, and where it begins. Only newlines end lines."""
    start = 0
    for line in text.split("\n"):
        yield start, line
        start += len(line) + 1
