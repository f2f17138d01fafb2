"""Which passages share words with a question: the full-text half of the search (SQLite FTS5, BM25)."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.scope import Scope

if TYPE_CHECKING:
    import sqlite_utils

MAX_WORDS = 64  # of a question; a pasted page must not become a query of 5,000 terms
MAX_SCORED = 10_000  # passages
K1 = 1.2  # fixed in FTS5, as is b = 0.75: https://sqlite.org/fts5.html#the_bm25_function
TOKENIZER = "porter unicode61 remove_diacritics 2"  # of the full-text index, see schema.py
WORD = re.compile(r"\w+")
STOP_WORDS = frozenset(
    WORD.findall(
        """
        a about am an and any are as at be been but by can could did do does for from had has have he hello
        her hey hi him his how i if in into is it its let lets me mine more my of ok okay on or our please
        she tell thank thanks that the their them then there these they this those to us was we were what
        when where which who whom whose why will with would yes you your
        """
    )
)


@dataclass(frozen=True, slots=True)
class WordHit:
    """A passage that shares words with the question; `bm25` is higher for a better match."""

    chunk_id: int
    bm25: float


def query_words(query: str) -> list[str]:
    """The different words of a question that carry meaning; small talk has none."""
    words = list(dict.fromkeys(word.casefold() for word in WORD.findall(query)))
    return [word for word in words if word not in STOP_WORDS][:MAX_WORDS]


def match_expression(words: list[str]) -> str:
    """An FTS5 query for any of the words; each is quoted, so none can be an operator."""
    return " OR ".join(f'"{word}"' for word in words)


def word_counts(db: sqlite_utils.Database, words: list[str]) -> dict[str, int]:
    """How many passages have each word, the rarest word first."""
    count = "SELECT count(*) FROM chunks_fts WHERE chunks_fts MATCH ?"
    found = {word: db.conn.execute(count, (match_expression([word]),)).fetchone()[0] for word in words}
    return dict(sorted(found.items(), key=lambda entry: entry[1]))


def search_words(db: sqlite_utils.Database, counts: dict[str, int], limit: int, scope: Scope | None) -> list[WordHit]:
    """The passages that match best, best first, from the scope (None: from the whole library).

    `counts` is from `word_counts`. FTS5 scores every passage with any of the words, 2 µs each, so in
    a large library the most frequent words, which tell least, are not searched for.
    """
    rows = 0
    words: list[str] = []
    for word, count in counts.items():
        rows += count
        if count and (not words or rows <= MAX_SCORED):
            words.append(word)
    if not words:
        return []
    # The plus keeps SQLite from searching the words anew for each passage of the scope.
    within, values = ("", ()) if scope is None else (f" AND +rowid IN ({scope.passages})", scope.values)
    found = db.conn.execute(
        f"SELECT rowid, -rank FROM chunks_fts WHERE chunks_fts MATCH ?{within} ORDER BY rank LIMIT ?",
        (match_expression(words), *values, limit),
    )
    return [WordHit(*row) for row in found]


def rarity(count: int, total: int) -> float:
    """How much a word tells that `count` of `total` passages have: its inverse document frequency in BM25."""
    return max(math.log((total - count + 0.5) / (count + 0.5)), 1e-6)


def best_possible_bm25(counts: dict[str, int], total: int) -> float:
    """The BM25 that a passage full of all these words would have among `total`: no passage has more.

    A word no passage has counts most, so that a question about something else scores low.
    """
    return (K1 + 1) * sum(rarity(count, total) for count in counts.values())


def chunk_ids(db: sqlite_utils.Database, scope: Scope) -> list[int]:
    """The passages of a scope."""
    return [row[0] for row in db.conn.execute(scope.passages, scope.values)]
