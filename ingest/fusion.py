"""How word matches and vector matches become one ranking.

A passage scores w · words + (1 − w) · max(cosine, 0) + NEAR · near.

- *words* is its BM25 as a share of the best possible BM25 of the question, times n / (n + 2) for a question of n
  words, since one matching word proves little. Both this and the cosine lie between 0 and 1 and mean the same for
  every question, so the score can rank and can be held against a floor; a rank alone cannot (see Bruch et al., "An
  Analysis of Fusion Functions for Hybrid Retrieval", ACM TOIS 2023, on normalising by theoretical bounds).
- *w* shrinks by N / (N + 2) in a library of N passages, where how rare a word is cannot be told yet: with a single
  short document the meaning decides.
- *near* is the share of the question's neighbouring words that stand near each other (see proximity.py).

Then the order, not the score, takes into account what is alike: behind the best passage, one rises with the passages
of other documents that are nearest to it in meaning, the more so the less the scores themselves decide (Diaz,
"Regularizing ad hoc retrieval scores", CIKM 2005). The best stays first: of many forms that differ by a name alone it
is the one that was named. What each part is worth is measured by benchmarks/retrieval_ablation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

PRIOR_WORDS = 2
PRIOR_PASSAGES = 2
FLAT_AT = 10  # the score at this place, as a share of the best, says how little the scores decide


@dataclass(frozen=True, slots=True)
class Weights:
    """What each part of a score is worth; `support` is the most that like passages take part in the order."""

    words: float = 0.65
    near: float = 0.1
    support: float = 0.7


DEFAULT_WEIGHTS = Weights()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A passage and its scores; `similarity` and `bm25` are None where that search did not find it.

    `score` is what it is held against the floor with, `order` what it is ranked by.
    """

    chunk_id: int
    score: float
    similarity: float | None
    bm25: float | None
    near: float = 0.0
    order: float = 0.0
    reranked: float | None = None


def fuse(
    bm25: Mapping[int, float],
    similarity: Mapping[int, float],
    best_bm25: float,
    words: int,
    total: int,
    weights: Weights = DEFAULT_WEIGHTS,
) -> list[Candidate]:
    """All passages that either search found, best first; scores by number of the passage.

    `best_bm25` is the upper bound of BM25 for the question, `words` the count of its words, `total` the
    number of passages in the whole library. Without any vector the words decide alone.
    """
    weight = weights.words * total / (total + PRIOR_PASSAGES) if similarity else 1.0
    scale = weight * trust(words) / best_bm25 if best_bm25 > 0 else 0.0
    candidates = []
    for number in bm25.keys() | similarity.keys():
        score = scale * bm25.get(number, 0.0) + (1 - weight) * max(similarity.get(number, 0.0), 0.0)
        score = min(score, 1.0)
        candidates.append(Candidate(number, score, similarity.get(number), bm25.get(number), order=score))
    return ranked(candidates)


def trust(words: int) -> float:
    """How far the words of a question of so many words can be trusted: 0 to 1."""
    return words / (words + PRIOR_WORDS)


def with_near(
    candidates: Sequence[Candidate], shares: Mapping[int, float], words: int, weights: Weights
) -> list[Candidate]:
    """The candidates ranked anew, with what the nearness of the question's words adds."""
    gain = weights.near * trust(words)
    better = []
    for found in candidates:
        if share := shares.get(found.chunk_id, 0.0):
            score = min(found.score + gain * share, 1.0)
            better.append(replace(found, near=share, score=score, order=score))
        else:
            better.append(found)
    return ranked(better)


def averaged(rankings: Sequence[Sequence[Candidate]]) -> list[Candidate]:
    """One ranking of several for wordings of one question: the mean of the scores, 0 where one lacks a passage.

    Similarity and BM25 are those of the first ranking that has them.
    """
    merged: dict[int, Candidate] = {}
    for found in (found for ranking in rankings for found in ranking):
        known = merged.get(found.chunk_id, Candidate(found.chunk_id, 0.0, None, None))
        score = known.score + found.score / len(rankings)
        merged[found.chunk_id] = Candidate(
            found.chunk_id, score,
            found.similarity if known.similarity is None else known.similarity,
            found.bm25 if known.bm25 is None else known.bm25,
            max(known.near, found.near), score,
        )  # fmt: skip
    return ranked(list(merged.values()))


def supported(
    candidates: Sequence[Candidate], neighbours: Mapping[int, Sequence[tuple[int, float]]], weights: Weights
) -> list[Candidate]:
    """The candidates ranked anew, each behind the first with the support of those it is like.

    `neighbours` are, for some of the best, the numbers and cosines of the nearest among them; the others keep
    their order behind these.
    """
    if not candidates or not neighbours:
        return list(candidates)
    best = candidates[0].score
    flat = candidates[FLAT_AT - 1].score / best if len(candidates) >= FLAT_AT and best > 0 else 0.0
    share = weights.support * flat**2
    scores = {found.chunk_id: found.score for found in candidates}
    head, tail = [], []
    for found in candidates[1:]:
        if found.chunk_id not in neighbours:
            tail.append(found)
            continue
        like = [(max(cosine, 0.0), scores[number]) for number, cosine in neighbours[found.chunk_id]]
        total = sum(cosine for cosine, _ in like)
        support = sum(cosine * score for cosine, score in like) / total if total else found.score
        head.append(replace(found, order=(1 - share) * found.score + share * support))
    return [candidates[0], *ranked(head), *tail]


def reordered(candidates: Sequence[Candidate], reranked: Mapping[int, float]) -> list[Candidate]:
    """Those that a reranker has scored by its scores, then the others in their order."""
    head = [replace(found, reranked=reranked[found.chunk_id]) for found in candidates if found.chunk_id in reranked]
    head.sort(key=lambda found: (-reranked[found.chunk_id], -found.order, found.chunk_id))
    return [*head, *(found for found in candidates if found.chunk_id not in reranked)]


def ranked(candidates: Sequence[Candidate]) -> list[Candidate]:
    """By their order, best first."""
    return sorted(candidates, key=lambda found: (-found.order, found.chunk_id))
