"""A project as one JSON file, written and read: so that projects move between libraries.

It knows the published schema (docs/schema) and what must hold beyond it. It does not know the
database; what the state consists of is `kb.store.exchange`'s business.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from kb.errors import UsageError

FORMAT = "kb project"
VERSION = 1
"""Grows with each change that an older kb cannot read; each version has a schema of its own."""

_NOT_ONE = "This is no project that kb has exported: "
_LISTS = ("findings", "evidence", "candidates", "experiments", "trials", "fits", "decisions",
          "comments")  # fmt: skip


def json_plan(state: Mapping[str, Any]) -> bytes:
    """The project as JSON, UTF-8. The same state gives the same bytes."""
    whole = {"format": FORMAT, "version": VERSION, **state}
    return (json.dumps(whole, ensure_ascii=False, indent=1, allow_nan=False) + "\n").encode()


def read_project(content: bytes, *, quotes: bool = True) -> dict[str, Any]:
    """The state in a file that `json_plan` has written.

    UsageError, with the place, where it is none, is of a newer kb, or contradicts itself: what a
    row refers to is missing, or (unless not `quotes`) a quote does not stand where the file says.
    """
    given = _parsed(content)
    if not isinstance(given, dict) or given.get("format") != FORMAT:
        raise UsageError(f"{_NOT_ONE}it does not say “format”: “{FORMAT}”.")
    version = given.get("version")
    if isinstance(version, int) and version > VERSION:
        raise UsageError(
            f"This file was written by a newer kb (format {version}; this one knows {VERSION}). "
            "Upgrade kb, then import it."
        )
    _validate(given)
    state = {name: value for name, value in given.items() if name not in ("format", "version")}
    for problem in _contradictions(state, quotes=quotes):
        raise UsageError(f"{_NOT_ONE}{problem}.")
    return state


@cache
def schema() -> dict[str, Any]:
    """The published schema of this version."""
    found: dict[str, Any] = json.loads(_schema_file().read_text(encoding="utf-8"))
    return found


def _schema_file() -> Path:
    """In the installed package, else in the source tree."""
    inside = Path(__file__).resolve().parent.parent
    name = f"project-{VERSION}.schema.json"
    installed = inside / "data" / "schema" / name
    return installed if installed.is_file() else inside.parent / "docs" / "schema" / name


def _parsed(content: bytes) -> Any:
    try:
        text = content.decode("utf-8-sig")
        given = json.loads(text, parse_constant=_refused)
        json.dumps(given, ensure_ascii=False).encode()  # no half of a surrogate pair in it
    except (UnicodeError, RecursionError, ValueError) as error:
        raise UsageError(f"{_NOT_ONE}it is not valid JSON ({error}).") from error
    return given


def _refused(constant: str) -> None:
    raise ValueError(f"{constant} is no number")


def _validate(given: dict[str, Any]) -> None:
    from jsonschema import Draft202012Validator  # only here: an export must start fast

    error = next(Draft202012Validator(schema()).iter_errors(given), None)
    if error is not None:
        deepest = min(error.context, key=lambda e: -len(e.absolute_path), default=error)
        place = "/".join(str(part) for part in deepest.absolute_path) or "its top"
        raise UsageError(f"{_NOT_ONE}at {place}, {deepest.message[:200]}.")


# -- what the schema cannot say ----------------------------------------------------------------


def _contradictions(state: Mapping[str, Any], *, quotes: bool) -> Iterator[str]:
    """What does not fit together, as parts of sentences."""
    yield from _doubles(state)
    known = {name: {row["uid"] for row in state[name]} for name in _LISTS}
    for place, table, uid in _references(state):
        if uid not in known[table]:
            yield f"{place} refers to {table} {uid}, and the file has none of that uid"
    yield from _merges(state["findings"])
    yield from _circles(state["experiments"])
    yield from _superseded(state["decisions"])
    yield from _documents(state)
    if quotes:
        yield from (problem for _, problem in quote_problems(state))


def _doubles(state: Mapping[str, Any]) -> Iterator[str]:
    for name in _LISTS:
        uids = [row["uid"] for row in state[name]]
        if len(set(uids)) < len(uids):
            yield f"two rows of {name} have one uid"
    for name, parts in {"candidates": ("finding",), "ratings": ("finding", "factor"),
                        "readings": ("document",), "documents": ("key",),
                        "decisions": ("number",), "axes": ("id",)}.items():  # fmt: skip
        keys = [tuple(row[part] for part in parts) for row in state[name]]
        if len(set(keys)) < len(keys):
            yield f"two rows of {name} have one {' and '.join(parts)}"


def _references(state: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """(where, which list, uid) of all that rows say of each other."""
    for name in ("evidence", "candidates", "fits", "ratings"):
        for row in state[name]:
            if row["finding"] is not None:
                yield name, "findings", row["finding"]
    for row in state["ratings"]:
        yield from _each("ratings", "evidence", row["evidence"])
    for row in state["experiments"]:
        yield from _each("experiments", "findings", row["candidates"])
        yield from _each("experiments", "experiments", row["depends_on"])
    for row in state["decisions"]:
        for part in ("candidates", "alternatives"):
            yield from _each("decisions", "findings", row["body"][part])
        yield from _each("decisions", "experiments", row["body"]["experiments"])
        yield from _each("decisions", "decisions", filter(None, [row["supersedes"]]))
    for row in state["comments"]:
        noun, _, uid = row["subject"].partition(":")
        table = {"finding": "findings", "evidence": "evidence", "candidate": "candidates"}[noun]
        yield "comments", table, uid


def _each(place: str, table: str, uids: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    return ((place, table, uid) for uid in uids)


def _merges(findings: list[dict[str, Any]]) -> Iterator[str]:
    roots = {row["uid"]: row for row in findings if row["merged_into"] is None}
    for row in findings:
        into = row["merged_into"]
        if into is None:
            continue
        if into not in roots:
            yield f"“{row['name']}” is merged into a finding that the file does not have"
        elif roots[into]["kind"] != row["kind"]:
            yield f"“{row['name']}” is merged into a finding of another kind"


def _circles(experiments: list[dict[str, Any]]) -> Iterator[str]:
    waiting = {row["uid"]: set(row["depends_on"]) for row in experiments}
    while free := {uid for uid, needs in waiting.items() if not needs & waiting.keys()}:
        waiting = {uid: needs for uid, needs in waiting.items() if uid not in free}
    if waiting:
        yield "experiments wait for each other in a circle"


def _documents(state: Mapping[str, Any]) -> Iterator[str]:
    keys = {row["key"] for row in state["documents"]}
    for row in state["documents"]:
        shas = [version["sha256"] for version in row["versions"]]
        if row["current"] not in shas or len(set(shas)) < len(shas):
            yield f"the versions of {row['key']} are not those it should have"
        for version in row["versions"]:
            for stretch in (*version["pages"], *version["sections"]):
                if not stretch["start"] <= stretch["end"] <= len(version["text"]):
                    yield f"a page or section of {row['key']} lies outside of its text"
    for row in state["readings"]:
        if row["document"] not in keys:
            yield f"readings name {row['document']}, and the file does not have it"
        told = [
            row[name] is None for name in ("status", "reason", "reader", "minutes", "updated_at")
        ]
        if any(told) and not all(told):
            yield f"the reading of {row['document']} is told in part"


def _superseded(decisions: list[dict[str, Any]]) -> Iterator[str]:
    numbers = {row["uid"]: row["number"] for row in decisions}
    for row in decisions:
        old = row["supersedes"]
        if old in numbers and numbers[old] >= row["number"]:
            yield f"decision {row['number']} supersedes one that came later"


def quote_problems(state: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """Evidence whose quote does not stand where it says, each with why, as part of a sentence."""
    versions = {
        (row["key"], version["sha256"]): version
        for row in state["documents"]
        for version in row["versions"]
    }
    for row in state["evidence"]:
        version = versions.get((row["document"], row["sha256"]))
        if version is None:
            yield row, f"{row['document']} is cited in a version that the file does not have"
        elif version["text"][row["start"] : row["end"]] != row["quote"]:
            yield row, f"the quote “{row['quote'][:80]}” does not stand in {row['document']}"
        elif row["page"] is not None and row["page"] > len(version["pages"]):
            yield row, f"{row['document']} has no page {row['page']}"
