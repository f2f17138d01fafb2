"""Which passages share words with a question: the full-text half of the search (SQLite FTS5, BM25)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite_utils

CONTEXT_WEIGHT, TEXT_WEIGHT = 1.0, 1.0
MAX_WORDS = 64  # of a question; the rarest matter, but a pasted page must not become a query of 5,000 terms
_WORD = re.compile(r"\w+")
STOP_WORDS = frozenset(
    _WORD.findall(
        """
        a about an and any are as at be been but by can could did do does for from had has have how i if in
        into is it its me my of on or our she he her his him them they their that the then there these this
        those to was we were what when where which who whom whose why will with would you your us am
        """
    )
)


@dataclass(frozen=True, slots=True)
class WordHit:
    """A passage that shares words with the question; `bm25` is higher for a better match."""

    chunk_id: int
    bm25: float


def query_words(query: str) -> list[str]:
    """The different words of a question that carry meaning; all of them if none does."""
    words = list(dict.fromkeys(word.casefold() for word in _WORD.findall(query)))
    return [word for word in words if word not in STOP_WORDS][:MAX_WORDS]


def match_expression(words: list[str]) -> str:
    """An FTS5 query for any of the words; each is quoted, so none can be an operator."""
    return " OR ".join(f'"{word}"' for word in words)


def search_words(
    db: sqlite_utils.Database, words: list[str], limit: int, collections: list[int] | None
) -> list[WordHit]:
    """The passages that match best, best first, from the collections with these numbers (None: from all)."""
    if not words:
        return []
    scope = "" if collections is None else f" AND rowid IN ({_scope(collections)})"
    rows = db.conn.execute(
        f"SELECT rowid, -rank FROM chunks_fts WHERE chunks_fts MATCH ? AND rank MATCH ?{scope} ORDER BY rank LIMIT ?",
        (match_expression(words), f"bm25({CONTEXT_WEIGHT}, {TEXT_WEIGHT})", limit),
    )
    return [WordHit(*row) for row in rows]


def chunk_ids(db: sqlite_utils.Database, collections: list[int]) -> list[int]:
    """The passages of collections."""
    return [row[0] for row in db.conn.execute(_scope(collections))]


def _scope(collections: list[int]) -> str:
    numbers = ", ".join(str(int(number)) for number in collections)
    return f"SELECT k.id FROM documents d JOIN chunks k ON k.document_id = d.id WHERE d.collection_id IN ({numbers})"
