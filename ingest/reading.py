"""What the reader child is asked: which files there are, what their bytes are, what they say.

The child may die on any file. It is started again, a file that killed it twice is set aside, and what
is asked of it here can be asked twice.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from ingest import records
from ingest.collaborators import Database, Worker
from ingest.collection_settings import CollectionSettings
from ingest.readers.limits import OCR_SECONDS
from ingest.records import CRASHES_ALLOWED, FailedFile, FoundFile, KnownFile, LaterFile, ReadFile, UnchangedFile

RESTART_PATIENCE = 90.0  # seconds; the reader may be restarted only so often a minute
Outcome = ReadFile | UnchangedFile | FailedFile | LaterFile


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The SHA-256 of a file's bytes, and the title it has if it names none itself."""

    sha256: str
    name: str


class Reading:
    """The reader child, as a run needs it."""

    def __init__(
        self,
        database: Database,
        reader: Worker,
        *,
        unreadable: type[Exception],
        crashed: type[Exception],
        exclude: list[str],
        read_seconds: float,
    ) -> None:
        """See ingest.pipeline.Pipeline."""
        self._database, self._reader = database, reader
        self._unreadable, self._crashed = unreadable, crashed
        self._exclude, self._read_seconds = exclude, read_seconds

    async def scan(self, roots: list[str], pictures: bool = False) -> tuple[dict[str, FoundFile], dict[str, str]]:
        """The files under the roots, and the paths that could not be looked into with the reason.

        `pictures` in folders are found where their text is recognized.
        """
        found: dict[str, FoundFile] = {}
        unreachable: dict[str, str] = {}
        await self.ready()
        async for reply in self._reader.stream("scan", paths=roots, exclude=self._exclude, pictures=pictures):
            for entry in reply.data or []:
                if "reason" in entry:
                    unreachable[entry["path"]] = entry["reason"]
                else:
                    found[entry["path"]] = FoundFile(entry["path"], entry["size"], entry["mtime_ns"])
        return found, unreachable

    async def fingerprints(self, paths: Iterable[str]) -> dict[str, Fingerprint]:
        """The fingerprints of those of these files that can be opened."""
        wanted = list(paths)
        if not wanted:
            return {}
        await self.ready()
        found: dict[str, Fingerprint] = {}
        async for reply in self._reader.stream("fingerprints", paths=wanted):
            for path, sha256, name in reply.data or []:
                found[path] = Fingerprint(sha256, name)
        return found

    async def parts(
        self, file: FoundFile, before: KnownFile | None, collection: int, settings: CollectionSettings
    ) -> AsyncIterator[Outcome]:
        """What `read` gives of each part of a file, most often the one; all are of the same content."""
        outcome = await self.read(file, before, collection, settings)
        yield outcome
        while isinstance(outcome, ReadFile) and outcome.more:
            following = await self.read(file, before, collection, settings, outcome.part + 1)
            if isinstance(following, ReadFile) and following.sha256 != outcome.sha256:
                following = LaterFile(file.path, file.size)
            yield (outcome := following)

    async def read(
        self, file: FoundFile, before: KnownFile | None, collection: int, settings: CollectionSettings, part: int = 0
    ) -> Outcome:
        """The text and chunks of a file (or of this part of it), or that it is as it was, or why it cannot be read.

        A file that is another one by now does not take the place of its document: it may have been moved there,
        and the document elsewhere.
        """
        known_sha256 = before.sha256 if before and before.state == "ready" and before.embedded else ""
        seconds = self.seconds(settings)
        while True:
            await self.ready()
            self._reader.subject = file.path
            try:
                async with asyncio.timeout(seconds):
                    reply = await self._reader.call(
                        "read", path=file.path, known_sha256=known_sha256, part=part, **settings.reading
                    )
                return _outcome(file, reply.data, bool(known_sha256), settings.chunked, part)
            except self._unreadable as error:
                if not await asyncio.to_thread(os.path.lexists, file.path):
                    return LaterFile(file.path, file.size)
                return FailedFile(file.path, file.size, file.mtime_ns, str(error))
            except TimeoutError:
                reason = f"took longer than {seconds:g} s to read"
                return FailedFile(file.path, file.size, file.mtime_ns, reason)
            except self._crashed as error:
                crash = FailedFile(file.path, file.size, file.mtime_ns, str(error))
                times = await self._database.write(partial(records.record_crash, collection=collection, file=crash))
                if times >= CRASHES_ALLOWED:
                    reason = f"was set aside after {times} attempts: {error}"
                    return FailedFile(file.path, file.size, file.mtime_ns, reason, "quarantined")

    def seconds(self, settings: CollectionSettings) -> float:
        """How long a file may take: recognizing the text of pictures takes longer."""
        return self._read_seconds + (OCR_SECONDS if settings.ocr else 0.0)

    async def ready(self) -> None:
        """Wait until the reader runs: after several deaths it is not started again for a minute."""
        patience = time.monotonic() + RESTART_PATIENCE
        while True:
            try:
                return await self._reader.start()
            except self._crashed:
                if time.monotonic() > patience:
                    raise
            await asyncio.sleep(2.0)


def _outcome(file: FoundFile, data: dict[str, Any], replaces: bool, chunked: str, part: int) -> Outcome:
    if data["unchanged"]:
        return UnchangedFile(file.path, data["size"], data["mtime_ns"])
    if replaces and (data["size"], data["mtime_ns"]) != (file.size, file.mtime_ns):
        return LaterFile(file.path, file.size)
    names = (
        "size", "mtime_ns", "sha256", "title", "text", "pages", "notes", "page_starts", "chunks", "more", "begins",
        "share",
    )  # fmt: skip
    return ReadFile(path=file.path, chunked=chunked, part=part, **{name: data[name] for name in names})
