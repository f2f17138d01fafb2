"""Which passages share words with a question: the full-text half of the search (SQLite FTS5, BM25)."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite_utils

MAX_WORDS = 64  # of a question; a pasted page must not become a query of 5,000 terms
MAX_SCORED = 10_000  # passages
K1 = 1.2  # fixed in FTS5, as is b = 0.75: https://sqlite.org/fts5.html#the_bm25_function
_WORD = re.compile(r"\w+")
STOP_WORDS = frozenset(
    _WORD.findall(
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
    words = list(dict.fromkeys(word.casefold() for word in _WORD.findall(query)))
    return [word for word in words if word not in STOP_WORDS][:MAX_WORDS]


def match_expression(words: list[str]) -> str:
    """An FTS5 query for any of the words; each is quoted, so none can be an operator."""
    return " OR ".join(f'"{word}"' for word in words)


def word_counts(db: sqlite_utils.Database, words: list[str]) -> dict[str, int]:
    """How many passages have each word, the rarest word first."""
    count = "SELECT count(*) FROM chunks_fts WHERE chunks_fts MATCH ?"
    found = {word: db.conn.execute(count, (match_expression([word]),)).fetchone()[0] for word in words}
    return dict(sorted(found.items(), key=lambda entry: entry[1]))


def search_words(
    db: sqlite_utils.Database, counts: dict[str, int], limit: int, collections: list[int] | None
) -> list[WordHit]:
    """The passages that match best, best first, from the collections with these numbers (None: from all).

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
    scope = "" if collections is None else f" AND +rowid IN ({_scope(collections)})"
    found = db.conn.execute(
        f"SELECT rowid, -rank FROM chunks_fts WHERE chunks_fts MATCH ?{scope} ORDER BY rank LIMIT ?",
        (match_expression(words), limit),
    )
    return [WordHit(*row) for row in found]


def best_possible_bm25(counts: dict[str, int], total: int) -> float:
    """The BM25 that a passage full of all these words would have among `total`: no passage has more.

    A word no passage has counts most, so that a question about something else scores low.
    """
    return (K1 + 1) * sum(max(math.log((total - n + 0.5) / (n + 0.5)), 1e-6) for n in counts.values())


def chunk_ids(db: sqlite_utils.Database, collections: list[int]) -> list[int]:
    """The passages of collections."""
    return [row[0] for row in db.conn.execute(_scope(collections))]


def _scope(collections: list[int]) -> str:
    numbers = ", ".join(str(int(number)) for number in collections)
    return f"SELECT k.id FROM documents d JOIN chunks k ON k.document_id = d.id WHERE d.collection_id IN ({numbers})"
