"""Vectors beside their passages: little-endian float16, one row a passage.

The generation of a library's vectors moves with every vector added or dropped; an index that knows
the generation it was built from can tell what it lacks without reading everything.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kb.store.connection import Connection


@dataclass(frozen=True, slots=True, order=True)
class Generation:
    """How far the vectors have come: the last one added and the last one dropped."""

    added: int = 0
    dropped: int = 0

    @property
    def number(self) -> int:
        """A single figure that grows with every change."""
        return self.added + self.dropped


class Vectors:
    """The tables `vectors` and `vector_deletions`. Vectors are bytes here, never arrays."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def add(self, rows: Sequence[tuple[int, bytes]]) -> int:
        """Store (passage id, vector) rows in one transaction; returns how many were new.

        A passage that has gone in the meantime, or has its vector already, is passed over.
        """
        with self._db.transaction():
            before = self._db.raw.total_changes
            self._db.raw.executemany(
                "insert into vectors (passage_id, vector) select ?, ? "
                "where exists (select 1 from passages where id = ?) "
                "on conflict (passage_id) do nothing",
                [(passage_id, vector, passage_id) for passage_id, vector in rows],
            )
            return self._db.raw.total_changes - before

    def generation(self) -> Generation:
        """The generation now, over all models."""
        row = self._db.one(
            "select coalesce((select seq from sqlite_sequence where name = 'vectors'), 0) as added,"
            " coalesce((select seq from sqlite_sequence where name = 'vector_deletions'), 0)"
            " as dropped"
        )
        return Generation(row["added"], row["dropped"])

    def added_since(
        self, generation: Generation, until: Generation, model_id: int, *, batch: int = 4096
    ) -> Iterator[list[tuple[int, bytes]]]:
        """The model's (passage id, vector) rows from after one generation until another, by age."""
        last = generation.added
        while True:
            rows = self._db.all(
                "select v.id, v.passage_id, v.vector from vectors v "
                "join passages p on p.id = v.passage_id "
                "where v.id > ? and v.id <= ? and p.model_id = ? order by v.id limit ?",
                last, until.added, model_id, batch,
            )  # fmt: skip
            if not rows:
                return
            last = rows[-1]["id"]
            yield [(row["passage_id"], row["vector"]) for row in rows]

    def dropped_since(self, generation: Generation) -> list[int]:
        """Passage ids whose vectors were dropped after `generation`."""
        rows = self._db.all(
            "select passage_id from vector_deletions where id > ?", generation.dropped
        )
        return [row["passage_id"] for row in rows]

    def of_passages(self, ids: Sequence[int]) -> dict[int, bytes]:
        """The vectors of those passages that have one."""
        rows = self._db.all(
            "select passage_id, vector from vectors "
            "where passage_id in (select value from json_each(?))",
            json.dumps(list(ids)),
        )
        return {row["passage_id"]: row["vector"] for row in rows}
