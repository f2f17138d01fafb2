"""Passages made anew in the background, a while at a time, so that changed documents need not wait for the end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING

from assistant.machine import LOOK_SECONDS, Machine
from assistant.passage_generations import rebuilt_line

if TYPE_CHECKING:
    from assistant.bootstrap import Core
    from assistant.tui.ingest_job import IngestJob
    from ingest.progress import Progress
    from ingest.rebuilding import Rebuilt

SECONDS = 60.0  # at a time; then come files and folders that wait


class RebuildJob:
    """Goes on with the rebuild of a library whose passages were made with other settings, at good moments only until
    the user asks for it."""

    def __init__(self, core: Core, ingest: IngestJob, machine: Machine, tell: Callable[[str, str], None]) -> None:
        self._core, self._ingest, self._machine, self._tell = core, ingest, machine, tell
        self._task: asyncio.Task[None] | None = None
        self._asked = False  # by the user: whatever the moment
        self._again = False  # there is more to do than what was run last
        self._staged = -1
        self.resting = ""  # why it waits

    def start(self, *, asked: bool = False) -> bool:
        """Go on in the background; False where there is nothing to do, or nothing can be written."""
        if not self._core.generations.behind or self._core.read_only:
            return False
        self._asked = self._asked or asked
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._go_on())
        return True

    async def close(self) -> None:
        """Go on no longer."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _go_on(self) -> None:
        self._again = True
        while self._again:
            while not self._asked and (reason := self._machine.why_rest()):
                self.resting = reason
                await asyncio.sleep(LOOK_SECONDS / 4)
            self.resting, self._again = "", False
            await self._ingest.run(self._while_good, self._stands).wait()
        self._asked = False

    async def _while_good(self) -> AsyncGenerator[Progress | Rebuilt, None]:
        """A while of the rebuild; broken off, and to be run again, when the moment turns bad."""
        async with contextlib.aclosing(self._core.generations.rebuild(SECONDS)) as items:
            async for item in items:
                if not self._asked and self._machine.why_rest():
                    self._again = self._core.generations.behind
                    if self._again:
                        return
                yield item

    def _stands(self, rebuilt: Rebuilt) -> None:
        if rebuilt.complete:
            self._tell(rebuilt_line(rebuilt), "information")
        elif rebuilt.staged > self._staged:
            self._staged, self._again = rebuilt.staged, True
        else:
            self._tell(f"{rebuilt_line(rebuilt)} /rebuild goes on.", "warning")
