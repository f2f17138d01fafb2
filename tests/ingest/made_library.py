"""A library in a temporary folder on the real services: in this process for speed, in children where told."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistant.errors import AssistantError, LibraryError, WorkerError
from assistant.models.location import tokenizer_path
from assistant.storage.database import Database
from assistant.worker_process import Reply, WorkerProcess
from ingest import schema
from ingest.collaborators import Worker
from ingest.errors import IngestError
from ingest.index_worker import IndexWorker
from ingest.library import DocumentSummary, Library
from ingest.pipeline import Pipeline
from ingest.progress import Progress, Summary
from ingest.reader_worker import ReaderWorker
from ingest.retrieval import Retriever


class DirectWorker:
    """Calls a service in this process as a WorkerProcess calls it in a child; counts the calls."""

    def __init__(self, service: Any) -> None:
        self.service = service
        self.subject = ""
        self.calls: list[str] = []

    async def start(self) -> None:
        """Nothing to start."""

    async def call(self, method: str, /, *, blob: bytes = b"", **arguments: Any) -> Reply:
        """The method's result, or its error as a child's client would raise it."""
        self.calls.append(method)
        function = getattr(self.service, method)
        if "blob" in inspect.signature(function).parameters:
            arguments["blob"] = blob
        try:
            result = function(**arguments)
        except IngestError as error:
            raise LibraryError(str(error), error.hint) from error
        return Reply(result.data, result.blob, True) if hasattr(result, "blob") else Reply(result, b"", True)

    async def stream(self, method: str, /, *, blob: bytes = b"", **arguments: Any) -> AsyncIterator[Reply]:
        """The items of a generator method."""
        for item in getattr(self.service, method)(**arguments):
            yield Reply(item)
        yield Reply(None, b"", True)


@dataclass
class MadeLibrary:
    """The parts, joined as bootstrap joins them."""

    database: Database
    reader: Any
    index: Any
    library: Library
    pipeline: Pipeline
    retriever: Retriever

    async def ingest(self, *paths: Path, collection: str = "documents") -> Summary:
        """Run to the end and return the summary."""
        items = [item async for item in self.pipeline.ingest(list(paths), collection)]
        assert isinstance(items[-1], Summary)
        return items[-1]

    async def progress(self, *paths: Path) -> list[Progress]:
        """All reports of a run."""
        return [item async for item in self.pipeline.ingest(list(paths)) if isinstance(item, Progress)]

    async def titles(self, collection: str | None = None) -> list[str]:
        """Titles of the documents."""
        return [document.title for document in await self.library.documents(collection)]

    async def only(self) -> DocumentSummary:
        """The one document there is."""
        (document,) = await self.library.documents()
        return document

    async def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """What a query gives."""
        return await self.database.read(lambda db: db.conn.execute(query, values).fetchall())

    async def close(self) -> None:
        """Stop what runs."""
        for worker in (self.reader, self.index):
            if isinstance(worker, WorkerProcess):
                await worker.stop()
        await self.database.close()


def reader_settings(embedder: str) -> dict[str, Any]:
    """Arguments of ReaderWorker."""
    return {
        "tokenizer": tokenizer_path(embedder),
        "chunk_tokens": 200,
        "chunk_overlap": 40,
        "max_file_bytes": 2_000_000,
        "max_text_bytes": 2_000_000,
    }


async def make_library(home: Path, embedder: str = "hashed", children: bool = False) -> MadeLibrary:
    """An open library below `home`."""
    for folder in ("index", "logs"):
        (home / folder).mkdir(parents=True, exist_ok=True)
    database = Database(home / "assistant.db")
    await database.open([schema.migrations])
    index_settings = {"database": str(database.path), "folder": str(home / "index"), "embedder": embedder}
    reader: Worker
    index: Worker
    if children:
        reader = WorkerProcess("reader", reader_settings(embedder), home / "logs")
        index = WorkerProcess("index", index_settings, home / "logs")
    else:
        reader = DirectWorker(ReaderWorker(**reader_settings(embedder)))
        index = DirectWorker(IndexWorker(**index_settings))
    pipeline = Pipeline(database, reader, index, unreadable=LibraryError, crashed=WorkerError, exclude=(home,))
    retriever = Retriever(database, index, crashed=AssistantError)
    return MadeLibrary(database, reader, index, Library(database), pipeline, retriever)
