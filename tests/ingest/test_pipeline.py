"""The pipeline: what a run adds, changes, removes and reports, and what is left when it is broken off."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from made_library import DirectWorker, MadeLibrary, make_library, reader_settings

from assistant.errors import LibraryError, WorkerError
from assistant.worker_process import Reply
from ingest import pipeline
from ingest.errors import IngestError
from ingest.pipeline import Pipeline
from ingest.progress import Progress, Summary
from ingest.reader_worker import ReaderWorker

HALF_INDEXED = """
SELECT count(*) FROM documents d WHERE state = 'ready' AND (
    NOT EXISTS (SELECT 1 FROM document_texts WHERE document_id = d.id)
    OR NOT EXISTS (SELECT 1 FROM chunks WHERE document_id = d.id)
    OR EXISTS (SELECT 1 FROM chunks k LEFT JOIN vectors v ON v.chunk_id = k.id
               WHERE k.document_id = d.id AND v.vector IS NULL))
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with three small documents, one of them deeper."""
    folder = tmp_path / "files"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.txt").write_text("The heating is serviced in October.")
    (folder / "b.md").write_text("# Rent\n\nThe rent is due on the third.")
    (folder / "deep" / "c.txt").write_text("The bicycle has the frame number 4711.")
    return folder


def later(path: Path) -> None:
    """Make a file look newer than any run so far."""
    os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns + 1_000_000_000))


def outcome(summary: Summary) -> tuple[int, int, int, int, int]:
    """The five counts of a summary."""
    return (summary.added, summary.changed, summary.unchanged, summary.removed, len(summary.failed))


async def test_second_run_reads_and_embeds_nothing(made: MadeLibrary, files: Path) -> None:
    """Unchanged files are skipped by size and time: no read call, no text embedded, no new index file."""
    first = await made.ingest(files)
    assert outcome(first) == (3, 0, 0, 0, 0)
    assert first.passages == (await made.library.counts()).passages
    made.reader.calls.clear()
    made.index.calls.clear()
    assert outcome(await made.ingest(files)) == (0, 0, 3, 0, 0)
    assert "read" not in made.reader.calls
    assert "save" not in made.index.calls


async def test_only_what_changed_is_done_again(made: MadeLibrary, files: Path) -> None:
    """A changed file replaces its passages and keeps its number; a touched one counts as unchanged."""
    await made.ingest(files)
    before = {document.path: document.id for document in await made.library.documents()}
    (files / "a.txt").write_text("The heating is serviced in November.")
    later(files / "b.md")
    assert outcome(await made.ingest(files)) == (0, 1, 2, 0, 0)
    assert {document.path: document.id for document in await made.library.documents()} == before
    assert await made.rows("SELECT text FROM chunks WHERE text LIKE '%serviced%'") == [
        ("The heating is serviced in November.",)
    ]
    made.reader.calls.clear()
    await made.ingest(files)
    assert "read" not in made.reader.calls


async def test_files_gone_from_a_folder_are_removed(made: MadeLibrary, files: Path) -> None:
    """What vanished below the ingested folder goes; what lies elsewhere, or in another collection, stays."""
    await made.ingest(files)
    await made.ingest(files / "a.txt", collection="other")
    (files / "a.txt").unlink()
    (files / "b.md").unlink()
    assert outcome(await made.ingest(files / "deep")) == (0, 0, 1, 0, 0)
    assert outcome(await made.ingest(files)) == (0, 0, 1, 2, 0)
    assert await made.titles("documents") == ["c"]
    assert await made.titles("other") == ["a"]


async def test_a_folder_that_cannot_be_reached_loses_nothing(made: MadeLibrary, files: Path) -> None:
    """A folder that is not there (an unplugged disk) is reported; its documents stay."""
    await made.ingest(files)
    files.rename(files.with_name("unplugged"))
    summary = await made.ingest(files)
    assert outcome(summary) == (0, 0, 0, 0, 1)
    assert "does not exist" in summary.failed[0].reason
    assert len(await made.titles()) == 3


async def test_one_bad_file_does_not_stop_the_others(made: MadeLibrary, files: Path) -> None:
    """A file that cannot be read becomes a row with its reason; it is tried again only if named or changed."""
    bad = files / "broken.pdf"
    bad.write_bytes(b"%PDF-1.7 this is no PDF")
    summary = await made.ingest(files)
    assert outcome(summary) == (3, 0, 0, 0, 1)
    assert summary.failed[0].path == str(bad)
    (row,) = [document for document in await made.library.documents() if document.state == "failed"]
    assert row.path == str(bad)
    assert row.reason == summary.failed[0].reason != ""

    made.reader.calls.clear()
    assert outcome(await made.ingest(files)) == (0, 0, 3, 0, 1)
    assert "read" not in made.reader.calls
    assert outcome(await made.ingest(bad)) == (0, 0, 0, 0, 1)
    assert "read" in made.reader.calls
    bad.rename(files / "gone.txt.bak")
    bad.write_bytes(b"%PDF-1.7 still no PDF, but other bytes")
    made.reader.calls.clear()
    await made.ingest(files)
    assert "read" in made.reader.calls


async def test_a_document_that_becomes_unreadable_is_no_longer_found(made: MadeLibrary, files: Path) -> None:
    """When a file's new bytes cannot be read, the old text is not passed off as its content."""
    await made.ingest(files)
    (files / "a.txt").write_bytes(bytes(range(256)) * 40)
    assert outcome(await made.ingest(files)) == (0, 0, 2, 0, 1)
    assert await made.rows("SELECT count(*) FROM chunks WHERE text LIKE '%heating%'") == [(0,)]
    assert not (await made.retriever.search("heating October", floor=0.1)).passages


class DyingReader(DirectWorker):
    """A reader whose process dies on files called `killer`."""

    async def call(self, method: str, /, *, blob: bytes = b"", **arguments: Any) -> Reply:
        """Die, or read."""
        reply = await super().call(method, blob=blob, **arguments)
        if method == "read" and "killer" in arguments["path"]:
            raise WorkerError("The reader process died.")
        return reply


async def test_a_file_that_kills_the_reader_twice_is_set_aside(made: MadeLibrary, files: Path) -> None:
    """It is tried twice, then quarantined; a later run leaves it alone until its bytes change."""
    (files / "killer.txt").write_text("boom")
    reader = DyingReader(ReaderWorker(**reader_settings("hashed")))
    made.pipeline = Pipeline(made.database, reader, made.index, unreadable=LibraryError, crashed=WorkerError)
    summary = await made.ingest(files)
    assert outcome(summary) == (3, 0, 0, 0, 1)
    assert "set aside" in summary.failed[0].reason
    assert [d.state for d in await made.library.documents() if "killer" in d.path] == ["quarantined"]
    assert reader.calls.count("read") == 3 + 2
    assert outcome(await made.ingest(files)) == (0, 0, 3, 0, 1)
    assert reader.calls.count("read") == 3 + 2
    (files / "killer.txt").write_text("boom again")
    await made.ingest(files)
    assert reader.calls.count("read") == 3 + 2 + 2


async def test_progress_counts_only_what_is_on_disk(made: MadeLibrary, files: Path) -> None:
    """`done` never exceeds the rows committed so far, and ends at the total."""
    for number in range(40):
        (files / f"n{number}.txt").write_text(f"Note number {number} about the garden.")
    reports = []
    async for item in made.pipeline.ingest([files]):
        if isinstance(item, Progress):
            reports.append(item)
            assert item.done <= (await made.library.counts()).documents
    assert reports[0].stage == "scan"
    assert (reports[-1].done, reports[-1].total) == (43, 43)
    assert [report.done for report in reports] == sorted(report.done for report in reports)
    assert reports[-1].seconds_left == 0


async def test_cancelling_leaves_whole_documents_that_can_be_found(made: MadeLibrary, files: Path) -> None:
    """A run cancelled in the middle keeps what it committed, whole and searchable; the next goes on there."""
    for number in range(150):
        (files / f"n{number:03}.txt").write_text(f"Garden note {number}. " * 150)
    committed = asyncio.Event()

    async def run() -> None:
        async with contextlib.aclosing(made.pipeline.ingest([files])) as items:
            async for item in items:
                if isinstance(item, Progress) and item.done:
                    committed.set()

    task = asyncio.create_task(run())
    await committed.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    kept = (await made.library.counts()).documents
    assert 0 < kept < 153
    assert await made.rows(HALF_INDEXED) == [(0,)]
    vectors = made.index.service.search("garden", 1)["vectors"]
    assert vectors == (await made.library.counts()).passages
    assert outcome(await made.ingest(files)) == (153 - kept, 0, kept, 0, 0)


async def test_a_document_is_embedded_again_for_another_embedder(tmp_path: Path, files: Path) -> None:
    """Vectors of another embedder do not count: the next run makes those that are missing."""
    made = await make_library(tmp_path / "home")
    await made.ingest(files)
    await made.database.write(lambda db: db.conn.execute("UPDATE embedders SET name = 'the one before'"))
    assert outcome(await made.ingest(files)) == (0, 3, 0, 0, 0)
    assert made.index.service.refresh()["vectors"] == 3
    await made.close()


async def test_the_index_file_on_disk_is_the_active_one(made: MadeLibrary, files: Path, tmp_path: Path) -> None:
    """After each run one index file is left, the one the database names, of the size it names."""
    await made.ingest(files)
    (files / "a.txt").write_text("Something else entirely.")
    await made.ingest(files)
    ((name, size),) = await made.rows("SELECT file, size FROM index_generations WHERE active = 1")
    (file,) = (tmp_path / "home" / "index").glob("index-*")
    assert (file.name, file.stat().st_size) == (Path(name).name, size)


async def test_the_own_home_is_never_indexed(made: MadeLibrary, tmp_path: Path, files: Path) -> None:
    """A folder that holds the assistant's home is walked without it."""
    (tmp_path / "home" / "secret.txt").write_text("own data")
    await made.ingest(tmp_path)
    assert "secret" not in await made.titles()


async def test_a_bad_collection_is_refused_before_anything_is_read(made: MadeLibrary, files: Path) -> None:
    """No row is written for a collection whose name cannot be used."""
    with pytest.raises(IngestError, match="cannot be the name"):
        await made.ingest(files, collection="../x")
    assert (await made.library.counts()).collections == 0


async def test_through_real_children(tmp_path: Path, files: Path) -> None:
    """Reader and index as processes: a folder is ingested, found, and both survive being killed between runs."""
    made = await make_library(tmp_path / "home", children=True)
    assert outcome(await made.ingest(files)) == (3, 0, 0, 0, 0)
    result = await made.retriever.search("bicycle frame number")
    assert [passage.document for passage in result.passages][:1] == ["c.txt"]
    for worker in (made.reader, made.index):
        os.kill(worker.pid, signal.SIGKILL)
    (files / "new.txt").write_text("A walnut tree stands in the yard.")
    assert outcome(await made.ingest(files)) == (1, 0, 3, 0, 0)
    assert (await made.retriever.search("walnut tree yard")).passages[0].document == "new.txt"
    await made.close()


async def test_a_reader_killed_in_the_middle_costs_nothing(tmp_path: Path, files: Path) -> None:
    """SIGKILL of the reader while it reads: the file is read again by a new one and the run completes."""
    for number in range(60):
        (files / f"n{number}.txt").write_text(f"Note {number}. " * 2000)
    made = await make_library(tmp_path / "home", children=True)
    killed = False
    async for item in made.pipeline.ingest([files]):
        if isinstance(item, Progress) and item.done > 5 and not killed and made.reader.pid:
            os.kill(made.reader.pid, signal.SIGKILL)
            killed = True
    assert killed
    assert isinstance(item, Summary)
    assert outcome(item) == (63, 0, 0, 0, 0)
    await made.close()


RUN = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from made_library import make_library
async def main():
    made = await make_library(Path({home!r}), children=True)
    print("begun", flush=True)
    await made.ingest(Path({files!r}))
    print("done", flush=True)
    await made.close()
asyncio.run(main())
"""


@pytest.mark.parametrize("kills", [3, pytest.param(30, marks=pytest.mark.slow)])
def test_kill_at_any_moment_leaves_documents_whole(tmp_path: Path, kills: int) -> None:
    """kill -9 of everything in the middle of runs: no half document, no damage, and later runs complete the rest."""
    files = tmp_path / "files"
    files.mkdir()
    for number in range(400):
        (files / f"{number}.txt").write_text(f"Note {number} about the garden. " * 60)
    script = RUN.format(tests=str(Path(__file__).parent), home=str(tmp_path / "home"), files=str(files))
    chance = random.Random(7)
    for _ in range(kills):
        run = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])
        assert run.stdout is not None
        assert run.stdout.readline() == b"begun\n"
        time.sleep(chance.uniform(0.4, 1.6))
        run.kill()
        run.wait()
        run.stdout.close()
        with contextlib.closing(sqlite3.connect(tmp_path / "home" / "assistant.db")) as db:
            assert db.execute("PRAGMA quick_check").fetchone() == ("ok",)
            assert db.execute(HALF_INDEXED).fetchone() == (0,)
    subprocess.run([sys.executable, "-c", script], check=True, cwd=Path(__file__).parents[2], stdout=subprocess.DEVNULL)
    with contextlib.closing(sqlite3.connect(tmp_path / "home" / "assistant.db")) as db:
        assert db.execute("SELECT count(*) FROM documents WHERE state = 'ready'").fetchone() == (400,)
        assert db.execute(HALF_INDEXED).fetchone() == (0,)


async def test_bytes_that_are_known_are_not_embedded_again(made: MadeLibrary, files: Path) -> None:
    """A copy is a document of its own with the vectors of the first, also in another collection."""
    await made.ingest(files)
    made.index.calls.clear()
    (files / "copy.txt").write_bytes((files / "a.txt").read_bytes())
    assert outcome(await made.ingest(files)) == (1, 0, 3, 0, 0)
    assert outcome(await made.ingest(files, collection="other")) == (4, 0, 0, 0, 0)
    vectors = await made.rows("SELECT count(*), count(DISTINCT v.vector) FROM vectors v")
    assert vectors == [(8, 3)]
    assert made.index.calls.count("embed") == 4, "two for the name of the embedder in each run"
    assert (await made.library.counts()).documents == 8


class SlowReader(DirectWorker):
    """A reader before which something happens to the files."""

    before: Any = None

    async def call(self, method: str, /, *, blob: bytes = b"", **arguments: Any) -> Reply:
        """Let it happen, once, then read."""
        if method == "read" and self.before is not None:
            happen, self.before = self.before, None
            happen()
        return await super().call(method, blob=blob, **arguments)


@pytest.mark.parametrize("moved", [True, False], ids=["moved away", "another moved here"])
async def test_a_file_that_changes_between_walk_and_reading_is_left_to_the_next_run(
    made: MadeLibrary, files: Path, moved: bool
) -> None:
    """Its document stays as it was; the next run finds the move, and nothing is embedded again."""
    reader = SlowReader(ReaderWorker(**reader_settings("hashed")))
    made.pipeline = Pipeline(made.database, reader, made.index, unreadable=LibraryError, crashed=WorkerError)
    await made.ingest(files)
    before = await made.rows("SELECT id, text FROM chunks ORDER BY id")
    later(files / "a.txt")
    if moved:
        reader.before = lambda: (files / "a.txt").rename(files / "z.txt")
    else:
        reader.before = lambda: (files / "b.md").replace(files / "a.txt")
    first = await made.ingest(files)
    assert (first.later, first.failed) == (1, ())
    assert await made.rows("SELECT id, text FROM chunks ORDER BY id") == before
    second = await made.ingest(files)
    if moved:
        assert (second.moved, second.passages) == (1, 0)


async def test_a_large_index_is_not_written_anew_for_each_file(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is added is found at once and again after a restart, embedded once; a removal is written at once."""
    monkeypatch.setattr(pipeline, "SMALL_INDEX", 0)
    made = await make_library(tmp_path / "home")
    await made.ingest(files)
    made.index.calls.clear()
    (files / "new.txt").write_text("A walnut tree stands in the yard.")
    await made.ingest(files)
    assert "save" not in made.index.calls
    for _ in range(2):
        found = await made.retriever.search("walnut tree yard")
        assert [passage.document for passage in found.passages][:1] == ["new.txt"]
        await made.close()
        made = await make_library(tmp_path / "home")
        assert made.index.service.refresh()["vectors"] == 4
        assert "embed" not in made.index.calls
    (files / "new.txt").unlink()
    assert (await made.ingest(files)).removed == 1
    assert "save" in made.index.calls
    await made.close()
