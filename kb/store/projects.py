"""Projects, the documents they have taken up, and how far they have come in reading them."""

from __future__ import annotations

import json
import sqlite3

from kb.errors import Conflict, NotFound, UsageError
from kb.records import Document, Project, Reading, ReadingStatus
from kb.store.changes import json_text
from kb.store.connection import Connection, now
from kb.store.documents import Documents
from kb.store.events import Events


class Projects:
    """The tables `projects`, `project_documents` and `readings`."""

    def __init__(self, connection: Connection, events: Events, documents: Documents) -> None:
        self._db = connection
        self._events = events
        self._documents = documents

    def names(self) -> list[str]:
        """The names of all projects that are not archived, in order."""
        return [project.name for project in self.all()]

    def all(self, *, archived: bool = False) -> list[Project]:
        """The projects in order of name; or those that were archived."""
        rows = self._db.all(
            f"select * from projects where archived_at is {'not ' if archived else ''}null "
            "order by name"
        )
        return [_project(row) for row in rows]

    def get(self, name: str) -> Project:
        """The project of that name, archived ones too; NotFound lists those that exist."""
        row = self._db.maybe("select * from projects where name = ?", name)
        if row is None:
            names = ", ".join(self.names()) or "none yet (kb project new NAME)"
            raise NotFound(f"There is no project “{name}”. Projects: {names}.")
        return _project(row)

    def add(self, name: str, brief: dict[str, object] | None = None) -> Project:
        """A new project; UsageError where there is one of that name."""
        with self._db.transaction():
            if self._db.maybe("select 1 from projects where name = ?", name.strip()):
                raise UsageError(f"There is a project “{name}” already: kb project show.")
            self._ensure(name.strip())
            return self.edit(name.strip(), 1, brief) if brief else self.get(name.strip())

    def edit(self, name: str, revision: int, brief: dict[str, object]) -> Project:
        """Put `brief` in place of what was there. Conflict where it is no longer at `revision`."""
        with self._db.transaction():
            old = self.get(name)
            if old.revision != revision:
                last = self._events.last_change(f"project:{name}") or {}
                raise Conflict(
                    f"The project “{name}” has been changed by {last.get('who', 'somebody')} "
                    "meanwhile. Look at it again, then make your change."
                )
            changed = {
                key: value for key, value in brief.items() if old.brief.get(key) != value
            } | {key: None for key in old.brief if key not in brief}
            if changed:
                self._db.run(
                    "update projects set brief = ?, revision = revision + 1 where id = ?",
                    json_text(brief), old.id,
                )  # fmt: skip
                before = {key: old.brief.get(key) for key in changed}
                self._events.add(
                    "changed", f"project:{name}", before=json_text(before), after=json_text(changed)
                )
        return self.get(name)

    def archive(self, name: str, *, archived: bool = True) -> Project:
        """Put a project out of sight, or back."""
        with self._db.transaction():
            project = self.get(name)
            self._db.run(
                "update projects set archived_at = ? where id = ?",
                now() if archived else None, project.id,
            )  # fmt: skip
            self._events.add("archived" if archived else "reopened", f"project:{name}")
        return self.get(name)

    def _ensure(self, name: str) -> int:
        """The id of the project of that name, which is created where it is new."""
        if not name.strip():
            raise UsageError("A project needs a name.")
        row = self._db.maybe("select id from projects where name = ?", name)
        if row:
            return int(row["id"])
        project_id = self._db.insert(
            "projects", name=name, created_at=now(), created_by=self._events.member
        )
        self._events.add("added", f"project:{name}", after=name)
        return project_id

    # -- documents and reading -------------------------------------------------------------------

    def add_document(self, project: str, document_id: int) -> None:
        """Put a document into a project, which is created where it is new."""
        with self._db.transaction():
            self._db.run(
                "insert into project_documents (project_id, document_id, added_at, added_by) "
                "values (?, ?, ?, ?) on conflict do nothing",
                self._ensure(project), document_id, now(), self._events.member,
            )  # fmt: skip

    def readings(self, project: str) -> list[Reading]:
        """How far the project has come with each of its documents, by title."""
        rows = self._db.all(
            "select pd.document_id, r.status, r.reason, r.reader, r.minutes, r.updated_at "
            "from project_documents pd left join readings r on r.project_id = pd.project_id "
            "and r.document_id = pd.document_id where pd.project_id = ?",
            self.get(project).id,
        )
        documents = self._documents.by_ids([row["document_id"] for row in rows])
        found = [_reading(row, documents[row["document_id"]]) for row in rows]
        return sorted(found, key=lambda reading: reading.document.title.lower())

    def reading(self, project: str, document_id: int) -> Reading:
        """How far the project has come with one document, which need not be one of its own yet."""
        found = self._db.maybe(
            "select status, reason, reader, minutes, updated_at from readings "
            "where project_id = ? and document_id = ?",
            self.get(project).id, document_id,
        )  # fmt: skip
        document = self._documents.by_ids([document_id])[document_id]
        return _reading(found, document) if found else Reading(document, "to read")

    def totals(self) -> dict[int, tuple[int, int, float]]:
        """By id of project: its documents, how many are read or excluded, and minutes spent."""
        rows = self._db.all(
            "select m.project_id, count(*) as n, "
            "coalesce(sum(r.status in ('read', 'excluded')), 0) as done, "
            "coalesce(sum(r.minutes), 0) as minutes from project_documents m "
            "left join readings r on r.project_id = m.project_id "
            "and r.document_id = m.document_id group by m.project_id"
        )
        return {r["project_id"]: (r["n"], r["done"], float(r["minutes"])) for r in rows}

    def read(
        self,
        project: str,
        document_id: int,
        status: ReadingStatus,
        *,
        minutes: float = 0.0,
        reason: str = "",
    ) -> Reading:
        """Note how far the member has come with a document; `minutes` are added to what was spent.

        UsageError for an exclusion without a reason.
        """
        if status == "excluded" and not reason.strip():
            raise UsageError("Say why the document is excluded: the next reader will ask.")
        if minutes < 0:
            raise UsageError("Minutes are added up and cannot be negative.")
        with self._db.transaction():
            self.add_document(project, document_id)
            project_id = self.get(project).id
            old = self._db.maybe(
                "select status from readings where project_id = ? and document_id = ?",
                project_id, document_id,
            )  # fmt: skip
            self._db.run(
                "insert into readings (project_id, document_id, status, reason, reader, minutes, "
                "updated_at) values (?, ?, ?, ?, ?, ?, ?) on conflict do update set "
                "status = excluded.status, reason = excluded.reason, reader = excluded.reader, "
                "minutes = minutes + excluded.minutes, updated_at = excluded.updated_at",
                project_id, document_id, status, reason, self._events.member, minutes, now(),
            )  # fmt: skip
            document = self._documents.by_ids([document_id])[document_id]
            self._events.add(
                "read", f"project:{project}", before=old["status"] if old else "to read",
                after=f"{document.key}: {status}" + (f" ({reason})" if reason else ""),
            )  # fmt: skip
        return self.reading(project, document_id)


def _project(row: sqlite3.Row) -> Project:
    return Project(
        id=row["id"],
        name=row["name"],
        brief=json.loads(row["brief"]),
        revision=row["revision"],
        created_at=row["created_at"],
        created_by=row["created_by"],
        archived_at=row["archived_at"],
        uid=row["uid"],
    )


def _reading(row: sqlite3.Row, document: Document) -> Reading:
    return Reading(
        document=document,
        status=row["status"] or "to read",
        reason=row["reason"] or "",
        reader=row["reader"] or "",
        minutes=row["minutes"] or 0.0,
        updated_at=row["updated_at"] or "",
    )
