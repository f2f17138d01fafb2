"""The model that is being fetched in the background: one at a time, seen from every screen, stopped by a key."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from assistant.models.found import gigabytes
from assistant.pulling import PullPlan, Rate
from assistant.safe_text import safe_line

if TYPE_CHECKING:
    from assistant.bootstrap import Core

Told = Callable[[str, str], None]  # a text, and how severe it is


class PullJob:
    """Fetches, and remembers where it is."""

    def __init__(self, core: Core, tell: Told, failed: Callable[[Exception], None]) -> None:
        self._core, self._tell, self._failed = core, tell, failed
        self._task: asyncio.Task[None] | None = None
        self._where = ""
        self.plan: PullPlan | None = None
        self.ended = 0  # counts fetched models, so that a list knows when to look again

    @property
    def running(self) -> bool:
        """Whether a model is being fetched."""
        return self._task is not None and not self._task.done()

    @property
    def line(self) -> str:
        """Where it is, for the status line; "" when nothing is fetched."""
        return f"fetching {self.plan.source.name} {self._where}".rstrip() if self.running and self.plan else ""

    def start(self, plan: PullPlan) -> bool:
        """Fetch what the user has agreed to; False while another one is being fetched."""
        if self.running:
            return False
        self.plan, self._where = plan, ""
        self._task = asyncio.create_task(self._run(plan))
        return True

    async def stop(self) -> None:
        """Stop; what has come is kept."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _run(self, plan: PullPlan) -> None:
        rate, name = Rate(), safe_line(plan.source.name)
        try:
            async with contextlib.aclosing(self._core.pulls.fetch(plan)) as items:
                async for item in items:
                    if item.stage == "done":
                        checked = "its SHA-256 is right" if plan.sha256 else "nobody said what its SHA-256 should be"
                        self._tell(
                            f"{name} is here ({gigabytes(item.total)}; {checked}). {{app.models}}, Enter loads it.",
                            "information",
                        )
                        self.ended += 1
                    elif item.stage == "waiting":
                        self._where = f"waits: {item.told}"
                    else:
                        doing = "(reading what is here) " if item.stage == "checking" else ""
                        self._where = doing + rate.told(item.done, item.total)
        except Exception as error:  # a defect in the background must be told, and must not end the app
            self._failed(error)
