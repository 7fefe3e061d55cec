"""A page of a PDF as a picture, with places marked on it.

It knows PDF page geometry and pixels. It does not know documents, passages or where the bytes came
from.
"""

from __future__ import annotations

import ctypes
import io
import math
import threading
from collections.abc import Sequence
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium
from PIL import Image, ImageChops, ImageDraw

from kb.errors import NotFound
from kb.records import Mark

__all__ = ["Box", "draw_page"]

Colour = tuple[int, int, int]
Box = tuple[float, float, float, float]
"""Left, bottom, right, top in PDF points of the page's own user space: the frame in which the file
draws, before /Rotate and regardless of where MediaBox or CropBox begin. `Line.box` is in it too."""

MAX_WIDTH = 3000
"""Pixels: a page on a 4K screen."""
MAX_PIXELS = 16_000_000
"""Pixels of a whole picture, 64 MB while it is drawn. A page may be a strip many metres long."""
HIGHLIGHT = (255, 236, 120)
"""The colour of a marker pen; multiplied with the page, so that print stays black."""
GROUNDS: dict[Mark, Colour] = {
    "suggestion": (243, 238, 246), "for": (204, 230, 247), "against": (255, 221, 194),
    "passage": HIGHLIGHT,
}  # fmt: skip
"""Pale, so that print stays readable; in the order in which they cover each other. Blue and orange
are told apart with every common colour blindness (after Okabe and Ito's palette)."""
RIMS: dict[Mark, tuple[Colour, int, bool]] = {
    "suggestion": ((120, 94, 150), 1, True), "for": ((0, 114, 178), 1, False),
    "against": ((213, 94, 0), 3, False),
}  # fmt: skip
"""Colour, width in thousandths of the picture's, and whether broken: a rim is told by its form
too. `style.css` has the same for the text and the legend."""
MARGIN = 1.0
"""Points by which a mark is wider than the box of the glyphs."""

_lock = threading.Lock()  # PDFium is not thread-safe, and a server draws from several threads


def draw_page(
    content: bytes, page: int, *, marks: Sequence[tuple[Mark, Box]] = (), width: int = 900
) -> bytes:
    """Page `page` (from 1) of the PDF in `content` as PNG, `width` pixels wide, with `marks`.

    The page is drawn as a reader shows it: cropped and rotated. Very long pages come out narrower
    than asked, see MAX_PIXELS. Raises NotFound where there is no such page, or where the file
    cannot be drawn.
    """
    with _lock:
        image, places = _render(content, page, [box for _, box in marks], width)
    if places:
        kinds = [kind for kind, _ in marks]
        image = ImageChops.multiply(
            image, _painted(image.size, list(zip(kinds, places, strict=True)))
        )
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()


def _painted(size: tuple[int, int], places: Sequence[tuple[Mark, Box]]) -> Image.Image:
    """A white sheet with the marks on it: all grounds, and the rims over them."""
    sheet = Image.new("RGB", size, (255, 255, 255))
    draw = ImageDraw.Draw(sheet)
    for kind, ground in GROUNDS.items():
        for place in (place for each, place in places if each == kind):
            draw.rectangle(place, fill=ground)
    for kind, (colour, thousandths, broken) in RIMS.items():
        rim = max(1, round(size[0] * thousandths / 1000))
        for place in (place for each, place in places if each == kind):
            if broken:
                _broken(draw, place, colour, rim)
            else:
                draw.rectangle(place, outline=colour, width=rim)
    return sheet


def _broken(draw: ImageDraw.ImageDraw, place: Box, colour: Colour, rim: int) -> None:
    """A broken rim: dashes of six times its width, as far apart."""
    left, top, right, bottom = (round(side) for side in place)
    dash = 6 * rim
    for x in range(left, right, 2 * dash):
        end = min(x + dash, right)
        draw.line([(x, top), (end, top)], fill=colour, width=rim)
        draw.line([(x, bottom), (end, bottom)], fill=colour, width=rim)
    for y in range(top, bottom, 2 * dash):
        end = min(y + dash, bottom)
        draw.line([(left, y), (left, end)], fill=colour, width=rim)
        draw.line([(right, y), (right, end)], fill=colour, width=rim)


def _render(
    content: bytes, number: int, boxes: Sequence[Box], width: int
) -> tuple[Image.Image, list[Box]]:
    """The picture of a page, and `boxes` in its pixels (left, top, right, bottom)."""
    try:
        document = pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError as error:
        raise NotFound(
            f"This file cannot be drawn ({error}). Its text can still be read."
        ) from error
    try:
        if not 1 <= number <= len(document):
            raise NotFound(f"There is no page {number}. The file has pages 1 to {len(document)}.")
        try:
            page = document[number - 1]
            scale = _scale(page.get_width(), page.get_height(), width)
            image: Image.Image = page.render(scale=scale, draw_annots=False).to_pil().convert("RGB")
        except pypdfium2.PdfiumError as error:
            raise NotFound(f"Page {number} cannot be drawn ({error}).") from error
        return image, [_place(page, box, image.size) for box in boxes]
    finally:
        document.close()


def _scale(page_width: float, page_height: float, width: int) -> float:
    """Pixels a point, within the bounds."""
    points = max(page_width, 1.0), max(page_height, 1.0)
    wanted = max(1, min(width, MAX_WIDTH)) / points[0]
    return min(wanted, math.sqrt(MAX_PIXELS / (points[0] * points[1])))


def _place(page: Any, box: Box, size: tuple[int, int]) -> Box:
    """`box` from the page's user space to pixels of the picture: PDFium knows crop and rotation."""
    left, bottom, right, top = box
    corners = [
        _pixel(page, (left - MARGIN, bottom - MARGIN), size),
        _pixel(page, (right + MARGIN, top + MARGIN), size),
    ]
    xs, ys = sorted(x for x, _ in corners), sorted(y for _, y in corners)
    return xs[0], ys[0], xs[1], ys[1]


def _pixel(page: Any, point: tuple[float, float], size: tuple[int, int]) -> tuple[int, int]:
    x, y = ctypes.c_int(), ctypes.c_int()
    pdfium.FPDF_PageToDevice(page, 0, 0, *size, 0, *point, x, y)
    return x.value, y.value
