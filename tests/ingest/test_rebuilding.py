"""A changed embedder or chunking: new passages are made beside the old ones, which serve until all are there."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from made_library import DirectWorker, MadeLibrary, make_library, reader_settings

from assistant.errors import LibraryError, WorkerError
from ingest import generations
from ingest.embedding.hashed import HashedEmbedder
from ingest.generations import PassageSettings
from ingest.index_worker import IndexWorker
from ingest.reader_worker import ReaderWorker
from ingest.reading import Reading
from ingest.rebuilding import Rebuild, Rebuilt

OLD, NEW = PassageSettings("hashed", 200, 40), PassageSettings("hashed-32", 50, 0)


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[MadeLibrary]:
    """Six letters of several passages each, one of them below headings."""
    library = await make_library(tmp_path / "home")
    (tmp_path / "files").mkdir()
    for number in range(6):
        lines = "\n\n".join(f"Letter {number}, part {part}: " + "The rent is due in May. " * 40 for part in range(8))
        head = "# Terms\n\n## Payment\n\n" if number == 5 else ""
        (tmp_path / "files" / f"letter{number}.md").write_text(head + lines)
    await library.ingest(tmp_path / "files")
    await library.database.write(lambda db: generations.record(db, OLD))
    yield library
    await library.close()


def rebuild(made: MadeLibrary, settings: PassageSettings = NEW, embedded: list[int] | None = None) -> Rebuild:
    """A rebuild with services of its own, in this process; `embedded` is told how many texts each call embeds."""
    values = reader_settings("hashed")
    values |= {"chunk_tokens": settings.chunk_tokens, "chunk_overlap": settings.chunk_overlap}
    reader = DirectWorker(ReaderWorker(**values))
    service = IndexWorker(str(made.database.path), str(made.database.path.parent / "index"), "hashed")
    if settings.embedder == "hashed-32":
        service.__dict__["_embedder"] = HashedEmbedder(32)
    embed = service.embed

    def counted(texts: list[str], half: bool = False) -> Any:
        if embedded is not None:
            embedded.append(len(texts))
        return embed(texts, half)

    service.embed = counted  # type: ignore[method-assign]  # the real one, with its calls counted
    errors: dict[str, Any] = {"unreadable": LibraryError, "crashed": WorkerError}
    reading = Reading(made.database, reader, exclude=[], read_seconds=60.0, **errors)
    return Rebuild(made.database, reading, reader, DirectWorker(service), settings, **errors)


async def last(work: Rebuild, seconds: float | None = None) -> Rebuilt:
    items = [item async for item in work.run(seconds)]
    assert isinstance(items[-1], Rebuilt)
    return items[-1]


async def served(made: MadeLibrary) -> list[tuple[Any, ...]]:
    """All that a search reads: passages, words, vectors."""
    return await made.rows(
        "SELECT k.*, v.vector, e.name FROM chunks k JOIN vectors v ON v.chunk_id = k.id"
        " JOIN embedders e ON e.id = v.embedder_id ORDER BY k.id"
    )


async def test_the_old_passages_serve_until_the_new_ones_are_complete(made: MadeLibrary) -> None:
    """A rebuild that is stopped changes nothing that serves, goes on where it was, and ends in one step."""
    before, calls = await served(made), list[int]()
    assert await made.database.read(generations.serving) == OLD
    first = await last(rebuild(made, embedded=calls), seconds=0.0)
    assert not first.complete and first.staged == 1 and first.total == 6
    assert await served(made) == before
    stream = rebuild(made, embedded=calls).run()
    async with contextlib.aclosing(stream):
        async for item in stream:
            if not isinstance(item, Rebuilt) and item.done == 4:
                break  # as a kill does: what is not committed is lost
    assert await served(made) == before
    staged = (await made.database.read(generations.standing)).staged
    assert staged >= 2
    rest = list[int]()
    whole = await last(rebuild(made, embedded=rest))
    assert whole == Rebuilt(6, 0, 6, True, whole.seconds)
    after = await served(made)
    assert len(after) == sum(rest) + (await made.rows(
        "SELECT count(*) FROM chunks WHERE document_id <= ?", staged))[0][0]  # fmt: skip
    assert min(row[0] for row in after) > max(row[0] for row in before)
    assert {len(row[-2]) for row in after} == {32 * 4} and len({row[-1] for row in after}) == 1
    assert len(after) > 2 * len(before)
    assert await made.database.read(generations.serving) == NEW
    assert (await made.library.agreement(after[0][-1])).whole
    await made.library.check_words()
    assert await made.rows("SELECT * FROM staged_chunks") == []
    (heading,) = set(await made.rows("SELECT headings, context FROM chunks WHERE document_id = 6"))
    assert heading == ('["Terms", "Payment"]', "Terms — Terms — Payment")


async def test_it_makes_what_a_new_library_would_have(made: MadeLibrary, tmp_path: Path) -> None:
    """Passages and vectors are those of files that are ingested with the new settings."""
    await last(rebuild(made, PassageSettings("hashed", 60, 10)))
    again = await make_library(tmp_path / "again")
    try:
        again.reader.service = ReaderWorker(**reader_settings("hashed") | {"chunk_tokens": 60, "chunk_overlap": 10})
        await again.ingest(tmp_path / "files")
        query = (
            'SELECT d.path, k.start, k."end", k.page, k.headings, k.context, k.text, k.tokens, k.place, v.vector'
            " FROM chunks k JOIN documents d ON d.id = k.document_id JOIN vectors v ON v.chunk_id = k.id"
            " ORDER BY d.path, k.start"
        )
        assert await made.rows(query) == await again.rows(query)
    finally:
        await again.close()


async def test_what_changes_meanwhile_is_made_again(made: MadeLibrary, tmp_path: Path) -> None:
    """A changed document loses what is staged of it, a removed one leaves, and an unreadable one is cut as before."""
    files = tmp_path / "files"
    await last(rebuild(made), seconds=0.0)
    (files / "letter0.md").write_text("All of this is new. The deposit is 900 pounds.")
    (files / "letter1.md").unlink()
    assert (await made.ingest(files)).changed == 1
    assert (await made.database.read(generations.standing)).staged == 0
    (files / "letter2.md").unlink()
    (files / "letter3.md").write_text("Not yet synced.")
    before = {
        row[0]: row[1] for row in await made.rows("SELECT document_id, count(*) FROM chunks GROUP BY document_id")
    }
    whole = await last(rebuild(made))
    assert (whole.total, whole.kept, whole.complete) == (5, 2, True)
    after = {row[0]: row[1] for row in await made.rows("SELECT document_id, count(*) FROM chunks GROUP BY document_id")}
    assert after[3] == before[3] and after[4] == before[4] and after[5] > before[5] and after[1] == 1
    assert "letter1" not in await made.titles()
    assert (await made.rows("SELECT count(*) FROM chunks WHERE text LIKE '%900 pounds%'")) == [(1,)]


async def test_other_settings_begin_anew(made: MadeLibrary) -> None:
    """What was staged for settings that are not wanted any more is dropped, never mixed in."""
    await last(rebuild(made), seconds=0.0)
    other = PassageSettings("hashed", 80, 0)
    assert (await last(rebuild(made, other))).complete
    assert await made.database.read(generations.serving) == other
    assert {len(row[-2]) for row in await served(made)} == {len((await served(made))[0][-2])}
    lengths = await made.rows("SELECT max(tokens) FROM chunks")
    assert 50 < lengths[0][0] <= 80


async def test_a_cancelled_rebuild_keeps_what_is_committed(made: MadeLibrary) -> None:
    """Cancelling in the middle leaves whole documents staged, and the old ones serving."""
    before = await served(made)
    work = rebuild(made)
    task = asyncio.create_task(last(work))
    while not (await made.database.read(generations.standing)).staged and not task.done():
        await asyncio.sleep(0)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    if (await made.database.read(generations.serving)) == OLD:
        assert await served(made) == before
    assert (await last(rebuild(made))).complete
