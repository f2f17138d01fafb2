"""How well are passages found, beside BM25 alone, dense alone and LangChain's FAISS store, in the same run?

    python benchmarks/retrieval.py --data DIR [--cache DIR] [--quick] [--set NAME]

Ours runs through the product: files are read, cut and embedded by the child processes, stored in SQLite, searched
by `Retriever` (FTS5 and FAISS). Beside it stand its two halves alone and their plain fusion by reciprocal rank (k = 60,
the first 100 of each; Cormack et al., SIGIR 2009), and two peers on the same documents cut by
LangChain's splitter (1,000 characters, overlap 200): bm25s with Porter stemming and stop words (Lucene, k1 = 1.5,
b = 0.75), and LangChain's FAISS store with its defaults on all-MiniLM-L6-v2 in sentence-transformers.

In conversations ("mtrag_un") ours is given the last question and the one before it, the others both joined, which
finds more than the last alone.

Documents are ranked by their best passage: nDCG@10 and recall@5. Where the evidence is characters of a long
document ("chunking"), a passage counts for each piece of evidence it is the first to cover by half, and recall is
the share of evidence characters within the first 4,000 characters retrieved, so that longer passages win nothing.

About ten minutes on two cores; with --cache a second run takes about four. --quick takes a part of each set,
--set one of them (repeatable); each result is also told when it is there, so that a run cut short is not in vain.
DIR may also be named by the variable ASSISTANT_DATA.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from math import log2
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from retrieval_peers import Bm25s, LangChainFaiss, Span  # noqa: E402 - the repository has to be importable first
from retrieval_sets import SMALL_TALK, Evidence, Query, RetrievalSet, load_sets  # noqa: E402

from assistant import offline  # noqa: E402
from assistant.bootstrap import Core, opened  # noqa: E402
from assistant.config import load_config  # noqa: E402
from ingest.fulltext import query_words, search_words, word_counts  # noqa: E402
from ingest.progress import Summary  # noqa: E402

DEPTH = 40  # passages asked for; they hold ten documents
BUDGET = 4_000  # characters, about 1,000 tokens
RESAMPLES = 1_000
FOREIGN = 100  # questions of each other set asked of a library that cannot answer them
RRF_DEPTH, RRF_CONSTANT = 100, 60
OURS, WORDS, VECTORS, RRF = "ours", "our FTS5 alone", "our vectors alone", "RRF of both"
BM25S, LANGCHAIN = "bm25s", "LangChain FAISS"
Search = Callable[[Query], Awaitable[list[Span]]]


@dataclass(frozen=True, slots=True)
class Scores:
    """One system on one set, a value a question."""

    ndcg: list[float]
    recall: list[float]


@dataclass(frozen=True, slots=True)
class Floor:
    """Shares of questions: answerable ones left without a passage, foreign ones and small talk given some."""

    emptied: float
    foreign: float
    small_talk: float


class Ours:
    """The product on one set: the core as bootstrap joins it, its home and its files below `folder`."""

    def __init__(self, core: Core, names: dict[str, str]) -> None:
        self.core = core
        self.names = names  # id of the document by path

    @classmethod
    async def build(cls, stack: AsyncExitStack, folder: Path, documents: dict[str, str]) -> Ours:
        """Write the documents as files with meaningless names, and ingest them."""
        files, home = folder / "files", folder / "home"
        files.mkdir(parents=True, exist_ok=True)
        home.mkdir(mode=0o700, exist_ok=True)
        names = {}
        for number, (name, text) in enumerate(documents.items()):
            path = files / f"{number:05}.txt"
            if not path.exists():
                path.write_bytes(text.encode("utf-8"))
            names[str(path)] = name
        core = await stack.enter_async_context(opened(load_config(home)))
        async for item in core.pipeline.ingest([files]):
            if isinstance(item, Summary) and item.failed:
                print(f"Not read: {item.failed}", file=sys.stderr)
        return cls(core, names)

    async def hybrid(self, query: Query) -> list[Span]:
        """Retriever.search without the floor."""
        result = await self.core.retriever.search(query.text, DEPTH, floor=0.0, before=query.before)
        return [Span(self.names[found.path], found.start, found.end) for found in result.passages]

    async def words(self, query: Query) -> list[Span]:
        """FTS5's order alone."""
        return await self._spans((await self._by_words(query))[:DEPTH])

    async def vectors(self, query: Query) -> list[Span]:
        """The index child's order alone."""
        return await self._spans((await self._by_meaning(query))[:DEPTH])

    async def plain_fusion(self, query: Query) -> list[Span]:
        """Reciprocal rank fusion of both."""
        gains: dict[int, float] = {}
        for ranking in (await self._by_words(query), await self._by_meaning(query)):
            for place, number in enumerate(ranking, 1):
                gains[number] = gains.get(number, 0.0) + 1 / (RRF_CONSTANT + place)
        return await self._spans(sorted(gains, key=lambda number: (-gains[number], number))[:DEPTH])

    async def answers(self, query: Query) -> bool:
        """Whether anything passes the floor."""
        return bool((await self.core.retriever.search(query.text, before=query.before)).passages)

    async def _by_words(self, query: Query) -> list[int]:
        def search(db: Any) -> list[int]:
            counts = word_counts(db, query_words(query.joined))
            return [hit.chunk_id for hit in search_words(db, counts, RRF_DEPTH, None)]

        return await self.core.database.read(search)

    async def _by_meaning(self, query: Query) -> list[int]:
        reply = await self.core.index.call("search", query=query.joined, k=RRF_DEPTH)
        return [number for number, _ in reply.data["hits"]]

    async def _spans(self, numbers: list[int]) -> list[Span]:
        found = (await self.core.library.passages(numbers)).values()
        return [Span(self.names[passage.path], passage.start, passage.end) for passage in found]


def measured(data: RetrievalSet, query: Query, found: Sequence[Span]) -> tuple[float, float]:
    """nDCG@10 and recall of one ranking."""
    if data.spans:
        return span_ndcg(query.evidence, found[:10]), span_recall(query.evidence, found)
    ranked = list(dict.fromkeys(span.document for span in found))
    relevant = {evidence.document for evidence in query.evidence}
    gains = [float(document in relevant) for document in ranked[:10]]
    return dcg(gains) / dcg([1.0] * min(10, len(relevant))), len(relevant & set(ranked[:5])) / len(relevant)


def dcg(gains: Sequence[float]) -> float:
    """Discounted cumulative gain, log2 discount."""
    return sum(gain / log2(rank + 2) for rank, gain in enumerate(gains))


def span_ndcg(evidence: tuple[Evidence, ...], found: Sequence[Span]) -> float:
    """Each piece of evidence counts once, at the first passage that covers half of it; ideal: one a rank."""
    left, gains = set(evidence), []
    for span in found:
        covered = {piece for piece in left if overlap(span, piece) >= (piece.end - piece.start) / 2}
        gains.append(float(len(covered)))
        left -= covered
    return min(dcg(gains) / dcg([1.0] * min(10, len(evidence))), 1.0)


def span_recall(evidence: tuple[Evidence, ...], found: Sequence[Span]) -> float:
    """Share of evidence characters within the first BUDGET characters of passages, each counted once."""
    wanted = {(piece.document, at) for piece in evidence for at in range(piece.start, piece.end)}
    got, room = set(), BUDGET
    for span in found:
        end = min(span.end, span.start + room)
        got |= {(span.document, at) for at in range(span.start, end)} & wanted
        room -= end - span.start
        if room <= 0:
            break
    return len(got) / len(wanted)


def overlap(span: Span, piece: Evidence) -> int:
    """Characters that a passage and a piece of evidence share."""
    if span.document != piece.document:
        return 0
    return max(0, min(span.end, piece.end) - max(span.start, piece.start))


async def scored(data: RetrievalSet, search: Search) -> Scores:
    """A system on all questions of a set."""
    values = [measured(data, query, await search(query)) for query in data.queries]
    return Scores([value[0] for value in values], [value[1] for value in values])


async def run_set(data: RetrievalSet, others: list[RetrievalSet], cache: Path) -> tuple[dict[str, Scores], Floor]:
    """All systems on one set."""
    async with AsyncExitStack() as stack:
        ours = await Ours.build(stack, cache / f"{data.name}-{data.fingerprint()}", data.documents)
        systems: dict[str, Search] = {
            OURS: ours.hybrid, WORDS: ours.words, VECTORS: ours.vectors, RRF: ours.plain_fusion,
        }  # fmt: skip
        # In threads: a blocked event loop would let the children's heartbeats go unheard.
        systems[BM25S] = (await asyncio.to_thread(Bm25s, data.documents, DEPTH)).search
        questions = [query.joined for query in data.queries]
        systems[LANGCHAIN] = (await asyncio.to_thread(LangChainFaiss, data.documents, questions, DEPTH, cache)).search
        scores = {}
        for name, search in systems.items():
            start = time.perf_counter()
            scores[name] = await scored(data, search)
            means = f"{np.mean(scores[name].ndcg):.3f} / {np.mean(scores[name].recall):.3f}"
            seconds = time.perf_counter() - start
            print(f"{data.name}: {name} {means} in {seconds:.0f} s", file=sys.stderr, flush=True)
        foreign = [query for other in others for query in other.queries[:: len(other.queries) // FOREIGN + 1]]
        floor = Floor(
            1 - await share(ours, data.queries),
            await share(ours, foreign),
            await share(ours, [Query(text, ()) for text in SMALL_TALK.splitlines()]),
        )
    return scores, floor


async def share(ours: Ours, questions: list[Query]) -> float:
    """The share of questions for which something passes the floor."""
    return sum([await ours.answers(question) for question in questions]) / max(1, len(questions))


def interval(values: Sequence[float]) -> tuple[float, float]:
    """The 95 % bootstrap interval of a mean."""
    drawn = np.random.default_rng(0).choice(np.asarray(values), (RESAMPLES, len(values))).mean(axis=1)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return float(low), float(high)


def print_tables(results: dict[str, dict[str, Scores]], floors: dict[str, Floor], sizes: dict[str, str]) -> None:
    """Two Markdown tables: the rankings, and the floor."""
    print(f"\n| system | {' | '.join(sizes.values())} | mean |\n|---{'|---' * (len(results) + 1)}|")
    for name in (OURS, WORDS, VECTORS, RRF, BM25S, LANGCHAIN):
        cells = []
        for scores in results.values():
            low, high = interval(scores[name].ndcg)
            cells.append(
                f"{np.mean(scores[name].ndcg):.3f} ({low:.3f}–{high:.3f}) / {np.mean(scores[name].recall):.3f}"
            )
        ndcg = np.mean([np.mean(scores[name].ndcg) for scores in results.values()])
        recall = np.mean([np.mean(scores[name].recall) for scores in results.values()])
        print(f"| {name} | {' | '.join(cells)} | {ndcg:.3f} / {recall:.3f} |")
    print("\nnDCG@10 (95 % bootstrap interval) / recall@5; chunking: recall within 4,000 characters.\n")
    print("| floor | answerable, but nothing passes | questions of other sets, something passes | small talk |")
    print("|---|---|---|---|")
    for name, floor in floors.items():
        print(f"| {name} | {floor.emptied:.1%} | {floor.foreign:.1%} | {floor.small_talk:.1%} |")


async def main() -> None:
    """Run all sets and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=os.environ.get("ASSISTANT_DATA", ""), help="folder of benchmark data")
    parser.add_argument("--cache", help="folder that keeps libraries and embeddings for the next run")
    parser.add_argument("--quick", action="store_true", help="a part of each set")
    parser.add_argument("--set", action="append", metavar="NAME", help="only this set (repeatable)")
    arguments = parser.parse_args()
    sets = load_sets(Path(arguments.data)) if arguments.data else []
    if not sets:
        sys.exit("Name the data folder with --data or ASSISTANT_DATA; it holds dev/cranfield, dev/squad_v2, …")
    if arguments.quick:
        sets = [data.shortened() for data in sets]
    offline.enforce()
    with tempfile.TemporaryDirectory() as temporary:
        cache = Path(arguments.cache or temporary).absolute()
        results, floors = {}, {}
        for data in [each for each in sets if not arguments.set or each.name in arguments.set]:
            others = [other for other in sets if other is not data]
            results[data.name], floors[data.name] = await run_set(data, others, cache)
    sizes = {
        data.name: f"{data.name} ({len(data.documents)} documents, {len(data.queries)} questions)"
        for data in sets
        if data.name in results
    }
    print_tables(results, floors, sizes)


if __name__ == "__main__":
    asyncio.run(main())
