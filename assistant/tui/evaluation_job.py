"""The evaluation in the background: one at a time, seen from every screen; stopped, it loses no answer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from assistant.errors import UsageError
from assistant.evaluation.running import RunProgress, RunRequest, begin, evaluate

if TYPE_CHECKING:
    from assistant.bootstrap import Core


class EvaluationJob:
    """Asks a set, and remembers how far it is."""

    def __init__(self, core: Core, ended: Callable[[str], None], failed: Callable[[Exception], None]) -> None:
        """`ended` is called on the event loop with what to tell, `failed` where it met an error."""
        self._core, self._ended, self._failed = core, ended, failed
        self._task: asyncio.Task[None] | None = None
        self.name = ""  # of the set that is asked, or was last
        self.begun = 0  # how many times something was asked
        self.progress: RunProgress | None = None

    @property
    def running(self) -> bool:
        """Whether a set is being asked."""
        return self._task is not None and not self._task.done()

    @property
    def line(self) -> str:
        """Where it is, for the status line; "" when nothing runs."""
        if not self.running:
            return ""
        return (
            f"evaluating {self.name} {self.progress.done:,}/{self.progress.total:,}" if self.progress else "evaluating"
        )

    def start(self, request: RunRequest) -> None:
        """Begin, or go on where the same was left.

        Raises:
            UsageError: another one is under way.
        """
        if self.running:
            raise UsageError(f"{self.name} is being asked.", "Stop it first (x), or wait.")
        self.name, self.progress = request.name, None
        self.begun += 1
        self._task = asyncio.create_task(self._run(request))

    async def stop(self) -> None:
        """End it; what was answered stays, and the next start goes on there."""
        if self._task is not None and self.running:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self, request: RunRequest) -> None:
        try:
            run = await begin(self._core, request)
            async with contextlib.aclosing(evaluate(self._core, run)) as work:
                async for progress in work:
                    self.progress = progress
        except Exception as error:  # told, also where it is a defect: it must not end the app
            self._failed(error)
        else:
            self._ended(f"{request.name} is evaluated: run {run.id}. F12 has the report.")
