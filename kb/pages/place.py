"""The address of a place in a document: which, in which version, on which page, which words.

It knows the names in the address and how to move there in one step. It reads no document.
"""

from __future__ import annotations

import streamlit as st

from kb.records import Document, Evidence

PLACE = ("document", "version", "page", "start", "end")  # in the address
ORIGINS: dict[str, tuple[str, str, dict[str, str]]] = {
    "library": ("Back to the library", "library.py", {}),
    "suggestions": ("Back to the suggestions", "findings.py", {"view": "suggestions"}),
    "finding": ("Back to the finding", "findings.py", {}),
    "experiment": ("Back to the experiment", "plan.py", {}),
    "project": ("Back to the project", "project.py", {}),
    "data": ("Back to the plan", "plan.py", {"view": "data"}),
}
"""Where a document may have been opened from → the label, page file and address of the way back.
That of a finding is written "finding-3", and of an experiment likewise."""


def of_words(
    document: Document, version_id: int, span: tuple[int, int], page: int | None
) -> dict[str, str]:
    """The address of a stretch of a version's text."""
    number = {} if page is None else {"page": str(page)}
    return {"document": document.key, "version": str(version_id), **number,
            "start": str(span[0]), "end": str(span[1])}  # fmt: skip


def of_evidence(found: Evidence) -> dict[str, str]:
    """The address of a quote, in the version that it was pinned in."""
    return of_words(found.document, found.version_id, (found.start, found.end), found.page)


def go(place: dict[str, str]) -> None:
    """Move to a place in one step, so that the browser's “back” takes one step too.

    Whatever else the address holds, as the question, stays for the way back.
    """
    address: dict[str, str | list[str]] = {
        name: st.query_params.get_all(name) for name in st.query_params if name not in PLACE
    }
    st.query_params.from_dict({**address, **place})


def turn(page: int) -> None:
    """Move to another page of the document that the address names."""
    go({name: st.query_params[name] for name in PLACE if name in st.query_params}
       | {"page": str(page)})  # fmt: skip


def number(name: str) -> int | None:
    """The number that the address holds under a name; None for anything else."""
    value = st.query_params.get(name, "")
    return int(value) if value.isdecimal() and len(value) < 12 else None


def origin() -> tuple[str, str, dict[str, str]] | None:
    """The way back to where the document was opened from; None where that was the search page."""
    name, _, number = st.query_params.get("from", "").partition("-")
    if name not in ORIGINS:
        return None
    label, page, address = ORIGINS[name]
    return label, page, {**address, **({name: number} if number else {})}
