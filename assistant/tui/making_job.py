"""The model file that is made or measured in the background: one at a time, seen from everywhere, stopped by a key."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.model_making import ModelMaking
from assistant.models.comparison_text import comparison_lines
from assistant.models.made_model import Made, Making, Measured
from assistant.safe_text import safe_line

if TYPE_CHECKING:
    from assistant.bootstrap import Core

Told = Callable[[str, str], None]  # a text, and how severe it is
Event = Making | Made | Measured


class MakingJob:
    """Quantises, converts or compares, and remembers where it is and what the last comparison gave."""

    def __init__(self, core: Core, tell: Told, failed: Callable[[Exception], None]) -> None:
        self._making = ModelMaking(core.config)
        self._tell, self._failed = tell, failed
        self._task: asyncio.Task[None] | None = None
        self._where = ""
        self.measured: list[Measured] = []
        self.ended = 0  # counts what came to its end, so that a screen knows when to look again

    @property
    def running(self) -> bool:
        """Whether something is being made or measured."""
        return self._task is not None and not self._task.done()

    @property
    def line(self) -> str:
        """Where it is, for the status line; "" when nothing runs."""
        return self._where if self.running else ""

    @property
    def comparison(self) -> list[str]:
        """Table and plot of the last comparison; nothing before the first."""
        return comparison_lines(self.measured) if self.measured else []

    def make(self, source: Path, kind: str) -> bool:
        """Quantise a file, or convert a folder; False while another job runs."""
        work = self._making.convert if source.is_dir() else self._making.quantize
        return self._start(work(source, kind))

    def compare(self, models: Sequence[Path], text: Path) -> bool:
        """Measure models on a text; False while another job runs."""
        return self._start(self._making.compare(models, text))

    async def stop(self) -> None:
        """Stop; what was begun is removed."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def close(self) -> None:
        """Stop, and end the child."""
        await self.stop()
        await self._making.worker.stop()

    def _start(self, work: AsyncGenerator[Event, None]) -> bool:
        if self.running:
            return False
        self._where = "starting…"
        self._task = asyncio.create_task(self._run(work))
        return True

    async def _run(self, work: AsyncGenerator[Event, None]) -> None:
        measured: list[Measured] = []
        try:
            async with contextlib.aclosing(work) as events:
                async for event in events:
                    if isinstance(event, Making):
                        self._where = safe_line(event.line)
                    elif isinstance(event, Measured):
                        measured.append(event)
                    else:
                        self._made(event)
        except Exception as error:  # a defect in the background must be told, and must not end the app
            self._failed(error)
        else:
            self.measured = measured or self.measured
            self.ended += 1

    def _made(self, made: Made) -> None:
        parity = f" {made.parity.line}" if made.parity else ""
        self._tell(f"Made {safe_line(made.line)}.{parity}", "information")
        if made.notice:
            self._tell(made.notice, "warning")
