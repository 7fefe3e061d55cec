"""How each locator ended, and how far each run of ingest has come.

A locator is written down before anything is done for it, so what a crash left undone is a query.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from kb.records import Outcome
from kb.store.connection import Connection, now


@dataclass(frozen=True, slots=True)
class Run:
    """One run of ingest, as the page shows it."""

    id: int
    started_at: str
    finished_at: str | None
    pid: int
    total: int
    done: int
    doing: str
    failure: str  # why the run itself ended early; "" where it did not


class Locators:
    """The tables `locators` and `runs`."""

    def __init__(self, connection: Connection, member: str) -> None:
        self._db = connection
        self._member = member

    # -- locators --------------------------------------------------------------------------------

    def queue(self, locators: Sequence[str], run_id: int, options: str = "{}") -> None:
        """Write down that these are to be taken in; what was known of them is kept until then."""
        with self._db.transaction():
            self._db.raw.executemany(
                "insert into locators (locator, source, options, status, stage, reason, retry, "
                "attempts, run_id, at) values (?, '', ?, 'queued', '', '', 1, 0, ?, ?) "
                "on conflict (locator) do update set status = 'queued', options = excluded.options,"
                " run_id = excluded.run_id, at = excluded.at",
                [(locator, options, run_id, now()) for locator in locators],
            )

    def finish(self, outcome: Outcome, document_id: int | None = None) -> None:
        """Write down how a locator ended; counts the attempt."""
        self._db.run(
            "insert into locators (locator, source, options, status, document_id, stage, reason, "
            "retry, attempts, at) values (?, ?, '{}', ?, ?, ?, ?, ?, 1, ?) "
            "on conflict (locator) do update set source = excluded.source, "
            "status = excluded.status, "
            "document_id = coalesce(excluded.document_id, document_id), stage = excluded.stage, "
            "reason = excluded.reason, retry = excluded.retry, attempts = attempts + 1, "
            "at = excluded.at",
            outcome.locator, outcome.source, outcome.status, document_id, outcome.stage,
            outcome.reason, int(outcome.retry), now(),
        )  # fmt: skip

    def done(self, locator: str) -> str | None:
        """The key of the document that this locator ended in, where it ended well; else None."""
        row = self._db.maybe(
            "select d.key from locators l join documents d on d.id = l.document_id "
            "where l.locator = ? and l.status in ('added', 'unchanged', 'updated')",
            locator,
        )
        return row["key"] if row else None

    def all(self, *statuses: str) -> list[Outcome]:
        """How locators stand, newest first; only those of the given statuses where any is given."""
        marks = ", ".join("?" * len(statuses))
        where = f"where l.status in ({marks}) " if statuses else ""
        rows = self._db.all(
            "select l.*, d.key, d.title from locators l "
            f"left join documents d on d.id = l.document_id {where}order by l.at desc, l.id desc",
            *statuses,
        )
        return [_outcome(row) for row in rows]

    def unfinished(self) -> list[tuple[str, str]]:
        """(locator, options) of what was queued or failed and may work now, oldest first."""
        rows = self._db.all(
            "select locator, options from locators "
            "where status = 'queued' or (status = 'failed' and retry) order by id"
        )
        return [(row["locator"], row["options"]) for row in rows]

    def forget(self) -> int:
        """Drop what is queued or failed; returns how many locators that were."""
        return self._db.run("delete from locators where status in ('queued', 'failed')").rowcount

    def counts(self) -> dict[str, int]:
        """How many locators stand at each status."""
        rows = self._db.all("select status, count(*) as n from locators group by status")
        return {row["status"]: row["n"] for row in rows}

    # -- runs ------------------------------------------------------------------------------------

    def start_run(self, total: int) -> int:
        """Begin a run by this process; returns its id."""
        return self._db.insert(
            "runs",
            started_at=now(), started_by=self._member, pid=os.getpid(), total=total, done=0,
            doing="", failure="",
        )  # fmt: skip

    def report(self, run_id: int, *, total: int, done: int, doing: str) -> None:
        """Say how far a run has come."""
        self._db.run(
            "update runs set total = ?, done = ?, doing = ? where id = ?",
            total, done, doing, run_id,
        )  # fmt: skip

    def end_run(self, run_id: int, failure: str = "") -> None:
        """Say that a run is over, and why where it ended early."""
        self._db.run(
            "update runs set finished_at = ?, failure = ?, doing = '' where id = ?",
            now(), failure, run_id,
        )  # fmt: skip

    def runs(self, limit: int = 5) -> list[Run]:
        """The latest runs, newest first."""
        rows = self._db.all(
            "select id, started_at, finished_at, pid, total, done, doing, failure "
            "from runs order by id desc limit ?",
            limit,
        )
        return [Run(**dict(row)) for row in rows]


def _outcome(row: sqlite3.Row) -> Outcome:
    return Outcome(
        locator=row["locator"],
        status=row["status"],
        source=row["source"],
        key=row["key"] or "",
        title=row["title"] or "",
        stage=row["stage"],
        reason=row["reason"],
        retry=bool(row["retry"]),
        attempts=row["attempts"],
        at=row["at"],
    )
