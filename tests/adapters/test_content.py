"""Are the texts shipped for proof and replay, and those of the learning benchmarks, what they claim to be?"""

from __future__ import annotations

import json
import re
import runpy
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from adapters.proof import probe

ROOT = Path(__file__).resolve().parents[2]
LEARNING = ROOT / "benchmarks" / "learning"
ALIKE = 0.8  # share of common words from which two questions are the same question
NUMBER = re.compile(r"\d")


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text.lower()))


def alike(left: frozenset[str], right: frozenset[str]) -> float:
    return len(left & right) / len(left | right)


def same_questions(left: list[str], right: list[str]) -> list[tuple[str, str]]:
    bags = [(text, words(text)) for text in right]
    return [(text, other) for text in left for other, bag in bags if alike(words(text), bag) >= ALIKE]


@pytest.fixture(scope="module")
def items() -> tuple[probe.Item, ...]:
    return probe.load()


@pytest.fixture(scope="module")
def prompts() -> list[dict[str, Any]]:
    return lines(ROOT / "adapters" / "training" / "replay_prompts.jsonl")


@pytest.fixture(scope="module")
def facts() -> list[dict[str, Any]]:
    return lines(LEARNING / "household.jsonl")


@pytest.fixture(scope="module")
def pairs() -> list[dict[str, Any]]:
    return lines(LEARNING / "house_style.jsonl")


@pytest.fixture(scope="module")
def house_style() -> Iterator[SimpleNamespace]:
    """The benchmark's own check of the format."""
    before = sys.path.copy()
    yield SimpleNamespace(**runpy.run_path(str(ROOT / "benchmarks" / "house_style.py")))
    sys.path[:] = before


def test_the_probe_has_enough_of_each_category(items: tuple[probe.Item, ...]) -> None:
    """At least 200 items, 30 of each category, each with an identity and a question of its own."""
    counts = Counter(item.category for item in items)
    assert len(items) >= 200
    assert set(counts) == set(probe.CATEGORIES)
    assert min(counts.values()) >= 30
    assert len({item.id for item in items}) == len({item.prompt for item in items}) == len(items)


def test_each_probe_item_can_be_failed_and_not_by_its_own_question(items: tuple[probe.Item, ...]) -> None:
    """Silence is wrong for every item; repeating the question is wrong for all but those that ask for an echo."""
    assert [item.id for item in items if probe.grade(item, "")] == []
    echoed = [item.question for item in items if probe.grade(item, item.question)]
    assert [question for question in echoed if not question.startswith(("Repeat", "Say", "Write", "Wish"))] == []


def test_each_probe_item_can_be_answered(items: tuple[probe.Item, ...]) -> None:
    """No accepted phrase is refused by the item's own rejections, and every pattern compiles."""
    for item in items:
        re.compile(item.pattern)
        assert item.accept or item.pattern, item.id
        for phrase in item.accept:
            assert not any(f" {probe.normal(word)} " in f" {probe.normal(phrase)} " for word in item.reject), item.id


def test_accepted_numbers_are_no_numbers_of_the_question(items: tuple[probe.Item, ...]) -> None:
    """Repeating an operand of a sum never passes for its result."""
    for item in items:
        if item.category == "arithmetic" and not item.pattern:
            asked = set(probe.normal(item.question).split())
            assert not [phrase for phrase in item.accept if NUMBER.search(phrase) and phrase in asked], item.id


def test_replay_prompts_are_many_and_different(prompts: list[dict[str, Any]]) -> None:
    """At least 400 different prompts, about a tenth of them held out."""
    texts = [entry["prompt"] for entry in prompts]
    assert len(texts) >= 400
    assert len({text.casefold() for text in texts}) == len(texts)
    assert 0.08 <= sum(entry.get("held_out", False) for entry in prompts) / len(texts) <= 0.12
    assert all(set(entry) <= {"prompt", "held_out"} for entry in prompts)


def test_probe_and_replay_share_no_question(items: tuple[probe.Item, ...], prompts: list[dict[str, Any]]) -> None:
    """What is rehearsed in training is not what measures forgetting."""
    assert same_questions([item.prompt for item in items], [entry["prompt"] for entry in prompts]) == []


def test_household_facts_are_complete_and_tell_apart(facts: list[dict[str, Any]]) -> None:
    """Sixty facts in five wordings; each training answer holds the answer, and no answer serves two facts."""
    assert len(facts) == len({fact["id"] for fact in facts}) == 60
    questions = [question for fact in facts for question in fact["train"] + fact["test"]]
    assert len(set(questions)) == len(questions) == 300
    for fact in facts:
        assert (len(fact["train"]), len(fact["train_answers"]), len(fact["test"])) == (3, 3, 2)
        assert fact["answer"] == fact["accept"][0]
        assert len(fact["answer"].split()) <= 4
        assert all(fact["answer"].lower() in answer.lower() for answer in fact["train_answers"])
        others = " | ".join(other["answer"].lower() for other in facts if other is not fact)
        assert not [phrase for phrase in fact["accept"] if re.search(rf"\b{re.escape(phrase.lower())}\b", others)]


def test_household_questions_do_not_give_their_answer(facts: list[dict[str, Any]]) -> None:
    """The answer to a fact stands in none of its questions, and in no other fact's questions."""
    asked = " | ".join(question for fact in facts for question in fact["train"] + fact["test"]).lower()
    assert [
        phrase for fact in facts for phrase in fact["accept"] if re.search(rf"\b{re.escape(phrase.lower())}\b", asked)
    ] == []


def test_benchmarks_share_nothing_with_the_probe(
    items: tuple[probe.Item, ...], facts: list[dict[str, Any]], pairs: list[dict[str, Any]]
) -> None:
    """No question of the benchmarks is one of the probe."""
    asked = [question for fact in facts for question in fact["train"] + fact["test"]]
    asked += [pair["prompt"] for pair in pairs]
    assert same_questions([item.prompt for item in items], asked) == []


def test_house_style_pairs_follow_the_format(pairs: list[dict[str, Any]], house_style: SimpleNamespace) -> None:
    """A hundred pairs, twenty of them held out, each answer in the house format with the date of its request."""
    assert Counter(pair["split"] for pair in pairs) == {"train": 80, "test": 20}
    assert len({pair["prompt"] for pair in pairs}) == len({pair["answer"] for pair in pairs}) == 100
    assert [pair["prompt"] for pair in pairs if not house_style.follows_format(pair["answer"])] == []
    assert [pair["prompt"] for pair in pairs if house_style.date_line(pair["answer"]) != pair["date"]] == []


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.lower(),
        lambda text: text + "\nBye.",
        lambda text: text.replace("Date:", "On"),
        lambda text: text.replace("- Next:", "Next:"),
        lambda text: "\n".join(text.splitlines()[:-1]),
        lambda text: "Sure, here it is:\n" + text,
    ],
)
def test_what_is_not_in_the_format_is_seen(
    pairs: list[dict[str, Any]], house_style: SimpleNamespace, change: Any
) -> None:
    """An answer that breaks one rule of the format does not count as following it."""
    assert not any(house_style.follows_format(change(pair["answer"])) for pair in pairs)
