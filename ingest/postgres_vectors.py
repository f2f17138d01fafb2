"""Which chunks are nearest to a vector? A table of PostgreSQL with pgvector, for a library too large for one process.

It answers what VectorIndex answers, and like its file it is a cache of the vectors in SQLite: it holds numbers of
chunks and vectors, no text. Its comment marks the index that the database had recorded last; where that is another one
(it is of an earlier library, or a backup was put back), the table is made anew. https://github.com/pgvector/pgvector
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import psycopg

from ingest.errors import StoreError
from ingest.vector_lists import Ids, Vectors
from ingest.vectors import LARGE, IndexFile

CONNECT_SECONDS = 5
MOST_DIMENSIONS = 2000  # of a vector in an HNSW index of pgvector
BREADTH, MOST_NEAR = 2, 500  # hnsw.ef_search, at most 1000, as a multiple of k; k up to which the HNSW index is asked


class PostgresVectors:
    """Vectors by chunk id; nearest means highest inner product, the cosine for unit vectors.

    Exact up to LARGE vectors, and always where only some are allowed; above, a search of all of them asks an HNSW
    index, which `save` makes. A server that does not answer raises StoreError; then open it anew.
    """

    def __init__(self, connection: psycopg.Connection[Any], table: str, dimension: int, where: str) -> None:
        """`connection` is in autocommit mode; see `open_table`."""
        self._connection, self._table, self.dimension = connection, table, dimension
        self.description = where
        with _told(where):
            rows = connection.execute(f"SELECT chunk_id FROM {table}").fetchall()
            found = connection.execute("SELECT to_regclass(%s)", (f"{table}_nearest",)).fetchone()
        self._ids = np.sort(np.fromiter((row[0] for row in rows), np.int64, len(rows)))
        self._indexed = bool(found and found[0])

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def exact(self) -> bool:
        """Whether every vector is looked at."""
        return not self._indexed

    def ids(self) -> Ids:
        """The chunk ids, ascending."""
        return self._ids

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Add vectors of shape (len(ids), dimension)."""
        texts = ["[" + ",".join(f"{number:.9g}" for number in row) + "]" for row in vectors.tolist()]
        self._execute(
            f"INSERT INTO {self._table} SELECT number, text::vector FROM unnest(%s::bigint[], %s::text[])"
            " AS new(number, text) ON CONFLICT (chunk_id) DO UPDATE SET embedding = excluded.embedding",
            (ids.tolist(), texts),
        )
        self._ids = np.union1d(self._ids, ids)

    def remove(self, ids: Ids) -> int:
        """Remove the vectors of these ids; returns how many there were."""
        gone = self._execute(f"DELETE FROM {self._table} WHERE chunk_id = ANY(%s)", (ids.tolist(),)).rowcount
        self._ids = np.setdiff1d(self._ids, ids)
        return int(gone)

    def vectors(self, ids: Ids) -> Vectors:
        """The vectors of these ids, shape (len(ids), dimension); zeros for an id that is not there."""
        sql = f"SELECT chunk_id, embedding::real[] FROM {self._table} WHERE chunk_id = ANY(%s)"
        known = dict(self._execute(sql, (ids.tolist(),)).fetchall())
        none = [0.0] * self.dimension
        rows = [known.get(number, none) for number in ids.tolist()]
        return np.array(rows, np.float32).reshape(len(ids), self.dimension)

    def search(self, vector: Vectors, k: int, allowed: Ids | None = None) -> list[tuple[int, float]]:
        """The k nearest as (id, cosine), best first. `allowed` is applied inside the search; None allows all, an
        empty array nothing."""
        if k <= 0:
            return []
        values = {"vector": str(vector.reshape(-1).tolist()), "k": min(k, len(self)), "allowed": None}
        cosine = "-(embedding <#> %(vector)s::vector)"
        order = f"{cosine} DESC, chunk_id"  # an expression that the HNSW index does not know: all are compared
        where = ""
        if allowed is not None:
            where, values["allowed"] = "WHERE chunk_id = ANY(%(allowed)s)", allowed.tolist()
        elif self._indexed and k <= MOST_NEAR:
            self._execute(f"SET hnsw.ef_search = {max(100, BREADTH * k)}")
            order = "embedding <#> %(vector)s::vector"
        sql = f"SELECT chunk_id, {cosine} FROM {self._table} {where} ORDER BY {order} LIMIT %(k)s"
        return [(int(number), float(near)) for number, near in self._execute(sql, values)]

    def save(self, path: Path) -> IndexFile:
        """Mark the table anew, and give it an HNSW index when it is large; nothing is written to `path`."""
        if len(self) > LARGE and not self._indexed and self.dimension <= MOST_DIMENSIONS:
            self._execute(f"CREATE INDEX {self._table}_nearest ON {self._table} USING hnsw (embedding vector_ip_ops)")
            self._indexed = True
        saved = IndexFile(self._table, len(self), secrets.token_hex(32))
        self._execute(f"COMMENT ON TABLE {self._table} IS '{_mark(saved)}'")
        return saved

    def _execute(self, sql: str, values: Any = None) -> psycopg.Cursor[Any]:
        with _told(self.description):
            return self._connection.execute(sql, values)


def open_table(
    store: Mapping[str, Any], database: Path, dimension: int, recorded: IndexFile | None
) -> tuple[PostgresVectors, bool]:
    """The vectors of the library in `database`, and whether they are to be filled in again: their table was not the
    one `recorded`. `store` has host (a name, or the folder of a socket), port, user ("": that of the system) and
    database.

    Raises:
        StoreError: no server answers there, it lets nobody in, or it has no pgvector.
    """
    where = f"PostgreSQL at {store['host']}:{store['port']}, database {store['database']}"
    table = table_of(database)
    with _told(where):
        connection = psycopg.connect(  # hostaddr: or the variable PGHOSTADDR would lead elsewhere
            host=store["host"], hostaddr="", port=store["port"], user=store["user"] or None, dbname=store["database"],
            connect_timeout=CONNECT_SECONDS, application_name="private-assistant", autocommit=True,
        )  # fmt: skip
    _ready_pgvector(connection, where)
    with _told(where):
        found = connection.execute(
            "SELECT obj_description(oid) FROM pg_class WHERE oid = to_regclass(%s)", (table,)
        ).fetchone()
        ours = found is not None and recorded is not None and found[0] == _mark(recorded)
        if not ours:
            with connection.transaction():
                connection.execute(f"DROP TABLE IF EXISTS {table}")
                connection.execute(
                    f"CREATE TABLE {table} (chunk_id bigint PRIMARY KEY, embedding vector({dimension}) NOT NULL)"
                )
                if recorded is not None:
                    connection.execute(f"COMMENT ON TABLE {table} IS '{_mark(recorded)}'")
    return PostgresVectors(connection, table, dimension, where), not ours and (found or recorded) is not None


def table_of(database: Path) -> str:
    """The name of a library's table: another for each machine and each place, as many may share a server."""
    machine = Path("/etc/machine-id")
    parts = (machine.read_text() if machine.is_file() else "", os.uname().nodename, str(database.resolve()))
    return f"assistant_{hashlib.sha256('|'.join(parts).encode('utf-8', 'surrogateescape')).hexdigest()[:24]}"


def _mark(recorded: IndexFile) -> str:
    return hashlib.sha256(repr(tuple(recorded)).encode()).hexdigest()


def _ready_pgvector(connection: psycopg.Connection[Any], where: str) -> None:
    """Have the types of pgvector in this database; its control file lets the owner of a database create them."""
    with _told(where):
        if connection.execute("SELECT 1 FROM pg_extension WHERE extname = 'vector'").fetchone():
            return
    try:
        connection.execute("CREATE EXTENSION vector")
    except psycopg.Error as error:
        raise StoreError(
            f"{where}, has no pgvector: {_first_line(error)}",
            "Install it on the server (Debian: postgresql-17-pgvector), then as its administrator: "
            "CREATE EXTENSION vector;",
        ) from error


@contextlib.contextmanager
def _told(where: str) -> Iterator[None]:
    """What PostgreSQL says, as an error of ours."""
    try:
        yield
    except psycopg.OperationalError as error:
        raise StoreError(
            f"{where}, cannot be used: {_first_line(error)}",
            'Nothing is lost: the library has the vectors too. Start the server, or set documents.vector_store = "".',
        ) from error
    except psycopg.Error as error:
        raise StoreError(
            f"{where}, refuses: {_first_line(error)}", "Check its rights and documents.vector_store."
        ) from error


def _first_line(error: psycopg.Error) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__).removesuffix(".") + "."
