"""What stands before the paragraphs of a list or a numbered heading in a Word file, which counts them itself."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from lxml import etree  # type: ignore[import-untyped]  # lxml ships no types

from ingest.readers.safe_xml import attribute, child, local

_PLACE = re.compile(r"%([1-9])")
_ROMAN = ((10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))
MAX_ROMAN = 50
BULLET = "-"


@dataclass(frozen=True, slots=True)
class _Level:
    kind: str  # "bullet", "decimal", "lowerLetter", …
    text: str  # "%1.%2."
    start: int


@dataclass(slots=True)
class Numbering:
    """Counts the paragraphs of each list of one document."""

    _levels: dict[str, dict[int, _Level]] = field(default_factory=dict)
    _counts: dict[str, list[int]] = field(default_factory=dict)
    _shared: dict[str, str] = field(default_factory=dict)  # list -> the definition whose count it goes on with

    def mark(self, number: str, level: int) -> str:
        """What stands before the next paragraph of a list: "-", "3." or "2.1"; "" for a list of nothing."""
        levels = self._levels.get(number)
        if number == "0" or level > 8:
            return ""
        if levels is None or level not in levels:
            return BULLET
        counts = self._counts.setdefault(self._shared[number], [-1] * 9)
        counts[level] = levels[level].start if counts[level] < 0 else counts[level] + 1
        counts[level + 1 :] = [-1] * (8 - level)
        if levels[level].kind == "bullet":
            return BULLET
        if levels[level].kind == "none":
            return ""
        return _PLACE.sub(lambda found: self._shown(levels, counts, int(found[1]) - 1), levels[level].text).strip()

    def _shown(self, levels: dict[int, _Level], counts: list[int], level: int) -> str:
        known = levels.get(level, _Level("decimal", "", 1))
        return _number(max(counts[level], known.start) if counts[level] < 0 else counts[level], known.kind)


def numbering_of(root: etree._Element | None) -> Numbering:
    """The lists that `numbering.xml` defines; None gives bullets."""
    numbering = Numbering()
    definitions: dict[str, dict[int, _Level]] = {}
    for element in root if root is not None else ():
        if local(element) == "abstractNum":
            levels = (each for each in element if local(each) == "lvl")
            definitions[attribute(element, "abstractNumId")] = dict(map(_level, levels))
        elif local(element) == "num":
            number = attribute(element, "numId")
            definition = attribute(child(element, "abstractNumId"), "val")
            numbering._levels[number] = definitions.get(definition, {})
            restarts = child(element, "lvlOverride") is not None
            numbering._shared[number] = f"num {number}" if restarts else definition
    return numbering


def _level(element: etree._Element) -> tuple[int, _Level]:
    start = attribute(child(element, "start"), "val")
    kind = attribute(child(element, "numFmt"), "val") or "decimal"
    text = attribute(child(element, "lvlText"), "val")
    index = attribute(element, "ilvl")
    return int(index) if index.isdigit() else 0, _Level(kind, text, int(start) if start.isdigit() else 1)


def _number(count: int, kind: str) -> str:
    if kind in {"lowerLetter", "upperLetter"} and count > 0:
        letters = chr(ord("a") + (count - 1) % 26) * min((count - 1) // 26 + 1, 5)
        return letters if kind == "lowerLetter" else letters.upper()
    if kind in {"lowerRoman", "upperRoman"} and 0 < count <= MAX_ROMAN:
        shown = ""
        for value, sign in _ROMAN:
            while count >= value:
                shown, count = shown + sign, count - value
        return shown if kind == "lowerRoman" else shown.upper()
    return f"{count:02}" if kind == "decimalZero" else str(count)
