"""From fragments scattered over a page to printed lines in reading order.

It knows columns, wide headings, footnotes and what repeats at the edges of pages. It does not know
PDFium, paragraphs or sections.

The order: a page is cut at its gutter, if it has one. What crosses the gutter (title, wide
figure, wide table) parts the page into bands from top to bottom; within a band the left column is
read before the right one, and a column may have a gutter of its own. Footnotes are read after the
columns of their page, so that a sentence runs on from column to column.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

from ingest.pdf_glyphs import TOUCHING, Box, Fragment, reading_box

__all__ = [
    "PrintedLine",
    "body_size",
    "common_gutter",
    "find_furniture",
    "gutter",
    "read_page",
]

STEP = 3.0
"""Points: how finely a gutter is looked for. The narrowest gutters are about 9."""
GUTTER_LINES = 5
"""Lines of column width that must stand on both sides of a gutter: fewer are a table's cells."""
GUTTER_FILL = 0.6
"""Of the column's width: how wide such a line must be."""
GUTTER_CROSSED = 0.4
"""Share of text, at most, that may cross a gutter, against the place that the most text crosses."""
SAME_LINE = 0.35
"""Of the font size: baselines closer than that are one line."""
SMALL_PRINT = 0.93
"""Of the body's size: footnotes are smaller than that."""
PROSE_LINES = 3
"""Filled lines on both sides of a white strip from which two pieces of prose stand side by side."""
PROSE_FILL = 0.7
"""Of its side's width: how wide such a line must be."""
AUTHOR_LINES = 10
"""Lines of a block of authors, at most."""
TABLE_ROWS = 3
"""Rows of words and numbers from which they are one table over both columns."""
EDGE = 0.13
"""Of the page's height, at the top and at the bottom: where running heads and page numbers are."""
EDGE_ROWS = 3
"""Rows at each edge that may be running heads or numbers."""
NUMBERED_LINES = 10
"""Numbers in the margin of a page from which they are line numbers."""

_PAGE_NUMBER = re.compile(
    r"[\s\-–—·|\[]*(?:page\s+)?(\d{1,4}|[ivxlc]{1,7})(?:\s*(?:of|/)\s*\d{1,4})?[\s\-–—·|\].]*",
    re.IGNORECASE,
)
_FOOTNOTE = re.compile(r"(?:\d{1,2}|[*†‡§¶∗⋆♦♣♠#]{1,3})\s?[A-Za-z“\"(]")
_HYPHEN_END = re.compile(r"\w[-‐]$")
_ROMAN = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}


@dataclass(frozen=True, slots=True)
class PrintedLine:
    """A line as printed. Coordinates in points, in the frame in which its text reads right."""

    text: str
    hyphen: bool  # ends in a hyphen that may only mark the line's end; it is not in `text`
    page: int  # from 1
    block: int  # number of the column or wide stretch that it stands in; counts on over the pages
    left: float
    right: float
    baseline: float
    size: float  # of the font; 0 where unknown
    bold: bool
    cells: int  # pieces with wide gaps between them: 3 and more are a row of a table
    column: tuple[float, float]  # left and right end of the block's lines
    box: Box | None  # on the page; None where unknown
    note: bool = False  # a footnote


def body_size(pages: Iterable[Iterable[Fragment | PrintedLine]]) -> float:
    """The font size of most of the text, in points, to half a point; 0 where there is none."""
    sizes: Counter[float] = Counter()
    for page in pages:
        for fragment in page:
            sizes[round(fragment.size * 2) / 2] += len(fragment.text)
    return sizes.most_common(1)[0][0] if sizes else 0.0


# -- columns ---------------------------------------------------------------------------------------


def gutter(page: Sequence[Fragment]) -> float | None:
    """Where the page's text parts into two columns; None where it does not."""
    body = [f for f in page if len(f.text) > 3]
    if len(body) < 2 * GUTTER_LINES:
        return None
    left, right = min(f.left for f in body), max(f.right for f in body)
    bins = int((right - left) / STEP) + 1
    if bins < 10:
        return None
    crossing = _crossing(body, left, bins)
    most = max(crossing)
    best: tuple[int, float, float] | None = None
    for start, end in _valleys(crossing, GUTTER_CROSSED * most, bins // 5, bins - bins // 5):
        x = left + STEP * (start + end + 1) / 2
        lines = min(
            _long_lines(body, left, left + STEP * (start + 1), x),
            _long_lines(body, left + STEP * end, right, x),
        )
        rank = (lines, -crossing[(start + end) // 2], x)
        if lines >= GUTTER_LINES and (best is None or rank > best):
            best = rank
    return best[2] if best else None


def _crossing(page: Iterable[Fragment], left: float, bins: int) -> list[float]:
    """For each step from `left`, how much text stretches over it, in points of width."""
    changes = [0.0] * (bins + 2)
    for fragment in page:
        first = max(0, int((fragment.left - left) / STEP) + 1)
        last = min(bins, int((fragment.right - left) / STEP))
        if first < last:
            changes[first] += fragment.width
            changes[last] -= fragment.width
    total = 0.0
    crossing = []
    for change in changes[:bins]:
        total += change
        crossing.append(total)
    return crossing


def _valleys(
    crossing: Sequence[float], limit: float, first: int, last: int
) -> Iterable[tuple[int, int]]:
    """Stretches of steps, both ends included, that hardly any text crosses: local minima."""
    at = first
    while at < last:
        end = at
        while end + 1 < last and crossing[end + 1] == crossing[at]:
            end += 1
        lower_before = at == 0 or crossing[at - 1] > crossing[at]
        lower_after = end + 1 >= len(crossing) or crossing[end + 1] > crossing[at]
        if crossing[at] <= limit and (lower_before or lower_after):
            yield at, end
        at = end + 1


def _long_lines(page: Iterable[Fragment], left: float, right: float, x: float) -> int:
    """How many baselines between `left` and `right` are filled to a column's width."""
    widths: Counter[int] = Counter()
    for f in page:
        on_side = f.right <= x + STEP if right <= x + STEP else f.left >= x - STEP
        if on_side and f.left >= left - STEP and f.right <= right + STEP:
            widths[round(f.baseline)] += round(f.width)
    return sum(width >= GUTTER_FILL * (right - left) for width in widths.values())


def common_gutter(found: Sequence[float | None]) -> float | None:
    """The gutter of most pages, for the pages that do not show theirs."""
    places = [x for x in found if x is not None]
    if not places or len(places) < len(found) / 3:
        return None
    middle = median(places)
    return middle if sum(abs(x - middle) < 15 for x in places) >= len(places) / 2 else None


# -- one page --------------------------------------------------------------------------------------


def read_page(
    page: Sequence[Fragment], *, number: int, block: int, fallback: float | None, body: float
) -> list[PrintedLine]:
    """The page's lines in reading order. `block` is the number of its first block; `body` the size
    of body text in points; `fallback` the gutter where the page shows none.
    """
    main = main_turn(page)
    lines: list[PrintedLine] = []
    notes: list[PrintedLine] = []
    for turn in sorted({f.turn for f in page}, key=lambda turn: turn != main):
        upright = [f for f in page if f.turn == turn]
        blocks = _blocks(upright, fallback, head=number == 1) if turn == main else [upright]
        for fragments in blocks:
            printed = _lines(fragments, number, block)
            keep = len(printed) - (_count_notes(printed, body) if turn == main else 0)
            lines += printed[:keep]
            notes += [replace(line, note=True, block=block + 1) for line in printed[keep:]]
            block += 2
    return lines + notes


def main_turn(page: Iterable[Fragment]) -> int:
    """The turn of most of the page's text."""
    turns = Counter({0: 0})
    for fragment in page:
        turns[fragment.turn] += len(fragment.text)
    return turns.most_common(1)[0][0]


def _blocks(
    page: list[Fragment], fallback: float | None, *, head: bool = False
) -> list[list[Fragment]]:
    """The page's fragments by column and band, in reading order.

    `head`: a block of authors may stand above the columns, in columns of its own.
    """
    x = gutter(page)
    if x is None:
        x = fallback
    if x is None:
        return _side_by_side(page) if page else []
    wide, narrow = _part(page, x)
    levels = sorted({f.baseline for f in wide})  # upwards
    if head:
        levels = sorted({*levels, *_below_authors(narrow)})
    blocks: list[list[Fragment]] = []
    stretch: list[Fragment] = []  # wide lines with nothing between them
    for band in range(len(levels), -1, -1):
        within = [f for f in narrow if bisect_left(levels, f.baseline - SAME_LINE * f.size) == band]
        if within:
            blocks.append(stretch)
            stretch = []
            for right in (False, True):
                side = [f for f in within if ((f.left + f.right) / 2 >= x) is right]
                blocks += _blocks(side, None) if side else []
        if band:
            stretch += [f for f in wide if f.baseline == levels[band - 1]]
    blocks.append(stretch)
    return [block for block in blocks if block]


def _side_by_side(column: Sequence[Fragment]) -> list[list[Fragment]]:
    """A column's fragments; where two pieces of prose stand beside each other (two captions, two
    boxes), each of them whole.
    """
    rows: list[list[Fragment]] = []
    for fragment in sorted(column, key=lambda f: -f.baseline):
        if rows and rows[-1][0].baseline - fragment.baseline < SAME_LINE * fragment.size:
            rows[-1].append(fragment)
        else:
            rows.append([fragment])
    blocks: list[list[Fragment]] = [[]]
    at = 0
    while at < len(rows):
        end, x = _prose_pair(rows, at)
        if x is None:
            blocks[-1] += rows[at]
        else:
            pair = [f for row in rows[at:end] for f in row]
            blocks += [[f for f in pair if f.right <= x], [f for f in pair if f.left >= x], []]
        at = max(end, at + 1)
    return [block for block in blocks if block]


def _prose_pair(rows: Sequence[Sequence[Fragment]], start: int) -> tuple[int, float | None]:
    """How far a white strip runs down from a row, and where it is if prose stands on both sides."""
    free: list[tuple[float, float]] = []
    end = start
    for row in rows[start:]:
        if end > start and rows[end - 1][0].baseline - row[0].baseline > 3 * row[0].size:
            break
        left = _without(free or [(-math.inf, math.inf)], row)
        if end > start and not any(_is_inner(strip) for strip in left):
            break
        free = left
        end += 1
    for strip in filter(_is_inner, free) if end - start >= PROSE_LINES else ():
        if all(_prose_lines(rows[start:end], strip, side) >= PROSE_LINES for side in (0, 1)):
            return end, (strip[0] + strip[1]) / 2
    return start, None


def _without(
    free: Sequence[tuple[float, float]], row: Sequence[Fragment]
) -> list[tuple[float, float]]:
    """The white strips that remain when a row is printed, the margins included."""
    for f in row:
        pieces = [((a, min(b, f.left)), (max(a, f.right), b)) for a, b in free]
        free = [(a, b) for pair in pieces for a, b in pair if b - a >= 2 * STEP]
    return list(free)


def _is_inner(strip: tuple[float, float]) -> bool:
    return math.isfinite(strip[0]) and math.isfinite(strip[1])


def _prose_lines(rows: Sequence[Sequence[Fragment]], strip: tuple[float, float], side: int) -> int:
    """How many rows are filled with words on one side (0: left) of a strip."""
    sides = [
        [f for f in row if (f.left >= strip[1] if side else f.right <= strip[0])] for row in rows
    ]
    sides = [row for row in sides if row]
    if not sides:
        return 0
    width = max(f.right for row in sides for f in row) - min(f.left for row in sides for f in row)
    count = 0
    for row in sides:
        text = " ".join(f.text for f in row)
        letters = sum(c.isalpha() for c in text)
        filled = sum(f.width for f in row) > PROSE_FILL * width
        count += filled and len(text.split()) > 2 and letters > 0.6 * len(text)
    return count


def _below_authors(narrow: Sequence[Fragment]) -> list[float]:
    """The heights of white strips through both columns, under the few lines of author blocks."""
    strips: list[float] = []
    lines = sorted(narrow, key=lambda f: -f.top)
    floor = lines[0].bottom if lines else 0.0
    rows: set[int] = set()
    for fragment in lines:
        gap = floor - fragment.top
        if gap > fragment.size:
            strips.append(floor - gap / 2)
            rows = set()
        rows.add(round(fragment.baseline))
        if len(rows) > AUTHOR_LINES:
            break
        floor = min(floor, fragment.bottom)
    return strips


def _part(page: list[Fragment], x: float) -> tuple[list[Fragment], list[Fragment]]:
    """What stretches over the gutter at `x`, with what stands on its lines; and the rest."""
    left, right = min(f.left for f in page), max(f.right for f in page)
    reach = max(2 * STEP, 0.03 * (right - left))
    wide = [f for f in page if f.left < x - reach and f.right > x + reach]
    narrow = [f for f in page if not (f.left < x - reach and f.right > x + reach)]
    overfull = [f for f in wide if _is_overfull(f, narrow, x)]
    wide = [f for f in wide if f not in overfull]
    narrow += overfull
    wide += _table_cells(narrow, x, right - left)
    levels = [(f.baseline, f.size) for f in wide]
    chosen = set(map(id, wide))
    for f in narrow:
        if any(abs(f.baseline - at) < SAME_LINE * size for at, size in levels):
            chosen.add(id(f))
    return [f for f in page if id(f) in chosen], [f for f in page if id(f) not in chosen]


def _table_cells(narrow: Sequence[Fragment], x: float, width: float) -> list[Fragment]:
    """Cells of a table so wide that the gutter runs between its columns: rows with words on the
    left and nothing but numbers on the right.
    """
    rows: defaultdict[int, list[Fragment]] = defaultdict(list)
    for f in narrow:
        rows[round(f.baseline)].append(f)
    cells: list[Fragment] = []
    count = 0
    for row in rows.values():
        left = [f for f in row if f.right <= x]
        numbers = [f for f in row if f.left >= x]
        worded = [f for f in numbers if any(c.isalpha() for c in f.text)]
        if len(numbers) > 1 and not worded and left and sum(f.width for f in left) < 0.4 * width:
            cells += row
            count += 1
    return cells if count >= TABLE_ROWS else []


def _is_overfull(wide: Fragment, narrow: Sequence[Fragment], x: float) -> bool:
    """A line of one column that runs over its edge: the other column's text stands beside or under
    it, or it stands closely between two lines of its own column.
    """
    from_left = x - wide.left > wide.right - x
    over = wide.right - x if from_left else x - wide.left
    above = below = False
    for f in narrow:
        distance = f.baseline - wide.baseline
        if abs(distance) > 1.6 * wide.size:
            continue
        own_side = ((f.left + f.right) / 2 < x) == from_left
        if own_side:
            aligned = abs(f.left - wide.left) < 3 * wide.size
            above |= aligned and distance > SAME_LINE * wide.size
            below |= aligned and distance < -SAME_LINE * wide.size
        elif abs(distance) < wide.size:
            apart = f.left >= wide.right - STEP if from_left else f.right <= wide.left + STEP
            if over <= 0.2 * wide.width if apart else abs(distance) < 0.7 * wide.size:
                return True
    return above and below


def _count_notes(lines: Sequence[PrintedLine], body: float) -> int:
    """How many lines at the end of a column are footnotes."""
    if len(lines) < 3:
        return 0
    count = 0
    for line in reversed(lines):
        if line.size >= SMALL_PRINT * body:
            break
        count += 1
    for start in range(len(lines) - count, len(lines)):
        above = lines[start - 1] if start else None
        gap = above.baseline - lines[start].baseline if above else 0.0
        if above and _FOOTNOTE.match(lines[start].text) and gap > 0:
            fits = above.size >= SMALL_PRINT * body and len(lines) - start <= len(lines) / 2
            return len(lines) - start if fits else 0
    return 0


# -- lines -----------------------------------------------------------------------------------------


def _lines(block: Sequence[Fragment], number: int, block_number: int) -> list[PrintedLine]:
    """The lines of one column, from top to bottom."""
    rows: list[list[Fragment]] = []
    for fragment in sorted(block, key=lambda f: (-f.baseline, f.left)):
        for row in reversed(rows[-3:]):
            if _same_line(row, fragment):
                row.append(fragment)
                break
        else:
            rows.append([fragment])
    rows.sort(key=lambda row: -_main(row).baseline)
    edges = _edges(rows)
    return [_printed(row, number, block_number, edges) for row in rows]


def _main(row: Sequence[Fragment]) -> Fragment:
    """The fragment that stands for the line: the one with the most text of the largest print."""
    return max(row, key=lambda f: f.width * f.size)


def _same_line(row: Sequence[Fragment], fragment: Fragment) -> bool:
    main = _main(row)
    if any(
        min(f.right, fragment.right) - max(f.left, fragment.left)
        > 0.5 * min(f.width, fragment.width)
        for f in row
    ):
        return False  # above one another: a fraction, or limits of a sum
    larger, smaller = max(main.size, fragment.size), min(main.size, fragment.size)
    if abs(main.baseline - fragment.baseline) < SAME_LINE * larger:
        return True
    near = min(abs(f.right - fragment.left) for f in row) < larger or (
        min(abs(fragment.right - f.left) for f in row) < larger
    )
    overlap = min(main.top, fragment.top) - max(main.bottom, fragment.bottom)
    height = min(main.top - main.bottom, fragment.top - fragment.bottom)
    return smaller < 0.85 * larger and near and overlap > 0.4 * height


def _edges(rows: Sequence[Sequence[Fragment]]) -> tuple[float, float]:
    """Where the lines of a column begin and end."""
    lefts = sorted(min(f.left for f in row) for row in rows)
    rights = sorted(max(f.right for f in row) for row in rows)
    return lefts[len(lefts) // 10], rights[-1 - len(rights) // 10]


def _printed(
    row: list[Fragment], number: int, block: int, column: tuple[float, float]
) -> PrintedLine:
    row = sorted(row, key=lambda f: f.left)
    main = _main(row)
    text = row[0].text
    cells = 1
    for before, after in pairwise(row):
        gap = after.left - before.right
        if before.hyphen:
            text += "-"
        text += after.text if gap < TOUCHING * main.size else f" {after.text}"
        cells += gap > 1.5 * main.size
    boxes = [f.box for f in row]
    box = (
        min(b[0] for b in boxes), min(b[1] for b in boxes),
        max(b[2] for b in boxes), max(b[3] for b in boxes),
    )  # fmt: skip
    bold = sum(len(f.text) for f in row if f.bold) > 0.8 * sum(len(f.text) for f in row)
    hyphen = row[-1].hyphen
    if not hyphen and _HYPHEN_END.search(text):
        text, hyphen = text[:-1], True
    return PrintedLine(
        text, hyphen, number, block, row[0].left, max(f.right for f in row), main.baseline,
        main.size, bold, cells, column, box,
    )  # fmt: skip


# -- running heads, page numbers, line numbers -----------------------------------------------------


def find_furniture(pages: Sequence[Sequence[Fragment]], visible: Sequence[Box]) -> list[set[int]]:
    """For each page the positions of fragments that are no part of the text.

    Running heads are rows at the edge of the page that come again, at the same height, on another
    page; page numbers count along with the pages; line numbers count down the margin.
    """
    rows = [_edge_rows(page, box) for page, box in zip(pages, visible, strict=True)]
    shapes: Counter[tuple[str, int]] = Counter()
    offsets: Counter[int] = Counter()
    for at, page in enumerate(rows):
        shapes.update({shape for row in page for shape in _shapes(row)})
        offsets.update({value - at for row in page if (value := _number(row.text)) is not None})
    shift = _page_shift(offsets, len(pages))
    heads = {
        level for page in rows for row in page if _repeats(row, shapes) for level in [row.level]
    }
    dropped: list[set[int]] = []
    for at, page in enumerate(rows):
        drop = set(_line_numbers(pages[at]))
        for row in page:
            number = shift is not None and at + shift
            if (
                _repeats(row, shapes)
                or (number is not False and _number(row.text) == number)
                or (row.level in heads and number is not False and _carries(row.text, number))
            ):
                drop |= row.members
        dropped.append(drop)
    return dropped


@dataclass(frozen=True, slots=True)
class _Row:
    text: str
    level: int  # distance from the page's edge in steps of 2 points, negative at the top
    members: frozenset[int]


def _edge_rows(page: Sequence[Fragment], visible: Box) -> list[_Row]:
    """The outermost rows of a page that stand in its margins."""
    turn = main_turn(page)
    upright = [(i, f) for i, f in enumerate(page) if f.turn == turn]
    _, bottom, _, top = reading_box(visible, turn)
    rows: list[_Row] = []
    for sign, edge in ((1, top), (-1, bottom)):
        near = [(i, f) for i, f in upright if abs(f.baseline - edge) < EDGE * (top - bottom)]
        near.sort(key=lambda m: -sign * m[1].baseline)
        for _ in range(EDGE_ROWS):
            if not near:
                break
            level = near[0][1].baseline
            members = [m for m in near if abs(m[1].baseline - level) < 3.0]
            near = near[len(members) :]
            text = " ".join(f.text for _, f in sorted(members, key=lambda m: m[1].left))
            place = round((level - edge) / 2)
            rows.append(_Row(text, place, frozenset(i for i, _ in members)))
    return rows


def _shapes(row: _Row) -> list[tuple[str, int]]:
    """The row's text without its numbers, at its height and just beside it."""
    plain = re.sub(r"\d+", "#", row.text.casefold())
    plain = re.sub(r"^#?\s*|\s*#?$", "", plain) or plain
    return [(plain, row.level), (plain, row.level + 1)]


def _repeats(row: _Row, shapes: Counter[tuple[str, int]]) -> bool:
    shape = _shapes(row)[0]
    return (
        re.search(r"[^\W\d_]{2}", shape[0]) is not None and max(shapes[s] for s in _shapes(row)) > 1
    )


def _number(text: str) -> int | None:
    """The page number that the whole of `text` is, roman or not."""
    found = _PAGE_NUMBER.fullmatch(text)
    if not found:
        return None
    digits = found[1].lower()
    if digits.isdigit():
        return int(digits)
    values = [_ROMAN[c] for c in digits]
    return sum(-v if v < max(values[k:], default=0) else v for k, v in enumerate(values))


def _carries(text: str, number: int) -> bool:
    words = text.split()
    return str(number) in (words[0], words[-1])


def _page_shift(offsets: Counter[int], pages: int) -> int | None:
    """By how much the printed number of a page differs from its position, counted from 0."""
    if not offsets:
        return None
    shift, count = offsets.most_common(1)[0]
    return shift if count >= 2 or (pages == 1 and shift == 1) else None


def _line_numbers(page: Sequence[Fragment]) -> list[int]:
    """Positions of numbers that count the lines in a margin."""
    numbers = [(i, f) for i, f in enumerate(page) if f.text.isdigit() and len(f.text) < 5]
    if len(numbers) < NUMBERED_LINES:
        return []
    text = [f for f in page if len(f.text) > 15]
    found: list[int] = []
    columns: defaultdict[int, list[tuple[int, Fragment]]] = defaultdict(list)
    for i, f in numbers:
        beside = sum(f.right <= t.left or f.left >= t.right for t in text)
        if beside >= 0.95 * len(text):
            columns[round(f.right / 4)].append((i, f))
    for column in columns.values():
        values = [int(f.text) for _, f in sorted(column, key=lambda c: -c[1].baseline)]
        rising = sum(b - a in (1, 5) for a, b in pairwise(values))
        if len(column) >= NUMBERED_LINES and rising >= 0.8 * (len(column) - 1):
            found += [i for i, _ in column]
    return found
