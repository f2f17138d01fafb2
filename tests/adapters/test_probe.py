"""Grading of the general probe, and the items that ship."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from adapters.proof import probe
from adapters.proof.probe import CATEGORIES, Item, grade, normal


def item(**fields) -> Item:
    return Item("x-1", "knowledge", "?", **fields)


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ("Paris", True),
        ("It is **Paris**.", True),
        ("The capital is paris, France", True),
        ("Parisian", False),
        ("", False),
        ("London, not Paris", False),
    ],
)
def test_phrases_are_whole_words(answer: str, right: bool) -> None:
    """An accepted phrase must stand as words of its own, a rejected one must not stand anywhere."""
    assert grade(item(accept=("paris",), reject=("london",)), answer) is right


@pytest.mark.parametrize(
    ("accept", "answer", "right"),
    [
        ("1000", "It is 1,000.", True),
        ("3.5", "= 3.5.", True),
        ("5", "3.5", False),
        ("5", "-5", False),
        ("-5", "\u22125", True),
        ("12", "12km", True),
        ("12", "7-12", True),
        ("cafe", "Café", True),
        ("don't know", "I don’t know", True),
        ("a", "The letter a", True),
        ("new york", "New\nYork", True),
        ("new york", "york new", False),
    ],
)
def test_numbers_accents_and_signs(accept: str, answer: str, right: bool) -> None:
    """Numbers are compared as numbers are written, letters without accents and case."""
    assert grade(item(accept=(accept,)), answer) is right


def test_patterns_see_the_answer_as_it_is() -> None:
    """A format is asked by a pattern, alone or with phrases."""
    upper = item(pattern=r"^[A-Z]+$")
    assert grade(upper, " HELLO \n") and not grade(upper, "Hello")
    both = item(accept=("red",), pattern=r"^\w+, \w+$")
    assert grade(both, "red, blue") and not grade(both, "red and blue") and not grade(both, "green, blue")


def test_normal_form() -> None:
    """One form for answers and phrases."""
    assert normal("  The “2,500” Euros—it's  Ünique ") == "the 2500 euros its unique"


def test_the_items_that_ship() -> None:
    """At least 150, of all kinds, unique, each gradable, none right by chance of an empty answer."""
    items = probe.load()
    assert len(items) >= 150 and len({each.id for each in items}) == len(items)
    assert len({each.prompt for each in items}) == len(items)
    counts = Counter(each.category for each in items)
    assert set(counts) == set(CATEGORIES) and min(counts.values()) >= 15
    for each in items:
        re.compile(each.pattern)
        assert each.accept or each.pattern, each.id
        assert not grade(each, ""), each.id
        assert all(normal(phrase) for phrase in (*each.accept, *each.reject)), each.id
    assert len(probe.sha256()) == 64
