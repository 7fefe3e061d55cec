"""What the library remembers of itself: its active model, the models it has used, and which
index file is its own.
"""

from __future__ import annotations

from kb.records import Model
from kb.store.connection import Connection


class Settings:
    """The tables `settings` and `models`."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def active_model(self) -> Model | None:
        """The model whose passages are searched; None in a library that has none yet."""
        row = self._db.maybe(
            "select m.* from models m join settings s on s.key = 'model' and s.value = m.id"
        )
        return Model(**dict(row)) if row else None

    def ensure_model(self, name: str, revision: str, dimension: int, max_tokens: int) -> Model:
        """The model's row, created where it is new. It becomes active only where none is."""
        with self._db.transaction():
            self._db.run(
                "insert into models (name, revision, dimension, max_tokens) values (?, ?, ?, ?) "
                "on conflict (name, revision) do nothing",
                name, revision, dimension, max_tokens,
            )  # fmt: skip
            row = self._db.one(
                "select * from models where name = ? and revision = ?", name, revision
            )
            self._db.run(
                "insert into settings (key, value) values ('model', ?) "
                "on conflict (key) do nothing",
                str(row["id"]),
            )
        return Model(**dict(row))

    def activate(self, model: Model) -> None:
        """Search `model`'s passages from now on, and drop those of all others."""
        with self._db.transaction():
            self._db.run("update settings set value = ? where key = 'model'", str(model.id))
            self._db.run("delete from passages where model_id <> ?", model.id)

    def index_file(self) -> str:
        """The name of the vector index's file that is of this very database; "" without one."""
        row = self._db.maybe("select value from settings where key = 'index'")
        return row["value"] if row else ""

    def set_index_file(self, name: str) -> None:
        """Call inside a transaction, with the file in place."""
        self._db.run(
            "insert into settings (key, value) values ('index', ?) "
            "on conflict (key) do update set value = excluded.value",
            name,
        )
