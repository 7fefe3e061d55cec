"""How things look in a terminal: plain text with a little emphasis. Knows no command."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Sequence
from dataclasses import asdict, is_dataclass

import click

from kb.records import Document

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def say(sentence: str) -> None:
    """A sentence for the user, on stderr, where it does not mix with results."""
    click.echo(sentence, err=True)


def harmless(text: str) -> str:
    """`text` without control characters: what a document says cannot drive the terminal."""
    return _CONTROL.sub("", text)


def heading(text: str) -> str:
    """One line that stands out."""
    return click.style(" ".join(harmless(text).split()), bold=True)


def dim(text: str) -> str:
    """One line that stands back."""
    return click.style(harmless(text), dim=True)


def labelled(label: str, text: str, *, width: int = 14) -> str:
    """A label that stands back, to the right of its column, and what it says."""
    return f"{click.style(label.rjust(width), dim=True)}  {harmless(text)}"


def printed_json(value: object) -> str:
    """A record, or lists and dicts of them, as JSON for programs."""
    return json.dumps(value, ensure_ascii=False, indent=2, default=_plain)


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return str(value)  # a date


def documents_table_row(document: Document) -> str:
    """Title (Authors, year) on one line."""
    authors = short_authors(document.metadata.authors)
    year = str(document.metadata.year or "")
    who = ", ".join(part for part in (authors, year) if part)
    return f"{document.title} ({who})" if who else document.title


def short_authors(authors: Sequence[str]) -> str:
    """The first author, or the first two, or the first “et al.”."""
    if len(authors) > 2:
        return f"{authors[0]} et al."
    return " & ".join(authors)


def marked(
    text: str, marks: Sequence[tuple[int, int]], *, indent: str = "", width: int = 96
) -> str:
    """`text` wrapped to `width` columns with the marked stretches emphasised.

    Without colours (a pipe) the marks are left out rather than drawn with signs that are not in
    the text.
    """
    on, off = "\ue000", "\ue001"  # private use: stands for the emphasis while wrapping
    pieces, last = [], 0
    for start, end in marks:
        pieces += [text[last:start], on, text[start:end], off]
        last = end
    flat = harmless(re.sub(r"\s+", " ", "".join([*pieces, text[last:]]))).strip()
    wrapped = textwrap.fill(flat, width, initial_indent=indent, subsequent_indent=indent)
    return wrapped.replace(on, "\x1b[1;33m").replace(off, "\x1b[0m")
