"""Which findings a project considers and what has become of them, and what people remark."""

from __future__ import annotations

from collections.abc import Sequence

from kb.errors import Conflict, NotFound, UsageError
from kb.records import (
    CANDIDATE_STATUSES,
    Candidate,
    CandidateStatus,
    Comment,
    Evidence,
    Finding,
    Supported,
)
from kb.store.connection import Connection, now
from kb.store.events import Events
from kb.store.findings import Findings
from kb.store.projects import Projects


class Candidates:
    """The tables `candidates` and `comments`."""

    def __init__(
        self, connection: Connection, events: Events, findings: Findings, projects: Projects
    ) -> None:
        self._db = connection
        self._events = events
        self._findings = findings
        self._projects = projects

    def of_project(self, project: str) -> list[Candidate]:
        """The candidates of a project, those decided last."""
        return self._read("c.project_id = ?", self._projects.get(project).id)

    def of_finding(self, finding_id: int) -> list[Candidate]:
        """What every project has made of a finding."""
        return self._read(
            "c.finding_id in (select id from findings where id = ? or merged_into = ?)",
            finding_id, finding_id,
        )  # fmt: skip

    def supported(self, findings: Sequence[Finding]) -> list[Supported]:
        """The findings, in their order, with their evidence and what each project makes of them."""
        owner = {merged: finding.id for finding in findings for merged in finding.merged}
        evidence: dict[int, list[Evidence]] = {finding.id: [] for finding in findings}
        for each in self._findings.all_evidence():
            evidence.get(owner.get(each.finding_id, each.finding_id), []).append(each)
        candidates: dict[int, list[Candidate]] = {finding.id: [] for finding in findings}
        for candidate in self._read("1"):
            candidates.get(candidate.finding.id, []).append(candidate)
        return [Supported(f, tuple(evidence[f.id]), tuple(candidates[f.id])) for f in findings]

    def set(
        self,
        project: str,
        finding_id: int,
        status: CandidateStatus = "new",
        *,
        revision: int | None = None,
        owner: str | None = None,
        reason: str | None = None,
        note: str | None = None,
    ) -> Candidate:
        """Make a finding a candidate of a project, or change what is given of it.

        `revision`, where given, must be the one it is at: else Conflict. UsageError for a status
        that does not exist, and for a rejection without a reason.
        """
        if status not in CANDIDATE_STATUSES:
            raise UsageError(
                f"“{status}” is no status. Statuses are: {', '.join(CANDIDATE_STATUSES)}."
            )
        with self._db.transaction():
            finding = self._findings.get(finding_id)
            project_id = self._projects.get(project).id
            old = [c for c in self.of_finding(finding.id) if c.project == project]
            before = old[0] if old else None
            if before and revision is not None and before.revision != revision:
                raise Conflict(
                    f"“{finding.name}” is {before.status} in {project} since {before.updated_by} "
                    "changed it meanwhile. Look at it again, then make your change."
                )
            given = reason if reason is not None else (before.reason if before else "")
            if status == "rejected" and not given.strip():
                raise UsageError("Say why it is rejected: the next project will ask.")
            self._db.run(
                "insert into candidates (project_id, finding_id, status, owner, reason, note, "
                "revision, updated_at, updated_by) values (?, ?, ?, ?, ?, ?, 1, ?, ?) "
                "on conflict (project_id, finding_id) do update set status = excluded.status, "
                "owner = excluded.owner, reason = excluded.reason, note = excluded.note, "
                "revision = revision + 1, updated_at = excluded.updated_at, "
                "updated_by = excluded.updated_by",
                project_id, finding.id, status,
                owner if owner is not None else (before.owner if before else ""),
                given,
                note if note is not None else (before.note if before else ""),
                now(), self._events.member,
            )  # fmt: skip
            self._events.add(
                "candidate", f"finding:{finding.id}", before=before.status if before else "",
                after=f"{project}: {status}",
            )  # fmt: skip
            return self._read("c.project_id = ? and c.finding_id = ?", project_id, finding.id)[0]

    def _read(self, condition: str, *values: object) -> list[Candidate]:
        """One for each project and finding: of a merged finding's, its own before the others'."""
        rows = self._db.all(
            "select c.*, p.name as project from candidates c "
            f"join projects p on p.id = c.project_id where {condition} order by c.id",
            *values,
        )
        found = [
            Candidate(
                id=row["id"], project=row["project"], finding=self._findings.get(row["finding_id"]),
                status=row["status"], owner=row["owner"], reason=row["reason"], note=row["note"],
                revision=row["revision"], updated_at=row["updated_at"],
                updated_by=row["updated_by"], uid=row["uid"],
            )
            for row in rows
        ]  # fmt: skip
        own = {(c.project, c.finding.id): c for c in sorted(found, key=lambda c: c.updated_at)}
        own |= {
            (c.project, c.finding.id): c
            for c, row in zip(found, rows, strict=True)
            if row["finding_id"] == c.finding.id
        }
        return sorted(own.values(), key=lambda c: (CANDIDATE_STATUSES.index(c.status), c.id))

    # -- comments --------------------------------------------------------------------------------

    def comment(self, subject: str, text: str) -> Comment:
        """Remark on "finding:3", "evidence:4" or "candidate:5"; NotFound where there is none."""
        kind, _, number = subject.partition(":")
        table = {"finding": "findings", "evidence": "evidence", "candidate": "candidates"}.get(kind)
        if table is None or not number.isdigit():
            raise UsageError("Comment on finding:N, evidence:N or candidate:N.")
        if not text.strip():
            raise UsageError("A comment needs words.")
        with self._db.transaction():
            if self._db.maybe(f"select 1 from {table} where id = ?", int(number)) is None:
                raise NotFound(f"There is no {kind} {number}.")
            comment_id = self._db.insert(
                "comments", subject=subject, text=text.strip(), created_at=now(),
                created_by=self._events.member,
            )  # fmt: skip
            self._events.add("commented", subject, after=text.strip())
        return next(c for c in self.comments(subject) if c.id == comment_id)

    def comments(self, subject: str) -> list[Comment]:
        """The remarks on a subject, oldest first."""
        rows = self._db.all("select * from comments where subject = ? order by id", subject)
        return [Comment(**dict(row)) for row in rows]
