"""Which examples need no documents: small talk, and private facts that nobody has told?"""

from __future__ import annotations

import random
import tomllib
from pathlib import Path

from tools.starter.items import DECLINE, Item
from tools.starter.paper_items import LICENCE
from tools.starter.papers import asking, kinds, paper
from tools.starter.words import WORDS

SOURCE = "own small talk"
TALK = Path(__file__).with_name("talk.toml")


def talk() -> list[Item]:
    """Every way to say hello and to ask who this is, with one of its answers each."""
    entries = tomllib.loads(TALK.read_text(encoding="utf-8"))["talk"]
    return [
        Item("talk", SOURCE, LICENCE, f"talk-{ask}", ask, entry["says"][(number + turn) % len(entry["says"])])
        for entry in entries
        for number, ask in enumerate(entry["asks"])
        for turn in range(2)
    ]


def untold(count: int, chance: random.Random) -> list[Item]:
    """Questions for private facts when no passage was found."""
    asks = [f"What is {fact}?" for fact in WORDS["private"]]
    while len(asks) < count:
        own = paper(chance.choice(sorted(kinds())), chance)
        asks.append(asking(chance.choice(own.facts), own.thing, chance))
    return [Item("untold", SOURCE, LICENCE, f"untold-{ask}", ask, DECLINE) for ask in dict.fromkeys(asks)]
