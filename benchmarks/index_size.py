"""When do vectors go into lists? Recall and time of the flat index and of the one in lists, by number of vectors.

    python benchmarks/index_size.py [--sizes 10000 100000] [--queries 200] [--postgres URL]

SYNTHETIC vectors: unit vectors of 384 numbers around random centres, one centre for every 50, as passages gather
around topics; the queries are drawn the same way. All indexes are the product's own. Times are of the processor, on
one thread, for one query at a time, so that other work on the machine does not count; adding and removing are for
100 vectors. With --postgres (as documents.vector_store takes it) the same vectors are also kept there, compared one by
one and by its HNSW index; those times are by the clock, since another process does the work. About a minute for
100,000 vectors, three for 300,000.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from assistant.vector_store import parse_store  # noqa: E402 - the repository has to be importable first
from ingest import vectors as product  # noqa: E402
from ingest.vector_rows import BATCH  # noqa: E402
from ingest.vectors import VectorIndex  # noqa: E402

DIMENSION, PER_CENTRE, SPREAD = 384, 50, 0.05
K, CHANGED = 10, 100
Clock = Callable[[], float]  # seconds


def synthetic(count: int, centres: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    """Unit vectors around the centres, shape (count, DIMENSION)."""
    chance = np.random.default_rng(seed)
    drawn = centres[chance.integers(len(centres), size=count)]
    drawn = drawn + SPREAD * chance.standard_normal((count, DIMENSION), dtype=np.float32)
    return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True), np.float32)


def measured(index: Any, queries: NDArray[np.float32], clock: Clock) -> tuple[list[set[int]], NDArray[np.float64]]:
    """What each query finds, and its milliseconds."""
    found, times = [], []
    for query in queries:
        start = clock()
        hits = index.search(query, K)
        times.append((clock() - start) * 1e3)
        found.append({number for number, _ in hits})
    return found, np.array(times)


def changed(index: Any, vectors: NDArray[np.float32], clock: Clock) -> tuple[float, float]:
    """Milliseconds to remove CHANGED vectors and to add them again."""
    ids = np.arange(CHANGED, dtype=np.int64)
    start = clock()
    index.remove(ids)
    middle = clock()
    index.add(ids, vectors[:CHANGED])
    return (middle - start) * 1e3, (clock() - middle) * 1e3


def built(vectors: NDArray[np.float32], postgres: str) -> Iterator[tuple[str, Any, float, str, Clock]]:
    """Each index with all vectors: its name, itself, the seconds it took, its size, and the clock to measure it by."""
    numbers = np.arange(len(vectors), dtype=np.int64)
    for name, limit in (("flat", len(vectors) + CHANGED), ("lists", len(vectors) - 1)):
        product.LARGE = limit
        index, start = VectorIndex(DIMENSION), time.process_time()
        index.add(numbers, vectors)
        seconds = time.process_time() - start
        with tempfile.TemporaryDirectory() as folder:
            size = index.save(Path(folder) / "index-1.faiss").size
        yield name, index, seconds, f"{size / 2**20:,.0f}", time.process_time
    if postgres:
        from ingest import postgres_vectors

        store = parse_store(postgres)
        assert store is not None
        with tempfile.TemporaryDirectory() as folder:
            table, _ = postgres_vectors.open_table(asdict(store), Path(folder) / "library.db", DIMENSION, None)
            start = time.perf_counter()
            for at in range(0, len(vectors), BATCH):
                table.add(numbers[at : at + BATCH], vectors[at : at + BATCH])
            told = "SELECT pg_size_pretty(pg_total_relation_size(%s))"
            seconds = time.perf_counter() - start
            yield "PostgreSQL", table, seconds, table._execute(told, (table._table,)).fetchone()[0], time.perf_counter
            postgres_vectors.LARGE, start = 0, time.perf_counter()
            table.save(Path(folder))
            seconds = time.perf_counter() - start
            room = table._execute(told, (table._table,)).fetchone()[0]
            yield "its HNSW index", table, seconds, room, time.perf_counter
            table._execute(f"DROP TABLE {table._table}")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000, 300_000])
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--postgres", default="", metavar="URL", help="a database with pgvector on this machine")
    arguments = parser.parse_args()
    faiss.omp_set_num_threads(1)
    print("| vectors | index | recall@10 | p50 ms | p95 ms | built in s | MiB | remove 100, ms | add 100, ms |")
    print("|---:|---|---:|---:|---:|---:|---:|---:|---:|")
    for size in arguments.sizes:
        centres = np.random.default_rng(0).standard_normal((max(1, size // PER_CENTRE), DIMENSION), dtype=np.float32)
        centres /= np.linalg.norm(centres, axis=1, keepdims=True)
        vectors, queries = synthetic(size, centres, 1), synthetic(arguments.queries, centres, 2)
        truth: list[set[int]] = []
        for name, index, seconds, room, clock in built(vectors, arguments.postgres):
            found, times = measured(index, queries, clock)
            truth = truth or found
            recall = np.mean([len(a & b) / K for a, b in zip(found, truth, strict=True)])
            removed, added = changed(index, vectors, clock)
            p50, p95 = np.quantile(times, (0.5, 0.95))
            cells = f"{recall:.3f} | {p50:.2f} | {p95:.2f} | {seconds:.1f} | {room} | {removed:.1f} | {added:.1f}"
            print(f"| {size:,} | {name} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
