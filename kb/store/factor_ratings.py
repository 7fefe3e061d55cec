"""What teams think of the seven factors of a dataset, one rating for each project."""

from __future__ import annotations

import json
from collections.abc import Sequence

from kb.records import Factor, FactorRating, Rating
from kb.store.changes import json_text
from kb.store.connection import Connection, now
from kb.store.events import Events
from kb.store.findings import Findings
from kb.store.projects import Projects


class FactorRatings:
    """The table `factor_ratings`."""

    def __init__(
        self, connection: Connection, events: Events, findings: Findings, projects: Projects
    ) -> None:
        self._db = connection
        self._events = events
        self._findings = findings
        self._projects = projects

    def set(
        self,
        project: str,
        finding_id: int,
        factor: Factor,
        rating: Rating,
        *,
        note: str = "",
        evidence: Sequence[int] = (),
    ) -> FactorRating:
        """Rate a factor, in place of what was thought of it; NotFound for what does not exist."""
        with self._db.transaction():
            project_id, finding = self._projects.get(project).id, self._findings.get(finding_id)
            cited = [self._findings.one_evidence(each).id for each in dict.fromkeys(evidence)]
            old = self.of_project(project).get(finding.id, {}).get(factor)
            self._db.run(
                "insert into factor_ratings (project_id, finding_id, factor, rating, note, "
                "evidence, updated_at, updated_by) values (?, ?, ?, ?, ?, ?, ?, ?) "
                "on conflict (project_id, finding_id, factor) do update set "
                "rating = excluded.rating, note = excluded.note, evidence = excluded.evidence, "
                "updated_at = excluded.updated_at, updated_by = excluded.updated_by",
                project_id, finding.id, factor, rating, note, json_text(cited), now(),
                self._events.member,
            )  # fmt: skip
            self._events.add(
                "rated", f"finding:{finding.id}", before=_said(project, old) if old else "",
                after=_said(project, FactorRating(factor, rating, note, (), "", "")),
            )  # fmt: skip
        return self.of_project(project)[finding.id][factor]

    def of_project(self, project: str) -> dict[int, dict[Factor, FactorRating]]:
        """The ratings of a project by finding and factor.

        Where a finding and one merged into it were both rated, the later rating counts.
        """
        rows = self._db.all(
            "select r.*, coalesce(f.merged_into, f.id) as finding from factor_ratings r "
            "join findings f on f.id = r.finding_id where r.project_id = ? order by r.updated_at",
            self._projects.get(project).id,
        )
        found: dict[int, dict[Factor, FactorRating]] = {}
        for row in rows:
            rating = FactorRating(
                row["factor"], row["rating"], row["note"], tuple(json.loads(row["evidence"])),
                row["updated_at"], row["updated_by"],
            )  # fmt: skip
            found.setdefault(row["finding"], {})[rating.factor] = rating
        return found


def _said(project: str, rating: FactorRating) -> str:
    note = f" ({rating.note})" if rating.note else ""
    return f"{project}: {rating.factor} {rating.rating}{note}"
