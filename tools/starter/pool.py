"""Which other passages would a search find for this question? BM25 over the texts of all sets."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterable

from ingest.fulltext import match_expression, query_words

RARE = 5_000  # a word that stands in more texts than this does not choose any
WORDS = 6  # of a question, the rarest, search


class Pool:
    """Texts by number, searched by words within a family and, if asked, an article."""

    def __init__(self, texts: Iterable[tuple[str, str, str]]) -> None:
        """`texts` are (family, article, text)."""
        self.rows = list(dict.fromkeys(texts))
        self._db = sqlite3.connect(":memory:")
        self._db.execute("CREATE VIRTUAL TABLE pool USING fts5(text, content='', tokenize='porter unicode61')")
        self._db.executemany(
            "INSERT INTO pool(rowid, text) VALUES (?, ?)", ((number, row[2]) for number, row in enumerate(self.rows, 1))
        )
        self._db.execute("CREATE VIRTUAL TABLE words USING fts5vocab(pool, row)")
        self._counts: dict[str, int] = {}
        self._articles: dict[str, list[str]] = {}
        for _, article, text in self.rows:
            self._articles.setdefault(article, []).append(text)
        self._families: dict[str, list[str]] = {}
        for family, _, text in self.rows:
            self._families.setdefault(family, []).append(text)

    def similar(self, question: str, family: str, count: int = 12) -> list[str]:
        """The texts of a family that share the rarest words with the question, best first."""
        words = [word for _, word in sorted((self._count(word), word) for word in query_words(question)) if word]
        chosen = [word for word in words if 0 < self._count(word) < RARE][:WORDS]
        if not chosen:
            return []
        found = self._db.execute(
            "SELECT rowid FROM pool WHERE pool MATCH ? ORDER BY rank LIMIT ?", (match_expression(chosen), 4 * count)
        )
        texts = [self.rows[number - 1] for (number,) in found]
        return [text for own, _, text in texts if own == family][:count]

    def same_article(self, article: str) -> list[str]:
        """All texts of an article, in their order."""
        return self._articles.get(article, [])

    def random(self, family: str, chance: random.Random, count: int) -> list[str]:
        """Any texts of a family."""
        return chance.choices(self._families[family], k=count)

    @property
    def families(self) -> list[str]:
        """The families there are."""
        return list(self._families)

    def _count(self, word: str) -> int:
        if word not in self._counts:
            query = "SELECT count(*) FROM (SELECT 1 FROM pool WHERE pool MATCH ? LIMIT 20000)"
            self._counts[word] = self._db.execute(query, (match_expression([word]),)).fetchone()[0]
        return self._counts[word]
