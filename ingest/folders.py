"""Folders that stay in step: linked once, synced when something changed, never copied and never touched.

A link is a row; what lies in the folder becomes documents through the pipeline, as if it were ingested
by hand. The folder's state is kept beside it, so that every face tells the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingest import records
from ingest.collaborators import Database
from ingest.errors import IngestError
from ingest.library import DEFAULT_COLLECTION, check_collection
from ingest.pipeline import Pipeline, absolute
from ingest.planning import ALL, FEW, Plan, inside
from ingest.progress import Failure, Progress, Summary

if TYPE_CHECKING:
    import sqlite_utils

_FOLDERS = """
SELECT f.id, f.path, c.name, f.state, f.reason, f.withheld, f.identity, f.linked_at, f.synced_at,
    (SELECT count(*) FROM documents d WHERE d.collection_id = f.collection_id AND {inside}),
    (SELECT count(*) FROM documents d WHERE d.collection_id = f.collection_id AND {inside} AND d.state != 'ready'),
    json_extract(c.settings, '$.watch') IS NOT 0
FROM linked_folders f JOIN collections c ON c.id = f.collection_id ORDER BY f.path
""".format(inside="d.path > CAST(f.path || '/' AS BLOB) AND d.path < CAST(f.path || '0' AS BLOB)")  # "0" follows "/"


@dataclass(frozen=True, slots=True)
class LinkedFolder:
    """A folder that is kept in step, and how it stands.

    `state` is "new" (never synced), "syncing" (a sync is under way or was broken off), "in step", "asks"
    (`withheld` documents are gone from the folder, too many to remove without a question) or "unreachable"
    (then `reason` says why; nothing of it was removed). `documents` counts the `failed` ones too.
    """

    id: int
    path: str
    collection: str
    state: str
    reason: str
    withheld: int
    identity: str
    linked_at: str
    synced_at: str | None
    documents: int
    failed: int
    watched: bool = True  # unless its collection says otherwise


class LinkedFolders:
    """The linked folders of a library."""

    def __init__(self, database: Database, pipeline: Pipeline) -> None:
        self._database, self._pipeline = database, pipeline

    async def all(self) -> list[LinkedFolder]:
        """All of them by path."""
        rows = await self._database.read(lambda db: db.conn.execute(_FOLDERS).fetchall())
        return [LinkedFolder(row[0], os.fsdecode(row[1]), *row[2:]) for row in rows]

    async def find(self, path: Path) -> LinkedFolder | None:
        """The folder linked under this path."""
        (wanted,) = absolute([path.expanduser()])
        return next((folder for folder in await self.all() if folder.path == wanted), None)

    async def holding(self, path: str, collection: str) -> LinkedFolder | None:
        """The linked folder that would bring this file back into the collection at its next sync."""
        folders = await self.all()
        return next((each for each in folders if each.collection == collection and inside(path, [each.path])), None)

    async def check(self, path: Path, collection: str = DEFAULT_COLLECTION) -> str:
        """The absolute path, if it can be linked into this collection.

        Raises:
            IngestError: it is no folder, is linked already, or shares files with a folder linked there.
        """
        check_collection(collection)
        (wanted,) = absolute([path.expanduser()])
        if not await asyncio.to_thread(os.path.isdir, wanted) or await asyncio.to_thread(os.path.islink, wanted):
            raise IngestError(f"{wanted} is no folder.", "Name a folder that is there; links are not followed.")
        if wanted == os.sep:
            raise IngestError("The whole machine cannot be linked.", "Link the folders that hold your documents.")
        for folder in await self.all():
            if folder.path == wanted:
                raise IngestError(f"{wanted} is linked already, into {folder.collection}.", "Unlink it to change that.")
            if folder.collection == collection and (inside(wanted, [folder.path]) or inside(folder.path, [wanted])):
                raise IngestError(
                    f"{wanted} and {folder.path}, which is linked, hold the same files.", "Link the outer one only."
                )
        return wanted

    async def link(self, path: Path, collection: str = DEFAULT_COLLECTION) -> LinkedFolder:
        """Remember a folder; `sync` then brings its files in.

        Raises:
            IngestError: see `check`.
        """
        wanted = await self.check(path, collection)
        await self._database.write(
            lambda db: db.conn.execute(
                "INSERT INTO linked_folders (collection_id, path) VALUES (?, ?)",
                (records.collection_number(db, collection), os.fsencode(wanted)),
            )
        )
        return next(folder for folder in await self.all() if folder.path == wanted)

    async def unlink(self, folder: LinkedFolder, *, remove: bool) -> int:
        """Keep a folder in step no longer; with `remove` its documents leave the library. Returns how many did."""
        await self._database.write(lambda db: db.conn.execute("DELETE FROM linked_folders WHERE id = ?", (folder.id,)))
        removed = 0
        while remove and (documents := await self._database.read(lambda db: _documents_below(db, folder))):
            removed += await self._pipeline.remove(documents)  # waits for a run, which may add some more
        return removed

    async def failures(self, folders: Iterable[LinkedFolder]) -> list[Failure]:
        """The files below these folders that could not be read, with the reason."""

        def read(db: sqlite_utils.Database) -> list[tuple[bytes, str]]:
            numbers = [number for folder in folders for number in _documents_below(db, folder)]
            rows = (
                db.conn.execute(
                    "SELECT path, reason FROM documents WHERE id = ? AND state != 'ready'", (number,)
                ).fetchone()
                for number in numbers
            )
            return [row for row in rows if row]

        return [Failure(os.fsdecode(path), reason) for path, reason in await self._database.read(read)]

    async def preview(self, folders: Iterable[LinkedFolder], *, retry: bool = False) -> list[tuple[str, Plan]]:
        """What a sync would do now, by collection."""
        plans = []
        for collection, group in _by_collection(folders).items():
            plan = await self._pipeline.preview(_paths(group), collection, retry=retry, removable=_removable(group))
            plans.append((collection, plan))
        return plans

    async def sync(
        self, folders: Iterable[LinkedFolder], *, retry: bool = False, confirmed: bool = False
    ) -> AsyncGenerator[Progress | Summary, None]:
        """Bring folders in step with the disk; a Summary ends each collection.

        Folders of one collection go together, so that files moved between them are seen as moved. `retry`
        reads failed files again; `confirmed` removes what is gone, however much that is.
        """
        for collection, group in _by_collection(folders).items():
            await self._mark(group)
            removable = {folder.path: ALL for folder in group} if confirmed else _removable(group)
            run = self._pipeline.ingest(_paths(group), collection, retry=retry, removable=removable)
            async with contextlib.aclosing(run) as items:
                async for item in items:
                    if isinstance(item, Summary):
                        await self._finish(group, item)
                    yield item

    async def _mark(self, group: list[LinkedFolder]) -> None:
        numbers = [(folder.id,) for folder in group]
        await self._database.write(
            lambda db: db.conn.executemany("UPDATE linked_folders SET state = 'syncing' WHERE id = ?", numbers)
        )

    async def _finish(self, group: list[LinkedFolder], summary: Summary) -> None:
        """Keep how each folder stands after a whole run."""
        reasons = {failure.path: failure.reason for failure in summary.failed}
        withheld = {each.folder: each.gone for each in summary.withheld}
        rows: list[tuple[Any, ...]] = []
        for folder in group:
            reason, asked = reasons.get(folder.path, ""), withheld.get(folder.path, 0)
            state = "unreachable" if reason else "asks" if asked else "in step"
            # A folder that asks, or is away, keeps what it was known by: else the next sync would not ask any more.
            identity = folder.identity if reason or asked else _identity(folder.path)
            rows.append((state, reason, asked, identity, not reason, folder.id))
        await self._database.write(
            lambda db: db.conn.executemany(
                "UPDATE linked_folders SET state = ?, reason = ?, withheld = ?, identity = ?, synced_at ="
                " CASE WHEN ? THEN strftime('%Y-%m-%dT%H:%M:%fZ', 'now') ELSE synced_at END WHERE id = ?",
                rows,
            )
        )


def _by_collection(folders: Iterable[LinkedFolder]) -> dict[str, list[LinkedFolder]]:
    groups: dict[str, list[LinkedFolder]] = {}
    for folder in folders:
        groups.setdefault(folder.collection, []).append(folder)
    return groups


def _paths(group: list[LinkedFolder]) -> list[Path]:
    return [Path(folder.path) for folder in group]


def _removable(group: list[LinkedFolder]) -> dict[str, int]:
    """What each may lose unasked: nothing much where another folder lies in its place, such as an empty mount point."""
    return {
        folder.path: FEW if folder.identity in ("", _identity(folder.path)) else 0 for folder in group
    }  # fmt: skip


def _identity(path: str) -> str:
    try:
        status = os.stat(path, follow_symlinks=False)  # noqa: PTH116  # the path need not be UTF-8
    except OSError:
        return ""
    return f"{status.st_dev}:{status.st_ino}"


def _documents_below(db: sqlite_utils.Database, folder: LinkedFolder) -> list[int]:
    prefix = os.fsencode(folder.path.rstrip(os.sep))
    rows = db.conn.execute(
        "SELECT d.id FROM documents d JOIN collections c ON c.id = d.collection_id"
        " WHERE c.name = ? AND d.path > ? AND d.path < ? ORDER BY d.path",
        (folder.collection, prefix + b"/", prefix + b"0"),
    )
    return [row[0] for row in rows]
