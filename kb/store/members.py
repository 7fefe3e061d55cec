"""The accounts of a team's server, who is signed in, and failed tries. Knows hashes, no secrets."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta

from kb.errors import NotFound, UsageError
from kb.records import Member, Role
from kb.store.connection import Connection, now
from kb.store.events import Events


class Members:
    """The tables `members`, `sign_ins` and `sign_in_failures`. Only admins change members."""

    def __init__(self, connection: Connection, events: Events) -> None:
        self._db = connection
        self._events = events

    def all(self) -> list[Member]:
        """Everybody, by name."""
        return [_member(row) for row in self._db.all("select * from members order by name")]

    def get(self, name: str) -> Member:
        """The member of that name; NotFound lists those there are."""
        row = self._db.maybe("select * from members where name = ?", name)
        if row is None:
            names = ", ".join(m.name for m in self.all()) or "none yet (kb member add NAME)"
            raise NotFound(f"There is no member “{name}”. Members: {names}.")
        return _member(row)

    def add(self, name: str, role: Role, password: str = "") -> Member:
        """A new account with the hash of a password, or without one: then by OpenID Connect."""
        name = name.strip()
        if not name or any(not c.isprintable() for c in name):
            raise UsageError("A member needs a name of printable characters.")
        with self._db.transaction():
            self._events.require("admin")
            if self._db.maybe("select 1 from members where name = ?", name):
                raise UsageError(f"There is a member “{name}” already: kb member role, password.")
            self._db.insert(
                "members", name=name, role=role, password=password, created_at=now(),
                created_by=self._events.member,
            )  # fmt: skip
            self._events.add("added", f"member:{name}", after=role)
        return self.get(name)

    def set_role(self, name: str, role: Role) -> Member:
        """Let a member do more or less from now on; the last admin stays one."""
        with self._db.transaction():
            self._events.require("admin")
            old = self.get(name)
            self._keep_an_admin(old, stays=role == "admin")
            self._db.run("update members set role = ? where name = ?", role, old.name)
            self._events.add("changed", f"member:{old.name}", before=old.role, after=role)
        return self.get(name)

    def disable(self, name: str, *, disabled: bool = True) -> Member:
        """Let a member in no more, or again. What they did stays theirs."""
        with self._db.transaction():
            self._events.require("admin")
            old = self.get(name)
            self._keep_an_admin(old, stays=not disabled)
            self._db.run(
                "update members set disabled_at = ? where name = ?",
                now() if disabled else None, old.name,
            )  # fmt: skip
            self._sign_out_everywhere(old.name)
            self._events.add("disabled" if disabled else "enabled", f"member:{old.name}")
        return self.get(name)

    def _keep_an_admin(self, member: Member, *, stays: bool) -> None:
        others = [m for m in self.all() if m.may("admin") and m.name != member.name]
        if member.may("admin") and not stays and not others:
            raise UsageError(f"“{member.name}” is the only admin: make somebody else one first.")

    # -- passwords and sign-ins ------------------------------------------------------------------

    def password(self, name: str) -> str:
        """The hash of a member's password; "" for nobody, for one without, and for one disabled."""
        row = self._db.maybe(
            "select password from members where name = ? and disabled_at is null", name
        )
        return str(row["password"]) if row else ""

    def set_password(self, name: str, password: str) -> None:
        """Put another hash in place: an admin anybody's, others their own. Signs them out."""
        with self._db.transaction():
            member = self.get(name)
            if member.name != self._events.member:
                self._events.require("admin")
            self._db.run("update members set password = ? where name = ?", password, member.name)
            self._sign_out_everywhere(member.name)
            self._events.add("password", f"member:{member.name}")

    def sign_in(self, name: str, token: str, *, hours: float) -> None:
        """Note the hash of a token that stands for the member for that long."""
        with self._db.transaction():
            self._db.run("delete from sign_ins where expires_at < ?", now())
            self._db.run("delete from sign_in_failures where who = ?", f"name:{name}")
            expires = datetime.now(UTC) + timedelta(hours=hours)
            self._db.run(
                "insert into sign_ins (token, member_id, at, expires_at) "
                "select ?, id, ?, ? from members where name = ?",
                token, now(), expires.isoformat(timespec="microseconds"), name,
            )  # fmt: skip

    def signed_in(self, token: str) -> Member | None:
        """Whom a token's hash stands for now, with the role they have now."""
        row = self._db.maybe(
            "select m.* from sign_ins s join members m on m.id = s.member_id "
            "where s.token = ? and s.expires_at > ? and m.disabled_at is null",
            token, now(),
        )  # fmt: skip
        return _member(row) if row else None

    def sign_out(self, token: str) -> None:
        """Let a token's hash stand for nobody."""
        with self._db.transaction():
            self._db.run("delete from sign_ins where token = ?", token)

    def _sign_out_everywhere(self, name: str) -> None:
        self._db.run(
            "delete from sign_ins where member_id = (select id from members where name = ?)", name
        )

    def failed(self, *who: str) -> None:
        """Note a failed try under each of `who`: "name:…", "address:…"."""
        with self._db.transaction():
            self._db.run("delete from sign_in_failures where at < ?", _ago(hours=24))
            for each in who:
                self._db.insert("sign_in_failures", who=each, at=now())

    def failures(self, who: str, *, minutes: float) -> int:
        """How many tries failed under `who` in the last minutes."""
        row = self._db.one(
            "select count(*) as n from sign_in_failures where who = ? and at > ?",
            who, _ago(minutes=minutes),
        )  # fmt: skip
        return int(row["n"])


def _ago(*, hours: float = 0.0, minutes: float = 0.0) -> str:
    then = datetime.now(UTC) - timedelta(hours=hours, minutes=minutes)
    return then.isoformat(timespec="microseconds")


def _member(row: sqlite3.Row) -> Member:
    return Member(
        row["name"], row["role"], row["created_at"], row["created_by"], row["disabled_at"]
    )
