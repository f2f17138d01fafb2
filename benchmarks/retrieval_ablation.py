"""What is each part of the search worth? Weights, nearness, support, diversity, stemming, stop words, follow-ups.

    python benchmarks/retrieval_ablation.py --data DIR --cache CACHE [--every N]

The sets of benchmarks/retrieval.py, ingested by the product (or taken from its cache). Words, vectors, nearness and
like passages of each question are asked for once, by the product's own functions in this process; each row then
fuses them with one thing changed. The last two columns are the mean over the sets of the questions with even and with
odd numbers: a value that is better in one half alone is better by chance. "subject changed" asks the questions of
SQuAD right after one about something else.
--every 3 takes every third question. About four minutes on two idle cores.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import shutil
import sqlite3
import sys
import tempfile
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from retrieval import Ours, measured  # noqa: E402 - the repository has to be importable first
from retrieval_peers import Span  # noqa: E402
from retrieval_sets import Query, RetrievalSet, interrupted, load_sets  # noqa: E402

from assistant import offline  # noqa: E402
from ingest import fulltext  # noqa: E402
from ingest.fusion import DEFAULT_WEIGHTS, Candidate, Weights, averaged, fuse, supported, with_near  # noqa: E402
from ingest.index_worker import IndexWorker  # noqa: E402
from ingest.proximity import near_shares, word_pairs  # noqa: E402
from ingest.retrieval import DEPTH, NEIGHBOURS, READ_DEPTH  # noqa: E402

SHOWN = 40  # passages of a ranking, as in benchmarks/retrieval.py
DIVERSE = 20  # passages that maximal marginal relevance puts into another order
SWITCHED = "subject changed"
Ranking = list[Candidate]


@dataclass(frozen=True, slots=True)
class Wording:
    """What the product knows of one wording of a question."""

    words: int
    bm25: dict[int, float]
    best_bm25: float
    similarity: dict[int, float]
    near: dict[int, float]

    def ranking(self, total: int, weights: Weights) -> Ranking:
        """Fused, with nearness."""
        fused = fuse(self.bm25, self.similarity, self.best_bm25, self.words, total, weights)
        return with_near(fused, self.near, self.words, weights)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question: alone, behind the one before it (None: there is none), and what is like what."""

    alone: Wording
    joined: Wording | None
    total: int
    neighbours: dict[int, list[tuple[int, float]]]
    cosines: dict[tuple[int, int], float]  # between the best

    def ranking(self, weights: Weights = DEFAULT_WEIGHTS, way: str = "mean") -> Ranking:
        """As the product ranks it, or by one of the wordings only."""
        wordings = {"alone": [self.alone], "joined": [self.joined], "mean": [self.alone, self.joined]}[way]
        there = [each.ranking(self.total, weights) for each in wordings if each is not None]
        first = there or [self.alone.ranking(self.total, weights)]
        merged = averaged(first) if len(first) > 1 else first[0]
        known = {found.chunk_id for found in merged}
        return supported(merged, {k: v for k, v in self.neighbours.items() if k in known}, weights)

    def diverse(self, share: float) -> Ranking:
        """Maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998) among the best."""
        ranking = self.ranking()
        left, chosen = ranking[:DIVERSE], []
        while left:
            best = max(left, key=lambda each: share * each.order - (1 - share) * self._nearest(each, chosen))
            chosen.append(best)
            left.remove(best)
        return [*chosen, *ranking[DIVERSE:]]

    def _nearest(self, one: Candidate, others: Sequence[Candidate]) -> float:
        return max((self.cosines.get((one.chunk_id, other.chunk_id), 0.0) for other in others), default=0.0)


def variants() -> dict[str, Callable[[Asked], Ranking]]:
    """Each row of the table."""
    rows: dict[str, Callable[[Asked], Ranking]] = {"as it ships": lambda asked: asked.ranking()}
    for key, values in (
        ("words", (0.0, 0.35, 0.5, 0.8, 1.0)),
        ("near", (0.0, 0.05, 0.2)),
        ("support", (0.0, 0.3, 0.8)),
    ):
        for value in values:
            weights = replace(DEFAULT_WEIGHTS, **{key: value})
            rows[f"{key} {value:g} (ships: {getattr(DEFAULT_WEIGHTS, key):g})"] = lambda asked, weights=weights: (
                asked.ranking(weights)
            )
    plain = replace(DEFAULT_WEIGHTS, near=0.0, support=0.0)
    rows["neither nearness nor support"] = lambda asked: asked.ranking(plain)
    for share in (0.9, 0.7):
        rows[f"maximal marginal relevance {share:g}"] = lambda asked, share=share: asked.diverse(share)
    rows["follow-up: the question alone"] = lambda asked: asked.ranking(way="alone")
    rows["follow-up: both joined"] = lambda asked: asked.ranking(way="joined")
    return rows


class Library:
    """One ingested set, asked in this process."""

    def __init__(self, ours: Ours, words: Any = None) -> None:
        """`words` is another database to search for words in."""
        self._database, self._by_words = ours.core.database, words
        self._index = IndexWorker(str(ours.core.database_path), str(ours.core.index_folder), "minilm")
        self._index.refresh()

    async def asked(self, query: Query) -> Asked:
        """All that the rows need of a question."""
        texts = [query.text, *([query.joined] if query.before else [])]
        seen, total = await self._database.read(
            lambda db: ([_words(self._by_words or db, text) for text in texts], _total(db))
        )
        cosines = [self._near(text, DEPTH, None) for text in texts]
        found = {number for group in (*(bm25 for _, bm25 in seen), *cosines) for number in group}
        for text, known in zip(texts, cosines, strict=True):
            known |= self._near(text, len(found), sorted(found - known.keys()))
        fused = [
            fuse(bm25, known, fulltext.best_possible_bm25(counts, total), len(counts), total)
            for (counts, bm25), known in zip(seen, cosines, strict=True)
        ]
        best = [each.chunk_id for each in averaged(fused)[:READ_DEPTH]]
        rows = await self._database.read(lambda db: _read(db, best))
        wordings = []
        for text, (counts, bm25), known in zip(texts, seen, cosines, strict=True):
            shares = near_shares(word_pairs(text, counts, total), [rows[number][0] for number in best])
            bound = fulltext.best_possible_bm25(counts, total)
            wordings.append(Wording(len(counts), bm25, bound, known, dict(zip(best, shares, strict=True))))
        neighbours = self._index.neighbours(
            [rows[number][1] for number in best], NEIGHBOURS, array("q", best).tobytes()
        )
        with self._index._ready() as index:
            vectors = index.vectors(np.array(best, np.int64))
        like = vectors @ vectors.T
        return Asked(
            wordings[0], wordings[1] if len(wordings) > 1 else None, total,
            {n: [(best[place], cosine) for place, cosine in near] for n, near in zip(best, neighbours, strict=True)},
            {(a, b): float(like[i, j]) for i, a in enumerate(best) for j, b in enumerate(best)},
        )  # fmt: skip

    def _near(self, text: str, k: int, allowed: list[int] | None) -> dict[int, float]:
        if allowed == []:
            return {}
        blob = array("q", allowed or []).tobytes()
        hits = self._index.search(text, k, restricted=allowed is not None, blob=blob)["hits"]
        return {int(number): float(cosine) for number, cosine in hits}


def _words(db: Any, text: str) -> tuple[dict[str, int], dict[int, float]]:
    counts = fulltext.word_counts(db, fulltext.query_words(text))
    return counts, {hit.chunk_id: hit.bm25 for hit in fulltext.search_words(db, counts, DEPTH, None)}


def _total(db: Any) -> int:
    return int(db.conn.execute("SELECT count(*) FROM chunks").fetchone()[0])


def _read(db: Any, numbers: list[int]) -> dict[int, tuple[str, int]]:
    query = "SELECT context || char(10) || text, document_id FROM chunks WHERE id = ?"
    return {number: db.conn.execute(query, (number,)).fetchone() for number in numbers}


async def places(ours: Ours) -> dict[int, Span]:
    """Where each passage stands."""
    numbers = await ours.core.database.read(lambda db: [row[0] for row in db.conn.execute("SELECT id FROM chunks")])
    found = await ours.core.library.passages(numbers)
    return {number: Span(ours.names[each.path], each.start, each.end) for number, each in found.items()}


async def run_set(data: RetrievalSet, cache: Path) -> dict[str, list[tuple[float, float]]]:
    """nDCG@10 and recall of each question for each row."""
    scores: dict[str, list[tuple[float, float]]] = {}
    async with AsyncExitStack() as stack:
        home = data.name.removesuffix(f", {SWITCHED}")
        ours = await Ours.build(stack, cache / f"{home}-{data.fingerprint()}", data.documents)
        spans, library = await places(ours), Library(ours)

        async def score(name: str, library: Library, row: Callable[[Asked], Ranking]) -> None:
            for query in data.queries:
                found = [spans[each.chunk_id] for each in row(await library.asked(query))[:SHOWN]]
                scores.setdefault(name, []).append(measured(data, query, found))

        for query in data.queries:
            asked = await library.asked(query)
            for name, row in variants().items():
                found = [spans[each.chunk_id] for each in row(asked)[:SHOWN]]
                scores.setdefault(name, []).append(measured(data, query, found))
        stop_words, fulltext.STOP_WORDS = fulltext.STOP_WORDS, frozenset()
        await score("no stop words", library, lambda asked: asked.ranking())
        fulltext.STOP_WORDS = stop_words
        with unstemmed(ours.core.database_path) as words:
            await score("no stemming", Library(ours, words), lambda asked: asked.ranking())
    return scores


@contextlib.contextmanager
def unstemmed(database: Path) -> Iterator[Any]:
    """A copy of the database whose full-text index does not stem."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy.db"
        shutil.copy(database, copy)
        with contextlib.closing(sqlite3.connect(copy, check_same_thread=False)) as connection:
            plain = fulltext.TOKENIZER.removeprefix("porter ")
            connection.execute("DROP TABLE chunks_fts")
            connection.execute(
                "CREATE VIRTUAL TABLE chunks_fts USING fts5(context, text, content='chunks', content_rowid='id',"
                f" tokenize='{plain}')"
            )
            connection.execute("INSERT INTO chunks_fts(chunks_fts) VALUES ('rebuild')")
            yield SimpleNamespace(conn=connection)


def print_table(results: dict[str, dict[str, list[tuple[float, float]]]]) -> None:
    """A Markdown table: each set over all its questions, then the mean nDCG@10 over the sets by half."""
    print(f"\n| | {' | '.join(results)} | mean, even | mean, odd |\n|---{'|---' * (len(results) + 2)}|")
    for name in next(iter(results.values())):
        values = [np.array(scores[name]) for scores in results.values()]
        cells = [f"{one[:, 0].mean():.3f} / {one[:, 1].mean():.3f}" for one in values]
        halves = [np.mean([one[half::2, 0].mean() for one in values]) for half in (0, 1)]
        print(f"| {name} | {' | '.join(cells)} | {halves[0]:.4f} | {halves[1]:.4f} |")
    print("\nnDCG@10 / recall@5; chunking: recall within 4,000 characters.")


async def main() -> None:
    """Run all sets and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=os.environ.get("ASSISTANT_DATA", ""), help="folder of benchmark data")
    parser.add_argument("--cache", help="folder that keeps libraries for the next run")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="take every N-th question")
    parser.add_argument("--set", action="append", metavar="NAME", help="only this set (repeatable)")
    arguments = parser.parse_args()
    sets = load_sets(Path(arguments.data)) if arguments.data else []
    if not sets:
        sys.exit("Name the data folder with --data or ASSISTANT_DATA; it holds dev/cranfield, dev/squad_v2, …")
    sets += [interrupted(data) for data in sets if data.name == "squad_v2"]
    sets = [data for data in sets if not arguments.set or data.name in arguments.set]
    offline.enforce()
    results = {}
    with tempfile.TemporaryDirectory() as temporary:
        cache = Path(arguments.cache or temporary).absolute()
        for data in sets:
            part = replace(data, queries=data.queries[:: arguments.every])
            results[data.name] = await run_set(part, cache)
            print(f"{data.name}: {len(part.queries)} questions", file=sys.stderr, flush=True)
    print_table(results)


if __name__ == "__main__":
    asyncio.run(main())
