"""Fetching a model: what it means before anybody is asked, what the host says, and the file as it comes."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from pathlib import Path

from assistant.local_models import LocalModels
from assistant.models.download import Progress, part_of
from assistant.models.found import gigabytes
from assistant.models.source import ENDING, Source, parse_source
from assistant.offline import check_online
from assistant.worker_process import WorkerProcess

SECONDS_OF_RATE = 8.0  # what came in this time says how fast it comes
UNVERIFIED = "not known: what comes cannot be checked"


@dataclass(frozen=True, slots=True)
class PullPlan:
    """What would be fetched. `size` 0: only the host knows. `here` bytes have come already; `free` are on the disk."""

    source: Source
    target: Path
    size: int
    sha256: str
    free: int
    here: int

    @property
    def lines(self) -> list[str]:
        """What is to be agreed to, a line a fact."""
        entry = self.source.entry
        rest = f", {gigabytes(self.here)} of it here already" if self.here else ""
        facts = {
            "model": f"{entry.title}, {entry.quantization}, {entry.licence}" if entry else self.source.name,
            "host": self.source.host,
            "from": self.source.repository,
            "file": self.source.path,
            "size": f"{gigabytes(self.size)} ({self.size:,} bytes){rest}" if self.size else "only the host knows",
            "free": f"{gigabytes(self.free)} on the disk of {self.target.parent}",
            "SHA-256": self.sha256 or UNVERIFIED,
        }
        return [f"{name:<8} {value}" for name, value in facts.items() if value]


class Rate:
    """How fast something comes, and how long the rest takes."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def told(self, done: int, total: int) -> str:
        """`1.2 of 4.4 GB · 8.1 MB/s · 6:40 left`."""
        now = time.monotonic()
        self._seen.append((now, done))
        while now - self._seen[0][0] > SECONDS_OF_RATE:
            self._seen.popleft()
        seconds, count = now - self._seen[0][0], done - self._seen[0][1]
        parts = [f"{gigabytes(done)} of {gigabytes(total)}"]
        if seconds > 0.5 and count > 0:
            left = round((total - done) * seconds / count)
            clock = (
                f"{left // 3600}:{left % 3600 // 60:02}:{left % 60:02}"
                if left >= 3600
                else f"{left // 60}:{left % 60:02}"
            )
            parts += [f"{count / seconds / 1e6:.1f} MB/s", f"{clock} left"]
        return " · ".join(parts)


class Pulls:
    """Plans and does it, in a child process."""

    def __init__(self, models: LocalModels, worker: WorkerProcess) -> None:
        """`worker` runs the service `download`."""
        self._models, self.worker = models, worker

    def plan(self, text: str, name: str = "", sha256: str = "") -> PullPlan:
        """What a text means; nobody is asked.

        Raises:
            UsageError: nothing that can be fetched, or the assistant is offline.
        """
        source = parse_source(text, name, sha256)
        check_online(source.host)
        target = self._models.folder / f"{source.name}{ENDING}"
        here = part_of(target).stat().st_size if part_of(target).is_file() else 0
        there = next(folder for folder in (target.parent, *target.parents) if folder.is_dir())
        return PullPlan(source, target, source.size, source.sha256, shutil.disk_usage(there).free, here)

    async def ask(self, plan: PullPlan) -> PullPlan:
        """The plan with the size, and the SHA-256 if it is told, that the host says.

        Raises:
            ModelError: it cannot be reached, or refuses.
        """
        said = (await self.worker.call("ask", url=plan.source.url)).data
        return replace(plan, size=said["size"], sha256=plan.sha256 or said["sha256"])

    async def fetch(self, plan: PullPlan) -> AsyncGenerator[Progress, None]:
        """Fetch it, or go on; the last item is `done`. Leaving the loop stops it, and what has come stays.

        Raises:
            ModelError, StorageError: see Download.
        """
        self.worker.subject = plan.source.name
        stream = self.worker.stream(
            "fetch", url=plan.source.url, target=str(plan.target), size=plan.size, sha256=plan.sha256
        )
        async with contextlib.aclosing(stream) as replies:
            async for reply in replies:
                if not reply.last:
                    yield Progress(**reply.data)
