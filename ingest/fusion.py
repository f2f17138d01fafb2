"""How word matches and vector matches become one ranking.

A passage scores WORDS · w + (1 − WORDS) · max(cosine, 0). Here w is its BM25 as a share of the best
possible BM25 of the question, times n / (n + 2) for a question of n words, since one matching word
proves little. WORDS shrinks by N / (N + 2) in a library of N passages, where how rare a word is cannot
be told yet: with a single short document the meaning decides. Both parts lie between 0 and 1 and mean
the same for every question, so the fused score can rank and can be held against a floor; a rank alone
cannot (see Bruch et al., "An Analysis of Fusion Functions for Hybrid Retrieval", ACM TOIS 2023, on
normalising by theoretical bounds). The mean over the sets of benchmarks/retrieval is flat for WORDS
between 0.55 and 0.75.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

WORDS = 0.65
PRIOR_WORDS = 2
PRIOR_PASSAGES = 2


@dataclass(frozen=True, slots=True)
class Candidate:
    """A passage and its scores; a score is None where that search did not find it."""

    chunk_id: int
    score: float
    similarity: float | None
    bm25: float | None


def fuse(
    bm25: Mapping[int, float], similarity: Mapping[int, float], best_bm25: float, words: int, total: int
) -> list[Candidate]:
    """All passages that either search found, best first; scores by number of the passage.

    `best_bm25` is the upper bound of BM25 for the question, `words` the count of its words, `total` the
    number of passages in the whole library. Without any vector the words decide alone.
    """
    weight = WORDS * total / (total + PRIOR_PASSAGES) if similarity else 1.0
    scale = weight * words / (words + PRIOR_WORDS) / best_bm25 if best_bm25 > 0 else 0.0
    candidates = []
    for number in bm25.keys() | similarity.keys():
        score = scale * bm25.get(number, 0.0) + (1 - weight) * max(similarity.get(number, 0.0), 0.0)
        candidates.append(Candidate(number, min(score, 1.0), similarity.get(number), bm25.get(number)))
    return sorted(candidates, key=lambda found: (-found.score, found.chunk_id))
