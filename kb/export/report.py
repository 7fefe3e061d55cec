"""A report of headings, sentences, tables and figures: Markdown with pictures, or one HTML file.

The same blocks give both, in the same words. It does not know what they tell; texts of others are
shown as they are, harmless.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from kb.export import visible
from kb.export.findings_markdown import escaped


@dataclass(frozen=True, slots=True)
class Heading:
    """A line that stands out; level 1 is the report's own."""

    text: str
    level: int = 2


@dataclass(frozen=True, slots=True)
class Sentences:
    """Paragraphs, or the points of a list."""

    texts: tuple[str, ...]
    listed: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Cells as text."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture with what it shows."""

    name: str
    caption: str
    draw: Callable[[], Any]  # drawing needs heavy libraries: only when the report is written


@dataclass(frozen=True, slots=True)
class Quote:
    """What a work says, word for word, and where."""

    text: str
    cited: str  # authors, title, year, section, page
    number: int | None = None  # of the work among the report's sources
    remarks: tuple[str, ...] = ()  # what it claims in numbers, what a member noted
    against: bool = False


SHORT = 14  # letters of a cell that is not broken: a date, an amount

Block = Heading | Sentences | Table | Figure | Quote
Drawn = Callable[[Figure], list[str]]


def markdown_lines(block: Block, draw: Drawn) -> list[str]:
    """A block as lines of Markdown, an empty one last; `draw` gives those of a figure."""
    match block:
        case Heading(text, level):
            return [f"{'#' * level} {escaped(text)}", ""]
        case Sentences(texts, listed):
            before, between = ("- ", "\n") if listed else ("", "\n\n")
            return [between.join(before + escaped(text) for text in texts), ""]
        case Table(head, rows):
            return [_row(head), _row(["---"] * len(head), plain=True), *map(_row, rows), ""]
        case Quote():
            lead = "Against: " if block.against else ""
            lines = [f"> {lead}“{escaped(block.text)}”", ">", f"> — {escaped(_cited(block))}"]
            for remark in block.remarks:
                lines += [">", f"> {escaped(remark)}"]
            return [*lines, ""]
        case Figure():
            return draw(block)


def to_markdown(blocks: Iterable[Block], name: str) -> dict[str, bytes]:
    """`name`.md and its figures as PNG: file name → content, all for one folder."""
    from kb.export.charts import to_png

    files: dict[str, bytes] = {}

    def draw(figure: Figure) -> list[str]:
        file = f"{name}-{figure.name}.png"
        files[file] = to_png(figure.draw())
        return [f"![{escaped(figure.caption)}](<{file}>)", ""]

    lines = [line for block in blocks for line in markdown_lines(block, draw)]
    return {f"{name}.md": "\n".join(lines).encode(), **files}


def html_part(block: Block) -> str:
    """A block as HTML, its figures drawn."""
    match block:
        case Heading(text, level):
            return f"<h{level}>{_safe(text)}</h{level}>"
        case Sentences(texts, True):
            return "<ul>" + "".join(f"<li>{_safe(text)}</li>" for text in texts) + "</ul>"
        case Sentences(texts, False):
            return "\n".join(f"<p>{_safe(text)}</p>" for text in texts)
        case Table(head, rows):
            cells = "".join(f"<th>{_safe(cell)}</th>" for cell in head)
            lines = "".join("<tr>" + "".join(map(_cell, row)) + "</tr>" for row in rows)
            return (
                '<div class="wide"><table><thead><tr>'
                f"{cells}</tr></thead><tbody>{lines}</tbody></table></div>"
            )
        case Quote():
            lead = "<strong>Against:</strong> " if block.against else ""
            more = "".join(f"<p>{_safe(remark)}</p>" for remark in block.remarks)
            to = f' <a href="#source-{block.number}">[{block.number}]</a>' if block.number else ""
            return (
                f"<figure class=quote><blockquote>{lead}“{_safe(block.text)}”</blockquote>"
                f"<figcaption>{_safe(block.cited)}{to}</figcaption>{more}</figure>"
            )
        case Figure(name, caption, draw):
            from kb.export.charts import to_svg

            svg = to_svg(draw(), prefix=name)
            return (
                f'<figure><div class="wide">{svg}</div>'
                f"<figcaption>{_safe(caption)}</figcaption></figure>"
            )
    raise AssertionError(block)


def to_html(blocks: Iterable[Block], title: str) -> bytes:
    """One file that stands alone: no script, nothing fetched, light and dark, printable."""
    return html_page("\n".join(map(html_part, blocks)), title)


def html_page(body: str, title: str) -> bytes:
    """A page around a body that is safe already."""
    return _PAGE.format(title=_safe(title), style=_STYLE, body=body).encode()


def _cited(quote: Quote) -> str:
    return f"{quote.cited} [{quote.number}]" if quote.number else quote.cited


def figure_text(figure: dict[str, Any], digits: int = 3) -> str:
    """0.742 (0.690 to 0.790)."""
    value, low, high = (f"{figure[part]:.{digits}f}" for part in ("value", "low", "high"))
    return f"{value} ({low} to {high})".replace("-", "−")


def signed_text(figure: dict[str, Any]) -> str:
    """+0.031 (−0.010 to +0.070), with a true minus."""
    value, low, high = (f"{figure[part]:+.3f}" for part in ("value", "low", "high"))
    return f"{value} ({low} to {high})".replace("-", "−")


def _cell(text: str) -> str:
    """What is short, such as a date or an amount, stays on one line."""
    return f"<td{' class=short' if len(text) <= SHORT else ''}>{_safe(text)}</td>"


def _row(cells: tuple[str, ...] | list[str], *, plain: bool = False) -> str:
    return "| " + " | ".join(cell if plain else escaped(cell) for cell in cells) + " |"


def _safe(text: str) -> str:
    return html.escape(visible(text))


_STYLE = """
:root { color-scheme: light dark; --ink: #1a2233; --paper: #fff; --line: #d5dae3; --dim: #5b6474; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ef; --paper: #12161e; --line: #39414f; --dim: #9aa4b5; }
}
body { margin: 0 auto; max-width: 48rem; padding: 1.5rem 1rem 4rem; color: var(--ink);
  background: var(--paper); font: 16px/1.5 system-ui, "Liberation Sans", Arial, sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.25; }
h2 { margin-top: 2.2rem; font-size: 1.25rem; }
h3 { margin-top: 1.8rem; font-size: 1.08rem; }
h4 { margin: 1.3rem 0 0.4rem; font-size: 1rem; font-weight: 600; color: var(--dim); }
h4 + p { margin-top: 0; }
h1, h2, h3, h4, p, li, td, figcaption, blockquote { overflow-wrap: break-word; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.9rem; font-variant-numeric: tabular-nums; }
th, td { padding: 0.3rem 0.9rem 0.3rem 0; border-bottom: 1px solid var(--line); text-align: left;
  vertical-align: top; }
.short { white-space: nowrap; }
figure { margin: 1.2rem 0; }
figure svg { width: 100%; min-width: 36rem; height: auto; }
figcaption { color: var(--dim); font-size: 0.9rem; }
.quote { border-left: 3px solid var(--line); padding-left: 0.9rem; }
.quote :is(blockquote, p) { margin: 0 0 0.2rem; }
a { color: inherit; }
@page { size: A4; margin: 18mm 17mm 20mm;
  @bottom-center { content: counter(page) " / " counter(pages); font: 9pt Arial, sans-serif; } }
@media print { body { max-width: none; padding: 0; font-size: 10.5pt; }
  h2, h3, h4 { break-after: avoid; } figure, tr, li { break-inside: avoid; }
  figure svg { min-width: 0; max-height: 230mm; } .wide { overflow: visible; }
  td { overflow-wrap: anywhere; } }
"""

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title><style>{style}</style></head>
<body>
{body}
</body></html>
"""
