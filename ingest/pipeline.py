"""How files become searchable: scan, read, embed, commit, then one new index file.

Two child processes work at the same time: the reader reads ahead while the index process embeds. A
document appears in one transaction; small ones share it, the parts of a long one wait for the last
(see arriving.py). Whatever kills the run, every document is whole or absent, and the next run goes on
where this one stopped.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ingest import records
from ingest.collaborators import Database, Reply, Worker
from ingest.collection_settings import CollectionSettings, settings_of
from ingest.library import DEFAULT_COLLECTION, Library, check_collection, delete_documents
from ingest.planning import Plan, Planner
from ingest.progress import Failure, Progress, Run, Summary
from ingest.reading import Outcome, Reading
from ingest.records import FailedFile, KnownFile, LaterFile, ReadFile, UnchangedFile

if TYPE_CHECKING:
    import sqlite_utils

TEXTS_PER_CALL = 32  # a search waits for at most one such call
CHUNKS_PER_COMMIT, FILES_PER_COMMIT = 64, 64
READ_AHEAD = 32  # files
PAGES_PER_STEP = 500  # of the full-text index; other work on the database waits for one step at most
SMALL_INDEX, ENOUGH_TO_SAVE = 16_000_000, 1000  # bytes of an index file that is cheap to write; passages
T = TypeVar("T")
Outcomes = asyncio.Queue[Outcome | BaseException | None]


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
        self._crashed = crashed
        self._reading = Reading(
            database,
            reader,
            unreadable=unreadable,
            crashed=crashed,
            exclude=absolute(exclude),
            read_seconds=read_seconds,
        )
        self._planner = Planner(self._reading)
        self._one_run = asyncio.Lock()
        self._saved_bytes = 0  # of the index file
        self._unsaved = 0  # passages stored since it was written

    async def preview(self, paths: list[Path], collection: str = DEFAULT_COLLECTION, **choices: Any) -> Plan:
        """What `ingest` would do now; nothing is changed. `choices` are those of `Planner.plan`."""
        check_collection(collection)
        settings, known = await self._known(collection, await self._embedder_name())
        roots = absolute(path.expanduser() for path in paths)
        return await self._planner.plan(known, roots, hash_changed=True, pictures=settings.pictures, **choices)

    async def ingest(
        self,
        paths: list[Path],
        collection: str = DEFAULT_COLLECTION,
        *,
        retry: bool = False,
        removable: Mapping[str, int] | None = None,
    ) -> AsyncGenerator[Progress | Summary, None]:
        """Bring files and folders into a collection; the last item is the Summary.

        Files gone from an ingested folder are removed, moved ones keep their document; for `retry` and
        `removable` see `Planner.plan`. Cancelling leaves whole documents only, and those are searchable.

        Raises:
            IngestError: the collection cannot have this name.
        """
        check_collection(collection)
        roots = absolute(path.expanduser() for path in paths)
        async with self._one_run:
            started, name = time.monotonic(), await self._embedder_name()
            run = await self._database.write(lambda db: _begun(db, collection, name, started))
            yield run.progress("scan", roots[0] if roots else "")
            run.settings, known = await self._known(collection, name)
            pictures = run.settings.pictures
            plan = await self._planner.plan(known, roots, retry=retry, removable=removable, pictures=pictures)
            outcomes = Outcomes(READ_AHEAD)
            reading: asyncio.Task[None] | None = None
            try:
                await self._carry_out(run, plan, known)
                yield run.progress("read", "")
                reading = asyncio.create_task(self._read_all(run, plan.known, outcomes))
                while batch := await _next_batch(outcomes):
                    vectors: dict[str, list[bytes]] = {}
                    async for progress in self._embed(run, batch, vectors):
                        yield progress
                    await self._commit(run, batch, vectors)
                    _mark_done(outcomes, batch)
                    yield run.progress("read", batch[-1].path)
                yield run.progress("index", "")
                if run.removed:
                    await self._forget_words()
            finally:
                if reading is not None:
                    reading.cancel()
                    await asyncio.gather(reading, return_exceptions=True)
                if run.index_is_stale:
                    self._unsaved += run.passages
                    await asyncio.shield(self.refresh_index(may_wait=not run.removed))
            yield run.summary()

    async def _known(self, collection: str, embedder: str) -> tuple[CollectionSettings, dict[str, KnownFile]]:
        """What a collection has of its own, and its files by path; nothing where there is no such collection."""

        def look(db: sqlite_utils.Database) -> tuple[CollectionSettings, dict[str, KnownFile]]:
            number = records.collection_numbered(db, collection)
            settings = settings_of(db, number)
            return settings, records.known_files(db, number, records.embedder_numbered(db, embedder), settings.chunked)

        return await self._database.read(look)

    async def remove(self, document_ids: list[int]) -> int:
        """Delete documents for good; returns how many there were."""
        async with self._one_run:
            gone = await Library(self._database).remove(document_ids)
            if gone:
                await self.refresh_index()
            return gone

    async def refresh_index(self, *, may_wait: bool = False) -> None:
        """Bring the index process up to the database and save what it holds as the new index file.

        A large file is not written anew for a few passages if that `may_wait`: what a file lacks is added from the
        database when it is loaded, without embedding.
        """
        await self._ask_index("refresh")
        if may_wait and self._saved_bytes > SMALL_INDEX and self._unsaved < ENOUGH_TO_SAVE:
            return
        name = await self._embedder_name()
        generation = await self._database.write(
            lambda db: records.reserve_generation(db, records.embedder_number(db, name))
        )
        saved = (await self._ask_index("save", generation=generation)).data
        await self._database.write(
            lambda db: records.activate_generation(db, generation, saved["file"], saved["size"], saved["sha256"])
        )
        await self._ask_index("forget", keep=saved["file"])
        self._saved_bytes, self._unsaved = saved["size"], 0

    async def _forget_words(self) -> None:
        """Rewrite the full-text index in small steps: words of deleted passages stay in its older segments.

        See https://sqlite.org/fts5.html#the_merge_command: a negative number begins, the same number goes on,
        and a step that changes fewer than two rows had nothing left to do.
        """

        def step(db: sqlite_utils.Database, pages: int) -> int:
            before = db.conn.total_changes
            db.conn.execute("INSERT INTO chunks_fts(chunks_fts, rank) VALUES ('merge', ?)", (pages,))
            return db.conn.total_changes - before

        changed = await self._database.write(lambda db: step(db, -PAGES_PER_STEP))
        while changed >= 2:
            changed = await self._database.write(lambda db: step(db, PAGES_PER_STEP))

    async def _ask_index(self, method: str, **arguments: Any) -> Reply:
        """Call the index process; once more where it died, since all it is asked can be asked twice."""
        try:
            return await self._index.call(method, **arguments)
        except self._crashed:
            return await self._index.call(method, **arguments)

    async def _embedder_name(self) -> str:
        return str((await self._ask_index("embed", texts=[])).data["embedder"])

    async def _carry_out(self, run: Run, plan: Plan, known: dict[str, KnownFile]) -> None:
        """Do what needs no reading: removals and moves, in one transaction."""
        gone = [known[path].id for path in (*plan.gone, *plan.replaced)]

        def write(db: sqlite_utils.Database) -> int:
            removed = delete_documents(db, gone)
            for move in plan.moved:
                records.set_aside(db, move.document)
            for move in plan.moved:
                records.move(db, move.document, move.source, move.file, move.name)
            return removed

        if gone or plan.moved:
            run.index_is_stale = bool(gone)
            run.removed = await _to_its_end(self._database.write(write))
        run.files, run.moved, run.unchanged = plan.files, len(plan.moved), plan.unchanged
        run.failed, run.withheld = list(plan.failed), plan.withheld
        run.bytes_total = sum(file.size + 1 for file in plan.files)

    async def _read_all(self, run: Run, known: dict[str, KnownFile], outcomes: Outcomes) -> None:
        """Read the files one after another into the queue; None ends it, an exception breaks it off."""
        try:
            for file in run.files:
                async for outcome in self._reading.parts(file, known.get(file.path), run.collection, run.settings):
                    await outcomes.put(outcome)
                    if isinstance(outcome, ReadFile) and not outcome.whole:
                        await outcomes.join()  # nothing is read ahead of a long text
            await outcomes.put(None)
        except Exception as error:  # raised again by _next_batch, in the task that can report it
            await outcomes.put(error)

    async def _embed(self, run: Run, batch: list[Outcome], vectors: dict[str, list[bytes]]) -> AsyncIterator[Progress]:
        """Add the vectors of the batch, in order of the chunks, by path. Known bytes are not embedded again."""
        files = [file for file in batch if isinstance(file, ReadFile)]
        known = await self._database.read(
            lambda db: [records.known_vectors(db, run.embedder, file) if file.chunks else [] for file in files]
        )
        vectors.update({file.path: have or [] for file, have in zip(files, known, strict=True)})
        chunks = [
            (file, chunk) for file, have in zip(files, known, strict=True) if have is None for chunk in file.chunks
        ]
        for start in range(0, len(chunks), TEXTS_PER_CALL):
            part = chunks[start : start + TEXTS_PER_CALL]
            reply = await self._ask_index("embed", texts=[chunk["embedding_text"] for _, chunk in part])
            length = reply.data["dimension"] * 4
            for place, (file, _) in enumerate(part):
                vectors[file.path].append(reply.blob[place * length : (place + 1) * length])
            run.embedded += len(part)
            share = (start + len(part)) / len(chunks)
            yield run.progress("read", part[-1][0].path, share * sum(map(_weight, batch)))

    async def _commit(self, run: Run, batch: list[Outcome], vectors: dict[str, list[bytes]]) -> None:
        """Write a batch in one transaction, and count only then."""

        def write(db: sqlite_utils.Database) -> list[bool | None]:
            new = []
            for file in batch:
                if isinstance(file, ReadFile):
                    new.append(records.store(db, run.collection, run.embedder, file, vectors[file.path]))
                elif isinstance(file, FailedFile):
                    records.record_failure(db, run.collection, file)
                elif isinstance(file, UnchangedFile):
                    records.touch(db, run.collection, file)
            return new

        ended = [file for file in batch if not (isinstance(file, ReadFile) and file.more)]
        run.index_is_stale |= any(isinstance(file, ReadFile | FailedFile) for file in ended)
        new = await _to_its_end(self._database.write(write))
        run.added += new.count(True)
        run.changed += new.count(False)
        run.passages += sum(len(each) for each in vectors.values())
        run.unchanged += sum(isinstance(file, UnchangedFile) for file in batch)
        run.later += sum(isinstance(file, LaterFile) for file in batch)
        run.failed += [Failure(file.path, file.reason) for file in batch if isinstance(file, FailedFile)]
        run.done += len(ended)
        run.bytes_done += sum(map(_weight, batch))


def _begun(db: sqlite_utils.Database, collection: str, embedder: str, started: float) -> Run:
    return Run(records.collection_number(db, collection), records.embedder_number(db, embedder), started)


async def _to_its_end(work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, which a cancelled caller waits for too: what follows must see what it wrote."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise


async def _next_batch(outcomes: Outcomes) -> list[Outcome]:
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


def _weight(outcome: Outcome) -> float:
    """What of the run's bytes is done with it."""
    return (outcome.size + 1) * (outcome.share if isinstance(outcome, ReadFile) else 1.0)


def _mark_done(outcomes: Outcomes, batch: list[Outcome]) -> None:
    for _ in batch:
        outcomes.task_done()


def absolute(paths: Iterable[Path]) -> list[str]:
    """Absolute and without "..", links in them not resolved."""
    return [os.path.abspath(path) for path in paths]  # noqa: PTH100  # pathlib keeps ".."
