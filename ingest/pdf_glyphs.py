"""The characters of a PDF page as PDFium places them, gathered into fragments of lines.

It knows PDFium's text page and the geometry of glyphs. It does not know columns, paragraphs or what
the text is about.

PDFium gives characters in the order in which the file draws them, with line breaks and spaces
where it sees gaps, and U+FFFE for a hyphen at the end of a line. A fragment is a run of characters
that stand side by side: it ends at a line break, at a line-end hyphen, and at a gap wide enough to
be the space between two columns or two cells of a table.
"""

from __future__ import annotations

import ctypes
import math
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pypdfium2.raw as pdfium

__all__ = ["Box", "Fragment", "clean_text", "fragments", "reading_box", "unreadable_share"]

Box = tuple[float, float, float, float]
"""Left, bottom, right, top in points."""

Corners = Sequence[float]
"""The same four numbers, as PDFium fills them in."""

WIDE_GAP = 0.9
"""Of the font size: a gap from which two runs are two fragments. Too small a value costs time and
nothing else, since fragments of one line are joined again; too large a one joins two columns."""
TOUCHING = 0.12
"""Of the font size: a smaller gap parts no words."""

_ACCENTS = {
    "´": "\u0301", "`": "\u0300", "¨": "\u0308", "ˆ": "\u0302", "^": "\u0302", "˜": "\u0303",
    "~": "\u0303", "¯": "\u0304", "˘": "\u0306", "˙": "\u0307", "˚": "\u030a", "ˇ": "\u030c",
    "˝": "\u030b", "¸": "\u0327", "˛": "\u0328",
}  # fmt: skip
_LIGATURES = {
    "ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st",
    "\uf0b7": "•",  # the bullet of the Symbol font
}  # fmt: skip
_SPACES = frozenset(
    [0x20, 0x09, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000]
)  # fmt: skip
_BREAKS = frozenset([0x0A, 0x0B, 0x0C, 0x0D, 0x85, 0x2028, 0x2029])
_HYPHENS = frozenset([0xFFFE, 0x02, 0xAD])
_BOLD = re.compile(r"bold|black|heavy|medi(?!um)|demi|cmbx|-bd|cmssbx|ptmb|phvb", re.IGNORECASE)
BOLD_WEIGHT = 600

# turn → page coordinates to the frame in which the text runs to the right
_TO_READING: dict[int, Callable[[float, float], tuple[float, float]]] = {
    0: lambda x, y: (x, y),
    1: lambda x, y: (-y, x),
    2: lambda x, y: (-x, -y),
    3: lambda x, y: (y, -x),
}


@dataclass(frozen=True, slots=True)
class Fragment:
    """A run of characters on one line. Coordinates are in the frame in which the text reads right.

    `turn` says how that frame lies on the page: text runs to the right (0), downwards (1), upside
    down (2) or upwards (3).
    """

    text: str
    left: float
    right: float
    bottom: float
    top: float
    baseline: float
    size: float  # font size in points
    bold: bool
    hyphen: bool  # a hyphen at a line's end follows; it is not in `text`
    turn: int

    @property
    def width(self) -> float:
        """In points."""
        return self.right - self.left

    @property
    def box(self) -> Box:
        """Left, bottom, right, top on the page."""
        match self.turn:
            case 1:
                return self.bottom, -self.right, self.top, -self.left
            case 2:
                return -self.right, -self.top, -self.left, -self.bottom
            case 3:
                return -self.top, self.left, -self.bottom, self.right
            case _:
                return self.left, self.bottom, self.right, self.top


def fragments(textpage: Any, visible: Box) -> list[Fragment]:
    """The fragments of a page in the order of the file; what lies outside `visible` is left out."""
    found = []
    for run in _runs(textpage.raw):
        fragment = run.fragment()
        if fragment is not None and _overlap(fragment.box, visible):
            found.append(fragment)
    return found


def reading_box(box: Box, turn: int) -> Box:
    """A box on the page, in the frame in which text of that turn runs to the right."""
    corners = _TO_READING[turn](box[0], box[1]), _TO_READING[turn](box[2], box[3])
    (left, right), (bottom, top) = (sorted(values) for values in zip(*corners, strict=True))
    return left, bottom, right, top


def clean_text(text: str) -> str:
    """A line of text from another reader, by the same rules: no controls, no ligatures, NFC.

    A soft hyphen at its end stays, as the mark of a word that goes on.
    """
    soft = text.rstrip()[-1:] == "\u00ad"
    kept = "".join(
        " " if ord(c) in _SPACES or ord(c) in _BREAKS else c
        for c in text
        if ord(c) in _BREAKS or ord(c) in _SPACES or not (_invisible(ord(c)) or c == "\u00ad")
    )
    return " ".join(_plain_letters(kept).split()) + "\u00ad" * soft


def _plain_letters(text: str) -> str:
    if text.isascii():
        return text
    for ligature, letters in _LIGATURES.items():
        text = text.replace(ligature, letters)
    return unicodedata.normalize("NFC", text)


def unreadable_share(text: str) -> float:
    """Which share of the characters are no letters of any script: fonts that do not say theirs."""
    seen = len("".join(text.split()))
    odd = re.findall(r"[^\x00-\x7f]", text)
    bad = sum(c == "\ufffd" or unicodedata.category(c) in {"Co", "Cn"} for c in odd)
    return bad / seen if seen else 0.0


def _overlap(box: Box, other: Box) -> bool:
    left, bottom, right, top = box
    return left <= other[2] and right >= other[0] and bottom <= other[3] and top >= other[1]


def _runs(raw: Any) -> Iterator[_Run]:
    """The characters of a text page, cut into runs. The inner loop: one pass, few calls."""
    unicode_of, box_of = pdfium.FPDFText_GetUnicode, pdfium.FPDFText_GetCharBox
    corners = (ctypes.c_double * 4)()  # left, bottom, right, top; PDFium fills them one by one
    at = [ctypes.c_double.from_buffer(corners, 8 * place) for place in (0, 2, 1, 3)]
    refs = [ctypes.byref(value) for value in at]
    run: _Run | None = None
    for index in range(max(0, pdfium.FPDFText_CountChars(raw))):
        code = unicode_of(raw, index)
        if not 0x20 < code < 0x7F:
            if code in _SPACES:
                if run is not None:
                    run.spaced = True
                continue
            if code in _BREAKS or code in _HYPHENS:
                if run is not None:
                    run.hyphen = code in _HYPHENS
                    yield run
                    run = None
                continue
            if _invisible(code):
                continue
        box_of(raw, index, *refs)
        box = corners[:]
        char = chr(code)
        accent = char in _ACCENTS
        if run is not None and not (run.accented_by(box) if accent else run.continues(box)):
            yield run
            run = None
        if run is None:
            run = _Run(raw, index)
        run.add(index, char, box, accent)
    if run is not None:
        yield run


def _invisible(code: int) -> bool:
    """Controls, surrogates, zero-width and other characters that no text should carry."""
    return (
        code < 0x20
        or 0x7F <= code < 0xA0
        or 0x200B <= code <= 0x200F
        or 0x202A <= code <= 0x202E
        or 0x2060 <= code <= 0x206F
        or 0xD800 <= code <= 0xDFFF
        or 0xFDD0 <= code <= 0xFDEF
        or code in (0xFEFF, 0xFFF9, 0xFFFA, 0xFFFB)
        or code & 0xFFFE == 0xFFFE
        or code > 0x10FFFF
    )


class _Run:
    """A fragment while it grows."""

    __slots__ = (
        "accents", "back", "boxes", "chars", "hyphen", "indices", "limit", "raw", "right", "size",
        "spaced", "turn",
    )  # fmt: skip

    def __init__(self, raw: Any, index: int) -> None:
        self.raw = raw
        self.turn = _turn(raw, index)
        self.size = _font_size(raw, index)
        self.limit = WIDE_GAP * self.size
        self.back = -2 * self.size - self.limit
        self.chars: list[str] = []
        self.boxes: list[Corners | None] = []  # one for each of `chars`: None for a space
        self.indices: list[int] = []
        self.right = 0.0
        self.spaced = False
        self.hyphen = False
        self.accents = False

    def continues(self, box: Corners) -> bool:
        """Whether a character in `box` stands beside the last one."""
        if self.turn == 0:
            return self.back < box[0] - self.right < self.limit
        if self.turn == 3:
            gap = box[1] - self.right
        elif self.turn == 1:
            gap = -box[3] - self.right
        else:
            gap = -box[2] - self.right
        return self.back < gap < self.limit

    def accented_by(self, box: Corners) -> bool:
        """Whether an accent in `box` may belong to a letter of this run: it is on the same line."""
        last = self.boxes[-1]
        if last is None or self.turn != 0:
            return self.continues(box)
        return (
            last[1] - self.size < box[1] < last[3] + self.size and box[0] < self.right + self.limit
        )

    def add(self, index: int, char: str, box: Corners, accent: bool) -> None:
        """One more character; a space before it where one was seen."""
        if self.spaced and self.chars:
            self.chars.append(" ")
            self.boxes.append(None)
        self.spaced = False
        self.chars.append(char)
        self.boxes.append(box)
        self.indices.append(index)
        turn = self.turn
        right = box[2] if turn == 0 else box[3] if turn == 3 else -box[1] if turn == 1 else -box[0]
        if accent:  # drawn apart from its letter, which may stand anywhere in the line
            self.accents = True
            right = max(right, self.right) if len(self.indices) > 1 else right
        self.right = right

    def fragment(self) -> Fragment | None:
        """The finished fragment; None where nothing remains."""
        text = self._accented() if self.accents else "".join(self.chars)
        text = _plain_letters(text).strip()
        boxes = [box for box in self.boxes if box is not None]
        if not text or not boxes:
            return None
        lefts, bottoms, rights, tops = zip(*boxes, strict=True)
        box = (min(lefts), min(bottoms), max(rights), max(tops))
        if not all(map(math.isfinite, box)):
            return None
        left, bottom, right, top = reading_box(box, self.turn)
        turn = _TO_READING[self.turn]
        samples = [self.indices[k * (len(self.indices) - 1) // 2] for k in range(3)]
        baseline = sorted(turn(*_origin(self.raw, i))[1] for i in samples)[1]
        size = sorted(_font_size(self.raw, i) for i in samples)[1]
        bold = all(_is_bold(self.raw, i) for i in samples)
        return Fragment(
            text, left, right, bottom, top, baseline, size, bold, self.hyphen, self.turn
        )  # fmt: skip

    def _accented(self) -> str:
        """The text with accents that are drawn on their own put onto the letters below them."""
        marks: dict[int, str] = {}  # letter → its accent
        dropped: set[int] = set()
        for at, char in enumerate(self.chars):
            box = self.boxes[at]
            if char in _ACCENTS and box is not None:
                letter = self._letter_below((box[0] + box[2]) / 2)
                if letter is not None and letter not in marks:
                    marks[letter] = _ACCENTS[char]
                    dropped.add(at)
        if not dropped:
            return "".join(self.chars)
        text = ""
        last: Corners | None = None
        moved = False  # an accent was here: PDFium's spaces around it mean nothing
        pending = False
        for at, char in enumerate(self.chars):
            box = self.boxes[at]
            if at in dropped:
                moved = True
            elif box is None:
                pending = True
            else:
                if last is not None and pending:
                    gap = box[0] - last[2] if self.turn == 0 else math.inf
                    if not moved or gap > TOUCHING * self.size:
                        text += " "
                text += {"ı": "i", "ȷ": "j"}.get(char, char) if at in marks else char
                text += marks.get(at, "")
                last, moved, pending = box, False, False
        return text

    def _letter_below(self, centre: float) -> int | None:
        for place, box in enumerate(self.boxes):
            if box is not None and self.chars[place].isalpha() and box[0] <= centre <= box[2]:
                return place
        return None


def _turn(raw: Any, index: int) -> int:
    angle = pdfium.FPDFText_GetCharAngle(raw, index)
    return round(angle / (math.pi / 2)) % 4 if math.isfinite(angle) else 0


def _font_size(raw: Any, index: int) -> float:
    """In points on the page: the text matrix counts, since many files set size 1 and scale it."""
    matrix = pdfium.FS_MATRIX()
    size: float = pdfium.FPDFText_GetFontSize(raw, index)
    if pdfium.FPDFText_GetMatrix(raw, index, matrix):
        size *= math.hypot(matrix.c, matrix.d) or 1.0
    return size if 0.5 <= size <= 400 else 10.0


def _origin(raw: Any, index: int) -> tuple[float, float]:
    x, y = ctypes.c_double(), ctypes.c_double()
    pdfium.FPDFText_GetCharOrigin(raw, index, x, y)
    return x.value, y.value


def _is_bold(raw: Any, index: int) -> bool:
    if pdfium.FPDFText_GetFontWeight(raw, index) >= BOLD_WEIGHT:
        return True
    buffer = ctypes.create_string_buffer(128)
    flags = ctypes.c_int()
    pdfium.FPDFText_GetFontInfo(raw, index, buffer, 128, flags)
    return _BOLD.search(buffer.value.decode("utf-8", "replace")) is not None
