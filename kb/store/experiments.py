"""Experiments: what a project wants to try, what each needs first, and what came of it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict

from kb.errors import NotFound, UsageError
from kb.records import Experiment, ExperimentStatus, Forecast, Gain, Result
from kb.store.changes import changes, expect, json_text
from kb.store.connection import Connection, now
from kb.store.events import Events
from kb.store.findings import Findings
from kb.store.projects import Projects

FIELDS = (
    "hypothesis", "retraining", "gain", "gain_reason", "person_hours", "gpu_hours", "runs",
    "run_hours", "threshold", "success", "note",
)  # fmt: skip
"""What is kept in the column `fields`: only what is known."""
_TOLD = ("title", *FIELDS, "candidates", "depends_on")
_VERBS: dict[ExperimentStatus, str] = {
    "planned": "planned", "running": "started", "finished": "finished", "dropped": "dropped",
}  # fmt: skip
_TEXTS = ("hypothesis", "gain_reason", "success", "note")


class Experiments:
    """The tables `experiments`, `experiment_candidates` and `experiment_dependencies`."""

    def __init__(
        self, connection: Connection, events: Events, findings: Findings, projects: Projects
    ) -> None:
        self._db = connection
        self._events = events
        self._findings = findings
        self._projects = projects

    # -- reading ---------------------------------------------------------------------------------

    def get(self, experiment_id: int) -> Experiment:
        """One experiment; NotFound where there is none."""
        found = self._read("e.id = ?", experiment_id)
        if not found:
            raise NotFound(f"There is no experiment {experiment_id}. See kb experiment list.")
        return found[0]

    def of_project(self, project: str) -> list[Experiment]:
        """The experiments of a project, oldest first."""
        return self._read("e.project_id = ?", self._projects.get(project).id)

    def of_finding(self, finding_id: int) -> list[Experiment]:
        """The experiments of all projects that try a finding, oldest first."""
        return self._read(
            "exists (select 1 from experiment_candidates c join findings f on f.id = c.finding_id "
            "where c.experiment_id = e.id and coalesce(f.merged_into, f.id) = ?)",
            finding_id,
        )

    def all(self) -> list[Experiment]:
        """The experiments of all projects, oldest first."""
        return self._read("1")

    def _read(self, condition: str, *values: object) -> list[Experiment]:
        rows = self._db.all(
            "select e.*, p.name as project, "
            "(select json_group_array(distinct coalesce(f.merged_into, f.id)) "
            " from experiment_candidates c join findings f on f.id = c.finding_id "
            " where c.experiment_id = e.id) as candidates, "
            "(select json_group_array(d.needs_id) from experiment_dependencies d "
            " where d.experiment_id = e.id) as depends_on "
            "from experiments e join projects p on p.id = e.project_id "
            f"where {condition} order by e.id",
            *values,
        )
        return [_experiment(row) for row in rows]

    # -- writing ---------------------------------------------------------------------------------

    def add(
        self,
        project: str,
        title: str,
        fields: Mapping[str, object],
        *,
        candidates: Sequence[int] = (),
        depends_on: Sequence[int] = (),
    ) -> Experiment:
        """A new experiment, planned. `fields` are of FIELDS, as JSON holds them."""
        with self._db.transaction():
            time, who = now(), self._events.member
            experiment_id = self._db.insert(
                "experiments", project_id=self._projects.get(project).id, title=title,
                fields=json_text(fields), status="planned", forecast="", result="", revision=1,
                created_at=time, created_by=who, updated_at=time, updated_by=who,
            )  # fmt: skip
            self._set_candidates(experiment_id, candidates)
            self._set_dependencies(experiment_id, depends_on)
            self._events.add("added", f"experiment:{experiment_id}", after=f"{project}: {title}")
        return self.get(experiment_id)

    def edit(
        self,
        experiment_id: int,
        revision: int,
        *,
        title: str | None = None,
        fields: Mapping[str, object] | None = None,
        candidates: Sequence[int] | None = None,
        depends_on: Sequence[int] | None = None,
    ) -> Experiment:
        """Change what is given. Conflict where it is no longer at `revision`."""
        with self._db.transaction():
            old = self._at(experiment_id, revision)
            self._db.run(
                "update experiments set title = coalesce(?, title), fields = coalesce(?, fields) "
                "where id = ?",
                title, None if fields is None else json_text(fields), old.id,
            )  # fmt: skip
            if candidates is not None:
                self._set_candidates(old.id, candidates)
            if depends_on is not None:
                self._set_dependencies(old.id, depends_on)
            before, after = changes(old, self.get(old.id), _TOLD)
            if after:
                self._touch(old.id)
                self._events.add("changed", f"experiment:{old.id}", before=before, after=after)
        return self.get(old.id)

    def move(
        self,
        experiment_id: int,
        revision: int,
        status: ExperimentStatus,
        *,
        forecast: Forecast | None = None,
        result: Result | None = None,
    ) -> Experiment:
        """Say what has become of it, with the forecast or the result that goes with it.

        A forecast that is there stays as it was made. Conflict where it is no longer at `revision`.
        """
        with self._db.transaction():
            old = self._at(experiment_id, revision)
            kept = old.forecast or forecast
            self._db.run(
                "update experiments set status = ?, forecast = ?, result = ? where id = ?",
                status, json_text(kept) if kept else "", json_text(result) if result else "",
                old.id,
            )  # fmt: skip
            self._touch(old.id)
            told = (
                {k: v for k, v in asdict(result).items() if v not in (None, "")} if result else {}
            )
            self._events.add(
                _VERBS[status], f"experiment:{old.id}", before=old.status,
                after=json_text(told) if told else status,
            )  # fmt: skip
        return self.get(old.id)

    def _at(self, experiment_id: int, revision: int) -> Experiment:
        old = self.get(experiment_id)
        subject = f"experiment:{old.id}"
        expect(self._events, old.revision, revision, subject=subject, name=old.title)
        return old

    def _touch(self, experiment_id: int) -> None:
        self._db.run(
            "update experiments set revision = revision + 1, updated_at = ?, updated_by = ? "
            "where id = ?",
            now(), self._events.member, experiment_id,
        )  # fmt: skip

    def _set_candidates(self, experiment_id: int, ids: Iterable[int]) -> None:
        self._db.run("delete from experiment_candidates where experiment_id = ?", experiment_id)
        for finding_id in dict.fromkeys(self._findings.get(each).id for each in ids):
            self._db.run(
                "insert into experiment_candidates values (?, ?)", experiment_id, finding_id
            )

    def _set_dependencies(self, experiment_id: int, ids: Iterable[int]) -> None:
        own = self.get(experiment_id)
        others = {each.id: each for each in self.of_project(own.project)}
        self._db.run("delete from experiment_dependencies where experiment_id = ?", own.id)
        for needed in dict.fromkeys(ids):
            if needed not in others:
                raise NotFound(
                    f"“{own.project}” has no experiment {needed} to wait for. "
                    f"See kb experiment list {own.project}."
                )
            way = self._way(others, needed, own.id)
            if way:
                names = " waits for ".join(f"“{others[each].title}”" for each in (own.id, *way))
                raise UsageError(f"That would be a circle: {names}. Leave one of them out.")
            self._db.run("insert into experiment_dependencies values (?, ?)", own.id, needed)

    def _way(self, others: Mapping[int, Experiment], start: int, end: int) -> list[int]:
        """The fewest ids from `start`, along what each waits for, to `end`; [] for no way."""
        ways, seen = [[start]], {start}
        while ways:
            way = ways.pop(0)
            if way[-1] == end:
                return way
            for needed in others[way[-1]].depends_on:
                if needed not in seen:
                    seen.add(needed)
                    ways.append([*way, needed])
        return []


def _experiment(row: sqlite3.Row) -> Experiment:
    fields = json.loads(row["fields"])
    known = {name: fields.get(name, "" if name in _TEXTS else None) for name in FIELDS}
    known["gain"] = Gain(**known["gain"]) if known["gain"] else None
    return Experiment(
        id=row["id"],
        project=row["project"],
        title=row["title"],
        candidates=tuple(json.loads(row["candidates"])),
        depends_on=tuple(json.loads(row["depends_on"])),
        status=row["status"],
        forecast=_forecast(row["forecast"]),
        result=Result(**json.loads(row["result"])) if row["result"] else None,
        revision=row["revision"],
        created_at=row["created_at"],
        created_by=row["created_by"],
        updated_at=row["updated_at"],
        updated_by=row["updated_by"],
        uid=row["uid"],
        **known,
    )


def _forecast(text: str) -> Forecast | None:
    if not text:
        return None
    given = json.loads(text)
    for name in ("gain", "evidence_gain"):
        given[name] = Gain(**given[name]) if given[name] else None
    return Forecast(**given)
