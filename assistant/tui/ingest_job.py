"""The ingest run in the background: one at a time, seen from every screen, cancelled by a key."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingest.pipeline import Pipeline
    from ingest.progress import Progress, Summary


class IngestJob:
    """Runs the pipeline for one request after another."""

    def __init__(
        self, pipeline: Pipeline, done: Callable[[Summary], None], failed: Callable[[Exception], None]
    ) -> None:
        """`done` and `failed` are called on the event loop when a run ends by itself."""
        self._pipeline = pipeline
        self._done, self._failed = done, failed
        self._waiting: list[tuple[list[Path], str]] = []
        self._task: asyncio.Task[None] | None = None
        self.progress: Progress | None = None
        self.changes = 0  # counts what may have changed the library, so that a list knows when to look again

    @property
    def running(self) -> bool:
        """Whether something is being indexed."""
        return self._task is not None and not self._task.done()

    @property
    def line(self) -> str:
        """Where the run is, for the status line; "" when nothing runs."""
        if not self.running:
            return ""
        return "indexing…" if self.progress is None else progress_line(self.progress)

    def add(self, paths: list[Path], collection: str) -> None:
        """Index these now, or after what is being indexed."""
        self._waiting.append((paths, collection))
        if not self.running:
            self._task = asyncio.create_task(self._run())

    async def cancel(self) -> None:
        """Stop; what is done stays done, and nothing is left half-indexed."""
        self._waiting.clear()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        self.progress = None
        self.changes += 1

    async def _run(self) -> None:
        while self._waiting:
            paths, collection = self._waiting.pop(0)
            try:
                await self._ingest(paths, collection)
            except Exception as error:  # a defect in the background must be told, and must not end the app
                self._failed(error)
            self.progress = None
            self.changes += 1

    async def _ingest(self, paths: list[Path], collection: str) -> None:
        from ingest.progress import Progress

        async for item in self._pipeline.ingest(paths, collection):
            if isinstance(item, Progress):
                self.progress = item
                self.changes += 1
            else:
                self._done(item)


def progress_line(progress: Progress) -> str:
    """`indexing 3/14 lease.pdf · 0:12 left`, shortened names included."""
    if progress.stage == "scan":
        return "looking for files…"
    name = PurePath(progress.path).name
    name = name if len(name) <= 24 else f"{name[:23]}…"
    left = "" if progress.seconds_left is None else f" · {_clock(progress.seconds_left)} left"
    return f"indexing {progress.done}/{progress.total} {name}{left}"


def summary_line(summary: Summary) -> str:
    """What a run did, in words."""
    counts = [
        (summary.added, "added"), (summary.changed, "changed"), (summary.unchanged, "unchanged"),
        (summary.removed, "removed"), (len(summary.failed), "failed"),
    ]  # fmt: skip
    told = ", ".join(f"{count:,} {word}" for count, word in counts if count) or "no files found"
    return f"Documents: {told} · {summary.passages:,} passages"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(math.ceil(seconds), 60)
    return f"{minutes}:{rest:02}"
