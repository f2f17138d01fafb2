"""Linked folders while the app is open: kept in step in the background, synced by hand, linked and unlinked."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.safe_text import safe_line
from assistant.tui.ingest_job import Items, kept_line, summary_line
from assistant.tui.rebuild_job import RebuildJob
from ingest.network_drives import NOT_THERE

if TYPE_CHECKING:
    from assistant.bootstrap import Core
    from assistant.tui.ingest_job import IngestJob
    from ingest.folders import LinkedFolder
    from ingest.progress import Summary

Told = Callable[[str, str], None]  # a text, and how severe it is


class FolderJob:
    """Asks the keeper what is due and has it run by the ingest job; tells only what the user must know."""

    def __init__(self, core: Core, ingest: IngestJob, tell: Told, failed: Callable[[Exception], None]) -> None:
        self._core, self._ingest, self._tell, self._failed = core, ingest, tell, failed
        machine = core.machine()
        self.rebuild = RebuildJob(core, ingest, machine, tell)
        self._keeper = core.folder_keeper(machine)
        self._task: asyncio.Task[None] | None = None
        self._syncs: list[asyncio.Event] = []  # those that were asked for and may not have ended
        self._told: set[str] = set()  # what was told already of failing files and vanished documents

    @property
    def line(self) -> str:
        """Why changes wait, for the status line; "" when nothing waits."""
        if self.rebuild.resting:
            return f"new passages wait: {self.rebuild.resting}"
        return f"folders wait: {self._keeper.resting}" if self._keeper.resting else ""

    @property
    def polled(self) -> dict[str, str]:
        """Folders that are not watched but looked through from time to time, and why."""
        return self._keeper.polled

    @property
    def watching(self) -> bool:
        """Whether changes are followed."""
        return self._keeper.watching

    def start(self) -> None:
        """Keep the folders in step from now on, unless settings or a read-only home forbid it; go on with a rebuild."""
        self.rebuild.start()
        if self._core.config.documents.watch and not self._core.read_only:
            self._task = asyncio.create_task(self._keep())

    async def close(self) -> None:
        """Follow changes no longer, and end what the ingest job runs."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.rebuild.close()
        await self._ingest.cancel()

    def links_changed(self) -> None:
        """Look again which folders are followed."""
        self._keeper.links_changed()

    def stop(self) -> None:
        """If a sync is under way, let changes wait until the next one that is asked for."""
        under_way = any(not ended.is_set() for ended in self._syncs)
        self._keeper.stopped = under_way and self._task is not None

    def sync(self, folders: list[LinkedFolder], *, retry: bool = False, confirmed: bool = False) -> None:
        """Bring folders in step now, whatever the moment; see LinkedFolders.sync."""
        self._keeper.resume()
        self._told.clear()
        self._run(partial(self._core.folders.sync, folders, retry=retry, confirmed=confirmed), self._synced)

    async def link(self, path: Path, collection: str) -> LinkedFolder:
        """Link a folder and sync it.

        Raises:
            IngestError: it cannot be linked.
        """
        folder = await self._core.folders.link(path, collection)
        self._keeper.links_changed()
        self.sync([folder])
        return folder

    async def unlink(self, folder: LinkedFolder, *, remove: bool) -> int:
        """Unlink a folder; returns how many documents left the library."""
        removed = await self._core.folders.unlink(folder, remove=remove)
        self._keeper.links_changed()
        self._ingest.changes += 1
        return removed

    async def _keep(self) -> None:
        try:
            async with contextlib.aclosing(self._keeper.due()) as all_due:
                async for due in all_due:
                    for path, reason in self._keeper.polled.items():
                        if reason != NOT_THERE:  # that is told by its sync
                            self._tell_once(f"Changes of {safe_line(path)} are found from time to time only: {reason}.")
                    await self._run(partial(self._keeper.sync, due), self._kept).wait()
        except Exception as error:  # a defect in the background must be told
            self._failed(error)

    def _run(self, start: Callable[[], Items], done: Callable[[Summary], None]) -> asyncio.Event:
        self._syncs = [ended for ended in self._syncs if not ended.is_set()]
        self._syncs.append(self._ingest.run(start, done))
        return self._syncs[-1]

    def _synced(self, summary: Summary) -> None:
        """A sync the user asked for: say what it did."""
        self._tell(summary_line(summary), "warning" if summary.failed else "information")
        self._kept(summary)

    def _kept(self, summary: Summary) -> None:
        """A sync nobody asked for: say, once, what went wrong and what has to be decided."""
        for each in summary.withheld:
            self._tell_once(kept_line(each, "/folders, then y,"))
        for failure in summary.failed[:3]:
            self._tell_once(f"{safe_line(failure.path)}: {failure.reason}")

    def _tell_once(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self._tell(text, "warning")
