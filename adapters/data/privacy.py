"""Is there anything in the rows that should not be learned by heart: addresses, numbers, cards, keys?"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from adapters.data.dataset import label, searched
from adapters.rows import Row

SHOWN = 5  # row labels and masked samples kept of each kind


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of private text: how often, in how many rows, the first of them, and masked samples."""

    kind: str
    count: int
    rows: int
    labels: tuple[str, ...]
    samples: tuple[str, ...]

    def __str__(self) -> str:
        noun = self.kind if self.count == 1 else f"{self.kind}{'es' if self.kind.endswith('s') else 's'}"
        rows = "1 row" if self.rows == 1 else f"{self.rows:,} rows"
        return f"{self.count:,} {noun} in {rows} (such as {self.samples[0]} in {self.labels[0]})"

    def as_json(self) -> dict[str, Any]:
        """All of it as plain values."""
        return {**asdict(self), "labels": list(self.labels), "samples": list(self.samples)}


def findings(rows: Iterable[Row]) -> list[Finding]:
    """What private text the rows hold, by kind; never in full."""
    counts: dict[str, int] = {}
    labels: dict[str, dict[str, None]] = {}
    samples: dict[str, dict[str, None]] = {}
    for row in rows:
        for kind, text in private_parts(searched(row)):
            counts[kind] = counts.get(kind, 0) + 1
            labels.setdefault(kind, {})[label(row)] = None
            samples.setdefault(kind, {})[masked(text)] = None
    return [
        Finding(kind, counts[kind], len(labels[kind]), tuple(labels[kind])[:SHOWN], tuple(samples[kind])[:SHOWN])
        for kind, *_ in PATTERNS
        if kind in counts
    ]


def private_parts(text: str) -> Iterator[tuple[str, str]]:
    """(kind, the text itself) of everything private in `text`; no character counts twice."""
    for kind, pattern, holds in PATTERNS:
        spans = []
        for found in pattern.finditer(text):
            if holds(found.group()):
                spans.append(found.span())
                yield kind, found.group()
        for start, end in spans:
            text = f"{text[:start]}{' ' * (end - start)}{text[end:]}"


def masked(text: str) -> str:
    """The first few characters, at most a quarter of them all, then dots."""
    return f"{text[: min(4, len(text) // 4)]}•••"


def luhn(number: str) -> bool:
    """Whether the digits have the check digit of a payment card (ISO/IEC 7812-1)."""
    digits = [int(digit) for digit in number if digit.isdecimal()]
    doubled = [digit * 2 - 9 * (digit > 4) if place % 2 else digit for place, digit in enumerate(reversed(digits))]
    return 13 <= len(digits) <= 19 and len(set(digits)) > 1 and sum(doubled) % 10 == 0


def iban(text: str) -> bool:
    """Whether the text has the check digits of a bank account (ISO 13616: the rearranged number mod 97 is 1)."""
    plain = re.sub(r"[ -]", "", text).upper()
    if not 15 <= len(plain) <= 34:
        return False
    return int("".join(str(int(character, 36)) for character in plain[4:] + plain[:4])) % 97 == 1


def _phone(text: str) -> bool:
    if not 8 <= sum(character.isdecimal() for character in text) <= 15 or DATE.fullmatch(text):
        return False
    return bool(PHONE.match(text))


PHONE = re.compile(r"\+\d|00?[ /-]?\d|\(0?\d{1,4}\)|\d{3}[-. ]\d{3}[-. ]\d{4}$")
DATE = re.compile(r"\d{4}[-./ ]\d\d?[-./ ]\d\d?(?:[ -]{1,3}\d{2,4})*|\d\d?[-./ ]\d\d?[-./ ]\d{4}(?:[ -]{1,3}\d{2,4})*")
_ANY: Callable[[str], bool] = lambda text: True  # noqa: E731  # a name for "every match counts"
# In the order of certainty: what one kind takes, the next do not see. Every repetition is bounded.
PATTERNS: tuple[tuple[str, re.Pattern[str], Callable[[str], bool]], ...] = (
    ("private key", re.compile(r"-----BEGIN (?:[A-Z]{1,12} ){0,3}PRIVATE KEY-----[^-]{0,10000}"), _ANY),
    (
        "access key",
        re.compile(
            r"\b(?:sk-[\w-]{16,200}|gh[pousr]_\w{20,255}|github_pat_\w{20,255}|hf_\w{20,100}|AKIA[A-Z0-9]{16}|AIza[\w-]{35}"
            r"|xox[abprs]-[\w-]{10,200}|glpat-[\w-]{20,100}|eyJ[\w-]{10,2000}\.eyJ[\w-]{10,4000}\.[\w-]{10,1000})"
        ),
        _ANY,
    ),
    (
        "password",
        re.compile(
            r"(?i)\b(?:password|passwd|passwort|pwd|api[_ -]?key|secret|token|pin)\s{0,3}[:=]\s{0,3}[^\s,;]{4,200}"
        ),
        _ANY,
    ),
    ("mail address", re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,8}[A-Za-z]{2,24}\b"), _ANY),
    ("bank account", re.compile(r"\b[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]{1,4}){3,8}\b"), iban),
    ("card number", re.compile(r"(?<![\w.])\d(?:[ -]?\d){12,18}(?!\w)"), luhn),
    ("phone number", re.compile(r"(?<![\w.,])[+(]?\d(?:[ ()./-]{0,3}\d){6,14}(?!\w)"), _phone),
)
