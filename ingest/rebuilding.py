"""A changed embedder or chunking: all documents are prepared anew beside their passages, which serve until the end."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

from ingest import generations
from ingest.chunking import embedding_text
from ingest.collaborators import Database, Reply, Worker
from ingest.generations import OldDocument, PassageSettings, StagedDocument
from ingest.progress import Progress
from ingest.reading import Reading

TEXTS_PER_CALL = 32
CHUNKS_PER_COMMIT = 64


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """How a rebuild stands: of `total` documents `staged` are prepared; `kept` of them are cut as before, since their
    files cannot be read now. `complete` says that the new passages serve from now on.
    """

    staged: int
    kept: int
    total: int
    complete: bool
    seconds: float


class Rebuild:
    """Prepares documents with other settings; `reader` and `index` are processes of its own that have them."""

    def __init__(
        self, database: Database, reading: Reading, reader: Worker, index: Worker, settings: PassageSettings, *,
        unreadable: type[Exception], crashed: type[Exception],
    ) -> None:  # fmt: skip
        """`reading` is over the same `reader`; for the errors see Pipeline."""
        self._database, self._reading, self._reader, self._index = database, reading, reader, index
        self._settings = settings
        self._unreadable, self._crashed = unreadable, crashed

    async def run(self, seconds: float | None = None) -> AsyncGenerator[Progress | Rebuilt, None]:
        """Go on where the last run stopped, for up to so many seconds; the last item is how it stands.

        Cancelling, or a kill, costs at most the documents that are not committed yet.
        """
        started = time.monotonic()
        until = None if seconds is None else started + seconds
        embedder = str((await self._embedded([])).data["embedder"])
        await self._database.write(lambda db: generations.begin(db, self._settings, embedder))
        staged = -1
        while True:
            stands = await self._database.read(generations.standing)
            adopted = await self._database.write(lambda db: generations.adopt(db, self._settings, embedder))
            late = until is not None and staged >= 0 and time.monotonic() >= until
            if adopted or late or stands.staged <= staged:  # the last: nothing more can be staged now
                break
            staged = stands.staged
            async with contextlib.aclosing(self._round(embedder, stands, until)) as progress:
                async for each in progress:
                    yield each
        last = adopted or stands
        yield Rebuilt(last.staged, last.kept, last.total, bool(adopted), round(time.monotonic() - started, 3))

    async def _round(
        self, embedder: str, stands: generations.Standing, until: float | None
    ) -> AsyncGenerator[Progress, None]:
        """Prepare all documents that are not staged, as long as there is time."""
        waiting = await self._database.read(generations.unstaged)
        left = size = sum(each.size + 1 for each in waiting)
        begun = time.monotonic()
        batch: list[tuple[StagedDocument, list[str]]] = []
        for place, document in enumerate(waiting):
            seconds = (time.monotonic() - begun) / (size - left) * left if left < size else None
            yield Progress("rebuild", document.path, stands.staged + place, stands.total, 0, seconds)
            batch.append(await self._prepared(document))
            left -= document.size + 1
            if sum(len(texts) for _, texts in batch) >= CHUNKS_PER_COMMIT:
                await self._commit(embedder, batch)
                batch = []
            if until is not None and time.monotonic() >= until:
                break
        await self._commit(embedder, batch)

    async def _prepared(self, document: OldDocument) -> tuple[StagedDocument, list[str]]:
        """The new passages of a document, without vectors, and what is to be embedded of them."""
        data = await self._read(document)
        if data is None or not data["chunks"]:
            kept = await self._database.read(lambda db: generations.old_chunks(db, document.id))
            texts = [embedding_text(document.title, chunk) for chunk, _ in kept]
            return StagedDocument(document.id, [entry for _, entry in kept], [], kept=True), texts
        text = data["text"].encode("utf-8", "replace").decode()  # as it is stored
        stored = await self._database.read(lambda db: generations.stored_text(db, document.id))
        changed = None if text == stored else text
        staged = StagedDocument(
            document.id, data["chunks"], [], changed, tuple(data["page_starts"]), document.settings.chunked
        )
        return staged, [chunk["embedding_text"] for chunk in data["chunks"]]

    async def _read(self, document: OldDocument) -> dict[str, Any] | None:
        """What the reader says of a file, all parts as one; None where it cannot be read, or holds other bytes than the
        document.
        """
        await self._reading.ready()
        self._reader.subject = document.path
        parts: list[dict[str, Any]] = []
        try:
            while not parts or parts[-1]["more"]:
                async with asyncio.timeout(self._reading.seconds(document.settings)):
                    reply = await self._reader.call(
                        "read", path=document.path, known_sha256="", part=len(parts), **document.settings.reading
                    )
                if reply.data["sha256"] != document.sha256:
                    return None
                parts.append(reply.data)
        except (self._unreadable, self._crashed, TimeoutError):
            return None
        chunks = [chunk for part in parts for chunk in part["chunks"]]
        return {**parts[0], "text": "".join(part["text"] for part in parts), "chunks": chunks}

    async def _commit(self, embedder: str, batch: list[tuple[StagedDocument, list[str]]]) -> None:
        """Embed a batch and store it, whole documents in one transaction."""
        texts = [text for _, those in batch for text in those]
        vectors: list[bytes] = []
        for start in range(0, len(texts), TEXTS_PER_CALL):
            part = texts[start : start + TEXTS_PER_CALL]
            reply = await self._embedded(part)
            length = reply.data["dimension"] * 4
            vectors += [reply.blob[place * length : (place + 1) * length] for place in range(len(part))]
        place, staged = 0, []
        for document, those in batch:
            document.vectors.extend(vectors[place : place + len(those)])
            place += len(those)
            staged.append(document)
        if staged:
            await self._database.write(lambda db: generations.stage(db, self._settings, embedder, staged))

    async def _embedded(self, texts: list[str]) -> Reply:
        """Call the index process; once more where it died."""
        try:
            return await self._index.call("embed", texts=texts)
        except self._crashed:
            return await self._index.call("embed", texts=texts)
