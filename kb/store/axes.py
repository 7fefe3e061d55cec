"""The axes of design choices that a team has added to those that come with kb."""

from __future__ import annotations

import json
from collections.abc import Sequence

from kb.store.connection import Connection
from kb.store.events import Events


class Axes:
    """The table `axes`."""

    def __init__(self, connection: Connection, events: Events) -> None:
        self._db = connection
        self._events = events

    def all(self) -> list[dict[str, object]]:
        """The team's axes: id, name, definition, retraining and examples, by id."""
        rows = self._db.all("select * from axes order by id")
        return [dict(row) | {"examples": tuple(json.loads(row["examples"]))} for row in rows]

    def put(
        self, axis_id: str, *, name: str, definition: str, retraining: str, examples: Sequence[str]
    ) -> None:
        """Add an axis, or put it in place of the team's own of that id."""
        with self._db.transaction():
            self._db.run(
                "insert into axes (id, name, definition, retraining, examples) "
                "values (?, ?, ?, ?, ?) on conflict (id) do update set name = excluded.name, "
                "definition = excluded.definition, retraining = excluded.retraining, "
                "examples = excluded.examples",
                axis_id, name, definition, retraining, json.dumps(list(examples)),
            )  # fmt: skip
            self._events.add("added", f"axis:{axis_id}", after=name)
