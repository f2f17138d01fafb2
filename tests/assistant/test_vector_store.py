"""Vectors in a PostgreSQL that the user named: which may be named, what is kept there, and what happens without it."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from assistant.bootstrap import opened
from assistant.config import load_config
from assistant.errors import UsageError, VectorStoreError
from assistant.vector_store import VectorStore, parse_store
from tests.made_postgres import MadePostgres, made_postgres

Run = Callable[..., tuple[int, str, str]]
SETTINGS = '[model]\nname = "scripted"\n[documents]\nembedder = "hashed"\nvector_store = "{}"\n'


@pytest.fixture(scope="module")
def postgres() -> Iterator[MadePostgres]:
    """One server for all tests of this file."""
    with made_postgres() as server:
        yield server


def use(home: Path, url: str) -> None:
    (home / "config.toml").write_text(SETTINGS.format(url))


@pytest.fixture
def papers(tmp_path: Path) -> Path:
    folder = tmp_path / "papers"
    folder.mkdir()
    for number, text in enumerate(("The lease ends in May.", "Bread with walnuts.", "The bicycle was stolen.")):
        (folder / f"{number}.txt").write_text(text)
    return folder


@pytest.mark.parametrize(
    ("url", "host", "port", "service"),
    [
        ("postgresql:///lib", "/var/run/postgresql", 5432, "index"),
        ("postgres://anna@:5433/lib?host=/tmp", "/tmp", 5433, "index"),
        ("postgresql://127.0.0.1/lib", "127.0.0.1", 5432, "index-on-loopback"),
        ("postgresql://anna@localhost:1/lib", "localhost", 1, "index-on-loopback"),
        ("postgresql://[::1]/lib", "::1", 5432, "index-on-loopback"),
    ],
)
def test_a_database_on_this_machine_may_be_named(url: str, host: str, port: int, service: str) -> None:
    """By its socket, for which the index process needs no internet socket, or over loopback."""
    store = parse_store(url)
    assert store == VectorStore(host, port, "anna" if "anna" in url else "", "lib") and store.service == service
    assert parse_store("") is None


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://db.example.org/lib", "db.example.org is another machine"),
        ("postgresql:///lib?host=db.example.org", "another machine"),
        ("postgresql:///lib?host=/tmp,db.example.org", "another machine"),
        ("postgresql://192.168.1.7:5432/lib", "ssh -L 5432"),
        ("postgresql://anna:secret@localhost/lib", "holds a password"),
        ("postgresql://localhost/lib?hostaddr=192.168.1.7", "may only have host=FOLDER"),
        ("postgresql://localhost/lib?host=/tmp", "may only have host=FOLDER"),
        ("postgresql://localhost:port/lib", "no address"),
        ("postgresql://localhost/", "no address"),
        ("http://localhost/lib", "no address"),
        ("lib", "no address"),
    ],
)
def test_anything_else_is_refused_in_words(url: str, told: str) -> None:
    """Another machine, a password in the settings, options that lead elsewhere, what is no address at all."""
    with pytest.raises(UsageError) as refused:
        parse_store(url)
    assert told in str(refused.value) and "secret" not in str(refused.value) and refused.value.hint


def test_a_wrong_address_locks_nobody_out(home: Path, papers: Path, run: Run) -> None:
    """It is told of, and the vectors are in the files of the home meanwhile."""
    use(home, "postgresql://db.example.org/lib")
    code, _, warned = run("ingest", str(papers))
    assert code == 0 and "db.example.org is another machine" in warned and list((home / "index").glob("*.faiss"))


@pytest.mark.parametrize("loopback", [False, True])
def test_the_shell_keeps_its_vectors_there(
    home: Path, papers: Path, run: Run, postgres: MadePostgres, monkeypatch: pytest.MonkeyPatch, loopback: bool
) -> None:
    """Ingest, search, filters, change and removal by the same commands, offline too; doctor names the server."""
    monkeypatch.setenv("PGHOSTADDR", "192.0.2.1")  # must not lead elsewhere
    use(home, postgres.url(loopback=loopback))
    assert run("ingest", str(papers))[0] == 0
    assert not list((home / "index").glob("*.faiss"))
    offline = [sys.executable, "-m", "assistant", "--home", str(home), "--offline", "search", "--json"]
    told = subprocess.run([*offline, "The bicycle was stolen."], stdout=subprocess.PIPE, check=True, timeout=60).stdout
    (found, *_) = json.loads(told)
    assert found["document"] == "2.txt" and found["similarity"] > 0.8
    (filtered,) = json.loads(run("search", "--json", f"path:{papers}/1.txt walnuts")[1])
    assert filtered["document"] == "1.txt" and filtered["similarity"]
    (papers / "0.txt").unlink()
    assert run("ingest", str(papers))[0] == 0
    findings = {each["name"]: each for each in json.loads(run("doctor", "--json")[1])["findings"]}
    assert findings["index"]["ok"] and findings["index"]["value"].startswith("2 vectors (PostgreSQL at ")


async def test_without_the_server_words_are_searched(home: Path, papers: Path, postgres: MadePostgres) -> None:
    """A note says why; what is stored meanwhile follows when it is back, in the same session."""
    use(home, postgres.url())
    async with opened(load_config(home)) as core:
        [item async for item in core.pipeline.ingest([papers])]
        postgres.stop()
        try:
            found = await core.retriever.search("The bicycle was stolen.", 1)
            assert found.passages[0].document == "2.txt" and found.passages[0].similarity is None
            assert "Searched by words only: PostgreSQL at" in found.notes[0] and "cannot be used" in found.notes[0]
            (papers / "3.txt").write_text("The spare key is under the blue pot.")
            with pytest.raises(VectorStoreError, match="Nothing is lost"):
                [item async for item in core.pipeline.ingest([papers])]
        finally:
            postgres.start()
        found = await core.retriever.search("The spare key is under the blue pot.", 1)
        assert found.notes == () and (found.passages[0].similarity or 0) > 0.8
        assert (await core.index.call("refresh")).data["vectors"] == 4


async def test_the_table_is_a_cache(home: Path, papers: Path, postgres: MadePostgres) -> None:
    """What it lacks, or has from another library in this place, is made good from the database, once."""
    from ingest.index_worker import IndexWorker
    from ingest.postgres_vectors import table_of

    database, kept = home / "assistant.db", {"vectors": 3, "added": 0, "removed": 0, "damaged": 0, "rebuilt": False}

    def reopened(save: bool = True) -> dict[str, Any]:
        """What a new index process says of the table, which is then recorded as the database's index."""
        worker = IndexWorker(str(database), str(home / "index"), "hashed", store=postgres.store())
        told = worker.refresh()
        (best,) = worker.search("The lease ends in May.", 1)["hits"]
        assert best[1] > 0.8
        if save:
            with contextlib.closing(sqlite3.connect(database)) as rows, rows:
                rows.execute(
                    "UPDATE index_generations SET file = :file, size = :size, sha256 = :sha256", worker.save(9)
                )
        return told

    use(home, "")
    async with opened(load_config(home)) as core:
        [item async for item in core.pipeline.ingest([papers])]
    assert reopened(save=False) == kept | {"added": 3, "rebuilt": True}  # from files to the table
    assert reopened() == kept
    assert reopened() == kept
    table = table_of(database)
    postgres.sql(f"DELETE FROM {table} WHERE chunk_id = 1")
    assert reopened() == kept | {"added": 1}
    postgres.sql(f"UPDATE {table} SET embedding = (SELECT embedding FROM {table} WHERE chunk_id = 2)")
    postgres.sql(f"COMMENT ON TABLE {table} IS 'of another library'")
    assert reopened() == kept | {"added": 3, "rebuilt": True}
    postgres.sql(f"DROP TABLE {table}; CREATE TABLE {table} (chunk_id bigint PRIMARY KEY, embedding vector(3))")
    assert reopened() == kept | {"added": 3, "rebuilt": True}  # as after a change of embedder


def test_what_is_wrong_with_a_server_is_one_line(home: Path, papers: Path, run: Run, postgres: MadePostgres) -> None:
    """No server, no such database, no pgvector and no right to create it; exit code 6, and the documents are kept."""
    postgres.sql("CREATE DATABASE bare", "postgres")
    postgres.sql("CREATE ROLE guest LOGIN", "postgres")
    for url, told in (
        (f"postgresql:///library?host={home}", "cannot be used"),
        (postgres.url("nowhere"), 'database "nowhere" does not exist'),
        (postgres.url("bare", "guest"), "has no pgvector"),
    ):
        use(home, url)
        (papers / "0.txt").write_text(f"Something new, for {told}.")
        code, _, warned = run("ingest", str(papers))
        assert code == 6 and told in warned and "Traceback" not in warned
        assert json.loads(run("search", "--json", "The bicycle was stolen.")[1])[0]["document"] == "2.txt"
    assert len(json.loads(run("documents", "--json")[1])) == 3
