"""Which passages answer a question: words (SQLite FTS5) and meaning (FAISS) searched together.

The text is searched here, the vectors in the index process. "Nothing in your documents" is a possible
result: where not even the best passage reaches the floor, none is given.
"""

from __future__ import annotations

import asyncio
from array import array
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ingest.collaborators import Database, Worker
from ingest.document import Passage, SearchResult
from ingest.fulltext import best_possible_bm25, chunk_ids, query_words, search_words, word_counts
from ingest.fusion import Candidate, fuse
from ingest.library import fetch_passages

if TYPE_CHECKING:
    import sqlite_utils

DEPTH = 100  # candidates of each search
FLOOR = 0.2  # of the best passage's score; benchmarks/retrieval prints what it lets through and what it costs
TAIL = 0.75  # the other passages must reach this share of the floor
SAME_SPAN, SAME_WORDS = 0.5, 0.9  # shares from which a passage repeats one already chosen


@dataclass(frozen=True, slots=True)
class _WordSearch:
    """What the database knows before the vectors are asked. `allowed` None means all passages."""

    bm25: dict[int, float]
    best_bm25: float
    total: int
    searched: int
    allowed: list[int] | None
    unknown: tuple[str, ...]


class Retriever:
    """Searches the library."""

    def __init__(
        self,
        database: Database,
        index: Worker,
        *,
        floor: float = FLOOR,
        crashed: type[Exception] | tuple[type[Exception], ...] = (),
    ) -> None:
        """`floor` 0 gives every passage found; `crashed` is what a call to a dead index process raises."""
        self._database, self._index = database, index
        self._floor, self._crashed = floor, crashed

    async def search(
        self, query: str, k: int = 4, collections: tuple[str, ...] | None = None, floor: float | None = None
    ) -> SearchResult:
        """The k best passages from the named collections (None: from all), best first.

        A passage that repeats a better one (copied file, overlapping chunk) is left out. Without the
        index process the words alone are searched, and a note says so. `floor` None takes the one set
        for this retriever.
        """
        words = query_words(query)
        found = await self._database.read(lambda db: _search_words(db, words, collections))
        notes = [f"There is no collection “{name}”." for name in found.unknown]
        similarity: dict[int, float] = {}
        if found.searched:
            try:
                similarity = await self._similarities(query, found)
            except self._crashed as error:
                notes.append(f"Searched by words only: {error}")
        candidates = fuse(found.bm25, similarity, found.best_bm25, len(words), found.total)
        limit = self._floor if floor is None else floor
        if not candidates or candidates[0].score < limit:
            candidates = []
        kept = [candidate for candidate in candidates if candidate.score >= TAIL * limit]
        passages = await self._database.read(lambda db: _distinct_passages(db, kept, k))
        return SearchResult(tuple(passages), found.searched, max(similarity.values(), default=None), tuple(notes))

    async def _similarities(self, query: str, found: _WordSearch) -> dict[int, float]:
        """The cosine of the nearest passages, and of those found by words."""
        nearest, matched = await asyncio.gather(
            self._nearest(query, DEPTH, found.allowed), self._nearest(query, len(found.bm25), list(found.bm25))
        )
        return nearest | matched

    async def _nearest(self, query: str, k: int, allowed: list[int] | None) -> dict[int, float]:
        if k == 0 or allowed == []:
            return {}
        blob = array("q", allowed or []).tobytes()
        try:
            reply = await self._index.call("search", query=query, k=k, restricted=allowed is not None, blob=blob)
        except self._crashed:  # it may have died long ago, unnoticed: a new one is started
            reply = await self._index.call("search", query=query, k=k, restricted=allowed is not None, blob=blob)
        return {int(number): float(cosine) for number, cosine in reply.data["hits"]}


def _search_words(db: sqlite_utils.Database, words: list[str], names: tuple[str, ...] | None) -> _WordSearch:
    numbers: list[int] | None = None
    allowed: list[int] | None = None
    unknown: tuple[str, ...] = ()
    total = searched = db.conn.execute("SELECT count(*) FROM chunks").fetchone()[0]
    if names is not None:
        known = dict(db.conn.execute("SELECT name, id FROM collections").fetchall())
        numbers = [known[name] for name in names if name in known]
        unknown = tuple(name for name in names if name not in known)
        if set(numbers) == set(known.values()):
            numbers = None  # all of them: no need to list a hundred thousand passages
        else:
            allowed = chunk_ids(db, numbers)
            searched = len(allowed)
    counts = word_counts(db, words) if searched else {}
    hits = {hit.chunk_id: hit.bm25 for hit in search_words(db, counts, DEPTH, numbers)}
    return _WordSearch(hits, best_possible_bm25(counts, total), total, searched, allowed, unknown)


def _distinct_passages(db: sqlite_utils.Database, candidates: list[Candidate], k: int) -> list[Passage]:
    chosen: list[Passage] = []
    for start in range(0, len(candidates), max(k, 1)):
        part = candidates[start : start + max(k, 1)]
        passages = fetch_passages(db, [candidate.chunk_id for candidate in part])
        for candidate in part:
            passage = passages.get(candidate.chunk_id)
            if len(chosen) < k and passage is not None and not any(_repeats(passage, other) for other in chosen):
                chosen.append(
                    replace(passage, score=candidate.score, similarity=candidate.similarity, bm25=candidate.bm25)
                )
        if len(chosen) >= k:
            break
    return chosen


def _repeats(passage: Passage, other: Passage) -> bool:
    """Whether a passage says nothing that `other` does not say."""
    if passage.document_id == other.document_id:
        shared = min(passage.end, other.end) - max(passage.start, other.start)
        return shared > SAME_SPAN * min(passage.end - passage.start, other.end - other.start)
    ours, theirs = set(passage.text.split()), set(other.text.split())
    return len(ours & theirs) >= SAME_WORDS * max(len(ours | theirs), 1)
