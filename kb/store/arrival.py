"""A project that comes from another library, or comes back: added once, and merged by what changed.

It knows which of two states of a row is the later one. What a project consists of is
`kb.store.exchange`'s business; that a file holds what it should, `kb.export.json_plan`'s.
"""

from __future__ import annotations

import json
import re
import sqlite3
import zlib
from collections.abc import Mapping
from typing import Any, Literal

from kb.errors import Conflict, UsageError
from kb.records import Keep, Page, Taken, page_at
from kb.store.changes import json_text
from kb.store.connection import Connection
from kb.store.events import Events
from kb.store.exchange import (
    CANDIDATES,
    COMMENTS,
    DECISIONS,
    DOCUMENT_COLUMNS,
    EVIDENCE,
    EXPERIMENTS,
    FINDINGS,
    FITS,
    PAGE_PARTS,
    PROJECTS,
    SECTION_PARTS,
    TABLES,
    TRIALS,
    VERSION_COLUMNS,
    EventWords,
    Kind,
    Names,
    Row,
    State,
    evidence_row,
    experiment_row,
    finding_row,
    portable,
    translated,
)
from kb.store.findings import plain_name
from kb.store.parted import History, content, told

Settled = Literal["add", "same", "ours", "theirs"]

_SHOWN = 5  # conflicts named in a message; the others are counted


class Arrival:
    """Brings projects in. One state, one transaction."""

    def __init__(self, connection: Connection, events: Events) -> None:
        self._db = connection
        self._events = events

    def take(self, state: State, *, name: str = "", keep: Keep | None = None) -> Taken:
        """Bring a project in under `name`, or its own. What is here already is not doubled.

        A row that only one side has changed since they parted takes that side's state. Where both
        have changed it, `keep` says whose counts; without it, Conflict names them and nothing is
        written. Conflict too where a source was read in other words here, so that a quote does not
        stand in it; UsageError where another project has that name.
        """
        try:
            with self._db.transaction():
                return _Taking(self._db, self._events, state, name=name, keep=keep).run()
        except OverflowError as error:  # SQLite's integers have 64 bits
            raise UsageError(
                "The file holds a number beyond what a library can keep; nothing was taken in."
            ) from error


class _Taking:
    """One import, within its transaction."""

    def __init__(
        self, db: Connection, events: Events, state: State, *, name: str, keep: Keep | None
    ) -> None:
        self._db = db
        self._log = events
        self._state = state
        self._keep = keep
        self._names = Names(db)
        self._versions: dict[tuple[str, str], int] = {}  # (document's key, sha256) → id
        self._documents: dict[str, int] = {}  # key → id
        self._project: Row = state["project"]
        self._finding_uids = {each["uid"] for each in state["findings"]}
        self._evidence_uids = {each["uid"] for each in state["evidence"]}
        self._name = self._project_name(name)
        self._taken = Taken(self._name)
        self._words = EventWords(self._names, self._name, self._project["uid"])
        self._history = History(self._ours(), state["events"], self._project["uid"])

    def run(self) -> Taken:
        self._take_project()
        self._take_axes()
        for row in self._state["documents"]:
            self._take_document(row)
        self._take_findings()
        for row in self._state["evidence"]:
            self._take_evidence(row)
        for row in self._state["candidates"]:
            self._take_candidate(row)
        self._take_experiments()
        for kind in (TRIALS, FITS):
            for row in self._state[kind.name]:
                self._take(
                    kind, row, self._mine(kind, row["uid"]), {"project_id": self._project_id}
                )
        self._take_ratings()
        self._take_decisions()
        for row in self._state["comments"]:
            self._take_comment(row)
        self._take_readings()
        self._take_events()
        self._settle_conflicts()
        return self._taken

    # -- who has changed what --------------------------------------------------------------------

    def _project_name(self, wanted: str) -> str:
        """Under which name the project is here, or will be; UsageError where another has it."""
        uid = self._project["uid"]
        here = self._db.maybe("select name from projects where uid = ?", uid)
        if here is not None:
            if wanted and wanted != here["name"]:
                raise UsageError(
                    f"This project is here already, as “{here['name']}”: leave --as out, and what "
                    "has changed is brought into it."
                )
            return str(here["name"])
        name = " ".join((wanted or self._project["name"]).split())
        if not name:
            raise UsageError("A project needs a name: give it one with --as.")
        if self._db.maybe("select 1 from projects where name = ?", name):
            raise UsageError(
                f"There is another project “{name}” already. Give this one a name of its own with "
                "--as."
            )
        return name

    def _ours(self) -> list[Row]:
        """This library's events, as a file would tell them."""
        rows = self._db.all("select at, who, what, subject, before, after from events order by id")
        return [self._words.out(dict(row)) for row in rows]

    def _settled(self, kind: Kind, row: Row, mine: Row | None) -> Settled:
        """Whose state of a row counts. What both have changed is noted, and `keep` decides."""
        if mine is None:
            return "add"
        if content(mine) == content(row):
            return "same"
        theirs, ours = self._history.changed(kind, row, mine)
        if not theirs:
            return "ours"
        if not ours:
            return "theirs"
        self._taken.conflicts.append(told(kind, row, mine))
        return self._keep or "ours"

    def _settle_conflicts(self) -> None:
        """Conflict, which undoes all, unless it was said whose state counts."""
        conflicts = self._taken.conflicts
        if conflicts and self._keep is None:
            more = len(conflicts) - _SHOWN
            rest = f" And {more} more." if more > 0 else ""
            raise Conflict(
                f"{' '.join(conflicts[:_SHOWN])}{rest} Nothing was imported. Say whose state "
                "counts, for all of them: --keep ours or --keep theirs."
            )

    # -- rows with a uid -------------------------------------------------------------------------

    def _mine(self, kind: Kind, uid: str) -> Row | None:
        """The row of that uid in this library, as it would stand in a file."""
        row_id = self._names.id(kind.name, uid)
        if row_id is None:
            return None
        return portable(kind, self._row(kind, row_id), self._names)

    def _row(self, kind: Kind, row_id: int) -> sqlite3.Row:
        return self._db.one(f"select * from {kind.name} where id = ?", row_id)

    def _take(self, kind: Kind, row: Row, mine: Row | None, where: Mapping[str, object]) -> Settled:
        """Add or change one row; `where` are the columns that do not stand in a file."""
        settled = self._settled(kind, row, mine)
        if settled == "add":
            values = {**self._columns(kind, row), **where, "uid": row["uid"]}
            self._names.add(kind.name, self._db.insert(kind.name, **values), row["uid"])
            _count(self._taken.added, kind.name)
        elif settled == "theirs":
            assert mine is not None
            self._change(kind, row, mine)
        return settled

    def _change(self, kind: Kind, row: Row, mine: Row) -> None:
        values = self._columns(kind, row)
        for fixed in ("name",) if kind is PROJECTS else ("number",):
            values.pop(fixed, None)
        if "revision" in values:  # whoever has the row open learns that it has changed
            values["revision"] = max(row["revision"], mine["revision"] + 1)
        changes = ", ".join(f"{name} = ?" for name in values)
        self._db.run(
            f"update {kind.name} set {changes} where id = ?",
            *values.values(), self._names.id(kind.name, mine["uid"]),
        )  # fmt: skip
        _count(self._taken.changed, kind.name)

    def _columns(self, kind: Kind, row: Row) -> dict[str, Any]:
        values: dict[str, Any] = {name: row[name] for name in kind.plain}
        for name in kind.parsed:
            values[name] = "" if row[name] is None else json_text(row[name])
        for column, table in kind.points:
            uid = row[column.removesuffix("_id")]
            values[column] = None if uid is None else self._names.id(table, uid)
        return values

    # -- the project and its axes ----------------------------------------------------------------

    def _take_project(self) -> None:
        row = self._project | {"name": self._name}
        self._take(PROJECTS, row, self._mine(PROJECTS, row["uid"]), {})
        project_id = self._names.id("projects", row["uid"])
        assert project_id is not None
        self._project_id: int = project_id

    def _take_axes(self) -> None:
        """Add the team's axes that are not here; one of that id that is here stays."""
        for row in self._state["axes"]:
            added = self._db.run(
                "insert into axes (id, name, definition, retraining, examples) "
                "values (?, ?, ?, ?, ?) on conflict do nothing",
                row["id"], row["name"], row["definition"], row["retraining"],
                json.dumps(row["examples"]),
            )  # fmt: skip
            _count(self._taken.added, "axes", added.rowcount)

    # -- documents -------------------------------------------------------------------------------

    def _take_document(self, row: Row) -> None:
        """Add a document, or to one that is here the versions, tags and identifiers it lacks."""
        known = self._db.maybe("select id from documents where key = ?", row["key"])
        if known is None:
            document_id = self._db.insert(
                "documents",
                **{name: row[name] for name in DOCUMENT_COLUMNS},
                authors=json.dumps(row["authors"], ensure_ascii=False),
                year=_year(row["published"]),
            )
            _count(self._taken.added, "documents")
            self._taken.unsplit += 1
        else:
            document_id = known["id"]
        self._documents[row["key"]] = document_id
        for version in row["versions"]:
            self._take_version(row["key"], document_id, version)
        if known is None:
            self._db.run(
                "update documents set current_version_id = ? where id = ?",
                self._versions[row["key"], row["current"]], document_id,
            )  # fmt: skip
        for table, values in (("document_tags", row["tags"]), ("identifiers", row["identifiers"])):
            for value in values:
                self._db.run(
                    f"insert into {table} values (?, ?) on conflict do nothing", document_id, value
                )

    def _take_version(self, key: str, document_id: int, row: Row) -> None:
        known = self._db.maybe(
            "select id from versions where document_id = ? and sha256 = ?",
            document_id, row["sha256"],
        )  # fmt: skip
        if known is not None:
            self._versions[key, row["sha256"]] = known["id"]
            return
        self._versions[key, row["sha256"]] = self._db.insert(
            "versions",
            document_id=document_id,
            **{name: row[name] for name in VERSION_COLUMNS},
            pages=json.dumps([[p[part] for part in PAGE_PARTS] for p in row["pages"]]),
            sections=json.dumps([[s[part] for part in SECTION_PARTS] for s in row["sections"]]),
            lines=_packed(row["lines"]),
        )
        _count(self._taken.added, "versions")

    def _take_readings(self) -> None:
        """Of two states of a reading the later one counts: it is how far somebody has come."""
        for row in self._state["readings"]:
            document_id = self._documents[row["document"]]
            self._db.run(
                "insert into project_documents (project_id, document_id, added_at, added_by) "
                "values (?, ?, ?, ?) on conflict do nothing",
                self._project_id, document_id, row["added_at"], row["added_by"],
            )  # fmt: skip
            if row["status"] is not None:
                self._db.run(
                    "insert into readings (project_id, document_id, status, reason, reader, "
                    "minutes, updated_at) values (?, ?, ?, ?, ?, ?, ?) on conflict do update set "
                    "status = excluded.status, reason = excluded.reason, "
                    "reader = excluded.reader, minutes = max(minutes, excluded.minutes), "
                    "updated_at = excluded.updated_at where excluded.updated_at > updated_at",
                    self._project_id, document_id, row["status"], row["reason"], row["reader"],
                    row["minutes"], row["updated_at"],
                )  # fmt: skip

    # -- findings and evidence -------------------------------------------------------------------

    def _take_findings(self) -> None:
        """Roots first: what was merged points to them.

        A new one whose kind has that name here is kept as merged into that one: nothing is lost,
        and kb findings merge --undo parts them.
        """
        for row in sorted(
            self._state["findings"], key=lambda each: each["merged_into"] is not None
        ):
            mine = self._my_finding(row["uid"])
            same = self._same_name(row) if mine is None else None
            if mine and mine["merged_into"] not in self._finding_uids:
                row = row | {"merged_into": mine["merged_into"]}  # into one that is only here
            settled = self._take(FINDINGS, row, mine, {})
            finding_id = self._names.id("findings", row["uid"])
            assert finding_id is not None
            if settled in ("add", "theirs"):
                self._set_names(finding_id, row)
            if same is not None:
                self._merge(same, finding_id, row["name"])
        self._db.run(  # a merge into what is itself merged here leads to the last of them
            "update findings set merged_into = (select g.merged_into from findings g "
            "where g.id = findings.merged_into) where exists (select 1 from findings g "
            "where g.id = findings.merged_into and g.merged_into is not null)"
        )

    def _merge(self, kept_id: int, other_id: int, name: str) -> None:
        self._db.run("update findings set merged_into = ? where id = ?", kept_id, other_id)
        self._log.add("merged", f"finding:{kept_id}", before=str(other_id), after=name)

    def _my_finding(self, uid: str) -> Row | None:
        finding_id = self._names.id("findings", uid)
        if finding_id is None:
            return None
        return finding_row(self._db, self._row(FINDINGS, finding_id), self._names)

    def _same_name(self, row: Row) -> int | None:
        """The finding here of that kind and name, where the file's own is new and no merged one."""
        if row["merged_into"] is not None:
            return None
        found = self._db.maybe(
            "select coalesce(f.merged_into, f.id) as id from findings f join finding_names n "
            "on n.finding_id = f.id where f.kind = ? and n.plain = ? and f.uid not in "
            "(select value from json_each(?)) order by f.id",
            row["kind"], plain_name(row["name"]),
            json.dumps(sorted(self._finding_uids)),
        )  # fmt: skip
        return found["id"] if found else None

    def _set_names(self, finding_id: int | None, row: Row) -> None:
        self._db.run("delete from finding_names where finding_id = ?", finding_id)
        self._db.run("delete from finding_tags where finding_id = ?", finding_id)
        for name in dict.fromkeys([row["name"], *row["aliases"]]):
            self._db.run(
                "insert into finding_names values (?, ?, ?)", finding_id, name, plain_name(name)
            )
        for tag in dict.fromkeys(row["tags"]):
            self._db.run("insert into finding_tags values (?, ?)", finding_id, tag)

    def _take_evidence(self, row: Row) -> None:
        evidence_id = self._names.id("evidence", row["uid"])
        mine = None
        if evidence_id is not None:
            mine = evidence_row(
                self._db.one(
                    "select e.*, d.key as document from evidence e "
                    "join documents d on d.id = e.document_id where e.id = ?",
                    evidence_id,
                ),
                self._names,
            )
        version_id = self._versions[row["document"], row["sha256"]]
        placed = row if mine else self._placed(row, version_id)
        if mine is None and (same := self._same_quote(placed, version_id)) is not None:
            self._names.also(same, row["uid"])
            return
        where = {
            "document_id": self._documents[row["document"]],
            "version_id": version_id,
            "sha256": row["sha256"],
        }
        self._take(EVIDENCE, placed, mine, where)

    def _same_quote(self, row: Row, version_id: int) -> int | None:
        """The evidence here of that very place for the same finding, under whichever name."""
        found = self._db.maybe(
            "select e.id, e.uid from evidence e join findings f on f.id = e.finding_id "
            "where e.version_id = ? and e.start = ? and e.end = ? and e.stance = ? "
            "and e.removed_at is null and coalesce(f.merged_into, f.id) = "
            "(select coalesce(merged_into, id) from findings where id = ?)",
            version_id, row["start"], row["end"], row["stance"],
            self._names.id("findings", row["finding"]),
        )  # fmt: skip
        return found["id"] if found and found["uid"] not in self._evidence_uids else None

    def _placed(self, row: Row, version_id: int) -> Row:
        """The evidence at the place of its quote in the version as it was read here.

        Another parser may have read the same bytes in another way. Conflict where the quote does
        not stand in that text at all.
        """
        text, pages = self._db.one("select text, pages from versions where id = ?", version_id)
        quote: str = row["quote"]
        if text[row["start"] : row["end"]] == quote:
            return row
        starts = [found.start() for found in re.finditer(f"(?={re.escape(quote)})", text)]
        if not starts:
            raise Conflict(
                f"“{row['document']}” was read in other words here: the quote “{quote[:80]}” does "
                "not stand in it. Nothing was imported. Import into a new library instead: "
                "kb --library FOLDER import …"
            )
        start = min(starts, key=lambda place: abs(place - row["start"]))
        page = page_at(tuple(Page(*each) for each in json.loads(pages)), start)
        return row | {"start": start, "end": start + len(quote), "page": page}

    # -- what the project makes of them ----------------------------------------------------------

    def _take_candidate(self, row: Row) -> None:
        """Add a candidate, or settle it with the one that the project has of that finding."""
        finding_id = self._names.id("findings", row["finding"])
        here = self._db.maybe(
            "select c.id from candidates c join findings f on f.id = c.finding_id "
            "where c.project_id = ? and coalesce(f.merged_into, f.id) = "
            "(select coalesce(merged_into, id) from findings where id = ?)",
            self._project_id, finding_id,
        )  # fmt: skip
        mine = (
            portable(CANDIDATES, self._row(CANDIDATES, here["id"]), self._names) if here else None
        )
        self._take(CANDIDATES, row, mine, {"project_id": self._project_id})

    def _take_experiments(self) -> None:
        settled = {}
        for row in self._state["experiments"]:
            experiment_id = self._names.id("experiments", row["uid"])
            mine = None
            if experiment_id is not None:
                mine = experiment_row(self._db, self._row(EXPERIMENTS, experiment_id), self._names)
            settled[row["uid"]] = self._take(
                EXPERIMENTS, row, mine, {"project_id": self._project_id}
            )
        for row in self._state["experiments"]:  # once all are there to be waited for
            if settled[row["uid"]] in ("add", "theirs"):
                self._set_links(row)

    def _set_links(self, row: Row) -> None:
        experiment_id = self._names.id("experiments", row["uid"])
        for table, column, uids, of in (
            ("experiment_candidates", "finding_id", row["candidates"], "findings"),
            ("experiment_dependencies", "needs_id", row["depends_on"], "experiments"),
        ):
            self._db.run(f"delete from {table} where experiment_id = ?", experiment_id)
            for uid in dict.fromkeys(uids):
                self._db.run(
                    f"insert into {table} (experiment_id, {column}) values (?, ?)",
                    experiment_id, self._names.id(of, uid),
                )  # fmt: skip

    def _take_ratings(self) -> None:
        """Of two ratings of one factor the later one counts, as it does within a library."""
        for row in self._state["ratings"]:
            self._db.run(
                "insert into factor_ratings (project_id, finding_id, factor, rating, note, "
                "evidence, updated_at, updated_by) values (?, ?, ?, ?, ?, ?, ?, ?) "
                "on conflict do update set rating = excluded.rating, note = excluded.note, "
                "evidence = excluded.evidence, updated_at = excluded.updated_at, "
                "updated_by = excluded.updated_by where excluded.updated_at > updated_at",
                self._project_id, self._names.id("findings", row["finding"]), row["factor"],
                row["rating"], row["note"],
                json_text(self._names.ids("evidence", row["evidence"])), row["updated_at"],
                row["updated_by"],
            )  # fmt: skip

    def _take_decisions(self) -> None:
        """Add the decisions that are not here; one whose number is taken gets the next free one."""
        for row in self._state["decisions"]:
            if self._names.id("decisions", row["uid"]) is not None:
                continue  # a decision never changes
            taken = {
                each["number"] for each in
                self._db.all("select number from decisions where project_id = ?", self._project_id)
            }  # fmt: skip
            number = row["number"] if row["number"] not in taken else max(taken) + 1
            local = row | {"number": number, "body": translated(row["body"], self._names.ids)}
            superseded = row["supersedes"] and self._db.maybe(
                "select number from decisions where uid = ?", row["supersedes"]
            )
            where = {
                "project_id": self._project_id,
                "supersedes": superseded["number"] if superseded else None,
            }
            self._take(DECISIONS, local, None, where)

    def _take_comment(self, row: Row) -> None:
        if self._names.id("comments", row["uid"]) is None:  # a comment never changes
            noun, _, uid = row["subject"].partition(":")
            [row_id] = self._names.ids(TABLES[noun], [uid])
            self._take(COMMENTS, row, None, {"subject": f"{noun}:{row_id}"})

    # -- events ----------------------------------------------------------------------------------

    def _take_events(self) -> None:
        """Add what the file tells and this library does not know, and that it came from a file."""
        for event in self._history.new:
            self._db.insert("events", **self._words.into(event))
        if self._taken.added or self._taken.changed or self._history.new:
            counts = [f"{n} {name} added" for name, n in self._taken.added.items()]
            counts += [f"{n} {name} changed" for name, n in self._taken.changed.items()]
            kept = [f"{self._keep}: {each}" for each in self._taken.conflicts]
            self._log.add("imported", f"project:{self._name}", after="; ".join([*counts, *kept]))


def _count(counts: dict[str, int], name: str, number: int = 1) -> None:
    if number:
        counts[name] = counts.get(name, 0) + number


def _year(published: str) -> int | None:
    return int(published[:4]) if published[:4].isdigit() else None


def _packed(lines: list[str]) -> bytes:
    """Printed lines as `kb.store.documents` keeps them."""
    if not lines:
        return b""
    parts = (line.split() for line in lines)
    rows = [[*map(int, part[:3]), *map(float, part[3:])] for part in parts]
    return zlib.compress(json.dumps(rows, separators=(",", ":")).encode())
