"""The ingest run in the background: one at a time, seen from every screen, cancelled by a key."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from assistant.safe_text import safe_line

if TYPE_CHECKING:
    from ingest.pipeline import Pipeline
    from ingest.progress import Progress, Summary, Withheld
    from ingest.rebuilding import Rebuilt

Items = AsyncGenerator["Progress | Summary", None] | AsyncGenerator["Progress | Rebuilt", None]


@dataclass(slots=True)
class Request:
    """Something to run when what was asked for before has ended, and who is told of its end."""

    start: Callable[[], Items]
    done: Callable[[Any], None]  # told of the last item
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class IngestJob:
    """Runs one request after another."""

    def __init__(
        self, pipeline: Pipeline, done: Callable[[Summary], None], failed: Callable[[Exception], None]
    ) -> None:
        """`done` and `failed` are called on the event loop when a run ends by itself."""
        self._pipeline = pipeline
        self._done, self._failed = done, failed
        self._waiting: list[Request] = []
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

    def add(self, paths: list[Path], collection: str, *, confirmed: bool = False) -> None:
        """Index these now, or after what is being indexed; `confirmed`: remove what vanished, however much."""
        from ingest.pipeline import absolute
        from ingest.planning import ALL

        removable = dict.fromkeys(absolute(path.expanduser() for path in paths), ALL) if confirmed else {}
        self.run(lambda: self._pipeline.ingest(paths, collection, removable=removable))

    def run(self, start: Callable[[], Items], done: Callable[[Any], None] | None = None) -> asyncio.Event:
        """Run what `start` gives now, or after what runs; the event is set when it has ended in any way.

        `done` is told of each summary in place of whom the job was made for.
        """
        request = Request(start, done or self._done)
        self._waiting.append(request)
        if not self.running:
            self._task = asyncio.create_task(self._run())
        return request.ended

    async def cancel(self) -> None:
        """Stop; what is done stays done, and nothing is left half-indexed."""
        for request in self._waiting:
            request.ended.set()
        self._waiting.clear()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        self.progress = None
        self.changes += 1

    async def _run(self) -> None:
        while self._waiting:
            request = self._waiting.pop(0)
            try:
                await self._follow(request)
            except Exception as error:  # a defect in the background must be told, and must not end the app
                self._failed(error)
            finally:
                request.ended.set()
            self.progress = None
            self.changes += 1

    async def _follow(self, request: Request) -> None:
        from ingest.progress import Progress

        async with contextlib.aclosing(request.start()) as items:
            async for item in items:
                if isinstance(item, Progress):
                    self.progress = item
                    self.changes += 1
                else:
                    request.done(item)


def progress_line(progress: Progress) -> str:
    """`indexing 3/14 lease.pdf · 0:12 left`, shortened names included."""
    if progress.stage == "scan":
        return "looking for files…"
    name = PurePath(progress.path).name
    name = name if len(name) <= 24 else f"{name[:23]}…"
    left = "" if progress.seconds_left is None else f" · {_clock(progress.seconds_left)} left"
    doing = "preparing anew" if progress.stage == "rebuild" else "indexing"
    return f"{doing} {progress.done}/{progress.total} {name}{left}"


def summary_line(summary: Summary) -> str:
    """What a run did, in words."""
    counts = [
        (summary.added, "added"), (summary.changed, "changed"), (summary.moved, "moved"),
        (summary.unchanged, "unchanged"),
        (summary.removed, "removed"), (len(summary.failed), "failed"),
    ]  # fmt: skip
    told = ", ".join(f"{count:,} {word}" for count, word in counts if count) or "no files found"
    return f"Documents: {told} · {summary.passages:,} passages"


def kept_line(withheld: Withheld, how: str) -> str:
    """Which documents were not removed, and how they are."""
    return (
        f"{withheld.gone:,} of {withheld.held:,} documents of {safe_line(withheld.folder)} are not on the disk any "
        f"more. They are kept; {how} removes them."
    )


def _clock(seconds: float) -> str:
    minutes, rest = divmod(math.ceil(seconds), 60)
    return f"{minutes}:{rest:02}"
