"""BibTeX and BibLaTeX as CSL-JSON items.

It knows entry types, fields, string macros, `#`, crossref, names and LaTeX in them. It does not
know what becomes of an entry, nor does it open files.

bibtexparser divides a file into blocks; values are read here, since it neither joins values with
`#` nor follows crossref.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from bibtexparser.entrypoint import parse_string
from bibtexparser.middlewares.names import (
    parse_single_name_into_parts,
    split_multiple_persons_names,
)
from bibtexparser.model import (
    DuplicateBlockKeyBlock,
    DuplicateFieldKeyBlock,
    Entry,
    ParsingFailedBlock,
)
from pylatexenc.latex2text import (
    LatexNodes2Text,
    MacroTextSpec,
    get_default_latex_context_db,
)

from ingest.csl import Broken, Item, Reference, titled

__all__ = ["plain_latex", "read_bibtex"]

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_TYPES = {
    "article": "article-journal",
    "book": "book",
    "booklet": "pamphlet",
    "collection": "book",
    "conference": "paper-conference",
    "dataset": "dataset",
    "electronic": "webpage",
    "inbook": "chapter",
    "incollection": "chapter",
    "inproceedings": "paper-conference",
    "inreference": "entry-encyclopedia",
    "manual": "report",
    "mastersthesis": "thesis",
    "misc": "document",
    "movie": "motion_picture",
    "mvbook": "book",
    "online": "webpage",
    "patent": "patent",
    "periodical": "periodical",
    "phdthesis": "thesis",
    "proceedings": "book",
    "report": "report",
    "software": "software",
    "standard": "standard",
    "techreport": "report",
    "thesis": "thesis",
    "unpublished": "manuscript",
    "video": "video",
    "www": "webpage",
}
_TEXTS = {  # CSL field: the BibTeX fields it may stand in, the first filled one wins
    "title-short": ("shorttitle",),
    "container-title": ("journaltitle", "journal", "booktitle", "maintitle", "howpublished"),
    "collection-title": ("series",),
    "event-title": ("eventtitle",),
    "publisher": ("publisher", "school", "institution", "organization"),
    "volume": ("volume",),
    "issue": ("issue",),
    "number": ("number", "eid"),
    "page": ("pages",),
    "edition": ("edition",),
    "abstract": ("abstract",),
    "keyword": ("keywords", "keyword", "mendeley-tags"),
    "note": ("annotation", "annote", "note", "addendum"),
    "language": ("langid", "language"),
}
_VERBATIM = {"DOI": ("doi",), "ISBN": ("isbn",), "ISSN": ("issn",)}
_PARENT_TITLES = {"title": "booktitle", "subtitle": "booksubtitle"}
_OWN_ONLY = frozenset(
    (
        *("crossref", "xref", "xdata", "ids", "file", "keywords", "label", "note", "abstract"),
        *("author", "shorttitle", "doi", "url"),
    )
)
_KEYLESS = re.compile(  # as EndNote writes entries: a field where the key should be
    r"^([ \t]*@(?!string\b|comment\b|preamble\b)\w+[ \t]*[{(])(?=\s*[\w-]+\s*=)",
    re.MULTILINE | re.IGNORECASE,
)
_URL = re.compile(r"https?://[^\s{}<>\"]+")

for _name in ("bibtexparser", "pylatexenc"):
    logging.getLogger(_name).addHandler(logging.NullHandler())  # what is broken is told by ours

Fields = dict[str, str]


def read_bibtex(text: str) -> Iterator[Reference | Broken]:
    """The entries of a file in order, and what is broken in it, each by its citation key or line.

    Two entries of one citation key are both read, the later by key and line. Of two fields of one
    name in an entry the first is taken, as BibTeX does.
    """
    library = parse_string(_KEYLESS.sub(r"\1,", text), parse_stack=[])
    macros = dict(zip(_MONTHS, _MONTHS, strict=True))
    for string in library.strings:
        macros[string.key.lower()] = _value(str(string.value), macros)
    entries = [(block, _entry_of(block)) for block in library.blocks]
    fields = {id(entry): _fields(entry, macros) for _, entry in entries if entry}
    by_key: dict[str, Fields] = {}
    for _, entry in entries:
        if entry:
            by_key.setdefault(entry.key.strip().lower(), fields[id(entry)])
    seen: set[str] = set()
    for block, entry in entries:
        line = (block.start_line or 0) + 1
        if entry:
            name = entry.key.strip() or f"line {line}"
            name = f"{name}, line {line}" if name in seen else name
            seen.add(name)
            yield _reference(entry, name, _inherited(fields[id(entry)], by_key))
        elif isinstance(block, ParsingFailedBlock) and not isinstance(
            block, DuplicateBlockKeyBlock
        ):
            yield _broken(block, line)


def _entry_of(block: Any) -> Entry | None:
    """The entry in a block: itself, or what can be read though bibtexparser calls it failed."""
    if isinstance(block, DuplicateFieldKeyBlock | DuplicateBlockKeyBlock):
        block = block.ignore_error_block
        return _entry_of(block)
    return block if isinstance(block, Entry) else None


def _broken(block: Any, line: int) -> Broken:
    raw = (block.raw or "").strip()
    found = re.match(r"@\s*\w+\s*[{(]\s*([^\s,{}=\"]+)\s*,", raw)
    first = raw.split("\n", 1)[0][:80]
    why = " ".join(str(getattr(block.error, "abort_reason", "") or block.error).split())
    return Broken(
        found[1] if found else f"line {line}",
        f"The entry on line {line} (“{first}”) cannot be read: {why.rstrip('.')}.",
    )


# -- values ------------------------------------------------------------------------------------


def _fields(entry: Entry, macros: Mapping[str, str]) -> Fields:
    """The fields by their names in lower case, without enclosing marks, LaTeX as it stands."""
    fields: Fields = {}
    for one in entry.fields:
        if value := _value(str(one.value), macros).strip():
            fields.setdefault(one.key.strip().lower(), value)
    return fields


def _value(source: str, macros: Mapping[str, str]) -> str:
    """A value as BibTeX reads it: pieces joined by `#`, macros in place of their names."""
    pieces = []
    for piece in _pieces(source):
        if piece[:1] in '{"' and piece[-1:] == ("}" if piece[0] == "{" else '"') and len(piece) > 1:
            pieces.append(piece[1:-1])
        else:
            pieces.append(macros.get(piece.lower(), piece))
    return "".join(pieces)


def _pieces(source: str) -> Iterator[str]:
    """What stands between the `#` that are outside of braces and quotes."""
    depth, quoted, start = 0, False, 0
    for at, char in enumerate(source):
        escaped = at > 0 and source[at - 1] == "\\"
        if char == "{" and not escaped:
            depth += 1
        elif char == "}" and not escaped:
            depth -= 1
        elif char == '"' and depth == 0 and not escaped:
            quoted = not quoted
        elif char == "#" and depth == 0 and not quoted:
            if piece := source[start:at].strip():
                yield piece
            start = at + 1
    if piece := source[start:].strip():
        yield piece


def _inherited(fields: Fields, by_key: Mapping[str, Fields]) -> Fields:
    """`fields` with what they inherit by crossref and xdata, from one parent each."""
    joined = dict(fields)
    for name in ("crossref", "xdata"):
        parent = by_key.get(fields.get(name, "").strip().lower())
        if parent is None or parent is fields:
            continue
        for key, value in parent.items():
            if name == "crossref" and key in _OWN_ONLY:
                continue
            target = _PARENT_TITLES.get(key, key) if name == "crossref" else key
            joined.setdefault(target, value)
    return joined


@cache
def _decoder() -> Any:
    context = get_default_latex_context_db()
    macros = [
        MacroTextSpec("url", simplify_repl="%s"),
        MacroTextSpec("href", simplify_repl="%(2)s"),
    ]
    context.add_context_category("addresses", prepend=True, macros=macros)
    return LatexNodes2Text(latex_context=context, math_mode="text", strict_latex_spaces=False)


def plain_latex(text: str) -> str:
    """LaTeX as plain text: accents, symbols, simple mathematics; braces go, words stay.

    Lines are joined, but an empty line between paragraphs stays.
    """
    if re.search(r"[\\{}$~%]|--|``|''", text):
        try:
            text = _decoder().latex_to_text(
                re.sub(r"(?<!\\)%", r"\\%", text), tolerant_parsing=True
            )
        except Exception:  # odd input makes it raise what its parser meets
            text = re.sub(r"\\[A-Za-z]+\s*|[{}\\$]", "", text)
    paragraphs = re.split(r"\n\s*\n", text.replace("\xa0", " "))
    return "\n".join(flat for part in paragraphs if (flat := " ".join(part.split())))


def _verbatim(text: str) -> str:
    """An address or number, in which LaTeX marks are only escapes."""
    text = re.sub(r"\\url\s*\{([^{}]*)\}", r"\1", text)
    text = re.sub(r"\{?\\(?:textasciitilde|sim)\b(?:\{\})?\}?|\\~\{\}", "~", text)
    return re.sub(r"\\([_%&#$~{}])", r"\1", text).replace("{", "").replace("}", "").strip()


# -- entry → item ------------------------------------------------------------------------------


def _reference(entry: Entry, name: str, fields: Fields) -> Reference | Broken:
    kind = entry.entry_type.strip().lower()
    item: Item = {"id": name, "type": _TYPES.get(kind, "document")}
    if kind == "thesis" or kind.endswith("thesis"):
        item["genre"] = fields.get("type", kind)
    parts = (plain_latex(fields.get(part, "")) for part in ("title", "subtitle"))
    item["title"] = ": ".join(filter(None, parts))
    for target, sources in _TEXTS.items():
        item[target] = next((t for s in sources if (t := plain_latex(fields.get(s, "")))), "")
    for target, sources in _VERBATIM.items():
        item[target] = next((t for s in sources if (t := _verbatim(fields.get(s, "")))), "")
    for role in ("author", "editor"):
        item[role] = _names(fields.get(role, ""))
    item["issued"] = _issued(fields)
    item["URL"] = _address(fields)
    _add_eprint(item, fields)
    item = {key: value for key, value in item.items() if value}
    if not item.get("title") and "booktitle" in fields:
        item["title"] = plain_latex(fields["booktitle"])
    if titled(item):
        return Reference(name, item, _files(fields))
    line = (entry.start_line or 0) + 1
    return Broken(
        name, f"The entry on line {line} has no title. Add one and ingest the file again."
    )


def _address(fields: Fields) -> str:
    for name in ("url", "howpublished", "ee", "link", "note"):
        if found := _URL.search(_verbatim(fields.get(name, ""))):
            return found[0].rstrip(".,;")
    return ""


def _add_eprint(item: Item, fields: Fields) -> None:
    eprint = _verbatim(fields.get("eprint", "") or fields.get("arxivid", ""))
    kind = _verbatim(fields.get("eprinttype", "") or fields.get("archiveprefix", "")).lower()
    is_arxiv = kind == "arxiv" or "arxivid" in fields or "arxiv" in eprint.lower()
    if eprint and (is_arxiv or (not kind and re.fullmatch(r"\d{4}\.\d{4,5}(v\d+)?", eprint))):
        item["archive"] = "arXiv"
        item["archive_location"] = re.sub(
            r"\A(?:https?://)?(?:arxiv(?:\.org/(?:abs|pdf)/|:))?\s*",
            "",
            eprint,
            flags=re.IGNORECASE,
        )


def _issued(fields: Fields) -> dict[str, object]:
    date = _verbatim(fields.get("date", "")).split("/")[0]
    found = re.match(r"(\d{4})(?:-(\d{1,2}))?(?:-(\d{1,2}))?", date)
    if found:
        return {"date-parts": [[int(part) for part in found.groups() if part]]}
    year = re.search(r"\d{4}", fields.get("year", ""))
    if not year:
        return {}
    month = re.match(r"\W*([a-z]{3}|\d{1,2})", fields.get("month", "").lower())
    number = 0
    if month:
        number = (
            int(month[1])
            if month[1].isdigit()
            else (*_MONTHS, "").index(month[1] if month[1] in _MONTHS else "") + 1
        )
    return {"date-parts": [[int(year[0]), *([number] if 1 <= number <= 12 else [])]]}


def _names(text: str) -> list[dict[str, str]]:
    """People as CSL has them. A name in braces is one of an organisation."""
    if not text.strip():
        return []
    try:
        names = split_multiple_persons_names(text)
    except Exception:  # unbalanced braces and the like
        names = re.split(r"\s+and\s+", text)
    people = [_person(name) for name in names if plain_latex(name).lower() not in ("others", "")]
    return [person for person in people if person]


def _person(name: str) -> dict[str, str]:
    if re.fullmatch(r"\{[^{}]*\}", name.strip()):
        return {"literal": plain_latex(name)}
    try:
        parts = parse_single_name_into_parts(name, strict=False)
    except Exception:
        return {"literal": plain_latex(name)}
    person = {
        "given": parts.first,
        "non-dropping-particle": parts.von,
        "family": parts.last,
        "suffix": parts.jr,
    }
    return {key: text for key, words in person.items() if (text := plain_latex(" ".join(words)))}


def _files(fields: Fields) -> tuple[str, ...]:
    """Paths in a `file` field as JabRef, Zotero, Mendeley and others write it.

    `path`, or `description:path:type`, several between semicolons; colons and semicolons of a path
    are escaped by a backslash, or are not.
    """
    source = fields.get("file", "")
    found: list[str] = []
    for part in [source, *re.split(r"(?<!\\);", source)]:
        pieces = re.split(r"(?<!\\):", part)
        found += [part, ":".join(pieces[1:-1])] if len(pieces) > 2 else [part]
    paths = (re.sub(r"\\([:;\\_&%#{}$])", r"\1", path).strip() for path in found)
    return tuple(dict.fromkeys(path for path in paths if path))
