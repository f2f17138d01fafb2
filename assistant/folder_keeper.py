"""When linked folders are synced by themselves: at the start, after changes, and not at a bad moment.

The keeper decides, whoever asks for what is due runs it: the job of the terminal interface, or the
`folders watch` command.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Iterable
from typing import TYPE_CHECKING

from assistant.errors import WorkerError
from assistant.machine import LOOK_SECONDS, Machine
from ingest.progress import Progress, Summary

if TYPE_CHECKING:
    from assistant.worker_process import WorkerProcess
    from ingest.folders import LinkedFolder, LinkedFolders

RESTART_SECONDS = 20.0  # before a watching child that died is started again
PAUSE_SHARE, LONGEST_PAUSE = 0.25, 30.0  # after a sync, so that a large folder is not walked without end; seconds


class FolderKeeper:
    """Keeps the linked folders in step as long as somebody asks what is due."""

    def __init__(self, folders: LinkedFolders, watcher: WorkerProcess, machine: Machine) -> None:
        self._folders, self._watcher, self._machine = folders, watcher, machine
        self._due: set[str] = set()  # paths
        self._unfinished: set[str] = set()  # those of them that were given out and are not synced yet
        self._news = asyncio.Event()
        self._links_changed = asyncio.Event()
        self.stopped = False  # by the user, until `resume`
        self.resting = ""  # why what is due waits
        self.polled: dict[str, str] = {}  # folders that are not watched but walked from time to time, and why
        self.watching = False

    def resume(self, paths: Iterable[str] = ()) -> None:
        """Go on after a stop; these folders are due now."""
        self.stopped = False
        self._due.update(paths)
        self._news.set()

    def links_changed(self) -> None:
        """Look again which folders are linked."""
        self._links_changed.set()

    async def due(self) -> AsyncGenerator[list[LinkedFolder], None]:
        """The folders to sync now: first all, then each time those that changed. Never ends by itself."""
        watching = asyncio.create_task(self._watch())
        try:
            while True:
                await self._news.wait()
                self._news.clear()
                await self._good_moment()
                folders = [folder for folder in await self._folders.all() if folder.path in self._due]
                self._due.clear()
                if folders:
                    started, self._unfinished = time.monotonic(), {folder.path for folder in folders}
                    yield folders
                    if self._unfinished:  # broken off, or never begun
                        self._note(self._unfinished)
                    await asyncio.sleep(min((time.monotonic() - started) * PAUSE_SHARE, LONGEST_PAUSE))
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            self.watching = False

    async def sync(self, folders: list[LinkedFolder]) -> AsyncGenerator[Progress | Summary, None]:
        """Sync what was due; broken off, and due again, when the moment turns bad."""
        try:
            async with contextlib.aclosing(self._folders.sync(folders)) as items:
                async for item in items:
                    if isinstance(item, Progress) and self._machine.why_rest():
                        return
                    yield item
        except Exception:
            self._unfinished.clear()  # it would fail again at once; the next change tries it again
            raise
        self._unfinished.clear()

    async def _good_moment(self) -> None:
        while self.stopped or (reason := self._machine.why_rest()):
            self.resting = "stopped" if self.stopped else reason
            await asyncio.sleep(LOOK_SECONDS / 4)
        self.resting = ""

    async def _watch(self) -> None:
        """Note what changes, with all folders due whenever the watch begins anew."""
        while True:
            self._links_changed.clear()
            paths = [folder.path for folder in await self._folders.all() if folder.watched]
            following = asyncio.create_task(self._follow(paths))
            relinked = asyncio.create_task(self._links_changed.wait())
            try:
                await asyncio.wait({following, relinked}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (following, relinked):
                    task.cancel()
                await asyncio.gather(following, relinked, return_exceptions=True)

    async def _follow(self, paths: list[str]) -> None:
        if not paths:
            await asyncio.Event().wait()
        while True:
            with contextlib.suppress(WorkerError):
                async for reply in self._watcher.stream("watch", folders=paths):
                    told = reply.data or {}
                    self.polled = told.get("polled", self.polled)
                    self.watching = True
                    self._note(told.get("changed", paths))
            self.polled = dict.fromkeys(paths, "the watching process died; it is started again")
            await asyncio.sleep(RESTART_SECONDS)

    def _note(self, paths: Iterable[str]) -> None:
        self._due.update(paths)
        self._news.set()
