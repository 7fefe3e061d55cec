"""When each member was last here, to tell them what is new. It knows nothing of what they did."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from kb.store.connection import Connection, now

BREAK = timedelta(hours=1)
"""A pause from which on a member counts as having been away: longer than reading a paper."""


class Visits:
    """The table `visits`."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def note(self, member: str) -> str:
        """Say that the member is here; returns when they were here before, "" the first time.

        What comes within `BREAK` of the last time is the same visit. Nothing is noted, and "" is
        returned, where the library may only be read.
        """
        if self._db.only_read:
            return ""
        with self._db.transaction():
            row = self._db.maybe("select seen_at, before from visits where member = ?", member)
            time = now()
            if row is None:
                self._db.insert("visits", member=member, seen_at=time, before="")
                return ""
            away = datetime.now(UTC) - datetime.fromisoformat(row["seen_at"]) > BREAK
            before = str(row["seen_at"] if away else row["before"])
            self._db.run(
                "update visits set seen_at = ?, before = ? where member = ?", time, before, member
            )
        return before

    def catch_up(self, member: str) -> None:
        """Let all that has happened until now be known to the member."""
        if self._db.only_read:
            return
        with self._db.transaction():
            self._db.run(
                "insert into visits (member, seen_at, before) values (?, ?, ?) "
                "on conflict (member) do update set before = excluded.before",
                member, now(), now(),
            )  # fmt: skip
