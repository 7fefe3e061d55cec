"""Who did what, when, from which value to which. Rows are only ever added."""

from __future__ import annotations

from kb.errors import Forbidden
from kb.records import Member, Role
from kb.store.connection import Connection, now


class Events:
    """The table `events`."""

    def __init__(self, connection: Connection, member: str, role: Role = "admin") -> None:
        self._db = connection
        self.member = member
        self._acting = Member(member, role)

    def require(self, role: Role) -> None:
        """Forbidden unless the member may do what `role` may."""
        if not self._acting.may(role):
            raise Forbidden(
                f"“{self.member}” is {_article(self._acting.role)} here, and this takes "
                f"{_article(role)}. Ask an admin."
            )

    def add(self, what: str, subject: str, *, before: str = "", after: str = "") -> None:
        """Record that the member did `what` ("removed") to `subject` (a document's key)."""
        self._db.insert(
            "events",
            at=now(), who=self.member, what=what, subject=subject, before=before, after=after,
        )  # fmt: skip

    def of(self, subject: str) -> list[dict[str, str]]:
        """The events of one subject, oldest first, as dicts of at, who, what, before, after."""
        rows = self._db.all(
            "select at, who, what, before, after from events where subject = ? order by id",
            subject,
        )
        return [dict(row) for row in rows]

    def recent(self, limit: int = 50, *, who: str | None = None) -> list[dict[str, str]]:
        """The latest events, newest first, of everybody or of one member."""
        rows = self._db.all(
            "select at, who, what, subject, before, after from events "
            "where ? is null or who = ? order by id desc limit ?",
            who, who, limit,
        )  # fmt: skip
        return [dict(row) for row in rows]

    def last_id(self) -> int:
        """The number of the latest event; 0 where nothing has happened. It only grows."""
        return int(self._db.one("select coalesce(max(id), 0) from events")[0])

    def last_change(self, subject: str) -> dict[str, str] | None:
        """The latest event of one subject."""
        row = self._db.maybe(
            "select at, who, what, before, after from events where subject = ? "
            "order by id desc limit 1",
            subject,
        )
        return dict(row) if row else None


def _article(role: Role) -> str:
    return f"{'a' if role == 'reader' else 'an'} {role}"
