"""PDFs for the tests, drawn line by line so that every line's place and page are known."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

from PIL import Image
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

WIDTH, HEIGHT = 612.0, 792.0
LEFT, RIGHT, TOP = 60.0, 320.0, 640.0
LEADING = 12.0

WORDS = [
    "labels",
    "were",
    "checked",
    "twice",
    "because",
    "tired",
    "readers",
    "mark",
    "angry",
    "mail",
    "as",
    "neutral",
    "while",
    "short",
    "mail",
    "is",
    "hard",
    "to",
    "judge",
    "without",
    "the",
    "thread",
    "that",
    "came",
    "before",
    "it",
    "and",
    "so",
    "we",
    "kept",
    "every",
    "message",
    "whole",
    "and",
    "trained",
    "on",
    "threads",
    "rather",
    "than",
    "on",
    "single",
    "lines",
    "which",
    "costs",
    "memory",
    "yet",
    "helps",
    "the",
    "rarer",
    "class",
    "most",
]


def prose(seed: int, lines: int) -> list[str]:
    """Lines of about one column's width; no two seeds give the same line."""
    out = []
    for number in range(lines):
        at = (seed * 7 + number * 5) % len(WORDS)
        words = [WORDS[(at + k) % len(WORDS)] for k in range(6)]
        out.append(f"s{seed}n{number} " + " ".join(words))
    return out


def pdf(*pages: Callable[[Canvas], None], **options: object) -> bytes:
    """A PDF with one page drawn by each of `pages`."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=(WIDTH, HEIGHT), **options)
    for draw in pages:
        draw(canvas)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def column(canvas: Canvas, x: float, lines: Sequence[str], *, top: float = TOP) -> None:
    """Lines one below the other, stretched to the column's width but for the last."""
    canvas.setFont("Times-Roman", 10)
    for number, line in enumerate(lines):
        canvas.drawString(x, top - number * LEADING, line)


def heading(canvas: Canvas, x: float, y: float, text: str, *, size: float = 12) -> None:
    canvas.setFont("Times-Bold", size)
    canvas.drawString(x, y, text)


def two_columns(
    seed: int, *, number: int, running_head: str = "", interleaved: bool = False, lines: int = 30
) -> Callable[[Canvas], None]:
    """A page of two columns with a head and a page number; drawn row by row where `interleaved`."""

    def draw(canvas: Canvas) -> None:
        canvas.setFont("Times-Roman", 9)
        if running_head:
            canvas.drawCentredString(WIDTH / 2, HEIGHT - 40, running_head)
        canvas.drawCentredString(WIDTH / 2, 30, str(number))
        left, right = prose(seed, lines), prose(seed + 1, lines)
        if interleaved:
            for at in range(lines):
                column(canvas, LEFT, [left[at]], top=TOP - at * LEADING)
                column(canvas, RIGHT, [right[at]], top=TOP - at * LEADING)
        else:
            column(canvas, LEFT, left)
            column(canvas, RIGHT, right)

    return draw


def scan(canvas: Canvas) -> None:
    """A page that is a picture."""
    picture = Image.new("L", (60, 80), 200)
    canvas.drawImage(ImageReader(picture), 50, 50, 500, 690)


def locked(user: str, owner: str = "owner") -> StandardEncryption:
    return StandardEncryption(user, owner, canPrint=0)
