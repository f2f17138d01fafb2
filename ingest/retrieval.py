"""Which passages answer a question: words (SQLite FTS5) and meaning (FAISS) searched together.

The text is searched here, the vectors in the index process. "Nothing in your documents" is a possible
result: where not even the best passage reaches the floor, none is given.
"""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ingest.collaborators import Database, Worker
from ingest.document import Passage, SearchResult, place_label
from ingest.fulltext import best_possible_bm25, chunk_ids, query_words, search_words, word_counts
from ingest.fusion import DEFAULT_WEIGHTS, Candidate, Weights, averaged, fuse, reordered, supported, with_near
from ingest.library import fetch_passages
from ingest.proximity import near_shares, word_pairs
from ingest.scope import check_filters, resolved
from ingest.search_trace import BEYOND, GIVEN, REPEATED, WEAK, Considered, SearchTrace, Wording
from ingest.surroundings import with_surroundings

if TYPE_CHECKING:
    import sqlite_utils

DEPTH = 100  # candidates of each search
RERANKED = 20  # of the best candidates, where there is a reranker: a cross-encoder takes milliseconds for each
READ_DEPTH = 50  # of these, so many are looked at more closely: word by word, and for what they are like
FLOOR = 0.22  # of the best score; benchmarks/retrieval prints what it lets through and what it costs
TAIL = 0.75  # the other passages must reach this share of the floor
NEIGHBOURS = 5  # like passages that support one
TRACED = 20  # passages a trace names
SAME_SPAN, SAME_WORDS = 0.5, 0.9  # shares from which a passage repeats one already chosen


@dataclass(frozen=True, slots=True)
class _WordSearch:
    """What the words of one wording find."""

    wording: Wording
    bm25: dict[int, float]
    best_bm25: float


@dataclass(frozen=True, slots=True)
class _LookUp:
    """What the database knows before the vectors are asked. `allowed` None means all passages."""

    found: tuple[_WordSearch, ...]
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
        weights: Weights = DEFAULT_WEIGHTS,
        crashed: type[Exception] | tuple[type[Exception], ...] = (),
        unusable: type[Exception] | None = None,
    ) -> None:
        """`floor` 0 gives every passage found; `crashed` is what a call to a dead index process raises. Where
        the index process has a reranker, which orders the best candidates anew, `unusable` is what a call raises when
        that cannot be used; None: there is none.
        """
        self._database, self._index = database, index
        self.floor, self.weights = floor, weights
        self._crashed, self._unusable = crashed, unusable

    def weighing(self, weights: Weights) -> Retriever:
        """The same search with other weights."""
        return Retriever(
            self._database,
            self._index,
            floor=self.floor,
            weights=weights,
            crashed=self._crashed,
            unusable=self._unusable,
        )

    async def search(
        self,
        query: str,
        k: int = 4,
        scope: tuple[str, ...] | None = None,
        floor: float | None = None,
        *,
        before: str = "",
    ) -> SearchResult:
        """The k best passages from the scope (see scope.py; None: from the whole library), best first.

        `before` is the question asked before this one: "And when does it end?" is searched for alone and behind
        it, and a passage has the mean of both scores. A passage that repeats a better one (copied file,
        overlapping chunk) is left out. Without the index process the words alone are searched, and a note says
        so. `floor` None takes the one set for this retriever.

        Raises:
            IngestError: the scope has a filter that does not exist.
        """
        check_filters(scope or ())
        limit = self.floor if floor is None else floor
        texts = [query, f"{before}\n{query}"] if before.strip() else [query]
        seen, similarity, notes = await self._found(texts, scope)
        rankings = await self._read_closely(seen, similarity)
        candidates = averaged(rankings) if len(rankings) > 1 else rankings[0]
        # A change of subject stands on its own; what only makes sense behind the last question must do so there.
        best = max((ranking[0].score for ranking in (rankings[0], candidates) if ranking), default=0.0)
        passed = bool(candidates) and best >= limit
        if passed:
            candidates = await self._supported(candidates)
        least = TAIL * min(limit, candidates[0].score) if passed else 2.0
        if self._unusable is not None and passed:
            candidates = await self._reranked(texts[-1], candidates, least, notes)
        passages, considered = await self._database.read(
            lambda db: _chosen(db, candidates, k, least, seen.found, similarity)
        )
        trace = SearchTrace(
            tuple(found.wording for found in seen.found), scope, seen.searched,
            len({number for found in seen.found for number in found.bm25}), len({n for one in similarity for n in one}),
            best, limit, tuple(considered),
        )  # fmt: skip
        closest = max((cosine for one in similarity for cosine in one.values()), default=None)
        return SearchResult(tuple(passages), seen.searched, closest, tuple(notes), trace)

    async def read_wide(self, passages: Sequence[Passage], tokens: int) -> tuple[Passage, ...]:
        """The passages with up to `tokens` tokens of what stands around each; see surroundings.py."""
        return await with_surroundings(self._database, passages, tokens)

    async def _found(
        self, texts: list[str], scope: tuple[str, ...] | None
    ) -> tuple[_LookUp, list[dict[int, float]], list[str]]:
        """What the words find, the cosines of each wording, and notes. Where nothing narrows the search, words and
        vectors are searched at the same time.
        """
        whole = scope is None and await self._database.read(_holds_passages)
        ahead = asyncio.ensure_future(self._nearest_each(texts, None)) if whole else None
        try:
            seen = await self._database.read(lambda db: _look_up(db, texts, scope))
            notes = [f"There is no collection “{name}”." for name in seen.unknown]
            if not seen.searched:
                return seen, [{} for _ in texts], notes
            try:
                nearest = await (ahead or self._nearest_each(texts, seen.allowed))
                return seen, await self._completed(texts, seen, nearest), notes
            except self._crashed as error:
                return seen, [{} for _ in texts], [*notes, f"Searched by words only: {error}"]
        finally:
            if ahead is not None:
                ahead.cancel()

    async def _nearest_each(self, texts: list[str], allowed: list[int] | None) -> list[dict[int, float]]:
        """For each wording the cosine of the nearest passages."""
        return [await self._nearest(text, DEPTH, allowed) for text in texts]

    async def _completed(
        self, texts: list[str], seen: _LookUp, nearest: list[dict[int, float]]
    ) -> list[dict[int, float]]:
        """The same with the cosine of all that any of the searches found."""
        found = {number for one in (*nearest, *(one.bm25 for one in seen.found)) for number in one}
        for text, known in zip(texts, nearest, strict=True):
            known |= await self._nearest(text, len(found - known.keys()), sorted(found - known.keys()))
        return nearest

    async def _nearest(self, query: str, k: int, allowed: list[int] | None) -> dict[int, float]:
        if k == 0 or allowed == []:
            return {}
        blob = array("q", allowed or []).tobytes()
        try:
            reply = await self._index.call("search", query=query, k=k, restricted=allowed is not None, blob=blob)
        except self._crashed:  # it may have died long ago, unnoticed: a new one is started
            reply = await self._index.call("search", query=query, k=k, restricted=allowed is not None, blob=blob)
        return {int(number): float(cosine) for number, cosine in reply.data["hits"]}

    async def _read_closely(self, seen: _LookUp, similarity: list[dict[int, float]]) -> list[list[Candidate]]:
        """Each wording's ranking, with the texts of the best looked at for words that stand together."""
        fused = [
            fuse(one.bm25, cosines, one.best_bm25, len(one.wording.words), seen.total, self.weights)
            for one, cosines in zip(seen.found, similarity, strict=True)
        ]
        best = [found.chunk_id for found in averaged(fused)[:READ_DEPTH]]
        if not self.weights.near or not best:
            return fused
        texts = await self._database.read(lambda db: _texts(db, best))
        rankings = []
        for ranking, one in zip(fused, seen.found, strict=True):
            pairs = word_pairs(one.wording.text, one.wording.words, seen.total)
            shares = dict(zip(texts, near_shares(pairs, list(texts.values())), strict=True))
            rankings.append(with_near(ranking, shares, len(one.wording.words), self.weights))
        return rankings

    async def _supported(self, candidates: list[Candidate]) -> list[Candidate]:
        """The candidates in the order that takes into account what is alike."""
        best = [found.chunk_id for found in candidates[:READ_DEPTH] if found.similarity is not None]
        if not self.weights.support or len(best) < 2:
            return candidates
        groups = await self._database.read(lambda db: _documents(db, best))
        best = [number for number in best if number in groups]
        try:
            reply = await self._index.call(
                "neighbours", groups=[groups[number] for number in best], count=NEIGHBOURS,
                blob=array("q", best).tobytes(),
            )  # fmt: skip
        except self._crashed:
            return candidates
        neighbours = {
            number: [(best[place], float(cosine)) for place, cosine in near]
            for number, near in zip(best, reply.data, strict=True)
        }
        return supported(candidates, neighbours, self.weights)

    async def _reranked(
        self, query: str, candidates: list[Candidate], least: float, notes: list[str]
    ) -> list[Candidate]:
        """The best candidates in the order of the reranker, the others behind them as they were."""
        best = [found.chunk_id for found in candidates if found.score >= least][:RERANKED]
        texts = await self._database.read(lambda db: _texts(db, best))
        crashed = self._crashed if isinstance(self._crashed, tuple) else (self._crashed,)
        failed = (*crashed, self._unusable) if self._unusable else crashed
        try:
            reply = await self._index.call("rerank", query=query, texts=list(texts.values()))
        except failed as error:
            notes.append(f"Not reranked: {error}")
            return candidates
        scores = dict(zip(texts, reply.data, strict=True))
        return reordered(candidates, scores)


def _holds_passages(db: sqlite_utils.Database) -> bool:
    return db.conn.execute("SELECT 1 FROM chunks LIMIT 1").fetchone() is not None


def _look_up(db: sqlite_utils.Database, texts: list[str], terms: tuple[str, ...] | None) -> _LookUp:
    total = searched = db.conn.execute("SELECT count(*) FROM chunks").fetchone()[0]
    scope = resolved(db, terms)
    allowed = None if scope is None else chunk_ids(db, scope)
    if allowed is not None:
        searched = len(allowed)
    found = []
    for text in texts:
        counts = word_counts(db, query_words(text)) if searched else {}
        hits = {hit.chunk_id: hit.bm25 for hit in search_words(db, counts, DEPTH, scope)}
        found.append(_WordSearch(Wording(text, counts), hits, best_possible_bm25(counts, total)))
    return _LookUp(tuple(found), total, searched, allowed, scope.unknown if scope else ())


def _texts(db: sqlite_utils.Database, numbers: list[int]) -> dict[int, str]:
    marks = ",".join("?" * len(numbers))
    return dict(db.conn.execute(f"SELECT id, context || char(10) || text FROM chunks WHERE id IN ({marks})", numbers))


def _documents(db: sqlite_utils.Database, numbers: list[int]) -> dict[int, int]:
    marks = ",".join("?" * len(numbers))
    return dict(db.conn.execute(f"SELECT id, document_id FROM chunks WHERE id IN ({marks})", numbers))


def _chosen(
    db: sqlite_utils.Database,
    candidates: list[Candidate],
    k: int,
    least: float,
    found: tuple[_WordSearch, ...],
    similarity: list[dict[int, float]],
) -> tuple[list[Passage], list[Considered]]:
    """The k best that say something new and score `least`, and what became of the best of all."""
    by_words, by_meaning = _places(found[0].bm25), _places(similarity[0])
    chosen: list[Passage] = []
    considered: list[Considered] = []
    for start in range(0, len(candidates), TRACED):
        part = candidates[start : start + TRACED]
        passages = fetch_passages(db, [candidate.chunk_id for candidate in part])
        for candidate in part:
            passage = passages.get(candidate.chunk_id)
            if passage is None:
                continue
            outcome = BEYOND if len(chosen) >= k else GIVEN
            if candidate.score < least:
                outcome = WEAK
            elif any(_repeats(passage, other) for other in chosen):
                outcome = REPEATED
            if outcome == GIVEN:
                chosen.append(
                    replace(passage, score=candidate.score, similarity=candidate.similarity, bm25=candidate.bm25)
                )
            if len(considered) < TRACED:
                number = candidate.chunk_id
                considered.append(Considered(
                    number, passage.document, place_label(passage.page, passage.place), passage.text,
                    by_words.get(number), candidate.bm25, by_meaning.get(number), candidate.similarity,
                    candidate.near, candidate.score, candidate.order, outcome, candidate.reranked,
                ))  # fmt: skip
        if len(chosen) >= k:
            break
    return chosen, considered


def _places(scores: dict[int, float]) -> dict[int, int]:
    """The place of each passage in a ranking, from 1."""
    ordered = sorted(scores, key=lambda number: (-scores[number], number))
    return {number: place for place, number in enumerate(ordered, 1)}


def _repeats(passage: Passage, other: Passage) -> bool:
    """Whether a passage says nothing that `other` does not say."""
    if passage.document_id == other.document_id:
        shared = min(passage.end, other.end) - max(passage.start, other.start)
        return shared > SAME_SPAN * min(passage.end - passage.start, other.end - other.start)
    ours, theirs = set(passage.text.split()), set(other.text.split())
    return len(ours & theirs) >= SAME_WORDS * max(len(ours | theirs), 1)
