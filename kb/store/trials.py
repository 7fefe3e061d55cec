"""Trial runs: how long a training took at which size, and what it reached."""

from __future__ import annotations

from kb.errors import NotFound
from kb.records import Trial
from kb.store.connection import Connection, now
from kb.store.events import Events
from kb.store.projects import Projects


class Trials:
    """The table `trials`."""

    def __init__(self, connection: Connection, events: Events, projects: Projects) -> None:
        self._db = connection
        self._events = events
        self._projects = projects

    def add(
        self,
        project: str,
        model: str,
        *,
        samples: int,
        hours: float,
        parameters: float | None = None,
        value: float | None = None,
        machine: str = "",
        note: str = "",
    ) -> Trial:
        """Keep a run: its hours at that many samples and millions of parameters."""
        with self._db.transaction():
            trial_id = self._db.insert(
                "trials", project_id=self._projects.get(project).id, model=model,
                parameters=parameters, samples=samples, hours=hours, value=value, machine=machine,
                note=note, created_at=now(), created_by=self._events.member,
            )  # fmt: skip
            trial = self.get(trial_id)
            self._events.add("ran", f"project:{project}", after=_named(trial))
        return trial

    def get(self, trial_id: int) -> Trial:
        """One run; NotFound where there is none."""
        found = self._read("t.id = ?", trial_id)
        if not found:
            raise NotFound(f"There is no trial run {trial_id}. See kb runtime list PROJECT.")
        return found[0]

    def of_project(self, project: str) -> list[Trial]:
        """The project's runs, oldest first."""
        return self._read("t.project_id = ?", self._projects.get(project).id)

    def remove(self, trial_id: int) -> Trial:
        """Take a run back. Its row stays for the record."""
        with self._db.transaction():
            trial = self.get(trial_id)
            self._db.run("update trials set removed_at = ? where id = ?", now(), trial_id)
            self._events.add("removed", f"project:{trial.project}", before=_named(trial))
        return trial

    def _read(self, condition: str, *values: object) -> list[Trial]:
        rows = self._db.all(
            "select t.*, p.name as project from trials t join projects p on p.id = t.project_id "
            f"where t.removed_at is null and {condition} order by t.id",
            *values,
        )
        return [
            Trial(
                id=row["id"], project=row["project"], model=row["model"],
                parameters=row["parameters"], samples=row["samples"], hours=row["hours"],
                value=row["value"], machine=row["machine"], note=row["note"],
                created_at=row["created_at"], created_by=row["created_by"],
            )
            for row in rows
        ]  # fmt: skip


def _named(trial: Trial) -> str:
    return f"trial:{trial.id} {trial.model}, {trial.samples} samples: {trial.hours:g} h"
