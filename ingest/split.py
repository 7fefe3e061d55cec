"""Text → passages, pure: at sentence boundaries, measured with the encoder's own tokenizer.

Knows offsets, sentences and a budget of tokens. It reads nothing and stores nothing.

The passages cover every character of the text that is not white space, follow one another with a
sentence of overlap where that is short, and none is longer than the encoder takes together with the
title and section it is embedded with.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kb.records import Parsed, PassageSpan, Section
from kb.search.embed import Embedder, heading

OVERLAP_SHARE = 0.2
"""Of a passage's tokens that its last sentence may have to be repeated at the start of the next."""
PASSAGE_TOKENS = 254
"""Of a passage, for encoders that take more: beyond that a hit no longer says where to look. What
all-MiniLM-L6-v2 takes; even or shorter passages found no more on SciFact."""
TOKEN_CHARACTERS = 16
"""Characters that count as a token at least: a tokenizer may make one of a megabyte without spaces,
and nobody can read such a passage."""
TINY_TOKENS = 24
"""A section of fewer tokens (a heading with nothing under it) is joined to the next one."""
SLACK = 4
"""Tokens below the maximum from which on a passage of whole words need not be measured again."""
WORD_ENDS = ("", " ", "\n")  # tokenizers of the BERT kind drop other control characters

_ABBREVIATED = (
    "al approx cf ch chap dr ed eds e.g eg eq eqn eqs etc fig figs i.e ie inc jr ltd mr mrs ms no "
    "nos p pp prof ref refs resp sec secs sr st tab vol vs w.r.t"
)
_ABBREVIATIONS = frozenset(_ABBREVIATED.split())
_END = re.compile(
    r"\n[ \t]*\n\s*"  # a blank line
    r"|[.!?…]['\"”’)\]]*\s+(?=[\"“‘'(\[]*[^\s\W_a-zß-ÿ])"  # a stop, then no small letter
    r"|[。！？]['”’」』）]*\s*"  # a full-width stop needs no space
)
_LAST_WORD = re.compile(r"[\w.]*$")


@dataclass(frozen=True, slots=True)
class _Piece:
    """A sentence, or a part of one that is too long by itself."""

    start: int
    end: int
    tokens: int


class _Tokens:
    """Where the tokens of a text are, and how many stand in a stretch of it."""

    def __init__(self, spans: Sequence[tuple[int, int]]) -> None:
        self.starts = [start for start, _ in spans]
        self.ends = [end for _, end in spans]

    def count(self, start: int, end: int) -> int:
        """Tokens that touch text[start:end], and no fewer than so many characters may be."""
        touched = bisect_left(self.starts, end) - bisect_right(self.ends, start)
        return max(touched, (end - start) // TOKEN_CHARACTERS)

    def cut(self, start: int, end: int, most: int) -> int:
        """Where a stretch of at most `most` tokens from `start` ends, in text[start:end]."""
        first = bisect_right(self.ends, start)
        end = min(end, start + most * TOKEN_CHARACTERS)
        if first + most >= len(self.starts):
            return end
        return min(end, max(self.starts[first + most], start + 1))


def split(
    parsed: Parsed, *, embedder: Embedder, target_tokens: int | None = None
) -> list[PassageSpan]:
    """The passages of a parsed text, in order.

    `target_tokens` bounds a passage below what the encoder takes; None: PASSAGE_TOKENS.
    """
    tokens = _Tokens(embedder.token_spans(parsed.text))
    title = parsed.metadata.title
    spans = []
    for section in _joined(_covering(parsed), tokens):
        head = heading(embedder, title, section.title)
        most = embedder.max_tokens - len(embedder.token_spans(head))
        budget = min(most, target_tokens or PASSAGE_TOKENS)
        for start, end in _passages(parsed.text, section, tokens, budget):
            if _whole_words(parsed.text, start, end) and tokens.count(start, end) <= most - SLACK:
                spans.append(_span(parsed, section, start, end))
                continue
            for part in _fitting(parsed.text, start, end, head, embedder):
                spans.append(_span(parsed, section, *part))
    return spans


def _whole_words(text: str, start: int, end: int) -> bool:
    """Whether a stretch has white space on both sides: every tokenizer ends its words there."""
    before, after = text[max(0, start - 1) : start], text[end : end + 1]
    return before in WORD_ENDS and after in WORD_ENDS


def _covering(parsed: Parsed) -> Iterator[Section]:
    """The sections, with what lies between, before and after them as sections without a title."""
    at = 0
    for section in parsed.sections:
        if parsed.text[at : section.start].strip():
            yield Section("", 1, at, section.start)
        if section.end > max(at, section.start):
            yield Section(
                section.title, section.level, max(at, section.start), section.end, section.role
            )
        at = max(at, section.end)
    if parsed.text[at:].strip():
        yield Section("", 1, at, len(parsed.text))


def _joined(sections: Iterator[Section], tokens: _Tokens) -> Iterator[Section]:
    """The sections, a tiny one joined to the next of its role, under the name of the latter."""
    held: Section | None = None
    for section in sections:
        if held is not None and held.role == section.role:
            section = Section(section.title, section.level, held.start, section.end, section.role)
        elif held is not None:
            yield held
        held = section if tokens.count(section.start, section.end) < TINY_TOKENS else None
        if held is None:
            yield section
    if held is not None:
        yield held


def _passages(
    text: str, section: Section, tokens: _Tokens, budget: int
) -> Iterator[tuple[int, int]]:
    """Runs of sentences within the budget; the next begins with the last sentence if short."""
    pieces = list(_pieces(text, section.start, section.end, tokens, budget))
    first = 0
    while first < len(pieces):
        last, used = first, 0
        while last < len(pieces) and used + pieces[last].tokens <= budget:
            used += pieces[last].tokens
            last += 1
        last = max(last, first + 1)
        yield pieces[first].start, pieces[last - 1].end
        if last == len(pieces):
            return
        overlap = pieces[last - 1].tokens <= OVERLAP_SHARE * budget
        room = pieces[last - 1].tokens + pieces[last].tokens <= budget
        first = last - 1 if overlap and room and last - 1 > first else last


def _pieces(text: str, start: int, end: int, tokens: _Tokens, budget: int) -> Iterator[_Piece]:
    """Sentences without the white space around them, those beyond the budget in several parts."""
    for sentence_start, sentence_end in sentences(text, start, end):
        at = sentence_start
        while at < sentence_end:
            stop = tokens.cut(at, sentence_end, budget)
            if stop < sentence_end:
                space = max(text.rfind(" ", at, stop), text.rfind("\n", at, stop))
                stop = space + 1 if space > at + (stop - at) // 2 else stop
            piece = _stripped(text, at, stop)
            if piece[0] < piece[1]:
                yield _Piece(*piece, tokens=tokens.count(*piece))
            at = stop


def sentences(text: str, start: int = 0, end: int | None = None) -> Iterator[tuple[int, int]]:
    """(start, end) of each sentence of text[start:end], without white space around it."""
    end = len(text) if end is None else end
    at = start
    for found in _END.finditer(text, start, end):
        if found[0].startswith(".") and _is_abbreviation(text, at, found.start()):
            continue
        if (sentence := _stripped(text, at, found.end()))[0] < sentence[1]:
            yield sentence
        at = found.end()
    if (sentence := _stripped(text, at, end))[0] < sentence[1]:
        yield sentence


def _is_abbreviation(text: str, start: int, stop: int) -> bool:
    """Whether the word before the stop is an abbreviation or an initial, and ends no sentence."""
    match = _LAST_WORD.search(text, max(start, stop - 20), stop)
    word = match[0].lower() if match else ""
    return word in _ABBREVIATIONS or (len(word) == 1 and word.isalpha())


def _fitting(
    text: str, start: int, end: int, head: str, embedder: Embedder
) -> Iterator[tuple[int, int]]:
    """A passage, halved until the encoder takes it with its heading.

    A word that was cut in two may be more tokens than it had in the whole, so it is measured.
    """
    if start >= end:
        return
    fits = len(embedder.token_spans(head + text[start:end])) <= embedder.max_tokens
    if fits or end - start == 1:
        yield start, end
        return
    middle = (start + end) // 2
    space = text.rfind(" ", start + 1, middle)
    middle = space if space > start else middle
    yield from _fitting(text, *_stripped(text, start, middle), head, embedder)
    yield from _fitting(text, *_stripped(text, middle, end), head, embedder)


def _span(parsed: Parsed, section: Section, start: int, end: int) -> PassageSpan:
    return PassageSpan(
        start,
        end,
        section.title,
        section.role,
        parsed.page_at(start),
        parsed.page_at(end - 1),
    )


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    """The stretch without white space at its ends."""
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end
