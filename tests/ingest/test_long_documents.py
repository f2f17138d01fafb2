"""A document that comes in parts: broken off and gone on with, changed, failed, removed; never seen by half."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from made_library import DirectWorker, MadeLibrary, make_library

from assistant.errors import LibraryError, WorkerError
from assistant.worker_process import Reply
from ingest import chunking, reader_worker
from ingest.errors import UnreadableError
from ingest.progress import Summary

CONTENT = (
    'SELECT d.path, t.text, t.page_starts, k.start, k."end", k.context, k.text, k.tokens, v.vector FROM documents d'
    " JOIN document_texts t ON t.document_id = d.id JOIN chunks k ON k.document_id = d.id"
    " JOIN vectors v ON v.chunk_id = k.id ORDER BY d.path, k.id"
)
WAITING = "SELECT (SELECT count(*) FROM arriving_parts), (SELECT count(*) FROM arriving_chunks)"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a short document and one of many parts."""
    monkeypatch.setattr(chunking, "SECTION_CHARACTERS", 5_000)
    monkeypatch.setattr(reader_worker, "PART_CHARACTERS", 20_000)
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "bicycle.txt").write_text("The bicycle has the frame number 4711.")
    write(folder / "long.txt", "wind")
    return folder


def write(path: Path, weather: str) -> None:
    """About ten parts."""
    path.write_text("\n\n".join(f"Day {day} brings {weather} and the boat {day * 7} sails." for day in range(4_000)))


class Interrupted(DirectWorker):
    """An index process that is lost, or something else that happens, before so many calls to embed."""

    left = 10**9
    happen: Callable[[], object] | None = None

    async def call(self, method: str, /, *, blob: bytes = b"", **arguments: Any) -> Reply:
        """Count down."""
        if method == "embed" and arguments["texts"]:
            self.left -= 1
            if self.left == 0:
                if self.happen is None:
                    raise LibraryError("no more")
                self.happen()
        return await super().call(method, blob=blob, **arguments)


async def broken_off(made: MadeLibrary, files: Path, after: int) -> None:
    """Run until the index process is lost."""
    index = made.pipeline._index = Interrupted(made.index.service)
    index.left = after
    with pytest.raises(LibraryError, match="no more"):
        await made.ingest(files)
    made.pipeline._index = made.index
    made.index.calls.clear()


def embeddings(made: MadeLibrary) -> int:
    """How often texts were embedded, beside the question for the embedder's name."""
    return int(made.index.calls.count("embed")) - 1


async def test_what_is_there_of_a_long_document_is_not_embedded_again(
    made: MadeLibrary, files: Path, tmp_path: Path
) -> None:
    """Broken off, nothing of it is found; the next run goes on, and the whole is as if made at once."""
    fresh = await make_library(tmp_path / "other")
    assert (await fresh.ingest(files)).failed == ()
    whole, calls = await fresh.rows(CONTENT), embeddings(fresh)
    await fresh.close()
    assert calls >= 8 and len(whole) > 200

    await broken_off(made, files, calls // 2)
    ((parts, chunks),) = await made.rows(WAITING)
    assert parts >= 3 and chunks > 50
    assert (await made.retriever.search("the boat 700 sails", floor=0.0)).searched_chunks == 1
    (row,) = [row for row in await made.library.documents() if row.title == "long.txt"]
    assert (row.state, row.passages) == ("failed", 0) and "not read to its end" in row.reason

    done = await made.ingest(files)
    assert (done.added, done.unchanged, done.failed) == (1, 1, ())
    assert embeddings(made) <= calls - calls // 2 + 1
    assert [row[1:] for row in await made.rows(CONTENT)] == [row[1:] for row in whole]
    assert await made.rows(WAITING) == [(0, 0)]
    assert made.index.service.refresh()["vectors"] == len(whole)
    assert "boat 27993 sails" in (await made.retriever.search("the boat 27993 sails")).passages[0].text
    assert (await made.library.agreement(made.index.service._embedder.id)).whole


async def test_the_old_content_serves_until_the_new_is_whole(made: MadeLibrary, files: Path) -> None:
    """A long document that changed is found as it was while its new parts arrive; then what is new is found alone."""
    await made.ingest(files)
    before = await made.rows(CONTENT)
    write(files / "long.txt", "heavy rain")
    await broken_off(made, files, 4)
    assert await made.rows(CONTENT) == before
    assert (await made.rows(WAITING))[0][0] > 0
    done = await made.ingest(files)
    assert (done.changed, done.failed) == (1, ())
    texts = {row[1] for row in await made.rows(CONTENT)}
    assert all("wind" not in text for text in texts) and await made.rows(WAITING) == [(0, 0)]


@pytest.mark.parametrize("change", ["other content", "shorter", "gone"])
async def test_a_file_that_changes_between_its_parts(made: MadeLibrary, files: Path, change: str) -> None:
    """No document is ever joined of two contents: it is left to the next run, which takes what is there then."""
    long, index = files / "long.txt", Interrupted(made.index.service)
    happen = {"other content": lambda: write(long, "snow"), "shorter": lambda: long.write_text("All is calm."),
              "gone": long.unlink}  # fmt: skip
    made.pipeline._index, index.left, index.happen = index, 5, happen[change]
    made.reader.service._rest = None
    read = made.reader.service.read

    def reads_anew(**arguments: Any) -> dict[str, Any]:
        made.reader.service._rest = None  # as after another file was read in between
        return dict(read(**arguments))

    made.reader.service.read = reads_anew
    with contextlib.suppress(UnreadableError):
        await made.ingest(files)
    assert all(row[0] != bytes(long) for row in await made.rows(CONTENT))
    made.pipeline._index = made.index
    assert (await made.ingest(files)).failed == ()
    texts = {row[1] for row in await made.rows(CONTENT) if row[0] == bytes(long)}
    assert texts == ({long.read_text()} if long.exists() else set()) and await made.rows(WAITING) == [(0, 0)]


async def test_a_reader_that_dies_between_two_parts_costs_nothing(made: MadeLibrary, files: Path) -> None:
    """The next try goes on with the part that was asked for, and no part of the document is missing."""
    call, died = made.reader.call, list[int]()

    async def dies_once(method: str, /, **arguments: Any) -> Reply:
        if method == "read" and arguments.get("part") == 3 and not died:
            died.append(3)
            raise WorkerError("it died")
        return cast(Reply, await call(method, **arguments))

    made.reader.call = dies_once
    assert (await made.ingest(files)).failed == () and died == [3]
    assert {row[1] for row in await made.rows(CONTENT)} == {path.read_text() for path in files.iterdir()}
    assert await made.rows(WAITING) == [(0, 0)]


async def test_a_document_that_is_removed_while_it_arrives_is_not_joined_by_half(
    made: MadeLibrary, files: Path
) -> None:
    """What comes after its removal waits, unseen, and the next run reads all of it."""
    index, loop = Interrupted(made.index.service), asyncio.get_running_loop()
    removals: list[asyncio.Task[int]] = []
    made.pipeline._index, index.left = index, 5
    index.happen = lambda: removals.append(loop.create_task(made.library.remove([2])))
    await made.ingest(files)
    assert [await task for task in removals] == [1]
    assert {row[1] for row in await made.rows(CONTENT)} == {(files / "bicycle.txt").read_text()}
    made.pipeline._index = made.index
    assert (await made.ingest(files)).added == 1
    assert {row[1] for row in await made.rows(CONTENT)} == {path.read_text() for path in files.iterdir()}


async def test_what_arrived_leaves_with_its_document(made: MadeLibrary, files: Path) -> None:
    """Removed by its number, or gone from its folder, nothing is kept of what was read so far."""
    await broken_off(made, files, 5)
    (files / "long.txt").unlink()
    assert isinstance(await made.ingest(files), Summary)
    assert await made.rows(WAITING) == [(0, 0)] and await made.titles() == ["bicycle"]
