"""Which examples come of invented personal papers?"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from tools.starter.items import DECLINE, Item, Piece, cited
from tools.starter.papers import Fact, Paper, asking, kinds, large, other_thing, paper, renewed
from tools.starter.values import MONTHS

SOURCE, LICENCE = "own papers", "Apache-2.0 (written for this project)"


class Papers:
    """Makes items of papers; every method is one kind of example."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.made = 0

    def value(self) -> Item:
        """A value or list that a paper tells."""
        own = self._paper()
        fact = self.chance.choice(own.facts)
        return self._item("value", own, self._ask(fact, own), _answer(fact), self._others(own, fact))

    def missing(self) -> Item:
        """A fact that the paper about this thing does not tell."""
        own = self._paper()
        fact = self.chance.choice(own.missing)
        others = [own.piece(), *self._others(own, fact)]
        return self._item("decline-missing", own, self._ask(fact, own), DECLINE, others, gold=())

    def wrong_thing(self) -> Item:
        """A fact that papers tell of another thing of the kind."""
        own = self._paper()
        thing = other_thing(own, self.chance)
        fact = self.chance.choice(paper(own.kind, self.chance, facts=99, thing=thing).facts)
        near = [self._paper(own.kind) for _ in range(self.chance.choice([0, 1, 1]))]
        others = [own, *(each for each in near if each.thing != thing)]
        pieces = [*(each.piece() for each in others), *self._far(self.chance.choice([0, 0, 1]), own.kind)]
        return self._item("decline-wrong-thing", own, self._ask(fact, own), DECLINE, pieces, gold=())

    def elsewhere(self) -> Item:
        """A question to papers about something else."""
        own = self._paper()
        fact = self.chance.choice(own.facts)
        pieces = self._far(self.chance.choice([1, 2, 2, 3, 4]), own.kind)
        return self._item("decline-elsewhere", own, self._ask(fact, own), DECLINE, pieces, gold=())

    def check(self) -> Item:
        """A yes-or-no question about a value."""
        own, fact = self._with(lambda fact: fact.noun)
        right = self.chance.random() < 0.5
        said = fact.value if right else _field(renewed(own, fact.field, self.chance), fact.field).value
        right = said == fact.value
        question = self.chance.choice([
            f"Is {fact.called} of {own.thing} {said}?", f"Is it right that {fact.called} of {own.thing} is {said}?",
            f"I remember {said} as {fact.called} of {own.thing}. Is that right?",
        ])  # fmt: skip
        answer = cited(f"{'Yes' if right else 'No'}, {fact.called} is {fact.value}")
        return self._item("check", own, question, answer, self._others(own, fact))

    def two(self) -> Item:
        """Two facts, of one paper or of two."""
        own, one = self._with(lambda fact: fact.noun)
        second = own if self.chance.random() < 0.5 else self._paper(self._far_kind(own.kind))
        nouns = [fact for fact in own.facts if fact.noun and fact is not one]
        if second is own and nouns:
            other = self.chance.choice(nouns)
            question = f"What are {one.called} and {other.called} of {own.thing}?"
            answer = f"{large(one.called)}: {one.value} [#0]; {other.called}: {other.value} [#0]."
            return self._item("two", own, question, answer, self._others(own, one))
        if second is own:
            second = self._paper(self._far_kind(own.kind))
        other = self.chance.choice(second.facts)
        question = f"{asking(one, own.thing, self.chance)} {asking(other, second.thing, self.chance)}"
        answer = f"{large(one.value)} [#0]. {large(other.value)} [#1]."
        return self._item("two", own, question, answer, [], gold=(own.piece(), second.piece()))

    def listed(self) -> Item:
        """The parts of a list, one a line."""
        own, fact = self._with(lambda fact: bool(fact.parts))
        ask = next((each for each in fact.asked if each.startswith("List")), fact.asked[0])
        question = self.chance.choice(
            [ask, f"{ask.rstrip('.?')}, as a list.", f"Make a list of {fact.called}: {own.thing}."]
        )
        answer = "\n".join(f"- {large(part)} [#0]" for part in fact.parts)
        return self._item("list", own, question, answer, self._others(own, fact))

    def disagreement(self) -> Item:
        """Two papers of one thing; the later one holds, and the answer says so."""
        first = self._paper()
        fact = self.chance.choice([fact for fact in first.facts if not fact.parts] or list(first.facts))
        later = renewed(first, fact.field, self.chance)
        new = _field(later, fact.field)
        years = sorted(self.chance.sample(range(2021, 2027), 2))
        days = [f"{self.chance.randint(1, 28)} {self.chance.choice(MONTHS)} {year}" for year in years]
        if new.value == fact.value:
            return self.value()
        name = self.chance.choice([f"new-{first.document}", first.document, *kinds()[first.kind]["files"]])
        closing = self.chance.choice(["This replaces our earlier letter.", "What we wrote before no longer holds.", ""])
        kept = [fact, *self.chance.sample([each for each in first.facts if each is not fact], 1)]
        old = replace(first, facts=tuple(kept), dated=days[0], rest=())
        shown = replace(later, document=name, facts=tuple(
            each for each in later.facts if each.field in {one.field for one in kept}), dated=days[1],
            rest=(closing,) if closing else (),
        )  # fmt: skip
        answer = f"{large(new.value)} [#0]; the earlier paper of {days[0]} says {fact.value} [#1]."
        return self._item(
            "disagreement", first, self._ask(fact, first), answer, self._far(self.chance.choice([0, 0, 1]), first.kind),
            gold=(shown.piece(), old.piece()),
        )  # fmt: skip

    def follow_up(self) -> Item:
        """A short question that only makes sense after another one; sometimes the paper has no answer."""
        own = self._paper()
        before = self.chance.choice(own.facts)
        known = self.chance.random() < 0.65
        fits = [each for each in (own.facts if known else own.missing) if each is not before]
        fact = self.chance.choice([each for each in fits if each.called.startswith("the ")] or fits)
        what = f"And {fact.called}?" if self.chance.random() < 0.6 else f"What about {fact.called}?"
        first = cited(before.value).replace("[#0]", f"[{self.chance.randint(1, 3)}]")
        item = self._item(
            "follow-up", own, what, _answer(fact), self._others(own, fact), history=((self._ask(before, own), first),)
        )
        if known:
            return item
        return replace(item, kind="decline-follow-up", answer=DECLINE, gold=(), others=(own.piece(), *item.others))

    def summary(self) -> Item:
        """A short summary of one paper."""
        own, one = self._with(lambda fact: fact.noun)
        own = replace(own, rest=())
        nouns = [fact for fact in own.facts if fact.noun and fact is not one]
        others = [f" and {fact.called} is {fact.value}" for fact in nouns[:1]]
        question = self.chance.choice([
            f"Sum up what the paper says about {own.thing}.", f"What is the paper about {own.thing} in short?",
            f"Give me a short summary of the paper on {own.thing}.",
        ])  # fmt: skip
        answer = f"It is about {own.thing}: {one.called} is {one.value}{''.join(others)} [#0]."
        return self._item("summary", own, question, answer, self._far(self.chance.choice([0, 0, 1]), own.kind))

    def _paper(self, kind: str = "") -> Paper:
        return paper(kind or self.chance.choice(sorted(kinds())), self.chance)

    def _with(self, wanted: Callable[[Fact], bool]) -> tuple[Paper, Fact]:
        """A paper that has such a fact, and the fact."""
        while True:
            own = self._paper()
            facts = [fact for fact in own.facts if wanted(fact)]
            if facts:
                return own, self.chance.choice(facts)

    def _ask(self, fact: Fact, own: Paper) -> str:
        question = asking(fact, own.thing, self.chance)
        if question.startswith("List"):
            question = asking(replace(fact, asked=fact.asked[:1]), own.thing, self.chance)
        return question if self.chance.random() < 0.92 else question.lower().rstrip("?")

    def _others(self, own: Paper, fact: Fact) -> list[Piece]:
        """Papers of the kind about other things, often with the same field, and any others."""
        count = self.chance.choice([0, 1, 1, 2, 2, 3])
        near = [self._paper(own.kind) for _ in range(count if self.chance.random() < 0.5 else min(1, count))]
        kept = [each.piece() for each in near if each.thing != own.thing]
        return [*kept, *self._far(count - len(kept), own.kind)][:4]

    def _far(self, count: int, kind: str) -> list[Piece]:
        return [self._paper(self._far_kind(kind)).piece() for _ in range(max(0, count))]

    def _far_kind(self, kind: str) -> str:
        return self.chance.choice([name for name in sorted(kinds()) if name != kind])

    def _item(
        self, kind: str, own: Paper, question: str, answer: str, others: list[Piece],
        *, gold: tuple[Piece, ...] | None = None, history: tuple[tuple[str, str], ...] = (),
    ) -> Item:  # fmt: skip
        self.made += 1
        group = f"paper-{self.made}"
        shown = (own.piece(),) if gold is None else gold
        return Item(kind, SOURCE, LICENCE, group, question, answer, shown, tuple(others), history)


def _answer(fact: Fact) -> str:
    return cited(fact.value)


def _field(of: Paper, name: str) -> Fact:
    return next(fact for fact in of.facts if fact.field == name)
