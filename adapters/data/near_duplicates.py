"""Which texts say nearly the same? Word bigrams, one-permutation MinHash, then their exact Jaccard similarity.

One-permutation hashing: Li, Owen, Zhang 2012 (arXiv 1208.1259); empty bins are filled from their
neighbour: Shrivastava, Li 2014 (arXiv 1406.4784). The sketch only proposes; each pair is verified.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import pairwise
from zlib import crc32

BINS, BAND = 64, 4  # 16 bands of 4: two texts of similarity 0.7 meet in one with probability 0.99
BUCKET = 8  # texts kept for comparison in one bucket: keeps 10,000 near-equal texts linear
WORDS = re.compile(r"[぀-ヿ㐀-鿿가-힯]|\w+")  # a character is a word where none are spaced
MASK = (1 << 32) - 1


def words(text: str) -> list[str]:
    """The words of `text` without case, accents' encoding and punctuation."""
    return WORDS.findall(unicodedata.normalize("NFKC", text).casefold())


def normalised(text: str) -> str:
    """`text` as two equal questions look alike: its words with single spaces; without words, as it is."""
    return " ".join(words(text)) or text.strip()


def shingles(text: str) -> frozenset[int]:
    """Hashes of all pairs of neighbouring words; of the word itself where there is only one."""
    found = words(text) or [text.strip()]
    pairs = pairwise(found) if len(found) > 1 else ((found[0], ""),)
    return frozenset(crc32(f"{left} {right}".encode()) for left, right in pairs)


def jaccard(left: frozenset[int], right: frozenset[int]) -> float:
    """Shared over all shingles, 0 to 1."""
    shared = len(left & right)
    return shared / (len(left) + len(right) - shared) if left or right else 1.0


class Clusters:
    """Numbers 0 to `size` - 1 in clusters that can be joined (union-find)."""

    def __init__(self, size: int) -> None:
        self._parent = list(range(size))

    def find(self, member: int) -> int:
        """The smallest number of its cluster."""
        while self._parent[member] != member:
            self._parent[member] = self._parent[self._parent[member]]
            member = self._parent[member]
        return member

    def join(self, left: int, right: int) -> None:
        """Make one cluster of two."""
        low, high = sorted((self.find(left), self.find(right)))
        self._parent[high] = low


def similar_pairs(texts: Sequence[str], threshold: float) -> Iterator[tuple[int, int]]:
    """Pairs (earlier, later) whose Jaccard similarity is at least `threshold`.

    Not every pair of a large cluster is named, but enough to join all of it.
    """
    sets: list[frozenset[int]] = []
    buckets: dict[tuple[int, ...], list[int]] = {}
    for number, text in enumerate(texts):
        current = shingles(text)
        sets.append(current)
        keys = _bands(current)
        for other in sorted({other for key in keys for other in buckets.get(key, ())}):
            if _possible(current, sets[other], threshold) and jaccard(current, sets[other]) >= threshold:
                yield other, number
        for key in keys:
            bucket = buckets.setdefault(key, [])
            if len(bucket) < BUCKET:
                bucket.append(number)


def near_clusters(texts: Sequence[str], threshold: float) -> list[int]:
    """For each text the number of the first text of its cluster of near-duplicates."""
    clusters = Clusters(len(texts))
    for left, right in similar_pairs(texts, threshold):
        clusters.join(left, right)
    return [clusters.find(number) for number in range(len(texts))]


def _possible(left: frozenset[int], right: frozenset[int], threshold: float) -> bool:
    """Whether sizes allow the similarity: Jaccard is at most the smaller over the larger."""
    small, large = sorted((len(left), len(right)))
    return small >= threshold * large


def _bands(current: frozenset[int]) -> list[tuple[int, ...]]:
    sketch = [MASK] * BINS
    for value in current:
        mixed = value * 0x9E3779B1 & MASK  # crc32 is linear: mix before bin and minimum are taken from it
        place = mixed >> 26
        rest = (mixed ^ value) & MASK
        if rest < sketch[place]:
            sketch[place] = rest
    filled = [value for value in sketch if value != MASK] or [0]
    last = filled[-1]
    for place in range(BINS):  # an empty bin takes its left neighbour's minimum, moved by the distance
        if sketch[place] == MASK:
            sketch[place] = (last + 0x85EBCA6B) & MASK
        last = sketch[place]
    return [(start, *sketch[start : start + BAND]) for start in range(0, BINS, BAND)]
