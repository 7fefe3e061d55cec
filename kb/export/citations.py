"""The works that a plan cites, as BibTeX, RIS and CSL-JSON, under one set of citation keys.

It knows names, types and escapes of bibliographies. What was quoted from a work, and where, is the
business of the other formats.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import count
from typing import Any
from urllib.parse import quote

from kb.export import visible
from kb.records import Document, Plan

Item = dict[str, Any]
"""One work in CSL-JSON: https://citeproc-js.readthedocs.io/en/latest/csl-json/markup.html"""

_SMALL_WORDS = frozenset(
    (
        *("a", "an", "and", "are", "as", "at", "by", "can", "do", "does", "for", "from", "has"),
        *("how", "in", "into", "is", "it", "its", "of", "on", "or", "the", "their", "this", "to"),
        *("toward", "towards", "using", "via", "we", "what", "when", "where", "which", "why"),
        "with",
    )
)
_PARTICLES = frozenset(
    ("af", "al", "da", "de", "del", "della", "den", "der", "di", "du", "ten", "ter", "van", "von")
)
_SUFFIXES = frozenset(("jr", "jr.", "sr", "sr.", "ii", "iii", "iv"))
_GROUP = re.compile(
    r"^the\s|\b(authors|team|group|inc|ltd|llc|gmbh|lab|labs|university|consortium|project|blog)\b",
    re.IGNORECASE,
)
_MEETING = re.compile(r"proceedings|conference|workshop|symposium|meeting of", re.IGNORECASE)


def bibtex(plan: Plan) -> bytes:
    """The cited works as BibTeX, UTF-8, in order of key."""
    return "\n".join(_entry(item) for item in _items(plan)).encode()


def ris(plan: Plan) -> bytes:
    """The cited works as RIS, UTF-8 with CRLF as the format asks, in order of key."""
    return "".join(f"{line}\r\n" for item in _items(plan) for line in _record(item)).encode()


def csl_json(plan: Plan) -> bytes:
    """The cited works as CSL-JSON, UTF-8, in order of key."""
    return (json.dumps(_items(plan), ensure_ascii=False, indent=2) + "\n").encode()


def cited_works(plan: Plan) -> dict[str, Document]:
    """The works that the plan's evidence cites, by citation key, in order of key."""
    found = {e.document.key: e.document for each in plan.findings for e in each.evidence}
    return citation_keys(list(found.values()))


def citation_keys(documents: Sequence[Document]) -> dict[str, Document]:
    """A key for each work: its first author's name, year and first telling word ("pang2002thumbs").

    Of works that would share a key, the one that came into the library first has it bare, the next
    ones with "a", "b", …: a work that is cited later never takes another's key.
    """
    keys: dict[str, Document] = {}
    for document in sorted(documents, key=lambda each: (each.added_at, each.key)):
        base = _base_key(document)
        key = next(k for k in (base + _letters(n) for n in count()) if k not in keys)
        keys[key] = document
    return dict(sorted(keys.items()))


def _letters(number: int) -> str:
    """Nothing for 0, then "a" to "z", then "aa", …"""
    text = ""
    while number:
        number, rest = divmod(number - 1, 26)
        text = chr(ord("a") + rest) + text
    return text


def _base_key(document: Document) -> str:
    names = [_name(author) for author in document.metadata.authors[:1]]
    who = _ascii(names[0].get("family") or names[0]["literal"]) if names else "anonymous"
    words = [_ascii(word) for word in re.findall(r"\w+", document.metadata.title)]
    told = [word for word in words if word and word not in _SMALL_WORDS]
    what = (told or ["untitled"])[0]
    return f"{who or 'anonymous'}{document.metadata.year or 'nd'}{what}"[:60]


def _ascii(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text).casefold().encode("ascii", "ignore")
    return re.sub(r"[^a-z0-9]", "", decomposed.decode())


# -- CSL-JSON ----------------------------------------------------------------------------------


def _items(plan: Plan) -> list[Item]:
    return [_item(key, document) for key, document in cited_works(plan).items()]


def _item(key: str, document: Document) -> Item:
    meta = document.metadata
    arxiv, doi = _identifier(document, "arxiv"), _identifier(document, "doi")
    on_arxiv = bool(arxiv) and (not meta.venue or meta.venue.lower() == "arxiv")
    item: Item = {
        "id": key,
        "type": _type(document, on_arxiv=on_arxiv),
        "title": visible(document.title) or document.key,
        "author": [_name(author) for author in meta.authors if visible(author)],
        "issued": _date(meta.published),
        "container-title": "" if on_arxiv else visible(meta.venue),
        "publisher": "arXiv" if on_arxiv else "",
        "archive": "arXiv" if arxiv else "",
        "archive_location": arxiv,
        "DOI": doi,
        "URL": _address(meta.url),
        "accessed": _date(document.added_at[:10]) if meta.url else {},
        "language": visible(meta.language),
        "abstract": visible(meta.abstract),
    }
    return {name: value for name, value in item.items() if value}


def _type(document: Document, *, on_arxiv: bool) -> str:
    if document.kind == "blog":
        return "post-weblog"
    if on_arxiv:
        return "article"
    if _MEETING.search(document.metadata.venue):
        return "paper-conference"
    return "article-journal" if document.metadata.venue else "document"


def _identifier(document: Document, scheme: str) -> str:
    """What stands behind "doi:" or "arxiv:" in the document's key or identifiers, else ""."""
    for value in (document.key, *document.metadata.identifiers):
        if value.lower().startswith(f"{scheme}:"):
            return visible(value[len(scheme) + 1 :])
    return ""


def _name(author: str) -> dict[str, str]:
    """A name in parts: "Last, First" or "First von Last Jr."; groups and single names whole."""
    plain = visible(author)
    if "," in plain:
        family, _, given = (part.strip() for part in plain.partition(","))
        return {"family": family, "given": given} if family and given else {"literal": plain}
    words = plain.split()
    if len(words) < 2 or _GROUP.search(plain):
        return {"literal": plain}
    suffix = words.pop() if words[-1].lower() in _SUFFIXES and len(words) > 2 else ""
    first = len(words) - 1
    while first > 1 and words[first - 1] in _PARTICLES:
        first -= 1
    parts = {"family": " ".join(words[first:]), "given": " ".join(words[:first]), "suffix": suffix}
    return {name: value for name, value in parts.items() if value}


def _date(text: str) -> Item:
    """ISO 8601, as far as it is known, in CSL's form."""
    found = re.match(r"(\d{4})(?:-(\d\d))?(?:-(\d\d))?", text)
    return {"date-parts": [[int(part) for part in found.groups() if part]]} if found else {}


def _address(url: str) -> str:
    """A web address without signs that end a field; "" for anything else."""
    plain = "".join(visible(url).split())
    if not re.match(r"https?://", plain, re.IGNORECASE):
        return ""
    return quote(plain, safe="%/:?#[]@!$&'()*+,;=~-._")


# -- BibTeX ------------------------------------------------------------------------------------

_BIBTEX_TYPES = {"article-journal": "article", "paper-conference": "inproceedings"}
_LATEX = {
    "\\": r"\textbackslash{}", "{": r"\textbraceleft{}", "}": r"\textbraceright{}",
    "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}",
    ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\textquotedbl{}",
}  # fmt: skip
"""A brace counts for BibTeX even behind a backslash: hence the names of the braces."""


def _entry(item: Item) -> str:
    kind = _BIBTEX_TYPES.get(item["type"], "misc")
    place = {"article": "journal", "inproceedings": "booktitle"}.get(kind, "howpublished")
    issued = item.get("issued", {}).get("date-parts", [[]])[0]
    fields = {
        "title": _protected(item["title"]),
        "author": " and ".join(_bibtex_name(name) for name in item.get("author", ())),
        "year": str(issued[0]) if issued else "",
        "month": str(issued[1]) if len(issued) > 1 else "",
        place: _latex(item.get("container-title", "")),
        "eprint": item.get("archive_location", ""),
        "archiveprefix": item.get("archive", ""),
        "doi": _verbatim(item.get("DOI", "")),
        "url": item.get("URL", ""),
        "urldate": _iso(item.get("accessed", {})),
        "abstract": _latex(item.get("abstract", "")),
    }
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
    return "\n".join([f"@{kind}{{{item['id']},", *lines, "}", ""])


def _latex(text: str) -> str:
    return "".join(_LATEX.get(char, char) for char in text)


def _verbatim(text: str) -> str:
    """What LaTeX sets as it stands, without the signs that would end the field."""
    return re.sub(r"[{}\\\s]", "", text)


def _protected(title: str) -> str:
    """The title with braces around words whose capitals a style must keep: {BERT}, {iPhone}."""
    words = []
    for word in title.split():
        shown = _latex(word)
        words.append(f"{{{shown}}}" if any(c.isupper() for c in word[1:]) else shown)
    return " ".join(words)


def _bibtex_name(name: Mapping[str, str]) -> str:
    if "literal" in name:
        return f"{{{_latex(name['literal'])}}}"
    parts = (name["family"], name.get("suffix", ""), name["given"])
    return ", ".join(_unsplit(_latex(part)) for part in parts if part)


def _unsplit(part: str) -> str:
    """A part of a name that holds the word “and” in braces, since that parts two people."""
    return f"{{{part}}}" if re.search(r"(?i)(^|\s)and(\s|$)", part) else part


def _iso(given: Item) -> str:
    parts = given.get("date-parts", [[]])[0]
    return date(*parts).isoformat() if len(parts) == 3 else ""


# -- RIS ---------------------------------------------------------------------------------------

_RIS_TYPES = {
    "post-weblog": "BLOG", "article": "UNPB", "paper-conference": "CPAPER",
    "article-journal": "JOUR", "document": "GEN",
}  # fmt: skip


def _record(item: Item) -> list[str]:
    issued = item.get("issued", {}).get("date-parts", [[]])[0]
    fields: list[tuple[str, str]] = [
        ("TY", _RIS_TYPES[item["type"]]),
        ("ID", item["id"]),
        ("TI", item["title"]),
        *(("AU", _ris_name(name)) for name in item.get("author", ())),
        ("PY", str(issued[0]) if issued else ""),
        ("DA", "/".join(f"{part:02d}" for part in issued) if len(issued) > 1 else ""),
        ("T2", item.get("container-title", "")),
        ("PB", item.get("publisher", "")),
        ("DO", item.get("DOI", "")),
        ("M1", f"arXiv:{item['archive_location']}" if "archive_location" in item else ""),
        ("UR", item.get("URL", "")),
        ("LA", item.get("language", "")),
        ("AB", item.get("abstract", "")),
    ]
    return [*(f"{tag}  - {value}" for tag, value in fields if value), "ER  - ", ""]


def _ris_name(name: Mapping[str, str]) -> str:
    if "literal" in name:
        return name["literal"].replace(",", "")  # a comma would part family and given name
    return ", ".join(filter(None, (name["family"], name["given"], name.get("suffix", ""))))
