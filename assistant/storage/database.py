"""The one SQLite database: one writing connection on one thread, migrations with a backup before.

[H] sqlite_utils pulls in numpy: this module is imported by bootstrap when the database is opened.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import sqlite_utils
from sqlite_utils.migrations import Migrations

from assistant.errors import StorageError

T = TypeVar("T")
BACKUPS_KEPT = 3
BUSY_MS = 5000
QUICK_CHECK_BYTES = 200 * 2**20


class _Connection(sqlite3.Connection):
    """Stores a question mark for a lone surrogate, which SQLite refuses: file names that are no UTF-8 hold some."""

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        try:
            return super().execute(sql, parameters)
        except UnicodeEncodeError:  # before anything was done
            return super().execute(sql, _storable(parameters))


def _storable(parameters: Any) -> Any:
    if isinstance(parameters, Mapping):
        return {name: _storable_value(value) for name, value in parameters.items()}
    return [_storable_value(value) for value in parameters]


def _storable_value(value: Any) -> Any:
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def wal_is_safe(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> bool:
    """Whether write-ahead logging may be used.

    SQLite before 3.51.3 (and 3.52.0) can lose a checkpoint race: https://sqlite.org/wal.html, "WAL-reset bug".
    """
    return version >= (3, 51, 3) and version[:3] != (3, 52, 0)


class Database:
    """The database behind every store. All work runs on one thread, so reads see their own writes."""

    def __init__(self, path: Path | None, read_only: bool = False) -> None:
        """`path` None is a database in memory."""
        self.path = path
        self.read_only = read_only
        self.notices: list[str] = []
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="database")
        self._db: sqlite_utils.Database | None = None

    async def open(self, migration_sets: list[Migrations]) -> None:
        """Connect, back up if migrations are due, and migrate.

        Raises:
            StorageError: the file is damaged, locked, or cannot be written.
        """
        await self._run(lambda: self._open(migration_sets))

    async def read(self, work: Callable[[sqlite_utils.Database], T]) -> T:
        """Run `work` with the database outside a transaction."""
        return await self._run(lambda: work(self._opened()))

    async def write(self, work: Callable[[sqlite_utils.Database], T]) -> T:
        """Run `work` in one immediate transaction: all of it is on disk, or none.

        Raises:
            StorageError: the disk is full, the file is read-only or locked; nothing was changed.
        """
        return await self._run(lambda: self._transaction(work))

    async def damage(self) -> str:
        """What SQLite's quick check finds wrong with the file, "" when nothing; does not block other work.

        A file too large to check within the time that a writer waits for a reader is not checked.
        """
        if self.path is None or self.path.stat().st_size > QUICK_CHECK_BYTES:
            return ""
        return await asyncio.to_thread(_quick_check, self.path)

    async def close(self) -> None:
        """Close the connection after the work under way."""
        await self._run(self._close)
        self._thread.shutdown(wait=False)

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except sqlite3.Error as error:
            raise self._translated(error) from error

    def _opened(self) -> sqlite_utils.Database:
        if self._db is None:
            raise StorageError("The database is closed.")
        return self._db

    def _open(self, migration_sets: list[Migrations]) -> None:
        connection = self._connect()
        connection.execute(f"PRAGMA busy_timeout={BUSY_MS}")
        connection.execute("PRAGMA foreign_keys=ON")
        if not self.read_only:
            connection.execute("PRAGMA secure_delete=ON")
            connection.execute(f"PRAGMA journal_mode={'WAL' if wal_is_safe() else 'TRUNCATE'}")
            connection.execute("PRAGMA synchronous=FULL")
        self._db = sqlite_utils.Database(connection)
        unknown = _unknown_migrations(self._db, migration_sets)
        if unknown and not self.read_only:
            self.read_only = True
            connection.execute("PRAGMA query_only=ON")
            self.notices.append("The data was written by a newer version of the assistant: it is opened read-only.")
        if not self.read_only:
            self._migrate(migration_sets)

    def _connect(self) -> sqlite3.Connection:
        if self.path is None:
            return sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False, factory=_Connection)
        if not self.read_only:
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
        mode = "ro" if self.read_only else "rw"
        uri = f"{self.path.resolve().as_uri()}?mode={mode}"
        return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, factory=_Connection)

    def _migrate(self, migration_sets: list[Migrations]) -> None:
        database = self._opened()
        due = [entry for entry in migration_sets if entry.pending(database)]
        if due and database.table_names():
            self._back_up()
        for entry in due:
            entry.apply(database)

    def _back_up(self) -> None:
        """Copy the whole database beside itself before a migration changes it; keep the newest three."""
        if self.path is None:
            return
        folder = self.path.parent / "backups"
        folder.mkdir(mode=0o700, exist_ok=True)
        target = folder / f"before-migration-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.db"
        self._opened().execute("VACUUM INTO ?", [str(target)])
        with contextlib.closing(sqlite3.connect(target)) as copy:
            if copy.execute("PRAGMA quick_check").fetchone() != ("ok",):
                raise StorageError(f"The backup {target} is not readable, so the data was not migrated.")
        for old in sorted(folder.glob("before-migration-*.db"))[:-BACKUPS_KEPT]:
            old.unlink()

    def _transaction(self, work: Callable[[sqlite_utils.Database], T]) -> T:
        database = self._opened()
        database.conn.execute("BEGIN IMMEDIATE")
        try:
            result = work(database)
            database.conn.execute("COMMIT")
        except BaseException:
            if database.conn.in_transaction:
                database.conn.execute("ROLLBACK")
            raise
        return result

    def _close(self) -> None:
        if self._db is not None:
            self._db.conn.close()
            self._db = None

    def _translated(self, error: sqlite3.Error) -> StorageError:
        text, where = str(error), self.path or "the database"
        if "full" in text or "disk I/O" in text:
            return StorageError(
                f"The disk is full or failing: {where} was not changed.", "Free some space, then go on."
            )
        if "readonly" in text or "unable to open" in text:
            return StorageError(f"{where} cannot be opened for writing.", "Check the folder's owner and permissions.")
        if "locked" in text:
            return StorageError(f"{where} is locked by another program.", "Close it and try again.")
        if "malformed" in text or "not a database" in text:
            return StorageError(f"{where} is damaged.", f"Copies from before migrations are in {_backups(self.path)}.")
        return StorageError(f"{where}: {text}.", "Run `assistant doctor`.")


def _quick_check(path: Path) -> str:
    with contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        try:
            found: str = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        except sqlite3.Error as error:
            return str(error)
    return "" if found == "ok" else found


def _unknown_migrations(database: sqlite_utils.Database, migration_sets: list[Migrations]) -> bool:
    """Whether a migration was applied that this version does not know, so a newer one wrote the data."""
    return any(
        {entry.name for entry in known.applied(database)} - {entry.name for entry in known._migrations}
        for known in migration_sets
    )


def _backups(path: Path | None) -> str:
    return str(path.parent / "backups") if path else "no folder"
