"""Which examples come of the reading sets: answered ones, and ones whose passages do not hold the answer?"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable
from dataclasses import replace

from tools.starter.items import Item, Piece, cited, declined
from tools.starter.near import could_answer, names_in, other_name, other_noun, other_opposite, other_year
from tools.starter.places import SHORTEST, placed, shortened, window
from tools.starter.pool import Pool
from tools.starter.reading import Reading, good_reading

SIZES = ((350, 0.1), (650, 0.25), (1000, 0.3), (1400, 0.2), (1900, 0.1), (2800, 0.05))  # characters of all passages
FEELING = re.compile(r"\bfeel\b|\bfelt\b")  # the whole story may tell
CHUNK = 850  # characters; a chunk of the product has at most 200 tokens


class Readings:
    """Makes items of readings, with the passages that a search would find beside them."""

    def __init__(self, pool: Pool, nouns: dict[str, list[str]], chance: random.Random) -> None:
        """`nouns` are those that the questions of a family ask about."""
        self.pool = pool
        self.nouns = nouns
        self.chance = chance

    def answered(self, reading: Reading) -> Item | None:
        """The question with its passage and others."""
        gold = self._gold(reading)
        if gold is None:
            return None
        kind = "yes-no" if reading.answer in ("Yes", "No") else "span" if reading.span else "free"
        others = self._others(reading, self._room(gold), gold)
        return self._item(reading, kind, cited(reading.answer), (gold,), others)

    def removed(self, reading: Reading) -> Item | None:
        """The question with passages of the same story or about the same words, but without the one that answers."""
        texts = self._candidates(reading)
        texts = [text for text in texts if text != reading.context and not could_answer(text, reading)]
        if not texts or FEELING.search(reading.question):
            return None
        others = self._pieces(texts[:6], reading.family, self._size())
        return declined(self._item(reading, "", "", (), ()), "decline-removed", others) if others else None

    def changed(self, reading: Reading) -> Item | None:
        """Another question to the same passages: another name, year or the opposite, which they do not answer."""
        gold = self._gold(reading)
        if gold is None:
            return None
        near = [name for text in self.pool.similar(reading.question, reading.family, 6)[1:] for name in names_in(text)]
        own = replace(reading, context=gold.text)
        nouns = self.nouns.get(reading.family, [])
        ways: list[Callable[[], str]] = [
            lambda: other_opposite(own), lambda: other_year(own, self.chance),
            lambda: other_noun(own, nouns, self.chance), lambda: other_name(own, near, self.chance),
        ]  # fmt: skip
        if self.chance.random() < 0.5:
            ways.reverse()
        question = next((made for way in ways if (made := way())), "")
        if not question or question == reading.question:
            return None
        others = [gold, *self._others(reading, self._room(gold), gold)]
        return declined(self._item(reading, "", "", (), ()), "decline-changed", others, question)

    def unanswerable(self, reading: Reading) -> Item:
        """A question of the set to which its passage has no answer."""
        gold = placed(self._cut(reading.context), reading.family, self.chance)
        others = [gold, *self._others(reading, self._room(gold), gold)]
        return declined(self._item(reading, "", "", (), ()), "decline-natural", others)

    def elsewhere(self, reading: Reading) -> Item | None:
        """The question with passages about something else."""
        family = self.chance.choice([reading.family, *self.pool.families])
        texts = [text for text in self.pool.random(family, self.chance, 6) if not could_answer(text, reading)]
        others = self._pieces(texts, family, self._size())
        return declined(self._item(reading, "", "", (), ()), "decline-elsewhere", others) if others else None

    def _item(self, reading: Reading, kind: str, answer: str, gold: tuple[Piece, ...], others: Iterable[Piece]) -> Item:
        return Item(
            kind, reading.source, reading.licence, reading.article, reading.question, answer, gold, tuple(others)
        )

    def _gold(self, reading: Reading) -> Piece | None:
        limit = self.chance.choice([250, 400, 600, CHUNK, CHUNK, 1000])
        if reading.span and reading.answer not in ("Yes", "No"):
            text = window(reading.context, reading.answer, reading.question, limit, self.chance)
        else:
            text = reading.context if len(reading.context) <= 1100 else ""
        return placed(text, reading.family, self.chance) if len(text) >= 40 else None

    def _candidates(self, reading: Reading) -> list[str]:
        """Same article first in half of the cases, then what the words find."""
        found = self.pool.similar(reading.question, reading.family)
        own = [text for text in self.pool.same_article(reading.article) if text != reading.context]
        self.chance.shuffle(own)
        return [*own, *found] if self.chance.random() < 0.5 else [*found, *own]

    def _others(self, reading: Reading, room: int, gold: Piece) -> list[Piece]:
        if room < SHORTEST:
            return []
        texts = [text for text in self._candidates(reading) if text != reading.context]
        head = texts[: self.chance.choice([2, 3, 4])]
        texts = [*head, *self.pool.random(reading.family, self.chance, 2)]
        short = len(reading.answer) < 4
        fit = [text for text in texts if not _repeats(text, gold.text)]
        fit = [text for text in fit if reading.answer.lower() not in text.lower() or (short and not reading.span)]
        return self._pieces(fit, reading.family, room)

    def _pieces(self, texts: Iterable[str], family: str, room: int) -> list[Piece]:
        pieces: list[Piece] = []
        most = self.chance.choice([1, 2, 2, 3, 3, 4])
        for text in texts:
            part = shortened(text, min(room, self.chance.choice([250, 400, 600, CHUNK])), self.chance)
            known = any(_repeats(part, piece.text) for piece in pieces)
            if SHORTEST <= len(part) <= room and len(pieces) < most and not known:
                pieces.append(placed(part, family, self.chance))
                room -= len(part)
        return pieces

    def _cut(self, text: str) -> str:
        return text if len(text) <= 1000 else shortened(text, CHUNK, self.chance)

    def _room(self, gold: Piece) -> int:
        return max(0, self._size() - len(gold.text))

    def _size(self) -> int:
        sizes, weights = zip(*SIZES, strict=True)
        return int(self.chance.choices(sizes, weights)[0])


def _repeats(text: str, other: str) -> bool:
    return text[:80] in other or other[:80] in text or _overlap(text, other) > 0.7


def _overlap(one: str, other: str) -> float:
    words = [set(re.findall(r"\w{4,}", text.lower())) for text in (one, other)]
    return len(words[0] & words[1]) / max(1, min(len(words[0]), len(words[1])))


def choose(readings: list[Reading], count: int, chance: random.Random, by: Callable[[Reading], str]) -> list[Reading]:
    """`count` readings, as evenly as possible over what `by` says."""
    groups: dict[str, list[Reading]] = {}
    for reading in chance.sample(readings, len(readings)):
        groups.setdefault(by(reading), []).append(reading)
    chosen: list[Reading] = []
    while len(chosen) < min(count, len(readings)):
        for group in [group for group in groups.values() if group]:
            chosen.append(group.pop())
    return chosen[:count]


def usable(readings: Iterable[Reading], *, span: bool | None = None) -> list[Reading]:
    """The good ones; `span` wants the answer to stand in the text (True) or not (False)."""
    return [each for each in readings if good_reading(each) and span in (None, each.span)]
