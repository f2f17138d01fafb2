"""Do words that stand together in a question stand near each other in a passage?

"notice period" in one sentence says more than "notice" at the top of a page and "period" at its end. BM25 does not
see the difference; term dependence models do (Metzler and Croft, "A Markov random field model for term
dependencies", SIGIR 2005). Here each pair of neighbouring content words of the question counts by how rare its
words are, and a passage has the share of the pairs that it holds within WINDOW words, in either order. SQLite
splits and stems question and passages, by the same rules as in the index.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from itertools import pairwise

from ingest.fulltext import MAX_WORDS, STOP_WORDS, TOKENIZER, WORD, rarity

GAP = 4  # words of the question from one of a pair to the other, stop words among them
WINDOW = 5  # words of the passage from one to the other

Pair = tuple[str, str]


def word_pairs(question: str, counts: Mapping[str, int], total: int) -> dict[Pair, float]:
    """Neighbouring content words of a question, and how much each pair tells.

    `counts` are the passages that have each word, of `total`.
    """
    words = [word.casefold() for word in WORD.findall(question)]
    places = [(place, word) for place, word in enumerate(words) if word not in STOP_WORDS and word in counts]
    pairs: dict[Pair, float] = {}
    for (here, left), (there, right) in pairwise(places):
        if left != right and there - here <= GAP and len(pairs) < MAX_WORDS:
            pairs[min(left, right), max(left, right)] = rarity(counts[left], total) + rarity(counts[right], total)
    return pairs


def near_shares(pairs: Mapping[Pair, float], texts: Sequence[str]) -> list[float]:
    """For each text the share of the pairs, by weight, that it holds within WINDOW words: 0 to 1."""
    if not pairs or not texts:
        return [0.0] * len(texts)
    found = _places(sorted({word for pair in pairs for word in pair}), texts)
    total = sum(pairs.values())
    shares = []
    for number in range(len(texts)):
        held = (
            weight
            for (left, right), weight in pairs.items()
            if found[left] is not found[right] and _near(found[left].get(number, ()), found[right].get(number, ()))
        )
        shares.append(sum(held) / total)
    return shares


def _places(words: Sequence[str], texts: Sequence[str]) -> dict[str, dict[int, list[int]]]:
    """Where each word, or another form of it, stands: by number of the text, counted in words.

    Two words with one stem share one entry.
    """
    with closing(sqlite3.connect(":memory:")) as db:
        db.execute(f"CREATE VIRTUAL TABLE texts USING fts5(text, content='', tokenize='{TOKENIZER}')")
        db.execute("CREATE VIRTUAL TABLE places USING fts5vocab(texts, instance)")
        insert = "INSERT INTO texts(rowid, text) VALUES (?, ?)"
        db.executemany(insert, enumerate(words))
        stems = dict(db.execute("SELECT doc, term FROM places WHERE offset = 0").fetchall())
        first = len(words)
        db.executemany(insert, enumerate(texts, first))
        by_stem: dict[str, dict[int, list[int]]] = {stem: {} for stem in stems.values()}
        for stem, places in by_stem.items():
            rows = db.execute("SELECT doc, offset FROM places WHERE term = ? ORDER BY doc, offset", (stem,))
            for text, place in rows:
                if text >= first:
                    places.setdefault(text - first, []).append(place)
    nowhere: dict[int, list[int]] = {}
    return {word: by_stem[stems[number]] if number in stems else nowhere for number, word in enumerate(words)}


def _near(left: Sequence[int], right: Sequence[int]) -> bool:
    """Whether two ascending lists of places come within WINDOW of each other."""
    i = j = 0
    while i < len(left) and j < len(right):
        if abs(left[i] - right[j]) <= WINDOW:
            return True
        if left[i] < right[j]:
            i += 1
        else:
            j += 1
    return False
