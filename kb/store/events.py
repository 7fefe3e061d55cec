"""Who did what, when, from which value to which. Rows are only ever added."""

from __future__ import annotations

from kb.errors import Forbidden
from kb.records import Event, EventKind, Member, Role
from kb.store.connection import Connection, now

_KINDS: dict[str, EventKind] = {
    "finding": "finding",
    "evidence": "finding",
    "candidate": "finding",
    "suggestion": "suggestion",
    "project": "project",
    "experiment": "experiment",
    "axis": "axis",
    "member": "member",
    "sentence head": "model",
    "saved search": "search",
}
"""What a subject begins with → what it is about. All else is a document's key."""
_KIND = f"""case {
    "".join(
        f"when e.subject glob '{prefix}:*' or e.subject = '{prefix}' then '{kind}' "
        for prefix, kind in _KINDS.items()
    )
} else 'document' end"""
_NUMBER = "cast(substr(e.subject, instr(e.subject, ':') + 1) as integer)"
_ABOUT = f"""
select e.*, {_KIND} as kind, coalesce(f.id, g.id) as finding, coalesce(v.quote, '') as quote,
coalesce(f.name, g.name, s.name, x.title, d.title, a.name, case {_KIND}
when 'project' then substr(e.subject, 9) when 'member' then substr(e.subject, 8)
when 'search' then substr(e.subject, 14) end, '') as name
from events e
left join findings f on e.subject glob 'finding:*' and f.id = {_NUMBER}
left join evidence v on v.id = case
  when e.subject glob 'evidence:*' then {_NUMBER}
  when e.after glob 'evidence:*' then cast(substr(e.after, 10) as integer)
  when e.before glob 'evidence:*' then cast(substr(e.before, 10) as integer) end
left join candidates c on e.subject glob 'candidate:*' and c.id = {_NUMBER}
left join findings g on g.id = coalesce(c.finding_id, v.finding_id)
left join suggestions s on e.subject glob 'suggestion:*' and s.id = {_NUMBER}
left join experiments x on e.subject glob 'experiment:*' and x.id = {_NUMBER}
left join documents d on d.key = e.subject
left join axes a on e.subject glob 'axis:*' and a.id = substr(e.subject, 6)
"""


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

    def find(
        self,
        *,
        who: str | None = None,
        kind: EventKind | None = None,
        project: str | None = None,
        finding: int | None = None,
        experiment: int | None = None,
        since: str = "",
        until: str = "",
        limit: int = 100,
    ) -> list[Event]:
        """What has happened, the latest first, as far as all that is given fits.

        `since` and `until` are times or days in UTC; of both only what lies after the one and
        before the other counts. `project` takes in its experiments, and what was done to the
        findings that it considers; `finding` its quotes, remarks and what projects make of it;
        `experiment` is that alone.
        """
        rows = self._db.all(
            f"{_ABOUT} where (?1 is null or e.who = ?1) and (?2 is null or {_KIND} = ?2) "
            "and e.at > ?3 and (?4 = '' or e.at < ?4) and (?5 is null "
            "or e.subject = 'project:' || ?5 "
            "or substr(e.after, 1, length(?5) + 2) = ?5 || ': ' "
            "or x.project_id = (select id from projects where name = ?5) "
            "or (e.what not in ('candidate', 'rated') and coalesce(f.id, g.id) in "
            "(select finding_id from candidates where project_id = "
            "(select id from projects where name = ?5)))) "
            "and (?7 is null or coalesce(f.id, g.id) = ?7) "
            "and (?8 is null or e.subject = 'experiment:' || ?8) order by e.id desc limit ?6",
            who, kind, since, until, project, limit, finding, experiment,
        )  # fmt: skip
        return [Event(**dict(row)) for row in rows]

    def members(self) -> list[str]:
        """The names of all who have done something, in order."""
        rows = self._db.all("select distinct who from events order by who")
        return [row["who"] for row in rows]

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
