"""Does an answer keep to the length and form it was asked for? Rules such as `words<=40`, `json`, `holds=pounds`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from assistant.citations import MARK, sentences
from assistant.errors import UsageError

ITEM = re.compile(r"^\s*(?:[-*•]|\d{1,3}[.)])\s+\S")
COUNTS: dict[str, Callable[[str], int]] = {
    "words": lambda text: len(MARK.sub("", text).split()),
    "sentences": lambda text: len(sentences(text)),
    "lines": lambda text: sum(bool(line.strip()) for line in text.splitlines()),
    "characters": len,
}
FORMS: dict[str, Callable[[str], bool]] = {
    "json": lambda text: _is_json(text),
    "list": lambda text: all(ITEM.match(line) for line in text.splitlines() if line.strip()) and bool(text.strip()),
    "prose": lambda text: not any(ITEM.match(line) or line.startswith("#") for line in text.splitlines()),
    "cites": lambda text: MARK.search(text) is not None,
}
TEXTS: dict[str, Callable[[str, str], bool]] = {
    "starts": lambda text, wanted: text.lstrip().casefold().startswith(wanted),
    "ends": lambda text, wanted: text.rstrip().casefold().endswith(wanted),
    "holds": lambda text, wanted: wanted in text.casefold(),
    "lacks": lambda text, wanted: wanted not in text.casefold(),
}
COMPARED = re.compile(r"(\w+)\s*(<=|>=|=)\s*(\d{1,7})")
KNOWN = (
    "words<=40 (also sentences, lines, characters; <=, >=, =), json, list, prose, cites, starts= ends= holds= lacks="
)


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as it was written, and what it asks of an answer."""

    text: str
    kept: Callable[[str], bool]


def parse_rule(text: str) -> Rule:
    """The rule of a line.

    Raises:
        UsageError: it is none; the hint names those there are.
    """
    written = text.strip()
    if compared := COMPARED.fullmatch(written):
        name, sign, number = compared[1], compared[2], int(compared[3])
        if count := COUNTS.get(name):
            return Rule(written, _comparison(count, sign, number))
    if form := FORMS.get(written):
        return Rule(written, form)
    name, equals, wanted = written.partition("=")
    if equals and wanted.strip() and (test := TEXTS.get(name.strip())):
        return Rule(written, lambda answer: test(answer, wanted.strip().casefold()))
    raise UsageError(f"There is no rule {written[:60]!r}.", f"Rules: {KNOWN}TEXT")


def broken(answer: str, rules: Sequence[Rule]) -> tuple[str, ...]:
    """The rules an answer does not keep, as they were written."""
    return tuple(rule.text for rule in rules if not rule.kept(answer))


def _comparison(count: Callable[[str], int], sign: str, number: int) -> Callable[[str], bool]:
    if sign == "<=":
        return lambda answer: count(answer) <= number
    if sign == ">=":
        return lambda answer: count(answer) >= number
    return lambda answer: count(answer) == number


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
