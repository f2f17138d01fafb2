"""The index child's service: in step with SQLite whatever happened to the file, the rows or the process."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlite_utils

from assistant.worker_process import WorkerProcess
from ingest import schema, vector_rows
from ingest.embedding.hashed import HashedEmbedder
from ingest.errors import IngestError
from ingest.index_worker import IndexWorker

TEXTS = ["the lease of the flat", "bread with walnuts", "the bicycle was stolen", "how to prune roses", "tax return"]


class Rows:
    """Writes to the database as the library does: the real tables, filled by hand."""

    def __init__(self, path: Path, embedder: str = HashedEmbedder().id) -> None:
        self.path = path
        self.database = sqlite_utils.Database(sqlite3.connect(path, isolation_level=None))
        self.database.execute("PRAGMA foreign_keys = ON")
        schema.migrations.apply(self.database)
        self.database.table("collections").insert({"id": 1, "name": "main"})
        self.database.table("documents").insert(
            {"id": 1, "collection_id": 1, "path": b"a", "title": "a", "state": "ready"}
        )
        self.database.table("embedders").insert({"id": 1, "name": embedder})

    def add(self, text: str, vector: bytes | None = None, embedder: int = 1) -> int:
        """A chunk and its vector; returns the chunk's id."""
        chunk: Any = (
            self.database.table("chunks").insert({"document_id": 1, "start": 0, "end": 1, "text": text}).last_pk
        )
        vector = HashedEmbedder().embed([text]).tobytes() if vector is None else vector
        self.database.table("vectors").insert({"chunk_id": chunk, "embedder_id": embedder, "vector": vector})
        return int(chunk)

    def remove(self, *chunks: int) -> None:
        """Delete chunks; their vectors go with them."""
        for chunk in chunks:
            self.database.execute("DELETE FROM chunks WHERE id = ?", (chunk,))

    def activate(self, saved: dict[str, Any], embedder: int = 1) -> None:
        """Record a saved index as the active one."""
        self.database.execute("UPDATE index_generations SET active = 0")
        self.database.table("index_generations").insert({**saved, "embedder_id": embedder, "active": 1})


@pytest.fixture
def rows(tmp_path: Path) -> Iterator[Rows]:
    """A database with five chunks under the ids 1 to 5."""
    rows = Rows(tmp_path / "a library?.db")
    for text in TEXTS:
        rows.add(text)
    yield rows
    rows.database.close()


@pytest.fixture
def worker(rows: Rows) -> IndexWorker:
    """A service that has seen nothing yet."""
    return another(rows)


def another(rows: Rows) -> IndexWorker:
    """A new service on the same files, as after a restart."""
    return IndexWorker(str(rows.path), str(rows.path.parent / "index"), "hashed")


def found(worker: IndexWorker, query: str, k: int = 1, allowed: list[int] | None = None) -> list[int]:
    """The ids that a search finds."""
    blob = b"" if allowed is None else np.array(allowed, np.int64).tobytes()
    return [hit[0] for hit in worker.search(query, k, allowed is not None, blob)["hits"]]


def test_a_home_without_a_database_is_an_empty_index(tmp_path: Path) -> None:
    """Before the first start there is nothing to find, nothing fails, and nothing is created."""
    worker = IndexWorker(str(tmp_path / "none.db"), str(tmp_path / "index"), "hashed")
    assert worker.search("anything", 3) == {"hits": [], "vectors": 0}
    assert worker.forget("") == 0
    assert list(tmp_path.iterdir()) == []


def test_a_database_without_tables_is_an_empty_index(tmp_path: Path) -> None:
    """A database that is not migrated yet counts as empty."""
    sqlite3.connect(tmp_path / "new.db").execute("CREATE TABLE other(x)").connection.close()
    assert IndexWorker(str(tmp_path / "new.db"), str(tmp_path), "hashed").refresh()["vectors"] == 0


def test_a_file_that_is_no_database_is_reported(tmp_path: Path) -> None:
    """A damaged database raises our error with a hint."""
    (tmp_path / "bad.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(IngestError, match="cannot be read") as raised:
        IndexWorker(str(tmp_path / "bad.db"), str(tmp_path), "hashed").refresh()
    assert raised.value.hint


def test_the_first_search_refreshes(worker: IndexWorker) -> None:
    """Without any other call, a search finds what is in the database."""
    assert found(worker, "where is my stolen bicycle") == [3]
    assert worker.search("roses", 99)["vectors"] == 5


def test_refresh_adds_and_removes_the_difference(worker: IndexWorker, rows: Rows) -> None:
    """Only rows that came or went since are touched, and removed chunks are never found again."""
    assert worker.refresh() == {"vectors": 5, "added": 5, "removed": 0, "damaged": 0, "rebuilt": False}
    rows.remove(2, 3)
    number = rows.add("the bicycle was found")
    assert number == 6
    assert worker.refresh() == {"vectors": 4, "added": 1, "removed": 2, "damaged": 0, "rebuilt": False}
    assert sorted(found(worker, "bicycle", 9)) == [1, 4, 5, 6]
    assert worker.refresh()["added"] == 0


def test_more_rows_than_a_batch(worker: IndexWorker, rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading in batches loses and repeats nothing."""
    monkeypatch.setattr(vector_rows, "BATCH", 2)
    assert worker.refresh()["added"] == 5
    assert sorted(found(worker, "lease", 9)) == [1, 2, 3, 4, 5]


def test_only_vectors_of_the_own_embedder_count(worker: IndexWorker, rows: Rows) -> None:
    """Vectors of another embedder, and an index made of them, are left alone."""
    rows.database.table("embedders").insert({"id": 2, "name": "other"})
    rows.add("in the other space", embedder=2)
    saved = worker.save(1)
    rows.activate(saved, embedder=2)
    assert another(rows).refresh() == {"vectors": 5, "added": 5, "removed": 0, "damaged": 0, "rebuilt": False}


def test_damaged_vectors_are_left_out_and_counted(worker: IndexWorker, rows: Rows) -> None:
    """A vector of a wrong length, or not finite, hides no other and is counted."""
    rows.add("short", b"\0" * 8)
    rows.add("nan", np.full(64, np.nan, np.float32).tobytes())
    assert worker.refresh() == {"vectors": 5, "added": 5, "removed": 0, "damaged": 2, "rebuilt": False}


def test_a_restart_loads_the_saved_index(worker: IndexWorker, rows: Rows) -> None:
    """A saved and recorded generation is loaded; only what changed since is read from the rows."""
    rows.activate(worker.save(7))
    rows.remove(1)
    rows.add("new words")
    later = another(rows)
    assert later.refresh() == {"vectors": 5, "added": 1, "removed": 1, "damaged": 0, "rebuilt": False}
    assert found(later, "new words") == [6]


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "missing"])
def test_a_damaged_index_is_set_aside_and_rebuilt(worker: IndexWorker, rows: Rows, damage: str) -> None:
    """A torn, changed or lost file is noticed, kept aside, and the index comes from the rows again."""
    before = worker.search("prune the roses", 5)
    saved = worker.save(3)
    rows.activate(saved)
    path = rows.path.parent / "index" / saved["file"]
    spoil(path, damage)
    later = another(rows)
    assert later.refresh() == {"vectors": 5, "added": 5, "removed": 0, "damaged": 0, "rebuilt": True}
    assert later.search("prune the roses", 5) == before
    assert path.with_name("index-3.faiss.damaged").exists() == (damage != "missing")
    assert not path.exists()


def test_a_rebuild_embeds_nothing(rows: Rows) -> None:
    """The index is rebuilt from stored vectors: a chunk stored with another text's vector is found by that text."""
    number = rows.add("cheese", HashedEmbedder().embed(["an unrelated giraffe"]).tobytes())
    assert found(another(rows), "an unrelated giraffe") == [number]


def test_saving_and_forgetting_generations(worker: IndexWorker, rows: Rows) -> None:
    """Old generations and damaged files go; the kept one and files of others stay."""
    for generation in (1, 2, 30):
        saved = worker.save(generation)
    folder = rows.path.parent / "index"
    (folder / "index-9.faiss.damaged").touch()
    (folder / "notes.txt").touch()
    assert worker.forget(saved["file"]) == 3
    assert sorted(path.name for path in folder.iterdir()) == ["index-30.faiss", "notes.txt"]


def test_a_search_may_be_restricted(worker: IndexWorker) -> None:
    """Only allowed chunks are found; none allowed finds none, which is not the same as no restriction."""
    assert found(worker, "the lease", 9, allowed=[2, 4, 99]) in ([2, 4], [4, 2])
    assert found(worker, "the lease", 9, allowed=[]) == []
    assert len(found(worker, "the lease", 9)) == 5


def test_an_open_write_does_not_stop_a_refresh(worker: IndexWorker, rows: Rows) -> None:
    """While the writer is inside its transaction, the last committed rows are read."""
    rows.database.execute("BEGIN IMMEDIATE")
    rows.add("not committed yet")
    assert worker.refresh()["vectors"] == 5
    rows.database.execute("COMMIT")
    assert worker.refresh()["added"] == 1


def test_a_lock_that_stays_is_reported(worker: IndexWorker, rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database locked for longer than the timeout is an error, and the next refresh works."""
    monkeypatch.setattr(vector_rows, "BUSY_MILLISECONDS", 20)
    rows.database.execute("BEGIN EXCLUSIVE")
    with pytest.raises(IngestError, match="locked"):
        worker.refresh()
    rows.database.execute("ROLLBACK")
    assert worker.refresh()["vectors"] == 5


def test_embeddings_travel_as_raw_floats(worker: IndexWorker) -> None:
    """The blob of a reply is float32 of the stated shape."""
    reply = worker.embed(TEXTS)
    vectors = np.frombuffer(reply.blob, np.float32).reshape(len(TEXTS), reply.data["dimension"])
    assert reply.data["embedder"] == HashedEmbedder().id
    assert np.array_equal(vectors, HashedEmbedder().embed(TEXTS))


def test_similarity_is_a_matrix_of_cosines(worker: IndexWorker) -> None:
    """Rows are the texts on the left; equal texts have cosine one; empty sides are fine."""
    matrix = worker.similarity(TEXTS[:2], [TEXTS[1], TEXTS[0], "other"])
    assert [len(row) for row in matrix] == [3, 3]
    assert matrix[0][1] == matrix[1][0] == pytest.approx(1.0)
    assert worker.similarity([], TEXTS) == []
    assert worker.similarity(TEXTS[:1], []) == [[]]


async def test_the_real_child_searches_and_survives_a_kill(tmp_path: Path) -> None:
    """With the embedded model, in its own process and memory limit: warm, find by meaning, be killed, find again."""
    settings = {"database": str(tmp_path / "a.db"), "folder": str(tmp_path / "index"), "embedder": "minilm"}
    child = WorkerProcess("index", {**settings, "threads": 1}, tmp_path)
    try:
        warm = (await child.call("warm")).data
        rows = Rows(tmp_path / "a.db", embedder=warm["embedder"])
        reply = await child.call("embed", texts=TEXTS)
        for text, vector in zip(TEXTS, np.frombuffer(reply.blob, np.float32).reshape(len(TEXTS), -1), strict=True):
            rows.add(text, vector.tobytes())
        assert (await child.call("refresh")).data["vectors"] == 5
        question = "Someone took my bike"
        first = (await child.call("search", query=question, k=2)).data["hits"]
        assert first[0][0] == 3
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)
        while child.running:
            await asyncio.sleep(0.01)
        assert (await child.call("search", query=question, k=2)).data["hits"] == first
        rows.database.close()
    finally:
        await child.stop()


def spoil(path: Path, damage: str) -> None:
    """Damage a file in one of four ways."""
    whole = path.read_bytes()
    if damage == "flip":
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    elif damage == "cut":
        path.write_bytes(whole[: len(whole) // 2])
    elif damage == "empty":
        path.write_bytes(b"")
    else:
        path.unlink()
