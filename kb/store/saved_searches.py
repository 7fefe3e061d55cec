"""Questions that members ask again, their own and those they share, and when each was last asked.

It knows no answer: searching is not its business.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import asdict

from kb.errors import NotFound, UsageError
from kb.records import Query, SavedSearch
from kb.store.changes import json_text
from kb.store.connection import Connection, now
from kb.store.events import Events

_LISTS = ("kinds", "sources", "tags")  # of a query: tuples, which JSON does not know


class SavedSearches:
    """The tables `saved_searches` and `saved_search_runs`."""

    def __init__(self, connection: Connection, events: Events) -> None:
        self._db = connection
        self._events = events

    def all(self) -> list[SavedSearch]:
        """What the member may ask again: the own by name, then those that are shared."""
        rows = self._db.all(
            "select s.*, coalesce(r.at, '') as last_run, case when r.at is null then 0 else "
            "(select count(*) from documents d where d.added_at > r.at and d.removed_at is null) "
            "end as added from saved_searches s "
            "left join saved_search_runs r on r.search_id = s.id and r.member = ?1 "
            "where s.member in ('', ?1) order by s.member = '', s.name",
            self._events.member,
        )
        return [_saved(row) for row in rows]

    def named(self, name: str) -> SavedSearch:
        """The acting member's search of that name, else the shared one; NotFound for neither."""
        found = self.all()
        for each in found:
            if each.name.casefold() == name.strip().casefold():
                return each
        have = f"There are: {', '.join(each.name for each in found)}." if found else (
            "There is none yet: kb search QUESTION --save NAME."
        )  # fmt: skip
        raise NotFound(f"There is no saved search “{name}”. {have}")

    def save(self, name: str, query: Query, *, shared: bool = False) -> SavedSearch:
        """Keep a question under a name. UsageError for a name that is taken, and for no words.

        It counts as asked now, so that what is new is what comes after it.
        """
        name = " ".join(name.split())
        if not name or not query.text.strip():
            raise UsageError("A search is saved under a name, and needs a question.")
        with self._db.transaction():
            if any(each.name.casefold() == name.casefold() for each in self.all()):
                raise UsageError(
                    f"There is a saved search “{name}” already. Take another name, or remove it "
                    f"first: kb search --forget “{name}”."
                )
            search_id = self._db.insert(
                "saved_searches", name=name, member="" if shared else self._events.member,
                query=json_text(asdict(query)), created_at=now(), created_by=self._events.member,
            )  # fmt: skip
            self._events.add("saved", f"saved search:{name}", after=query.text)
        self.note_run(search_id)
        return self.named(name)

    def note_run(self, search_id: int) -> None:
        """Say that the member asks it now.

        Nothing is noted where the library may only be read.
        """
        if self._db.only_read:
            return
        with self._db.transaction():
            self._db.run(
                "insert into saved_search_runs (search_id, member, at) values (?, ?, ?) "
                "on conflict (search_id, member) do update set at = excluded.at",
                search_id, self._events.member, now(),
            )  # fmt: skip

    def remove(self, name: str) -> SavedSearch:
        """Forget a search. Forbidden for one that somebody else shares, but to an admin."""
        with self._db.transaction():
            found = self.named(name)
            if found.shared and found.created_by != self._events.member:
                self._events.require("admin")
            self._db.run("delete from saved_searches where id = ?", found.id)
            self._events.add("removed", f"saved search:{found.name}", before=found.query.text)
        return found


def _saved(row: sqlite3.Row) -> SavedSearch:
    kept = json.loads(row["query"])
    lists = {name: tuple(kept[name]) for name in _LISTS}
    return SavedSearch(
        id=row["id"], name=row["name"], query=Query(**{**kept, **lists}),
        shared=row["member"] == "", created_at=row["created_at"], created_by=row["created_by"],
        last_run=row["last_run"], added=row["added"],
    )  # fmt: skip
