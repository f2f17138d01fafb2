"""How long does a search take, end to end, in a library of 1,000, 10,000 and 100,000 passages?

    python benchmarks/search_speed.py [--sizes 1000 10000 100000] [--queries 100]

Everything a question goes through before the model sees it: words in SQLite, the question's embedding by the real
model and the vectors in the index child, fusion, the closer look, the passages. SYNTHETIC passages: 80 words drawn
from 30,000 made-up ones as words are distributed in a language (Zipf), and unit vectors around random centres in
place of embeddings, since only time is measured. Questions are eight words of a passage. Half are asked behind
another one, which is searched in both wordings.

Wall time depends on what else the machine does; the processor time of both processes together does not.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from index_size import DIMENSION, PER_CENTRE, synthetic  # noqa: E402 - the repository has to be importable first

from assistant import offline  # noqa: E402
from assistant.bootstrap import Core, opened  # noqa: E402
from assistant.config import load_config  # noqa: E402
from ingest import records  # noqa: E402

VOCABULARY, ZIPF, WORDS, IN_DOCUMENT, ASKED = 30_000, 1.1, 80, 50, 8
BATCH = 20  # documents a transaction


def texts(count: int) -> list[str]:
    """Made-up passages."""
    chance = np.random.default_rng(0)
    letters = np.array(list("bdfgklmnprstv")), np.array(list("aeiou"))
    made = [
        "".join(chance.choice(letters[place % 2]) for place in range(chance.integers(4, 9))) for _ in range(VOCABULARY)
    ]
    shares = 1 / np.arange(1, VOCABULARY + 1) ** ZIPF
    drawn = chance.choice(VOCABULARY, (count, WORDS), p=shares / shares.sum())
    return [" ".join(made[number] for number in row) for row in drawn]


async def fill(core: Core, passages: list[str], embedder: str) -> None:
    """Store the passages with vectors, as the pipeline does, and bring the index in step."""
    centres = np.random.default_rng(0).standard_normal(
        (max(1, len(passages) // PER_CENTRE), DIMENSION), dtype=np.float32
    )
    vectors = synthetic(len(passages), centres / np.linalg.norm(centres, axis=1, keepdims=True), 1)
    files = [(start, passages[start : start + IN_DOCUMENT]) for start in range(0, len(passages), IN_DOCUMENT)]
    for at in range(0, len(files), BATCH):
        await core.database.write(lambda db, part=files[at : at + BATCH]: _store(db, part, vectors, embedder))
    await core.index.call("refresh")


def _store(db: Any, files: list[tuple[int, list[str]]], vectors: Any, embedder: str) -> None:
    collection, model = records.collection_number(db, "documents"), records.embedder_number(db, embedder)
    for start, parts in files:
        ends = np.cumsum([len(part) + 1 for part in parts]).tolist()
        chunks = [{"start": end - len(part) - 1, "end": end - 1} for part, end in zip(parts, ends, strict=True)]
        text = "\n".join(parts)
        file = records.ReadFile(f"/made/{start}.txt", len(text), 0, "", f"made {start}", text, None, [], [], chunks)
        records.store(db, collection, model, file, [vector.tobytes() for vector in vectors[start : start + len(parts)]])


def processor_seconds(core: Core) -> float:
    """What this process and the index child have used."""
    fields = Path(f"/proc/{core.index.pid}/stat").read_text().rpartition(")")[2].split()
    return time.process_time() + (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def run(size: int, queries: int) -> str:
    """One row of the table."""
    passages = texts(size)
    with tempfile.TemporaryDirectory() as home:
        async with opened(load_config(Path(home))) as core:
            embedder = (await core.index.call("warm")).data["embedder"]
            await fill(core, passages, embedder)
            chance = np.random.default_rng(3)
            asked = [" ".join(passages[chance.integers(size)].split()[:ASKED]) for _ in range(queries + 1)]
            await core.retriever.search(asked[-1])
            row = f"| {size:,} |"
            for before in ("", asked[-1]):
                times, used = [], processor_seconds(core)
                for question in asked[:queries]:
                    start = time.perf_counter()
                    await core.retriever.search(question, before=before)
                    times.append((time.perf_counter() - start) * 1e3)
                used = (processor_seconds(core) - used) / queries * 1e3
                row += f" {np.quantile(times, 0.5):.0f} | {np.quantile(times, 0.95):.0f} | {used:.0f} |"
            return row


async def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--queries", type=int, default=100)
    arguments = parser.parse_args()
    offline.enforce()
    print("| passages | p50 ms | p95 ms | processor ms | follow-up: p50 ms | p95 ms | processor ms |")
    print("|---:|---:|---:|---:|---:|---:|---:|")
    for size in arguments.sizes:
        print(await run(size, arguments.queries), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
