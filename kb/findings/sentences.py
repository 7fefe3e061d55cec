"""Knows where the sentences of a parsed text begin and end.

It refuses to change a text: a sentence is a pair of offsets into it.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence

from kb.records import Section

Span = tuple[int, int]

NOT_AN_END = re.compile(
    r"(?:\b(?:et al|e\.g|i\.e|cf|vs|etc|Fig|Figs|Eq|Eqs|Sec|Tab|No|Dr|Mr|Mrs|Prof|resp|approx|ca"
    r"|w\.r\.t|viz|al|St|Ref|Refs|App|Inc)|(?<![A-Za-z])[A-Z])\.$"
)
SENTENCE_END = re.compile(r"(?:[.!?][\"'”’)\]]*(?=\s+[\"'“‘(\[]*[A-Z0-9])|\n[ \t]*\n)")
LONGEST_QUOTE = 700
"""Characters: a longer "sentence" is a table or a list whose line ends were lost."""


def sentences(text: str, sections: Sequence[Section] = ()) -> list[Span]:
    """Spans of the sentences of `text` in order, without those of the references."""
    bodies = [(s.start, s.end) for s in sections if s.role != "references"]
    found: list[Span] = []
    for start, end in bodies or [(0, len(text))]:
        found.extend(_sentences_between(text, start, end))
    return found


def _sentences_between(text: str, start: int, end: int) -> Iterator[Span]:
    at = start
    for stop in SENTENCE_END.finditer(text, start, end):
        if text[stop.start()] == "." and NOT_AN_END.search(text, at, stop.start() + 1):
            continue
        yield from _trimmed(text, at, stop.end())
        at = stop.end()
    yield from _trimmed(text, at, end)


def _trimmed(text: str, start: int, end: int) -> Iterator[Span]:
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    if start < end:
        yield start, end


def sentence_at(spans: Sequence[Span], offset: int) -> Span | None:
    """The sentence that holds `offset`, or None between sentences."""
    at = bisect_right(spans, (offset, 1 << 60)) - 1
    if at >= 0 and spans[at][0] <= offset < spans[at][1]:
        return spans[at]
    return None
