"""A project as it leaves the library: all that people wrote for it, and the sources that it cites.

It knows which rows belong to a project and names each by its uid, never by its number. It does not
know files, and `kb.store.arrival` brings a project in.
"""

from __future__ import annotations

import json
import re
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from kb.store.changes import json_text
from kb.store.connection import Connection

State = dict[str, Any]
"""A project with everything that belongs to it, in the shape of docs/schema/project-1.schema.json
but for its head (`format`, `version`)."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of rows with a uid: how its columns stand in a file."""

    name: str  # in the file, and of the table
    noun: str  # in events: "finding:3"
    plain: tuple[str, ...]  # columns that stand there as they are
    parsed: tuple[str, ...] = ()  # columns of JSON that stand there as values; "" as null
    points: tuple[tuple[str, str], ...] = ()  # columns with the id of a row of that table


_STAMPS = ("created_at", "created_by")
_CHANGED = (*_STAMPS, "updated_at", "updated_by")
FINDINGS = Kind(
    "findings", "finding", ("kind", "name", "note", "revision", *_CHANGED), ("fields",),
    (("merged_into", "findings"),),
)  # fmt: skip
EVIDENCE = Kind(
    "evidence", "evidence",
    ("start", "end", "page", "section", "quote", "stance", "note", *_STAMPS, "removed_at"),
    ("effect",), (("finding_id", "findings"),),
)  # fmt: skip
CANDIDATES = Kind(
    "candidates", "candidate",
    ("status", "owner", "reason", "note", "revision", "updated_at", "updated_by"),
    points=(("finding_id", "findings"),),
)  # fmt: skip
EXPERIMENTS = Kind(
    "experiments", "experiment", ("title", "status", "revision", *_CHANGED),
    ("fields", "forecast", "result"),
)  # fmt: skip
TRIALS = Kind(
    "trials", "trial",
    ("model", "parameters", "samples", "hours", "value", "machine", "note", *_STAMPS,
     "removed_at"),
)  # fmt: skip
FITS = Kind(
    "fits", "fit",
    ("kind", "source", "source_sha256", "target", "target_sha256", "verdict", *_STAMPS),
    ("sentences", "body"), (("finding_id", "findings"),),
)  # fmt: skip
DECISIONS = Kind("decisions", "decision", ("number", "title", "choice", *_STAMPS), ("body",))
COMMENTS = Kind("comments", "comment", ("text", *_STAMPS))
PROJECTS = Kind("projects", "project", ("name", "revision", *_STAMPS, "archived_at"), ("brief",))
KINDS = (
    FINDINGS, EVIDENCE, CANDIDATES, EXPERIMENTS, TRIALS, FITS, DECISIONS, COMMENTS, PROJECTS,
)  # fmt: skip
BODY_POINTS = {
    "candidates": "findings", "alternatives": "findings", "experiments": "experiments",
    "depends_on": "experiments",
}  # fmt: skip
"""Lists of ids within JSON: in a decision's body, and in what an event tells of an experiment."""

VERSION_COLUMNS = (
    "sha256", "label", "media_type", "raw_bytes", "text", "fetched_at", "fetched_from",
)  # fmt: skip
DOCUMENT_COLUMNS = (
    "key", "kind", "source", "title", "published", "abstract", "venue", "url", "language",
    "added_at", "added_by", "removed_at", "removed_by",
)  # fmt: skip
PAGE_PARTS = ("label", "start", "end")
SECTION_PARTS = ("title", "level", "start", "end", "role")


class Names:
    """Ids and uids of this library's rows, both ways, and what events say in either."""

    def __init__(self, db: Connection) -> None:
        self._uids: dict[str, dict[int, str]] = {}
        self._ids: dict[str, dict[str, int]] = {}
        self._also: dict[str, int] = {}
        for kind in KINDS:
            rows = db.all(f"select id, uid from {kind.name}")
            self._uids[kind.name] = {row["id"]: row["uid"] for row in rows}
            self._ids[kind.name] = {row["uid"]: row["id"] for row in rows}

    def add(self, table: str, row_id: int, uid: str) -> None:
        """Let `uid` name a new row."""
        self._ids[table][uid] = row_id
        self._uids[table][row_id] = uid

    def also(self, row_id: int, uid: str) -> None:
        """Let references to the evidence `uid`, which is not here, lead to one like it."""
        self._also[uid] = row_id

    def uid(self, table: str, row_id: int) -> str | None:
        """The uid of a row, None where there is no such row."""
        return self._uids[table].get(row_id)

    def id(self, table: str, uid: str) -> int | None:
        """The id of the row of that uid, None where there is no such row."""
        return self._ids[table].get(uid)

    def uids(self, table: str, ids: Iterable[Any]) -> list[Any]:
        """Ids as uids, in order; what is no row's id stays as it is."""
        return [self._uids[table].get(each, each) for each in ids]

    def ids(self, table: str, uids: Iterable[Any]) -> list[Any]:
        """Uids as ids, in order; what is no row's uid stays as it is."""
        return [self._ids[table].get(each, self._also.get(each, each)) for each in uids]


class Exchange:
    """Reads a project with everything that belongs to it. Writes nothing."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def state(self, project: str) -> State:
        """The project's state; two libraries that hold the same project give the same.

        Lists are in the order in which their rows came into the library.
        """
        with self._db.view():
            return _Reader(self._db, project).state()


class _Reader:
    """One reading of one project, within one view of the database."""

    def __init__(self, db: Connection, project: str) -> None:
        self._db = db
        self._names = Names(db)
        row = db.one("select * from projects where name = ?", project)
        self._project_id: int = row["id"]
        self._project = portable(PROJECTS, row, self._names)

    def state(self) -> State:
        evidence = self._evidence()
        documents = self._documents(evidence)
        for row in evidence:
            del row["version_id"], row["document_id"]
        return {
            "project": self._project,
            "axes": self._axes(),
            "documents": documents,
            "readings": self._readings(),
            "findings": [self._finding(row) for row in self._findings],
            "evidence": evidence,
            "candidates": self._of_project(CANDIDATES),
            "experiments": self._experiments(),
            "trials": self._of_project(TRIALS),
            "ratings": self._ratings(),
            "fits": self._of_project(FITS),
            "decisions": self._decisions(),
            "comments": self._comments(),
            "events": self._events(),
        }

    def _of_project(self, kind: Kind) -> list[Row]:
        rows = self._db.all(
            f"select * from {kind.name} where project_id = ? order by id", self._project_id
        )
        return [portable(kind, row, self._names) for row in rows]

    # -- findings and their evidence -------------------------------------------------------------

    @cached_property
    def _findings(self) -> list[sqlite3.Row]:
        """All findings that the project speaks of, with what they were merged into or took in."""
        mentioned = {
            row[0]
            for row in self._db.all(
                "select finding_id from candidates where project_id = ?1 "
                "union select finding_id from factor_ratings where project_id = ?1 "
                "union select finding_id from fits where project_id = ?1 "
                "union select c.finding_id from experiment_candidates c "
                "join experiments e on e.id = c.experiment_id where e.project_id = ?1 "
                "union select j.value from decisions d, json_each(d.body, '$.candidates') j "
                "where d.project_id = ?1 "
                "union select j.value from decisions d, json_each(d.body, '$.alternatives') j "
                "where d.project_id = ?1 "
                "union select e.finding_id from factor_ratings r, json_each(r.evidence) j "
                "join evidence e on e.id = j.value where r.project_id = ?1",
                self._project_id,
            )
        }
        return self._db.all(
            "select * from findings where coalesce(merged_into, id) in (select "
            "coalesce(merged_into, id) from findings where id in (select value from json_each(?))) "
            "order by id",
            json.dumps(sorted(i for i in mentioned if i is not None)),
        )

    @cached_property
    def _finding_ids(self) -> str:
        return json.dumps([row["id"] for row in self._findings])

    def _finding(self, row: sqlite3.Row) -> Row:
        return finding_row(self._db, row, self._names)

    def _evidence(self) -> list[Row]:
        rows = self._db.all(
            "select e.*, d.key as document from evidence e join documents d on d.id = "
            "e.document_id where e.finding_id in (select value from json_each(?)) order by e.id",
            self._finding_ids,
        )
        return [
            evidence_row(row, self._names)
            | {"version_id": row["version_id"], "document_id": row["document_id"]}
            for row in rows
        ]

    def _axes(self) -> list[Row]:
        used = {json.loads(row["fields"]).get("axis") for row in self._findings}
        rows = self._db.all("select * from axes order by id")
        return [dict(r) | {"examples": json.loads(r["examples"])} for r in rows if r["id"] in used]

    def _comments(self) -> list[Row]:
        """The remarks on the findings, the evidence and the candidates of the project."""
        rows = self._db.all(
            "select * from comments where subject in ("
            "select 'finding:' || value from json_each(?1) "
            "union select 'evidence:' || id from evidence where finding_id in "
            "(select value from json_each(?1)) "
            "union select 'candidate:' || id from candidates where project_id = ?2) order by id",
            self._finding_ids, self._project_id,
        )  # fmt: skip
        return [
            portable(COMMENTS, row, self._names)
            | {"subject": subject_out(row["subject"], self._names)}
            for row in rows
        ]

    # -- documents -------------------------------------------------------------------------------

    def _documents(self, evidence: list[Row]) -> list[Row]:
        """The project's documents and those that are cited, each with the versions that count."""
        cited = {row["version_id"] for row in evidence}
        rows = self._db.all(
            "select * from documents where id in (select value from json_each(?)) or id in "
            "(select document_id from project_documents where project_id = ?) order by id",
            json.dumps(sorted({row["document_id"] for row in evidence})), self._project_id,
        )  # fmt: skip
        return [self._document(row, cited) for row in rows]

    def _document(self, row: sqlite3.Row, cited: set[int]) -> Row:
        versions = self._db.all(
            "select * from versions where document_id = ? order by id", row["id"]
        )
        current = row["current_version_id"]
        return {
            **{name: row[name] for name in DOCUMENT_COLUMNS},
            "authors": json.loads(row["authors"]),
            "tags": self._words("document_tags", "tag", row["id"]),
            "identifiers": self._words("identifiers", "value", row["id"]),
            "current": next((v["sha256"] for v in versions if v["id"] == current), None),
            "versions": [_version(v) for v in versions if v["id"] in cited | {current}],
        }

    def _words(self, table: str, column: str, document_id: int) -> list[str]:
        rows = self._db.all(
            f"select {column} from {table} where document_id = ? order by 1", document_id
        )
        return [row[0] for row in rows]

    def _readings(self) -> list[Row]:
        rows = self._db.all(
            "select d.key as document, pd.added_at, pd.added_by, r.status, r.reason, r.reader, "
            "r.minutes, r.updated_at from project_documents pd "
            "join documents d on d.id = pd.document_id left join readings r on "
            "r.project_id = pd.project_id and r.document_id = pd.document_id "
            "where pd.project_id = ? order by d.id",
            self._project_id,
        )
        return [dict(row) for row in rows]

    # -- planning --------------------------------------------------------------------------------

    def _experiments(self) -> list[Row]:
        rows = self._db.all(
            "select * from experiments where project_id = ? order by id", self._project_id
        )
        return [experiment_row(self._db, row, self._names) for row in rows]

    def _ratings(self) -> list[Row]:
        rows = self._db.all(
            "select * from factor_ratings where project_id = ? order by finding_id, factor",
            self._project_id,
        )
        return [
            {
                "finding": self._names.uid("findings", row["finding_id"]),
                "evidence": self._names.uids("evidence", json.loads(row["evidence"])),
                **{name: row[name] for name in
                   ("factor", "rating", "note", "updated_at", "updated_by")},
            }
            for row in rows
        ]  # fmt: skip

    def _decisions(self) -> list[Row]:
        rows = self._db.all(
            "select d.*, s.uid as superseded from decisions d left join decisions s "
            "on s.project_id = d.project_id and s.number = d.supersedes "
            "where d.project_id = ? order by d.number",
            self._project_id,
        )
        return [decision_row(row, self._names) | {"supersedes": row["superseded"]} for row in rows]

    def _events(self) -> list[Row]:
        """Who did what for the project, oldest first. What was done for other projects stays."""
        subjects = self._db.all(
            "select 'finding:' || value as subject from json_each(?1) "
            "union select 'evidence:' || id from evidence where finding_id in "
            "(select value from json_each(?1)) "
            "union select 'candidate:' || id from candidates where project_id = ?2 "
            "union select 'experiment:' || id from experiments where project_id = ?2 "
            "union select 'project:' || ?3",
            self._finding_ids, self._project_id, self._project["name"],
        )  # fmt: skip
        rows = self._db.all(
            "select at, who, what, subject, before, after from events "
            "where subject in (select value from json_each(?)) and what <> 'imported' order by id",
            json.dumps([row["subject"] for row in subjects]),
        )
        fits = {
            row["id"] for row in
            self._db.all("select id from fits where project_id = ?", self._project_id)
        }  # fmt: skip
        told = EventWords(self._names, self._project["name"], self._project["uid"])
        return [told.out(dict(row)) for row in rows if self._own(dict(row), fits)]

    def _own(self, event: Mapping[str, str], fits: set[int]) -> bool:
        """Whether an event on a finding is of this project, where it is of one at all."""
        if event["what"] in OF_ONE_PROJECT:
            return event["after"].startswith(f"{self._project['name']}: ")
        found = re.match(r"fit:(\d+)", event["after"]) if event["what"] == "measured" else None
        return found is None or int(found[1]) in fits


# -- rows ----------------------------------------------------------------------------------------


def portable(kind: Kind, row: sqlite3.Row, names: Names) -> Row:
    """A row as it stands in a file: by its uid, JSON as values, other rows by their uids."""
    return {
        "uid": row["uid"],
        **{name: row[name] for name in kind.plain},
        **{name: json.loads(row[name]) if row[name] else None for name in kind.parsed},
        **{
            column.removesuffix("_id"): None
            if row[column] is None
            else names.uid(table, row[column])
            for column, table in kind.points
        },
    }


def finding_row(db: Connection, row: sqlite3.Row, names: Names) -> Row:
    """A finding with its own names and tags."""
    others = db.all(
        "select name from finding_names where finding_id = ? and name <> ? order by 1",
        row["id"], row["name"],
    )  # fmt: skip
    tags = db.all("select tag from finding_tags where finding_id = ? order by 1", row["id"])
    return portable(FINDINGS, row, names) | {
        "aliases": [each[0] for each in others],
        "tags": [each[0] for each in tags],
    }


def evidence_row(row: sqlite3.Row, names: Names) -> Row:
    """An evidence; the row has its document's key as `document`."""
    return portable(EVIDENCE, row, names) | {
        "document": row["document"],
        "sha256": row["sha256"],
    }


def experiment_row(db: Connection, row: sqlite3.Row, names: Names) -> Row:
    """An experiment with the findings that it tries and the experiments that it waits for."""
    tries = db.all(
        "select finding_id from experiment_candidates where experiment_id = ? order by 1", row["id"]
    )
    needs = db.all(
        "select needs_id from experiment_dependencies where experiment_id = ? order by 1", row["id"]
    )
    return portable(EXPERIMENTS, row, names) | {
        "candidates": names.uids("findings", (each[0] for each in tries)),
        "depends_on": names.uids("experiments", (each[0] for each in needs)),
    }


def decision_row(row: sqlite3.Row, names: Names) -> Row:
    """A decision, but for what it supersedes."""
    found = portable(DECISIONS, row, names)
    return found | {"body": translated(found["body"], names.uids)}


def translated(body: Row, lookup: Callable[[str, Iterable[Any]], list[Any]]) -> Row:
    """`body` with its lists of ids, or of uids, looked up the other way."""
    return {
        name: lookup(BODY_POINTS[name], value)
        if name in BODY_POINTS and isinstance(value, list)
        else value
        for name, value in body.items()
    }


def _translated_text(text: str, lookup: Callable[[str, Iterable[Any]], list[Any]]) -> str:
    try:
        body = json.loads(text)
    except ValueError:
        return text
    return json_text(translated(body, lookup)) if isinstance(body, dict) else text


def _version(row: sqlite3.Row) -> Row:
    lines = json.loads(zlib.decompress(row["lines"])) if row["lines"] else []
    return {
        **{name: row[name] for name in VERSION_COLUMNS},
        "pages": [dict(zip(PAGE_PARTS, p, strict=True)) for p in json.loads(row["pages"])],
        "sections": [dict(zip(SECTION_PARTS, s, strict=True)) for s in json.loads(row["sections"])],
        "lines": [" ".join(map(str, [*line[:3], *map(float, line[3:])])) for line in lines],
    }


# -- events --------------------------------------------------------------------------------------

TABLES = {kind.noun: kind.name for kind in KINDS}
_REFERENCE = re.compile(r"(evidence|fit|trial):(\w+)(?=\s|$)")
OF_ONE_PROJECT = ("candidate", "rated")  # on a finding, "Mail: shortlisted"
_REFERRING = ("pinned", "unpinned", "restored", "measured", "ran", "removed")


def subject_out(subject: str, names: Names) -> str:
    """A subject, as "finding:3", by its uid; unchanged where there is no such row."""
    noun, _, number = subject.partition(":")
    uid = names.uid(TABLES[noun], int(number)) if noun in TABLES and number.isdigit() else None
    return f"{noun}:{uid}" if uid else subject


def subject_in(subject: str, names: Names) -> str:
    """A subject by its number in this library; unchanged where there is no such row."""
    noun, _, uid = subject.partition(":")
    row_id = names.id(TABLES[noun], uid) if noun in TABLES else None
    return subject if row_id is None else f"{noun}:{row_id}"


@dataclass(frozen=True, slots=True)
class _Way:
    """One way of telling an event anew: out of this library, or into it."""

    subject: Callable[[str], str]  # a reference, as "finding:3"
    rows: Callable[[str, Iterable[Any]], list[Any]]  # a table's ids or uids
    project: tuple[str, str]  # as a subject, before and after
    prefix: tuple[str, str]  # of what is told of one project only, before and after


class EventWords:
    """What events say of rows and of the project, as in this library and as in a file."""

    def __init__(self, names: Names, project: str, uid: str) -> None:
        here, there = f"project:{project}", f"project:{uid}"
        ours, theirs = f"{project}: ", f"project:{uid}: "
        self._out = _Way(
            lambda text: subject_out(text, names), names.uids, (here, there), (ours, theirs)
        )
        self._into = _Way(
            lambda text: subject_in(text, names), names.ids, (there, here), (theirs, ours)
        )

    def out(self, event: Row) -> Row:
        """An event of this library as it stands in a file."""
        return _told_anew(event, self._out)

    def into(self, event: Row) -> Row:
        """An event of a file as this library tells it."""
        return _told_anew(event, self._into)


def _told_anew(event: Row, way: _Way) -> Row:
    old, new = way.project
    subject = new if event["subject"] == old else way.subject(event["subject"])
    told = {name: _text_anew(event, name, way) for name in ("before", "after")}
    return event | told | {"subject": subject}


def _text_anew(event: Row, name: str, way: _Way) -> str:
    text: str = event[name]
    what, noun = event["what"], event["subject"].partition(":")[0]
    if what in ("merged", "unmerged") and name == "before":
        return way.subject(f"finding:{text}").removeprefix("finding:")
    if what in _REFERRING:
        return _REFERENCE.sub(lambda found: way.subject(found[0]), text, count=1)
    if what == "changed" and noun == "experiment":
        return _translated_text(text, way.rows)
    if what in OF_ONE_PROJECT or (what == "added" and noun == "experiment"):
        old, new = way.prefix
        return new + text.removeprefix(old) if text.startswith(old) else text
    return text
