"""Whether the database file is sound, and which raw files it counts on. Reads only."""

from __future__ import annotations

from kb.store.connection import Connection


class Integrity:
    """Questions to SQLite about itself."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def damage(self) -> list[str]:
        """What SQLite finds wrong in the file; empty where it is sound."""
        rows = self._db.all("pragma integrity_check(20)")
        return [str(row[0]) for row in rows if row[0] != "ok"]

    def loose_ends(self) -> list[str]:
        """Rows that refer to others that are not there, as "table → table: number of rows"."""
        counts: dict[str, int] = {}
        for row in self._db.all("pragma foreign_key_check"):
            name = f"{row['table']} → {row['parent']}"
            counts[name] = counts.get(name, 0) + 1
        return [f"{name}: {count} rows" for name, count in counts.items()]

    def unlisted_words(self) -> int:
        """Passages whose words are not in the full-text index, or the other way round."""
        row = self._db.one(
            "select (select count(*) from passages where id not in "
            "(select id from passages_fts_docsize)) + (select count(*) from passages_fts_docsize "
            "where id not in (select id from passages)) as n"
        )
        return int(row["n"])

    def raw_files(self) -> dict[str, str]:
        """The sha256 of every version's bytes, with the key of a document that needs them."""
        rows = self._db.all(
            "select v.sha256, d.key from versions v join documents d on d.id = v.document_id "
            "order by v.id"
        )
        return {row["sha256"]: row["key"] for row in rows}
