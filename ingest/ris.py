"""RIS as CSL-JSON items.

It knows the tags of RIS and how exporters bend them. It does not know what becomes of an entry, nor
does it open files.

rispy reads one record at a time here: given a file it drops, without a word, whatever has no end
tag, and everything where the first tag is not as it expects.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import rispy

from ingest.csl import Broken, Item, Reference, titled

__all__ = ["read_ris"]

_LINE = re.compile(r"([A-Z][A-Z0-9]) {1,2}-(?: (.*)| *|(\S.*))\Z")
_TYPES = {
    "BLOG": "post-weblog",
    "BOOK": "book",
    "CHAP": "chapter",
    "COMP": "software",
    "CONF": "paper-conference",
    "CPAPER": "paper-conference",
    "DATA": "dataset",
    "EBOOK": "book",
    "ECHAP": "chapter",
    "EDBOOK": "book",
    "EJOUR": "article-journal",
    "ELEC": "webpage",
    "ENCYC": "entry-encyclopedia",
    "ICOMM": "post",
    "INPR": "article",
    "JFULL": "periodical",
    "JOUR": "article-journal",
    "MANSCPT": "manuscript",
    "MGZN": "article-magazine",
    "MPCT": "motion_picture",
    "NEWS": "article-newspaper",
    "PAMP": "pamphlet",
    "PAT": "patent",
    "PCOMM": "personal_communication",
    "RPRT": "report",
    "SLIDE": "speech",
    "STAND": "standard",
    "THES": "thesis",
    "UNPB": "manuscript",
    "UNPD": "manuscript",
    "VIDEO": "video",
    "WEB": "webpage",
}
_TEXTS = {  # CSL field: rispy's names of it, the first filled one wins
    "title": ("title", "primary_title", "translated_title"),
    "title-short": ("short_title",),
    "container-title": (
        *("secondary_title", "alternate_title3", "journal_name"),
        *("alternate_title2", "alternate_title1"),
    ),
    "collection-title": ("tertiary_title",),
    "publisher": ("publisher",),
    "volume": ("volume",),
    "issue": ("number",),
    "edition": ("edition",),
    "abstract": ("abstract", "notes_abstract"),
    "language": ("language",),
    "DOI": ("doi",),
    "ISSN": ("issn",),
}


def read_ris(text: str) -> Iterator[Reference | Broken]:
    """The records of a file in order, each named by its ID tag or the line it begins on.

    A record begins with its TY tag and ends before the next one, whether or not it has an ER tag.
    ValueError with a sentence where there is no record.
    """
    seen: set[str] = set()
    records = list(_records(text))
    if not records:
        kind = "the export format of Web of Science" if re.search(r"^PT ", text, re.M) else "no RIS"
        raise ValueError(
            f"It has no line that begins with “TY  - ”: it is {kind}. Export the references as RIS."
        )
    for line, lines in records:
        try:
            found = rispy.loads("\n".join(lines))[0]
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            yield Broken(f"line {line}", f"The record on line {line} cannot be read: {error!r}.")
            continue
        name = _text(found.get("id")) or f"line {line}"
        name = f"{name}, line {line}" if name in seen else name
        seen.add(name)
        item = _item(found, name)
        if titled(item):
            yield Reference(name, item, _files(found))
        else:
            yield Broken(name, f"The record on line {line} has no title (TI or T1).")


def _records(text: str) -> Iterator[tuple[int, list[str]]]:
    """Each record as its first line's number and its lines in the spelling that rispy reads."""
    start, ended = 0, False
    lines: list[str] = []
    for number, line in enumerate(text.split("\n"), start=1):
        found = _LINE.match(line.strip("\ufeff").rstrip())
        tag = found[1] if found else ""
        if tag == "TY":
            if lines:
                yield start, [*lines, "ER  - "]
            start, lines, ended = number, [], False
        if tag == "ER":
            ended = True
        elif found:
            if start and not ended:
                lines.append(f"{tag}  - {(found[2] or found[3] or '').strip()}")
        elif start and not ended and len(lines) > 1 and line.strip():
            lines.append(f"      {line.strip()}")  # goes on with the tag before it
    if lines:
        yield start, [*lines, "ER  - "]


def _item(found: dict[str, Any], name: str) -> Item:
    kind = _text(found.get("type_of_reference")).upper()
    item: Item = {"id": name, "type": _TYPES.get(kind, "document")}
    for target, sources in _TEXTS.items():
        item[target] = next((t for source in sources if (t := _text(found.get(source)))), "")
    names = [*_list(found.get("first_authors")), *_list(found.get("authors"))]
    item["author"] = [_person(name) for name in dict.fromkeys(names)]
    item["editor"] = [_person(p) for p in _list(found.get("secondary_authors"))]
    item["issued"] = _issued(found)
    item["page"] = "-".join(filter(None, (_text(found.get(k)) for k in ("start_page", "end_page"))))
    item["keyword"] = "; ".join(_list(found.get("keywords")))
    item["note"] = "\n".join([*_list(found.get("notes")), *_list(found.get("research_notes"))])
    links = [*_list(found.get("urls")), _text(found.get("file_attachments2"))]
    item["URL"] = next((link for link in links if re.match(r"https?://", link)), "")
    return {key: value for key, value in item.items() if value}


def _issued(found: dict[str, Any]) -> dict[str, object]:
    """From `2014`, `2014/03/01/spring` or `March 2014`."""
    for name in ("date", "publication_year", "year"):
        text = _text(found.get(name))
        numbers = re.match(r"(\d{4})(?:[/-](\d{1,2}))?(?:[/-](\d{1,2}))?(?!\d)", text)
        if numbers:
            return {"date-parts": [[int(part) for part in numbers.groups() if part]]}
    for name in ("year", "publication_year", "date"):
        if year := re.search(r"(?<!\d)\d{4}(?!\d)", _text(found.get(name))):
            return {"date-parts": [[int(year[0])]]}
    return {}


def _person(name: str) -> dict[str, str]:
    """“Last, First, Suffix”, or a name as it stands."""
    parts = [part.strip() for part in name.split(",") if part.strip()]
    if len(parts) < 2:
        return {"literal": name.strip()}
    return dict(zip(("family", "given", "suffix"), parts, strict=False))


def _files(found: dict[str, Any]) -> tuple[str, ...]:
    texts = [*_list(found.get("file_attachments1")), *_list(found.get("file_attachments2"))]
    names = (re.sub(r"\A(?:internal-pdf|file)://", "", text) for text in texts)
    return tuple(name for name in names if name and not re.match(r"https?://", name))


def _text(value: object) -> str:
    if isinstance(value, list):
        value = " ".join(str(part) for part in value)
    return " ".join(value.split()) if isinstance(value, str) else ""


def _list(value: object) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [flat for one in values if isinstance(one, str) and (flat := " ".join(one.split()))]
