"""Passages made with other settings than those of the config: they serve until all are made anew beside them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncGenerator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from assistant.errors import LibraryError, StorageError, UsageError, WorkerError
from assistant.models.location import tokenizer_path
from assistant.vector_store import VectorStore, parse_store
from assistant.worker_process import WorkerProcess
from ingest import generations
from ingest.generations import PassageSettings, Standing
from ingest.readers.limits import OCR_SECONDS
from ingest.reading import Reading
from ingest.rebuilding import Rebuild, Rebuilt

if TYPE_CHECKING:
    from assistant.bootstrap import Core
    from assistant.storage.database import Database
    from ingest.progress import Progress

READ_SECONDS = 60.0


class PassageGenerations:
    """Which settings the passages of the library have, and how they come to have those of the config."""

    def __init__(self, core: Core) -> None:
        self._core = core
        documents = core.config.documents
        self.wanted = PassageSettings(documents.embedder, documents.chunk_tokens, documents.chunk_overlap)
        self.serving = self.wanted
        self.store: VectorStore | None = None
        try:
            self.store = parse_store(documents.vector_store)
        except UsageError as error:
            core.notices.append(f"{error} Meanwhile vectors are in {core.index_folder}.")

    @property
    def behind(self) -> bool:
        """Whether the passages that serve are made with other settings than those wanted."""
        return self.serving != self.wanted

    async def load(self, database: Database) -> None:
        """Find out what serves. Passages from before this was recorded count as made with the settings of now."""
        recorded: PassageSettings | None = await database.read(generations.serving)
        self.serving = recorded or self.wanted
        if not self.behind and not database.read_only:
            await database.write(lambda db: generations.record(db, self.wanted))
        if self.behind:
            self._core.notices.append(
                f"Your passages were made with other settings ({self.serving}) and serve until they are made anew "
                f"({self.wanted}): `assistant library rebuild`, or /rebuild."
            )

    def reader_settings(self, passages: PassageSettings | None = None) -> dict[str, Any]:
        """How the reader cuts documents; None: as those that serve."""
        documents, made = self._core.config.documents, passages or self.serving
        return {
            "tokenizer": tokenizer_path(made.embedder),
            "chunk_tokens": made.chunk_tokens,
            "chunk_overlap": made.chunk_overlap,
            "max_file_bytes": documents.max_file_mb * 1_000_000,
            "max_text_bytes": documents.max_text_mb * 1_000_000,
            "ocr": documents.ocr,
        }

    @property
    def read_seconds(self) -> float:
        """How long a file may take to read: recognizing the text of pictures takes longer."""
        return READ_SECONDS + (OCR_SECONDS if self._core.config.documents.ocr else 0.0)

    def index_settings(self, passages: PassageSettings | None = None) -> dict[str, Any]:
        """What the index process embeds with; None: as the passages that serve."""
        return {
            "database": str(self._core.database_path),
            "folder": str(self._core.index_folder),
            "embedder": (passages or self.serving).embedder,
            "threads": self._core.config.documents.threads or len(os.sched_getaffinity(0)),
            "reranker": self._core.config.documents.reranker,
            "store": self.store and asdict(self.store),
        }

    async def standing(self) -> Standing:
        """How far the new passages are."""
        return await self._core.database.read(generations.standing)

    async def rebuild(self, seconds: float | None = None) -> AsyncGenerator[Progress | Rebuilt, None]:
        """Make all passages with the settings of the config, for up to so many seconds; the last item is how it stands.

        What is done stays done: call it again to go on. The old passages serve until all new ones are there.

        Raises:
            StorageError: the home cannot be written; LibraryError: the embedder cannot be opened.
        """
        core = self._core
        if core.read_only:
            raise StorageError("The passages cannot be made anew: the home is read-only.", "Close the other assistant.")
        logs = core.config.home / "logs"
        reader = WorkerProcess("new-reader", self.reader_settings(self.wanted), logs, service="reader")
        index = WorkerProcess("new-index", self.index_settings(self.wanted), logs, service="index")
        core.workers = (*core.workers, reader, index)
        errors: dict[str, Any] = {"unreadable": LibraryError, "crashed": WorkerError}
        reading = Reading(core.database, reader, exclude=[], read_seconds=self.read_seconds, **errors)
        try:
            work = Rebuild(core.database, reading, reader, index, self.wanted, **errors)
            async with contextlib.aclosing(work.run(seconds)) as items:
                async for item in items:
                    if isinstance(item, Rebuilt) and item.complete:
                        await self._serve()
                    yield item
        finally:
            core.workers = tuple(worker for worker in core.workers if worker not in (reader, index))
            await reader.stop()
            await index.stop()

    async def _serve(self) -> None:
        """Let the new passages serve: they are in the database, the processes follow."""
        self.serving, core = self.wanted, self._core
        for worker, settings in ((core.reader, self.reader_settings()), (core.index, self.index_settings())):
            worker.settings = settings
            await worker.stop()
        await core.pipeline.refresh_index()


def rebuilt_line(rebuilt: Rebuilt) -> str:
    """How a rebuild stands, in words."""
    if not rebuilt.complete:
        return (
            f"{rebuilt.staged:,} of {rebuilt.total:,} documents have new passages; the old ones serve until all have."
        )
    kept = f" {rebuilt.kept:,} are cut as before: their files cannot be read now." if rebuilt.kept else ""
    return f"The new passages of {rebuilt.total:,} documents serve from now on.{kept}"
