"""What else does a model still know? The general probe: short items of five kinds, graded by rule.

An item is right when the answer holds one of its accepted phrases as whole words, none of the rejected
ones, and matches its pattern; see `grade`. The items lie in probe.jsonl and share nothing with training.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

ITEMS = Path(__file__).with_name("probe.jsonl")
CATEGORIES = ("arithmetic", "knowledge", "reading", "instructions", "refusal")
MAX_TOKENS = 64  # of an answer; what is asked for is shorter
THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
WORD = re.compile(r"(?<![\w.])-\d+(?:\.\d+)?|\d+(?:\.\d+)?|[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class Item:
    """One item. `accept` and `reject` are phrases; `pattern` is a regular expression over the whole answer."""

    id: str
    category: str
    question: str
    context: str = ""
    accept: tuple[str, ...] = ()
    reject: tuple[str, ...] = ()
    pattern: str = ""

    @property
    def prompt(self) -> str:
        """What is asked: the passage, where there is one, then the question."""
        return f"{self.context}\n\n{self.question}" if self.context else self.question


@functools.cache
def load(path: Path = ITEMS) -> tuple[Item, ...]:
    """The items of the probe shipped with the project."""
    values = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
    return tuple(
        Item(**{**value, "accept": tuple(value.get("accept", ())), "reject": tuple(value.get("reject", ()))})
        for value in values
    )


@functools.cache
def sha256(path: Path = ITEMS) -> str:
    """The hash of the items: answers to another probe are not comparable."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def grade(item: Item, answer: str) -> bool:
    """Whether an answer is right, the same every time.

    Answer and phrases are brought to one form (`normal`): NFKC, lower case, no accents, no thousands
    commas; letters and numbers are words, all else separates them. The pattern sees the answer as it is,
    without space around it.
    """
    said = f" {normal(answer)} "
    if any(f" {normal(phrase)} " in said for phrase in item.reject):
        return False
    if item.pattern and not re.search(item.pattern, answer.strip()):
        return False
    return not item.accept or any(f" {normal(phrase)} " in said for phrase in item.accept)


def normal(text: str) -> str:
    """A text as grading compares it: words and numbers with one space between them."""
    plain = unicodedata.normalize("NFKD", text.replace("\u2212", "-").replace("\u2019", "'")).casefold()
    plain = "".join(character for character in plain if not unicodedata.combining(character)).replace("'", "")
    return " ".join(WORD.findall(THOUSANDS.sub("", plain)))
