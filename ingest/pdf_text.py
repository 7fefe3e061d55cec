"""From printed lines to running text: paragraphs, and words put together again.

It knows how print shows a paragraph and a word cut at a line's end. It does not know pages' layout,
headings or sections.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from ingest.pdf_layout import PrintedLine

__all__ = ["Paragraph", "RunningText", "SetLine", "run_together"]

LOOSE = 1.3
"""Of the usual distance of lines: from there on a gap parts paragraphs."""
WIDEST_PITCH = 2.6
"""Of the font size: the distance of lines in a manuscript with double spacing."""
LOOSE_BOLD = 1.12
"""The same where a bold line meets a plain one: without a gap, bold words begin a paragraph."""
INDENT = 0.7
"""Of the font size: how far a first line is moved in."""
SHORT = 2.5
"""Of the font size: a line that ends so far before its column does ends a paragraph."""
SIZE_STEP = 0.06
"""Share by which font sizes of one paragraph may differ."""

_ENDS = re.compile(r"[.!?:;][)\]”’\"'\d†‡*]{0,3}$")
_ITEM = re.compile(
    r"[•‣▪◦●○■□–—∙·*-]\s|\(?(?:\d{1,3}|[a-z]|[ivx]{1,4})[.)]\s"
    r"|\[\d{1,3}\]\s|\[[A-Z][\w+&, ]{2,24}\]\s"
)
_ALONE = frozenset(
    {"abstract", "references", "bibliography", "acknowledgments", "acknowledgements"}
)
_TABLE_CELLS = 3
_KEPT_PREFIXES = frozenset({"non", "self", "well", "ex", "quasi", "all", "half"})
_LAST_WORD = re.compile(r"[\w’'-]+$")
_FIRST_WORD = re.compile(r"[\w’'-]+")
_DASH_END = re.compile(r"\w–$")


@dataclass(frozen=True, slots=True)
class SetLine:
    """A printed line and where its text stands in the running text."""

    line: PrintedLine
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Lines that belong together."""

    lines: tuple[SetLine, ...]

    @property
    def start(self) -> int:
        """Where its text begins."""
        return self.lines[0].start

    @property
    def end(self) -> int:
        """Where its text ends."""
        return self.lines[-1].end

    @property
    def size(self) -> float:
        """The font size of its first line."""
        return self.lines[0].line.size

    @property
    def bold(self) -> bool:
        """Whether every line is bold."""
        return all(set_line.line.bold for set_line in self.lines)


@dataclass(frozen=True, slots=True)
class RunningText:
    """The text of a whole document and what became of its lines."""

    text: str
    paragraphs: tuple[Paragraph, ...]
    page_ends: tuple[int, ...]  # where each page's text ends; a break belongs to the page before it


def run_together(lines: Sequence[PrintedLine], pages: int) -> RunningText:
    """One text of all `lines`, which are in reading order. Every line's text is in it unchanged.

    Lines of a paragraph are joined with a space, rows of a table with a line break; a blank line
    parts paragraphs. A word cut at a line's end is joined: with its hyphen where the document
    writes it so elsewhere, or where both halves are words of the document and their sum is not.
    """
    words = _vocabulary(lines)
    pitch = _pitches(lines)
    pieces: list[str] = []
    length = 0
    starts: dict[int, int] = {}  # page → where its first line begins
    paragraphs: list[Paragraph] = []
    current: list[SetLine] = []
    before: PrintedLine | None = None
    for line in lines:
        joint = ""
        if before is not None:
            joint = _joint(before, line, current, pitch.get(line.block, 0.0), words)
        pieces.append(joint)
        length += len(joint)
        if joint == "\n\n" and current:
            paragraphs.append(Paragraph(tuple(current)))
            current = []
        starts.setdefault(line.page, length)
        pieces.append(line.text)
        current.append(SetLine(line, length, length + len(line.text)))
        length += len(line.text)
        before = line
    if current:
        paragraphs.append(Paragraph(tuple(current)))
    if before is not None and before.hyphen:
        pieces.append("-")
        length += 1
    ends = []
    for number in range(1, pages + 1):  # to the beginning of the next page that has text
        ends.append(min((starts[p] for p in starts if p > number), default=length))
    return RunningText("".join(pieces), tuple(paragraphs), tuple(ends))


# -- words cut in two ------------------------------------------------------------------------------


def _vocabulary(lines: Sequence[PrintedLine]) -> Counter[str]:
    """Words as the document writes them where no line's end is near, hyphens included."""
    words: Counter[str] = Counter()
    for line in lines:
        found = re.findall(r"\w[\w’'-]*", line.text.lower())
        words.update(found[1:-1])
    return words


def _joint(
    before: PrintedLine,
    line: PrintedLine,
    paragraph: Sequence[SetLine],
    pitch: float,
    words: Counter[str],
) -> str:
    """What stands between two lines in the running text."""
    continues = not _parts(before, line, paragraph, pitch)
    if before.hyphen:
        hyphen = _hyphen(before.text, line.text, words)
        return hyphen if continues or line.text[:1].islower() else "-\n\n"
    if not continues:
        return "\n\n"
    if before.cells >= _TABLE_CELLS or line.cells >= _TABLE_CELLS:
        return "\n"
    if _DASH_END.search(before.text) and line.text[:1].isalnum():
        return ""
    return " "


def _hyphen(before: str, after: str, words: Counter[str]) -> str:
    """Nothing where the hyphen only marked the line's end, else a hyphen."""
    left, right = _LAST_WORD.search(before.lower()), _FIRST_WORD.match(after.lower())
    if left is None or right is None or not after[0].islower():
        return "-"
    first, last = left[0], right[0]
    tail = first.rsplit("-", 1)[-1]
    joined, hyphened = words[first + last], words[f"{first}-{last}"]
    if joined or hyphened:
        return "" if joined >= hyphened else "-"
    if tail != first and words[tail + last]:
        return ""
    if tail in _KEPT_PREFIXES or tail != first:
        return "-"
    both = len(tail) > 2 and len(last) > 2 and words[tail] > 1 and words[last] > 1
    return "-" if both else ""


# -- paragraphs ------------------------------------------------------------------------------------


def _pitches(lines: Sequence[PrintedLine]) -> dict[int, float]:
    """The usual distance of lines in each block, over the font size."""
    gaps: defaultdict[int, list[float]] = defaultdict(list)
    for a, b in pairwise(lines):
        if a.block == b.block and a.page == b.page and a.size and a.baseline > b.baseline:
            gaps[a.block].append((a.baseline - b.baseline) / a.size)
    every = [gap for found in gaps.values() for gap in found]
    usual = min(median(every), WIDEST_PITCH) if every else 1.2
    return {
        block: min(median(found), 1.25 * usual) if len(found) > 3 else usual
        for block, found in gaps.items()
    }


def _parts(
    before: PrintedLine, line: PrintedLine, paragraph: Sequence[SetLine], pitch: float
) -> bool:
    """Whether a paragraph ends between two lines."""
    if before.box is None or line.box is None:  # nothing but the text is known
        return bool(_ENDS.search(before.text)) and line.text[:1].isupper()
    if abs(before.size - line.size) > SIZE_STEP * max(before.size, line.size):
        return True
    if before.note != line.note or _stands_alone(before.text) or _stands_alone(line.text):
        return True
    weights_differ = before.bold != line.bold and min(len(before.text), len(line.text)) > 2
    if before.block != line.block or before.page != line.page:
        return weights_differ or not _runs_on(before, line)
    gap = (before.baseline - line.baseline) / (line.size or 1.0) / (pitch or 1.2)
    if gap > LOOSE or gap < 0:
        return True
    if weights_differ and (gap > LOOSE_BOLD or not _is_full(before)):
        return True
    if before.cells >= _TABLE_CELLS or line.cells >= _TABLE_CELLS:
        return False
    return _starts_anew(before, line, paragraph)


def _runs_on(before: PrintedLine, line: PrintedLine) -> bool:
    """Whether a paragraph goes on in the next column or on the next page."""
    if before.hyphen:
        return line.text[:1].islower()
    return _is_full(before) and not _ENDS.search(before.text) and not _ITEM.match(line.text)


def _is_full(line: PrintedLine) -> bool:
    return line.right > line.column[1] - SHORT * line.size


def _stands_alone(text: str) -> bool:
    """Headings that are set like the text around them often enough."""
    return len(text) < 20 and text.strip(" .:").casefold() in _ALONE


def _starts_anew(before: PrintedLine, line: PrintedLine, paragraph: Sequence[SetLine]) -> bool:
    """Whether `line` begins a paragraph, by its indent and by how the line before it ends."""
    size = line.size or 10.0
    ended = _ENDS.search(before.text) is not None
    edge = max(line.right, *(set_line.line.right for set_line in paragraph[-3:]))
    short = before.right < min(edge, line.column[1]) - SHORT * size
    moved = line.left - before.left
    centred = abs((line.left + line.right) - (before.left + before.right)) < size
    if _ITEM.match(line.text) and (ended or short or moved < -INDENT * size):
        return True
    if centred and short:
        return False
    if moved > INDENT * size:
        return ended or short
    if moved < -INDENT * size:
        first = len(paragraph) <= 1  # a first line is moved in: what follows belongs to it
        return short or (ended and not first)
    return ended and short
