"""What projects have decided, and why. A decision never changes: another one supersedes it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence

from kb.errors import NotFound, UsageError
from kb.records import Choice, Decision
from kb.store.changes import json_text
from kb.store.connection import Connection, now
from kb.store.events import Events
from kb.store.findings import Findings
from kb.store.projects import Projects


class Decisions:
    """The table `decisions`."""

    def __init__(
        self, connection: Connection, events: Events, findings: Findings, projects: Projects
    ) -> None:
        self._db = connection
        self._events = events
        self._findings = findings
        self._projects = projects

    def add(
        self,
        project: str,
        title: str,
        choice: Choice,
        *,
        candidates: Sequence[int],
        reason: str,
        alternatives: Sequence[int] = (),
        experiments: Sequence[int] = (),
        context: str = "",
        consequences: str = "",
        confirmation: str = "",
        supersedes: int | None = None,
    ) -> Decision:
        """Keep a decision under the project's next number.

        NotFound for findings, experiments and a superseded decision that the project does not have;
        UsageError where that one has been superseded already.
        """
        with self._db.transaction():
            project_id = self._projects.get(project).id
            before = self._superseded(project, supersedes)
            body = {
                "candidates": self._findings_of(candidates),
                "alternatives": self._findings_of(alternatives),
                "experiments": self._experiments_of(project, experiments),
                "context": context, "reason": reason, "consequences": consequences,
                "confirmation": confirmation,
            }  # fmt: skip
            number = self._db.one(
                "select coalesce(max(number), 0) + 1 from decisions where project_id = ?",
                project_id,
            )[0]
            self._db.insert(
                "decisions", project_id=project_id, number=number, title=title, choice=choice,
                body=json_text(body), supersedes=supersedes, created_at=now(),
                created_by=self._events.member,
            )  # fmt: skip
            self._events.add(
                "decided", f"project:{project}", before=before,
                after=f"decision {number}: {choice} – {title}",
            )  # fmt: skip
        return self.get(project, number)

    def _superseded(self, project: str, number: int | None) -> str:
        """The decision of that number as an event tells it; "" for None."""
        if number is None:
            return ""
        old = self.get(project, number)
        if old.superseded_by is not None:
            raise UsageError(
                f"Decision {number} has been superseded by decision {old.superseded_by} already: "
                "supersede that one."
            )
        return f"decision {number}: {old.choice} – {old.title}"

    def _findings_of(self, ids: Iterable[int]) -> list[int]:
        return list(dict.fromkeys(self._findings.get(each).id for each in ids))

    def _experiments_of(self, project: str, ids: Iterable[int]) -> list[int]:
        wanted = list(dict.fromkeys(ids))
        rows = self._db.all(
            "select e.id from experiments e join projects p on p.id = e.project_id "
            "where p.name = ? and e.id in (select value from json_each(?))",
            project, json.dumps(wanted),
        )  # fmt: skip
        if unknown := set(wanted) - {row["id"] for row in rows}:
            raise NotFound(
                f"“{project}” has no experiment {min(unknown)}. See kb experiment list {project}."
            )
        return wanted

    def get(self, project: str, number: int) -> Decision:
        """One decision of a project by its number; NotFound where there is none."""
        project_id = self._projects.get(project).id
        found = self._read("d.project_id = ? and d.number = ?", project_id, number)
        if not found:
            raise NotFound(f"“{project}” has no decision {number}. See kb decision list {project}.")
        return found[0]

    def of_project(self, project: str) -> list[Decision]:
        """The decisions of a project by number, those that were superseded too."""
        return self._read("d.project_id = ?", self._projects.get(project).id)

    def _read(self, condition: str, *values: object) -> list[Decision]:
        rows = self._db.all(
            "select d.*, p.name as project, (select max(n.number) from decisions n "
            "where n.project_id = d.project_id and n.supersedes = d.number) as superseded_by "
            "from decisions d join projects p on p.id = d.project_id "
            f"where {condition} order by d.number",
            *values,
        )
        kept = dict(
            tuple(row) for row in self._db.all("select id, coalesce(merged_into, id) from findings")
        )
        return [_decision(row, kept) for row in rows]


def _decision(row: sqlite3.Row, kept: dict[int, int]) -> Decision:
    body = json.loads(row["body"])

    def findings(name: str) -> tuple[int, ...]:
        return tuple(dict.fromkeys(kept[each] for each in body[name]))

    return Decision(
        id=row["id"],
        project=row["project"],
        number=row["number"],
        title=row["title"],
        choice=row["choice"],
        candidates=findings("candidates"),
        alternatives=findings("alternatives"),
        experiments=tuple(body["experiments"]),
        context=body["context"],
        reason=body["reason"],
        consequences=body["consequences"],
        confirmation=body["confirmation"],
        supersedes=row["supersedes"],
        superseded_by=row["superseded_by"],
        created_at=row["created_at"],
        created_by=row["created_by"],
        uid=row["uid"],
    )
