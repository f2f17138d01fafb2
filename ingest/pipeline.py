"""How files become searchable: scan, read, embed, commit, then one new index file.

Two child processes work at the same time: the reader reads ahead while the index process embeds. A
document is written in one transaction; small ones share it. Whatever kills the run, every document
is whole or absent, and the next run goes on where this one stopped.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Coroutine, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ingest import records
from ingest.collaborators import Database, Reply, Worker
from ingest.library import DEFAULT_COLLECTION, Library, check_collection, delete_documents
from ingest.progress import Failure, Progress, Run, Summary
from ingest.records import CRASHES_ALLOWED, FailedFile, FoundFile, KnownFile, ReadFile, UnchangedFile

if TYPE_CHECKING:
    import sqlite_utils

TEXTS_PER_CALL = 32  # a search waits for at most one such call
CHUNKS_PER_COMMIT, FILES_PER_COMMIT = 64, 64
READ_AHEAD = 32  # files
LARGE_TEXT = 2_000_000  # characters; nothing is read ahead of a text this long
RESTART_PATIENCE = 90.0  # seconds; the reader may be restarted only so often a minute
T = TypeVar("T")
Outcome = ReadFile | UnchangedFile | FailedFile


class Pipeline:
    """Brings files into the library and takes documents out of it; one run at a time."""

    def __init__(
        self,
        database: Database,
        reader: Worker,
        index: Worker,
        *,
        unreadable: type[Exception],
        crashed: type[Exception],
        exclude: tuple[Path, ...] = (),
        read_seconds: float = 60.0,
    ) -> None:
        """`unreadable` is what a call raises for a file that yields no text, `crashed` for a dead child.

        `exclude` are folders never walked into (the assistant's own); a file that takes longer than
        `read_seconds` to read is given up.
        """
        self._database, self._reader, self._index = database, reader, index
        self._unreadable, self._crashed = unreadable, crashed
        self._exclude = [os.path.abspath(folder) for folder in exclude]  # noqa: PTH100  # links stay as named
        self._read_seconds = read_seconds
        self._one_run = asyncio.Lock()

    async def ingest(
        self, paths: list[Path], collection: str = DEFAULT_COLLECTION
    ) -> AsyncIterator[Progress | Summary]:
        """Bring files and folders into a collection; the last item is the Summary.

        Files gone from an ingested folder are removed. Cancelling leaves whole documents only, and
        those are searchable.

        Raises:
            IngestError: the collection cannot have this name.
        """
        check_collection(collection)
        roots = [os.path.abspath(path.expanduser()) for path in paths]  # noqa: PTH100  # links stay as named
        async with self._one_run:
            run = await self._begin(collection)
            yield run.progress("scan", roots[0] if roots else "")
            known = await self._plan(run, roots)
            yield run.progress("read", "")
            outcomes: asyncio.Queue[Outcome | BaseException | None] = asyncio.Queue(READ_AHEAD)
            reading = asyncio.create_task(self._read_all(run, known, outcomes))
            try:
                while batch := await _next_batch(outcomes):
                    vectors: list[bytes] = []
                    async for progress in self._embed(run, batch, vectors):
                        yield progress
                    await self._commit(run, batch, vectors)
                    _mark_done(outcomes, batch)
                    yield run.progress("read", batch[-1].path)
                yield run.progress("index", "")
            finally:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)
                if run.index_is_stale:
                    await asyncio.shield(self.refresh_index())
            yield run.summary()

    async def remove(self, document_ids: list[int]) -> int:
        """Delete documents for good; returns how many there were."""
        async with self._one_run:
            gone = await Library(self._database).remove(document_ids)
            if gone:
                await self.refresh_index()
            return gone

    async def refresh_index(self) -> None:
        """Bring the index process up to the database and save what it holds as the new index file."""
        await self._ask_index("refresh")
        embedder = await self._embedder()
        generation = await self._database.write(lambda db: records.reserve_generation(db, embedder))
        saved = (await self._ask_index("save", generation=generation)).data
        await self._database.write(
            lambda db: records.activate_generation(db, generation, saved["file"], saved["size"], saved["sha256"])
        )
        await self._ask_index("forget", keep=saved["file"])

    async def _begin(self, collection: str) -> Run:
        started = time.monotonic()
        embedder = await self._embedder()
        number = await self._database.write(lambda db: records.collection_number(db, collection))
        return Run(number, embedder, started)

    async def _ask_index(self, method: str, **arguments: Any) -> Reply:
        """Call the index process; once more where it died, since all it is asked can be asked twice."""
        try:
            return await self._index.call(method, **arguments)
        except self._crashed:
            return await self._index.call(method, **arguments)

    async def _embedder(self) -> int:
        name = (await self._ask_index("embed", texts=[])).data["embedder"]
        return await self._database.write(lambda db: records.embedder_number(db, name))

    async def _plan(self, run: Run, roots: list[str]) -> dict[str, KnownFile]:
        """Find the files, remove those that are gone, and keep those that have to be read."""
        found, unreachable = await self._scan(roots)
        known = await self._database.read(lambda db: records.known_files(db, run.collection, run.embedder))
        folders = [root for root in roots if await asyncio.to_thread(os.path.isdir, root)]
        gone = [
            file.id for path, file in known.items()
            if path not in found and _inside(path, folders) and not _inside(path, unreachable)
        ]  # fmt: skip
        run.removed = await self._database.write(lambda db: delete_documents(db, gone)) if gone else 0
        run.index_is_stale = run.removed > 0
        run.failed += [Failure(path, reason) for path, reason in unreachable.items()]
        named = set(roots)
        for path, file in found.items():
            before = known.get(path)
            if before is None or not before.same_as(file) or not _settled(before, path in named):
                run.files.append(file)
                run.bytes_total += file.size + 1
            elif before.state == "ready":
                run.unchanged += 1
            else:
                run.failed.append(Failure(path, before.reason))
        return known

    async def _scan(self, roots: list[str]) -> tuple[dict[str, FoundFile], dict[str, str]]:
        """The files under the roots, and the paths that could not be looked into with the reason."""
        found: dict[str, FoundFile] = {}
        unreachable: dict[str, str] = {}
        await self._ready_reader()
        async for reply in self._reader.stream("scan", paths=roots, exclude=self._exclude):
            for entry in reply.data or []:
                if "reason" in entry:
                    unreachable[entry["path"]] = entry["reason"]
                else:
                    found[entry["path"]] = FoundFile(entry["path"], entry["size"], entry["mtime_ns"])
        return found, unreachable

    async def _read_all(
        self, run: Run, known: dict[str, KnownFile], outcomes: asyncio.Queue[Outcome | BaseException | None]
    ) -> None:
        """Read the files one after another into the queue; None ends it, an exception breaks it off."""
        try:
            for file in run.files:
                outcome = await self._read(run, file, known.get(file.path))
                await outcomes.put(outcome)
                if isinstance(outcome, ReadFile) and len(outcome.text) > LARGE_TEXT:
                    await outcomes.join()
            await outcomes.put(None)
        except Exception as error:  # raised again by _next_batch, in the task that can report it
            await outcomes.put(error)

    async def _read(self, run: Run, file: FoundFile, before: KnownFile | None) -> Outcome:
        known_sha256 = before.sha256 if before and before.state == "ready" and before.embedded else ""
        while True:
            await self._ready_reader()
            self._reader.subject = file.path
            try:
                async with asyncio.timeout(self._read_seconds):
                    reply = await self._reader.call("read", path=file.path, known_sha256=known_sha256)
                return _outcome(file, reply.data)
            except self._unreadable as error:
                return FailedFile(file.path, file.size, file.mtime_ns, str(error))
            except TimeoutError:
                reason = f"took longer than {self._read_seconds:g} s to read"
                return FailedFile(file.path, file.size, file.mtime_ns, reason)
            except self._crashed as error:
                crash = FailedFile(file.path, file.size, file.mtime_ns, str(error))
                times = await self._database.write(partial(records.record_crash, collection=run.collection, file=crash))
                if times >= CRASHES_ALLOWED:
                    reason = f"was set aside after {times} attempts: {error}"
                    return FailedFile(file.path, file.size, file.mtime_ns, reason, "quarantined")

    async def _ready_reader(self) -> None:
        """Wait until the reader runs: after several deaths it is not started again for a minute."""
        patience = time.monotonic() + RESTART_PATIENCE
        while True:
            try:
                return await self._reader.start()
            except self._crashed:
                if time.monotonic() > patience:
                    raise
            await asyncio.sleep(2.0)

    async def _embed(self, run: Run, batch: list[Outcome], vectors: list[bytes]) -> AsyncIterator[Progress]:
        """Append the vectors of all chunks of the batch, in order."""
        chunks = [(file, chunk) for file in batch if isinstance(file, ReadFile) for chunk in file.chunks]
        for start in range(0, len(chunks), TEXTS_PER_CALL):
            part = chunks[start : start + TEXTS_PER_CALL]
            reply = await self._ask_index("embed", texts=[chunk["embedding_text"] for _, chunk in part])
            length = reply.data["dimension"] * 4
            vectors += [reply.blob[at : at + length] for at in range(0, len(part) * length, length)]
            run.embedded += len(part)
            share = (start + len(part)) / len(chunks)
            yield run.progress("read", part[-1][0].path, share * sum(file.size + 1 for file in batch))

    async def _commit(self, run: Run, batch: list[Outcome], vectors: list[bytes]) -> None:
        """Write a batch in one transaction, and count only then."""

        def write(db: sqlite_utils.Database) -> list[bool]:
            rest = iter(vectors)
            new = []
            for file in batch:
                if isinstance(file, ReadFile):
                    own = [next(rest) for _ in file.chunks]
                    new.append(records.store(db, run.collection, run.embedder, file, own))
                elif isinstance(file, FailedFile):
                    records.record_failure(db, run.collection, file)
                else:
                    records.touch(db, run.collection, file)
            return new

        run.index_is_stale |= any(not isinstance(file, UnchangedFile) for file in batch)
        new = await _to_its_end(self._database.write(write))
        run.added += sum(new)
        run.changed += len(new) - sum(new)
        run.passages += len(vectors)
        run.unchanged += sum(isinstance(file, UnchangedFile) for file in batch)
        run.failed += [Failure(file.path, file.reason) for file in batch if isinstance(file, FailedFile)]
        run.done += len(batch)
        run.bytes_done += sum(file.size + 1 for file in batch)


async def _to_its_end(work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, which a cancelled caller waits for too: what follows must see what it wrote."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise


async def _next_batch(outcomes: asyncio.Queue[Outcome | BaseException | None]) -> list[Outcome]:
    """The next files to commit together: what is read by now, up to the limits; empty at the end."""
    batch: list[Outcome] = []
    chunks = 0
    while not batch or (chunks < CHUNKS_PER_COMMIT and len(batch) < FILES_PER_COMMIT and not outcomes.empty()):
        outcome = await outcomes.get()
        if isinstance(outcome, BaseException):
            raise outcome
        if outcome is None:
            if batch:
                outcomes.put_nowait(None)
            break
        batch.append(outcome)
        chunks += len(outcome.chunks) if isinstance(outcome, ReadFile) else 0
    return batch


def _mark_done(outcomes: asyncio.Queue[Outcome | BaseException | None], batch: list[Outcome]) -> None:
    for _ in batch:
        outcomes.task_done()


def _outcome(file: FoundFile, data: dict[str, Any]) -> Outcome:
    if data["unchanged"]:
        return UnchangedFile(file.path, file.size, file.mtime_ns)
    names = ("size", "mtime_ns", "sha256", "title", "text", "pages", "notes", "page_starts", "chunks")
    return ReadFile(path=file.path, **{name: data[name] for name in names})


def _settled(known: KnownFile, named: bool) -> bool:
    """Whether a file whose bytes did not change needs no reading; one that failed is tried again when named."""
    if known.state == "ready":
        return known.embedded
    return not named and (known.state == "quarantined" or known.crashes == 0)


def _inside(path: str, folders: Iterable[str]) -> bool:
    return any(path == folder or path.startswith(folder.rstrip(os.sep) + os.sep) for folder in folders)
