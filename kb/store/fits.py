"""Measured answers to whether a dataset or a model suits a team's data. Rows are only added."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal

from kb.errors import NotFound
from kb.records import Fit
from kb.store.changes import json_text
from kb.store.connection import Connection, now
from kb.store.events import Events
from kb.store.findings import Findings
from kb.store.projects import Projects


class Fits:
    """The table `fits`."""

    def __init__(
        self, connection: Connection, events: Events, findings: Findings, projects: Projects
    ) -> None:
        self._db = connection
        self._events = events
        self._findings = findings
        self._projects = projects

    def add(
        self,
        kind: Literal["dataset", "model"],
        *,
        source: str,
        source_sha256: str,
        target: str,
        target_sha256: str,
        verdict: str,
        sentences: Sequence[str],
        body: dict[str, Any],
        project: str = "",
        finding: int | None = None,
    ) -> Fit:
        """Keep a measurement; NotFound for a project or finding that does not exist."""
        with self._db.transaction():
            finding_id = None if finding is None else self._findings.get(finding).id
            fit_id = self._db.insert(
                "fits", project_id=self._projects.get(project).id if project else None,
                finding_id=finding_id, kind=kind, source=source, source_sha256=source_sha256,
                target=target, target_sha256=target_sha256, verdict=verdict,
                sentences=json_text(list(sentences)), body=json_text(body), created_at=now(),
                created_by=self._events.member,
            )  # fmt: skip
            subject = f"finding:{finding_id}" if finding_id else f"project:{project}"
            if finding_id or project:
                self._events.add("measured", subject, after=f"fit:{fit_id} {verdict}")
        return self.get(fit_id)

    def get(self, fit_id: int) -> Fit:
        """One measurement; NotFound where there is none."""
        found = self._read("t.id = ?", fit_id)
        if not found:
            raise NotFound(f"There is no measurement {fit_id}. See kb fit list.")
        return found[0]

    def all(self, *, project: str | None = None, finding: int | None = None) -> list[Fit]:
        """The measurements, the newest first; of one project, of one finding."""
        project_id = None if project is None else self._projects.get(project).id
        finding_id = None if finding is None else self._findings.get(finding).id
        return self._read(
            "(? is null or t.project_id = ?) and (? is null or "
            "t.finding_id in (select id from findings where id = ? or merged_into = ?))",
            project_id, project_id, finding_id, finding_id, finding_id,
        )  # fmt: skip

    def _read(self, condition: str, *values: object) -> list[Fit]:
        rows = self._db.all(
            "select t.*, p.name as project, coalesce(f.merged_into, f.id) as finding from fits t "
            "left join projects p on p.id = t.project_id "
            f"left join findings f on f.id = t.finding_id where {condition} order by t.id desc",
            *values,
        )
        return [
            Fit(
                id=row["id"], project=row["project"] or "", finding=row["finding"],
                kind=row["kind"], source=row["source"], source_sha256=row["source_sha256"],
                target=row["target"], target_sha256=row["target_sha256"],
                verdict=row["verdict"], sentences=tuple(json.loads(row["sentences"])),
                body=json.loads(row["body"]), created_at=row["created_at"],
                created_by=row["created_by"],
            )
            for row in rows
        ]  # fmt: skip
