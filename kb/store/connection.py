"""One SQLite connection: how it is opened, migrated and used in transactions.

Reading goes through the standard library, so that a search need not import sqlite_utils (half a
second where pandas is installed); sqlite_utils runs the migrations.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kb.errors import Forbidden, LibraryError

SCHEMA_VERSION = 7  # equals kb.store.schema.VERSION; kept here so that opening need not import it
BUSY_SECONDS = 30.0
WriteRefused = (sqlite3.OperationalError, Forbidden)
"""What a write raises where the database is read-only, full, or busy for too long, or the member
may only read."""


def now() -> str:
    """The time, ISO 8601 in UTC with microseconds."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


class Connection:
    """A connection for one thread. Use one `Connection` for each thread."""

    def __init__(self, file: Path, *, only_read: str = "") -> None:
        """Open `file`, creating or migrating it. Raises LibraryError where that cannot be.

        `only_read` says why nothing may be written; it is the sentence of the Forbidden that a
        write raises. Empty, and the disk allows it: writing is allowed.
        """
        self.only_read = only_read
        try:
            version = self._open(file)
        except (OSError, sqlite3.Error) as error:
            raise LibraryError(
                f"The library at {file.parent} cannot be opened: {error}. "
                "Name another folder with --library."
            ) from error
        if version > SCHEMA_VERSION:
            self.raw.close()
            raise LibraryError(
                f"The library at {file.parent} was written by a newer kb (schema {version}; this "
                f"one knows {SCHEMA_VERSION}). Upgrade kb, or name another folder with --library."
            )
        self.raw.execute("pragma foreign_keys = on")
        self.raw.execute("pragma synchronous = full")
        if version < SCHEMA_VERSION:
            self._migrate(file)
        if self.only_read:
            self.raw.execute("pragma query_only = on")  # whatever forgets to ask is refused too

    def _open(self, file: Path) -> int:
        """Connect, and return the schema's version; a library on a read-only disk is only read."""
        if file.exists() and not (os.access(file, os.W_OK) and os.access(file.parent, os.W_OK)):
            self.only_read = self.only_read or (
                f"The library at {file.parent} may only be read here: its folder is not writable."
            )
            log = file.with_name(f"{file.name}-wal")
            # Nobody can write to it: SQLite need not lock, nor make the files its log goes with.
            mode = "ro" if log.exists() and log.stat().st_size else "ro&immutable=1"
            self._connect(f"{file.absolute().as_uri()}?mode={mode}")
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._connect(file)
        return self._version()

    def _connect(self, to: Path | str) -> None:
        self.raw = sqlite3.connect(
            to, timeout=BUSY_SECONDS, isolation_level=None, uri=isinstance(to, str)
        )
        self.raw.row_factory = sqlite3.Row

    def _version(self) -> int:
        try:
            return int(self.raw.execute("pragma user_version").fetchone()[0])
        except sqlite3.Error:  # no database: nothing is left open
            self.raw.close()
            raise

    def _migrate(self, file: Path) -> None:
        if self.only_read:
            self.raw.close()
            raise LibraryError(
                f"The library at {file.parent} is of an older kb and must be brought up to date, "
                "but may only be read. Run any kb command on it where it can be written."
            )
        from sqlite_utils import Database

        from kb.store.schema import APPLICATION_ID, VERSION, migrations

        self._use_wal()
        with self.transaction():  # holds the write lock: a second process waits, then finds it done
            if self.one("pragma user_version")[0] < SCHEMA_VERSION:
                migrations.apply(Database(self.raw, execute_plugins=False))
                self.raw.execute(f"pragma application_id = {APPLICATION_ID}")
                self.raw.execute(f"pragma user_version = {VERSION}")

    def _use_wal(self) -> None:
        """Turn the log on. SQLite does not wait for that while another process does the same."""
        give_up = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                self.raw.execute("pragma journal_mode = wal")
                return
            except sqlite3.OperationalError as error:
                busy = error.sqlite_errorcode == sqlite3.SQLITE_BUSY
                if not busy or time.monotonic() > give_up:
                    raise
                time.sleep(0.05)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside is written, or nothing. Takes the write lock at once; may be nested."""
        if self.raw.in_transaction:
            yield
            return
        self._may_write()
        self.raw.execute("begin immediate")
        try:
            yield
        except BaseException:
            if self.raw.in_transaction:
                self.raw.execute("rollback")
            raise
        self.raw.execute("commit")

    @contextmanager
    def view(self) -> Iterator[None]:
        """Everything read inside is of one moment, whatever others write. Writes nothing."""
        if self.raw.in_transaction:
            yield
            return
        self.raw.execute("begin")
        try:
            yield
        finally:
            self.raw.execute("rollback")

    def _may_write(self) -> None:
        if self.only_read:
            raise Forbidden(self.only_read)

    def all(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        """All rows of a query."""
        return self.raw.execute(sql, values).fetchall()

    def maybe(self, sql: str, *values: Any) -> sqlite3.Row | None:
        """The first row of a query, or None."""
        row: sqlite3.Row | None = self.raw.execute(sql, values).fetchone()
        return row

    def one(self, sql: str, *values: Any) -> sqlite3.Row:
        """The first row of a query that always has one."""
        row = self.maybe(sql, *values)
        assert row is not None, sql
        return row

    def run(self, sql: str, *values: Any) -> sqlite3.Cursor:
        """Execute one statement that writes."""
        self._may_write()
        return self.raw.execute(sql, values)

    def insert(self, table: str, **values: Any) -> int:
        """Insert one row and return its id."""
        self._may_write()
        columns = ", ".join(values)
        marks = ", ".join("?" * len(values))
        cursor = self.raw.execute(
            f"insert into {table} ({columns}) values ({marks})", tuple(values.values())
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid
