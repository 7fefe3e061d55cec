from __future__ import annotations

import io
import threading

import pypdf
import pytest
from PIL import Image
from reportlab.pdfgen.canvas import Canvas

from ingest.from_pdf import parse_pdf
from kb.errors import NotFound
from kb.page_image import GROUNDS, HIGHLIGHT, MAX_PIXELS, MAX_WIDTH, RIMS, draw_page
from kb.records import Mark
from tests.pdf_maker import pdf, prose

TEXT = "a line of words to be marked"


def draw(canvas: Canvas) -> None:
    canvas.setFont("Times-Roman", 14)
    canvas.drawString(200, 400, TEXT)
    canvas.drawString(100, 650, prose(1, 1)[0])


def changed(rotation: int, crop: tuple[float, float, float, float] | None) -> bytes:
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(pdf(draw, draw)))
    page = writer.pages[0]
    if crop:
        page.cropbox = pypdf.generic.RectangleObject(crop)
    page.rotate(rotation)
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


def picture(png: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(png))
    assert image.format == "PNG"
    return image.convert("RGB")


def test_the_picture_is_as_wide_as_asked() -> None:
    width, height = picture(draw_page(pdf(draw), 1, width=500)).size
    assert width == 500
    assert abs(height - 500 * 792 / 612) <= 1


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("crop", [None, (80, 300, 580, 700)])
def test_marks_sit_on_the_words(
    rotation: int, crop: tuple[float, float, float, float] | None
) -> None:
    content = changed(rotation, crop)
    parsed = parse_pdf(content)
    line = next(
        line
        for line in parsed.lines
        if line.page == 1 and parsed.text[line.start : line.end] == TEXT
    )
    plain = picture(draw_page(content, 1))
    marked = picture(draw_page(content, 1, marks=[("passage", line.box)]))
    assert plain.size == marked.size
    ink = {
        (x, y)
        for x in range(plain.width)
        for y in range(plain.height)
        if plain.getpixel((x, y)) != (255, 255, 255)
    }
    yellow = {
        (x, y)
        for x in range(plain.width)
        for y in range(plain.height)
        if plain.getpixel((x, y)) != marked.getpixel((x, y))
    }
    left, right = min(x for x, _ in yellow), max(x for x, _ in yellow)
    top, bottom = min(y for _, y in yellow), max(y for _, y in yellow)
    words = {(x, y) for x, y in ink if left <= x <= right and top <= y <= bottom}
    # the mark holds the words of its line and nothing but them, with a small margin
    assert len(words) > 100
    assert abs(min(x for x, _ in words) - left) <= 4
    assert abs(max(x for x, _ in words) - right) <= 4
    assert abs(min(y for _, y in words) - top) <= 4
    assert abs(max(y for _, y in words) - bottom) <= 4
    long, short = sorted((right - left, bottom - top), reverse=True)
    assert long > 5 * short
    assert (bottom - top > right - left) is (rotation in (90, 270))


def test_each_kind_of_mark_has_a_colour_and_a_rim_of_its_own() -> None:
    box = (200.0, 395.0, 380.0, 412.0)
    kinds: tuple[Mark, ...] = ("passage", "for", "against", "suggestion")
    drawn = {kind: picture(draw_page(pdf(draw), 1, marks=[(kind, box)])) for kind in kinds}
    counts = {kind: dict(_colours(image)) for kind, image in drawn.items()}
    for kind in kinds:
        assert counts[kind][GROUNDS[kind]] > 1000
        assert not any(GROUNDS[other] in counts[kind] for other in kinds if other != kind)
    rims = {kind: counts[kind][RIMS[kind][0]] for kind in RIMS}
    assert rims["against"] > 2 * rims["for"] > 3 * rims["suggestion"]  # wide, narrow, broken
    both = dict(_colours(picture(draw_page(pdf(draw), 1, marks=[("for", box), ("passage", box)]))))
    assert both[HIGHLIGHT] > 1000  # what was asked for stays yellow
    assert both[RIMS["for"][0]] == rims["for"]


def _colours(image: Image.Image) -> list[tuple[tuple[int, int, int], int]]:
    found = image.getcolors(maxcolors=image.width * image.height)
    assert found is not None
    return [(colour, count) for count, colour in found]  # type: ignore[misc]


def test_sizes_are_bounded() -> None:
    def tall(canvas: Canvas) -> None:
        canvas.setPageSize((100, 14000))
        canvas.drawString(10, 13000, "a strip")

    image = picture(draw_page(pdf(tall), 1, width=3000))
    assert image.width * image.height <= MAX_PIXELS * 1.01
    assert picture(draw_page(pdf(draw), 1, width=10**6)).width == MAX_WIDTH
    assert picture(draw_page(pdf(draw), 1, width=0)).width == 1


def test_a_page_that_is_not_there() -> None:
    with pytest.raises(NotFound, match="pages 1 to 1"):
        draw_page(pdf(draw), 2)
    with pytest.raises(NotFound, match="no page 0"):
        draw_page(pdf(draw), 0)
    with pytest.raises(NotFound, match="cannot be drawn"):
        draw_page(b"no PDF at all", 1)


def test_several_threads_may_draw() -> None:
    content = pdf(draw)
    expected = draw_page(content, 1)
    drawn: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: drawn.append(draw_page(content, 1))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert drawn == [expected] * 8
