"""Which documents a project has taken up. What a project is will grow here."""

from __future__ import annotations

from kb.errors import UsageError
from kb.store.connection import Connection, now
from kb.store.events import Events


class Projects:
    """The tables `projects` and `project_documents`."""

    def __init__(self, connection: Connection, events: Events) -> None:
        self._db = connection
        self._events = events

    def names(self) -> list[str]:
        """The names of all projects, in order."""
        return [row["name"] for row in self._db.all("select name from projects order by name")]

    def add_document(self, project: str, document_id: int) -> None:
        """Put a document into a project, which is created where it is new."""
        if not project.strip():
            raise UsageError("A project needs a name.")
        with self._db.transaction():
            self._db.run(
                "insert into projects (name, created_at, created_by) values (?, ?, ?) "
                "on conflict (name) do nothing",
                project, now(), self._events.member,
            )  # fmt: skip
            row = self._db.one("select id from projects where name = ?", project)
            self._db.run(
                "insert into project_documents (project_id, document_id, added_at, added_by) "
                "values (?, ?, ?, ?) on conflict do nothing",
                row["id"], document_id, now(), self._events.member,
            )  # fmt: skip
