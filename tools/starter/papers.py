"""What stands in an invented personal paper, and how does a person ask for it?"""

from __future__ import annotations

import random
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from tools.starter.items import Piece
from tools.starter.values import Values

FOLDER = Path(__file__).with_name("papers")
FRAME = ("files", "headings", "thing", "intro", "rest")


@dataclass(frozen=True, slots=True)
class Fact:
    """A field of a paper with its value. `called` is a noun for it; `parts` are those of a list."""

    field: str
    value: str
    called: str
    said: str
    asked: tuple[str, ...]
    parts: tuple[str, ...] = ()

    @property
    def noun(self) -> bool:
        """Whether one can say that what it is called "is" its value."""
        return self.called.startswith("the ") and not self.called.endswith("s") and not self.parts


@dataclass(frozen=True, slots=True)
class Paper:
    """A paper about a thing: the facts it tells, and those of its kind that it does not."""

    kind: str
    thing: str
    names: Mapping[str, str]
    document: str
    heading: str
    page: int | None
    intro: str
    facts: tuple[Fact, ...]
    missing: tuple[Fact, ...]
    rest: tuple[str, ...]
    style: str
    dated: str = ""

    def piece(self) -> Piece:
        """The paper as a passage."""
        lines = [fact.said for fact in self.facts]
        if self.style == "table":
            lines = [f"{large(fact.called.removeprefix('the '))}: {fact.value}" for fact in self.facts]
        start = f"{self.dated}\n{self.intro}" if self.dated else self.intro
        if self.style == "prose":
            text = " ".join([start, *lines, *self.rest])
        else:
            bullet = "- " if self.style == "list" else ""
            text = "\n".join([start, "", *(f"{bullet}{line}" for line in lines), *self.rest])
        return Piece(self.document, text, self.page, (self.heading,) if self.heading else ())


@cache
def kinds() -> dict[str, dict[str, Any]]:
    """All kinds of papers by name."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(FOLDER.glob("*.toml")):
        found |= tomllib.loads(path.read_text(encoding="utf-8"))
    return found


def paper(kind: str, chance: random.Random, *, facts: int = 0, thing: str = "") -> Paper:
    """A new paper of this kind with `facts` facts (0: three to six)."""
    values, entry = Values(chance), kinds()[kind]
    about = thing or values.filled(chance.choice(entry["thing"]))
    fields = chance.sample([name for name in entry if name not in FRAME], len(entry) - len(FRAME))
    made = [_fact(name, entry[name], about, values) for name in fields]
    count = facts or chance.randint(3, 6)
    document = chance.choice(entry["files"])
    return Paper(
        kind, about, values.names, document,
        chance.choice([*entry["headings"], ""]), chance.randint(1, 9) if document.endswith("pdf") else None,
        values.filled(chance.choice(entry["intro"])).replace("{thing}", about),
        tuple(made[:count]), tuple(made[count:]),
        tuple(chance.sample(entry["rest"], chance.randint(0, 2))),
        chance.choice(["prose", "prose", "lines", "list", "table"]),
    )  # fmt: skip


def other_thing(of: Paper, chance: random.Random) -> str:
    """Another thing of the kind."""
    values = Values(chance)
    things = [values.filled(thing) for thing in kinds()[of.kind]["thing"]]
    return chance.choice([thing for thing in things if thing != of.thing] or things)


def renewed(of: Paper, field: str, chance: random.Random) -> Paper:
    """The same paper with another value of this field."""
    values = Values(chance)
    values.sign = next((sign for sign in "£$€" if sign in " ".join(fact.value for fact in of.facts)), values.sign)
    values.names = dict(of.names)
    entry = kinds()[of.kind]
    fresh = _fact(field, entry[field], of.thing, values)
    facts = tuple(fresh if fact.field == field else fact for fact in of.facts)
    return replace(of, facts=facts)


def asking(fact: Fact, thing: str, chance: random.Random) -> str:
    """A question for the fact; of a thing one may also say that it is one's own."""
    question = chance.choice(fact.asked)
    if thing.startswith("the ") and chance.random() < 0.3 and " of " not in thing and " with " not in thing:
        question = question.replace(thing, f"my {thing[4:]}")
    return large(question)


def large(text: str) -> str:
    """The text with its first letter large."""
    return text[:1].upper() + text[1:]


def _fact(name: str, entry: list[Any], thing: str, values: Values) -> Fact:
    kind, called, says, asks = entry
    value = values.value(kind)
    said = values.filled(values.chance.choice(says)).replace("{v}", value).replace("..", ".")
    said = large(said)
    asked = tuple(values.filled(ask).replace("{thing}", thing) for ask in asks)
    parts = tuple(value.replace(" and ", ", ").split(", ")) if kind.startswith("list ") else ()
    return Fact(name, value, values.filled(called), said, asked, parts)
