"""Which examples teach a short summary: of a conversation, of an article, of a paper?"""

from __future__ import annotations

import random
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from tools.starter.items import Item, Piece, cited
from tools.starter.paper_items import LICENCE, Papers
from tools.starter.places import placed
from tools.starter.reading import Reading
from tools.starter.values import FIRST

SOURCE = "own conversations"
ASKS = [
    "Summarise this conversation.", "Summarize the dialogue.", "What is this conversation about?",
    "Sum up this dialogue.", "What do they talk about?", "Give a short summary of the conversation.",
    "Summarise the dialogue in one or two sentences.",
]  # fmt: skip
HEADLINES = [
    "Give a short title for this article.", "What is the news in short?", "Write a headline for this.",
    "What is this article about, in one line?",
]  # fmt: skip
FILES = ["chat.txt", "conversation.md", "transcript.docx", "messages.txt", "call.txt", "interview.pdf"]


@cache
def _content() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("dialogues.toml").read_text(encoding="utf-8"))


def conversation(number: int, chance: random.Random) -> Item:
    """A conversation with its summary: as a passage, or pasted below the question."""
    content = _content()
    entry = chance.choice(content["talk"])
    slots = {name: chance.choice(options) for name, options in content["choices"].items()}
    slots |= {f"{name}2": _another(content["choices"][name], slots[name], chance) for name in ("day", "gift", "film")}
    slots |= dict(zip("abc", chance.sample(FIRST, 3), strict=True))
    labels = _labels(slots, chance)
    turns = [chance.choice(turn.split(" | ")) for turn in entry["turns"]]
    text = "\n".join(f"{labels['ab'[place % 2]]}: {_fill(turn, slots, {})}" for place, turn in enumerate(turns))
    summary = _fill(chance.choice(entry["sums"]), slots, labels)
    group, ask = f"conversation-{number}", chance.choice(ASKS)
    if chance.random() < 0.5:
        question = f"{ask}\n\n{text}" if chance.random() < 0.7 else f"{text}\n\n{ask}"
        return Item("summary-talk", SOURCE, LICENCE, group, question, summary)
    piece = Piece(chance.choice(FILES), text)
    others = () if chance.random() < 0.6 else (Papers(chance)._paper().piece(),)
    if others:
        ask = f"Summarise the conversation between {labels['a']} and {labels['b']}."
    return Item("summary-talk", SOURCE, LICENCE, group, ask, cited(summary), (piece,), others)


def _labels(slots: dict[str, str], chance: random.Random) -> dict[str, str]:
    """How the speakers are named in the text, and so in its summary."""
    kind = chance.random()
    if kind < 0.45:
        return {"a": slots["a"], "b": slots["b"]}
    if kind < 0.75:
        return {"a": "#Person1#", "b": "#Person2#"}
    return {"a": "Person 1", "b": "Person 2"} if kind < 0.9 else {"a": "Speaker A", "b": "Speaker B"}


def _fill(text: str, slots: dict[str, str], labels: dict[str, str]) -> str:
    filled = re.sub(r"\{(\w+)\}", lambda found: labels.get(found[1]) or slots[found[1]], text)
    return filled.replace("on tomorrow", "tomorrow").replace("on the weekend", "at the weekend")


def _another(options: list[str], than: str, chance: random.Random) -> str:
    return chance.choice([option for option in options if option != than])


def headline(reading: Reading, chance: random.Random) -> Item | None:
    """An article's first lines with its title."""
    text = reading.context[:900].rsplit(". ", 1)[0] + "."
    if len(reading.answer.split()) > 14 or len(text) < 200:
        return None
    ask = chance.choice(HEADLINES)
    piece = placed(text, reading.family, chance)
    return Item("summary-news", reading.source, reading.licence, reading.article, ask, cited(reading.answer), (piece,))


def abstract(reading: Reading, chance: random.Random) -> Item | None:
    """An abstract with its one-sentence summary."""
    if len(reading.answer.split()) > 26 or not 300 <= len(reading.context) <= 1400:
        return None
    ask = chance.choice(["What is this paper about, in one sentence?", "Sum up this text in one sentence.",
                         "Summarise the passage.", "What is the main point of this text?"])  # fmt: skip
    piece = placed(reading.context, reading.family, chance)
    return Item("summary-text", reading.source, reading.licence, reading.article, ask, cited(reading.answer), (piece,))
