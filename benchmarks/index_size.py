"""When do vectors go into lists? Recall and time of the flat index and of the one in lists, by number of vectors.

    python benchmarks/index_size.py [--sizes 10000 100000] [--queries 200]

SYNTHETIC vectors: unit vectors of 384 numbers around random centres, one centre for every 50, as passages gather
around topics; the queries are drawn the same way. Both indexes are the product's own. Times are of the processor, on
one thread, for one query at a time, so that other work on the machine does not count; adding and removing are for
100 vectors. About a minute for 100,000.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ingest import vectors as product  # noqa: E402 - the repository has to be importable first
from ingest.vectors import VectorIndex  # noqa: E402

DIMENSION, PER_CENTRE, SPREAD = 384, 50, 0.05
K, CHANGED = 10, 100


def synthetic(count: int, centres: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    """Unit vectors around the centres, shape (count, DIMENSION)."""
    chance = np.random.default_rng(seed)
    drawn = centres[chance.integers(len(centres), size=count)]
    drawn = drawn + SPREAD * chance.standard_normal((count, DIMENSION), dtype=np.float32)
    return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True), np.float32)


def measured(index: VectorIndex, queries: NDArray[np.float32]) -> tuple[list[set[int]], NDArray[np.float64]]:
    """What each query finds, and its milliseconds of processor time."""
    found, times = [], []
    for query in queries:
        start = time.process_time()
        hits = index.search(query, K)
        times.append((time.process_time() - start) * 1e3)
        found.append({number for number, _ in hits})
    return found, np.array(times)


def changed(index: VectorIndex, vectors: NDArray[np.float32]) -> tuple[float, float]:
    """Milliseconds of processor time to remove CHANGED vectors and to add them again."""
    ids = np.arange(CHANGED, dtype=np.int64)
    start = time.process_time()
    index.remove(ids)
    middle = time.process_time()
    index.add(ids, vectors[:CHANGED])
    return (middle - start) * 1e3, (time.process_time() - middle) * 1e3


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--queries", type=int, default=200)
    arguments = parser.parse_args()
    faiss.omp_set_num_threads(1)
    print("| vectors | index | recall@10 | p50 ms | p95 ms | built in s | remove 100, ms | add 100, ms |")
    print("|---:|---|---:|---:|---:|---:|---:|---:|")
    for size in arguments.sizes:
        centres = np.random.default_rng(0).standard_normal((max(1, size // PER_CENTRE), DIMENSION), dtype=np.float32)
        centres /= np.linalg.norm(centres, axis=1, keepdims=True)
        vectors, queries = synthetic(size, centres, 1), synthetic(arguments.queries, centres, 2)
        truth: list[set[int]] = []
        for name, limit in (("flat", size + CHANGED), ("lists", size - 1)):
            product.LARGE = limit
            index, start = VectorIndex(DIMENSION), time.process_time()
            index.add(np.arange(size, dtype=np.int64), vectors)
            built = time.process_time() - start
            found, times = measured(index, queries)
            truth = truth or found
            recall = np.mean([len(a & b) / K for a, b in zip(found, truth, strict=True)])
            removed, added = changed(index, vectors)
            p50, p95 = np.quantile(times, (0.5, 0.95))
            cells = f"{recall:.3f} | {p50:.2f} | {p95:.2f} | {built:.1f} | {removed:.1f} | {added:.1f}"
            print(f"| {size:,} | {name} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
