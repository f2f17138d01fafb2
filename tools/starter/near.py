"""How does a question become one that its passages nearly answer, but do not?"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterable, Sequence

from assistant.citations import content_words
from tools.starter.reading import Reading
from tools.starter.words import WORDS

OPPOSITES: dict[str, str] = {}
for _pair in WORDS["opposites"]:
    _one, _other = _pair.split()
    OPPOSITES.setdefault(_one, _other)
    OPPOSITES.setdefault(_other, _one)
NOUN = re.compile(
    r"\b(the|his|her|their) ([a-z]{4,})(?=\?|,| (?:in|of|at|to|on|with|from|for|by|and|when|after|before|was|were|do|go"
    r"|get|have|had|say|said|see|feel|give|take|make|find)\b)"
)
COMMON_NOUN = 4  # questions that a noun stands in
NAME = re.compile(r"(?<!^)(?<![.?!] )\b[A-Z][\w'’-]+(?:\s+(?:of the|of|de|van|von)\s+[A-Z][\w'’-]+|\s+[A-Z][\w'’-]+)*")
YEAR = re.compile(r"\b(1[0-9]\d\d|20[0-2]\d)s?\b")
NUMBER = re.compile(r"\b\d{1,3}(?:,\d{3})*(?:\.\d+)?\b")
NOT_NAMES = {"I", "The", "He", "She", "It", "They", "Mr", "Mrs", "Dr", "God", "A", "An", "January", "February", "March",
             "April", "May", "June", "July", "August", "September", "October", "November", "December"}  # fmt: skip


def other_opposite(reading: Reading) -> str:
    """The question with one word turned into its opposite, "" where that cannot be."""
    there = set(re.findall(r"\w+", reading.context.lower()))
    for word in re.findall(r"\b[a-z]+\b", reading.question):
        other = OPPOSITES.get(word, "")
        if other and other not in there and word in there:
            return re.sub(rf"\b{word}\b", other, reading.question, count=1)
    return ""


def other_year(reading: Reading, chance: random.Random) -> str:
    """The question about another year or number."""
    found = YEAR.search(reading.question)
    if found and found[1] in reading.context:
        new = str(int(found[1]) + chance.choice([-31, -17, -8, -5, -3, 2, 4, 6, 9, 13, 24]))
        return "" if new in reading.context else reading.question.replace(found[1], new, 1)
    return ""


def other_name(reading: Reading, names: Sequence[str], chance: random.Random) -> str:
    """The question about another name: one from texts alike, or one of the same passage, but from another sentence."""
    question, lower, answer = reading.question, reading.context.lower(), reading.answer.lower()
    asked = [name for name in NAME.findall(question) if name.split()[0] not in NOT_NAMES and f"{name}," not in question]
    asked = [name for name in asked if name.lower() in lower and name.lower() not in answer and not name.isupper()]
    if not asked:
        return ""
    old = chance.choice(asked)
    fresh = [name for name in names if not set(name.lower().split()) & set(lower.split()) and _alike(name, old)]
    told = next((part for part in re.split(r"(?<=[.!?])\s", reading.context) if answer in part.lower()), "")
    own = [name for name in names_in(reading.context) if _alike(name, old) and name not in told + question]
    chosen = own if own and chance.random() < 0.4 else fresh
    return question.replace(old, chance.choice(chosen), 1) if chosen else ""


def other_noun(reading: Reading, nouns: Sequence[str], chance: random.Random) -> str:
    """The question about another thing, one of `nouns`, of which the passage says nothing."""
    lower = reading.context.lower()
    asked = [found for found in NOUN.finditer(reading.question) if found[2] in lower and found[2] not in reading.answer]
    fresh = [noun for noun in chance.sample(list(nouns), min(len(nouns), 20)) if noun not in lower]
    if not asked or not fresh:
        return ""
    found = chance.choice(asked)
    fit = [noun for noun in fresh if noun.endswith("s") == found[2].endswith("s")]
    return reading.question[: found.start(2)] + fit[0] + reading.question[found.end(2) :] if fit else ""


def nouns_of(readings: Iterable[Reading]) -> list[str]:
    """The nouns that several questions ask about."""
    counts = Counter(found[2] for reading in readings for found in NOUN.finditer(reading.question))
    return sorted(noun for noun, count in counts.items() if count >= COMMON_NOUN)


def _alike(one: str, other: str) -> bool:
    plural = [name.split()[-1].endswith("s") for name in (one, other)]
    return abs(len(one.split()) - len(other.split())) <= 1 and plural[0] == plural[1]


def names_in(text: str) -> list[str]:
    """The names in a text, without those that begin a sentence."""
    found = re.findall(r"(?<=[a-z,] )[A-Z][\w'’-]+(?:\s+[A-Z][\w'’-]+){0,2}", text)
    return [name for name in dict.fromkeys(found) if name.split()[0] not in NOT_NAMES and len(name) > 3]


def could_answer(text: str, reading: Reading) -> bool:
    """Whether a text may hold the answer: its words, or most of the question's."""
    there = set(content_words(text))
    answer = content_words(reading.answer)
    if not answer or all(word in there for word in answer):
        return True
    return len(answer) > 3 and sum(word in there for word in answer) / len(answer) > 0.6
