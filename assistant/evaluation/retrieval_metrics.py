"""Is what was retrieved what should have been? Recall, reciprocal rank and nDCG of ranked passages.

As in trec_eval and BEIR (Thakur et al. 2021, arXiv 2104.08663), with one relevant item for each place that the
question names: a passage is relevant where it holds such a place that no better passage holds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

from adapters.proof.answer_metrics import words
from assistant.evaluation.question import Gold
from ingest.document import Passage

QUOTE_SHARE = 0.8  # of a quote's words from which a passage holds it: a passage may end within a sentence


@dataclass(frozen=True, slots=True)
class RetrievalScore:
    """One question's retrieval, each from 0 to 1: the share of its places among the passages, one over the rank of
    the first that holds one (0 where none does), and the discounted gain over the best there could be.

    `found` are the ranks, from 1, of the passages that hold a place.
    """

    recall: float
    reciprocal_rank: float
    ndcg: float
    found: tuple[int, ...] = ()


def retrieval_score(passages: Sequence[Passage], gold: Sequence[Gold], k: int) -> RetrievalScore:
    """How well the first `k` passages cover the places; both may be given in any number."""
    open_places, found = list(gold), []
    for rank, passage in enumerate(passages[:k], 1):
        held = [place for place in open_places if holds(passage, place)]
        if held:
            found.append(rank)
            open_places = [place for place in open_places if place not in held]
    gain = sum(1 / math.log2(1 + rank) for rank in found)
    needed = len(found) + len(open_places)  # passages, where one may hold several places
    best = sum(1 / math.log2(1 + rank) for rank in range(1, min(needed, k) + 1))
    recall = 1 - len(open_places) / len(gold) if gold else 0.0
    return RetrievalScore(recall, 1 / found[0] if found else 0.0, min(1.0, gain / best) if best else 0.0, tuple(found))


def holds(passage: Passage, place: Gold) -> bool:
    """Whether a passage is of the place's document and page, and holds its quote where it has one."""
    if not _is_document(passage, place.document):
        return False
    if place.page is not None and passage.page is not None and place.page != passage.page:
        return False
    return not place.quote or _holds_words(words(passage.text.replace("|", " ")), words(place.quote.replace("|", " ")))


def _is_document(passage: Passage, name: str) -> bool:
    """Whether a name is that of the passage's file, the end of its path, or its title."""
    wanted, path = PurePath(name.casefold()).parts, PurePath(passage.path.casefold()).parts
    named = (passage.document.casefold(), PurePath(passage.document.casefold()).stem, PurePath(*path[-1:]).stem)
    return name.casefold() in named or (bool(wanted) and path[-len(wanted) :] == wanted)


def _holds_words(there: Sequence[str], quote: Sequence[str]) -> bool:
    """Whether the quote stands there in one piece, or most of its words do."""
    length = len(quote)
    if any(list(there[at : at + length]) == list(quote) for at in range(len(there) - length + 1)):
        return True
    left = list(there)
    shared = 0
    for word in quote:
        if word in left:
            left.remove(word)
            shared += 1
    return shared >= QUOTE_SHARE * max(length, 1)
