"""The formulas of Office files as LaTeX: "x2" would be read as a name, "x^{2}" is a square."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

from lxml import etree  # type: ignore[import-untyped]  # lxml ships no types

from ingest.readers.safe_xml import attribute, child, local

_SIGNS = {
    "∞": "infty", "∑": "sum", "∫": "int", "∬": "iint", "∮": "oint", "∏": "prod", "×": "times", "⋅": "cdot", "·": "cdot",
    "÷": "div", "±": "pm", "∓": "mp", "≤": "leq", "≥": "geq", "≠": "neq", "≈": "approx", "≡": "equiv", "∝": "propto",
    "→": "to", "←": "leftarrow", "⇒": "Rightarrow", "⇔": "Leftrightarrow", "∂": "partial", "∇": "nabla", "∈": "in",
    "∉": "notin", "⊂": "subset", "⊆": "subseteq", "∪": "cup", "∩": "cap", "∀": "forall", "∃": "exists", "∅": "emptyset",
    "…": "ldots", "⋯": "cdots", "ℝ": "mathbb{R}", "ℕ": "mathbb{N}", "ℤ": "mathbb{Z}", "ϵ": "epsilon", "ϕ": "phi",
}  # fmt: skip
_FUNCTION_NAMES = "sin cos tan cot sec csc sinh cosh tanh log ln exp lim max min sup inf det arg gcd"
_FUNCTIONS = frozenset(_FUNCTION_NAMES.split())
_ACCENTS = {"̂": "hat", "̃": "tilde", "̄": "bar", "̅": "bar", "⃗": "vec", "̇": "dot", "̈": "ddot"}
_PROPERTIES = "Pr"


def latex(element: etree._Element) -> str:
    """The formula in an `oMath` element, or a part of one."""
    rule = _RULES.get(local(element))
    return rule(element) if rule else _inside(element)


def _inside(element: etree._Element | None) -> str:
    parts = (latex(each) for each in element if not local(each).endswith(_PROPERTIES)) if element is not None else ()
    return "".join(parts)


def _part(element: etree._Element, name: str) -> str:
    return _inside(child(element, name)).strip()


def _value(element: etree._Element, properties: str, name: str, default: str) -> str:
    found = child(element, properties, name)
    return default if found is None else attribute(found, "val")


def _text(element: etree._Element) -> str:
    return "".join(map(_sign, element.text or ""))


def _sign(character: str) -> str:
    if character in _SIGNS:
        return f"\\{_SIGNS[character]} "
    name = unicodedata.name(character, "").removeprefix("MATHEMATICAL ITALIC ")
    if name.startswith(("GREEK SMALL LETTER ", "GREEK CAPITAL LETTER ", "SMALL ", "CAPITAL ")) and ord(character) > 127:
        letter = name.rpartition(" ")[2].lower()
        return f"\\{letter.capitalize() if 'CAPITAL' in name else letter} " if len(letter) > 1 else letter
    return unicodedata.normalize("NFKC", character)  # letters in italics are letters


def _fraction(element: etree._Element) -> str:
    top, bottom = _part(element, "num"), _part(element, "den")
    if _value(element, "fPr", "type", "") == "noBar":
        return f"\\genfrac{{}}{{}}{{0pt}}{{}}{{{top}}}{{{bottom}}}"
    return f"\\frac{{{top}}}{{{bottom}}}"


def _scripts(element: etree._Element) -> str:
    return f"{_part(element, 'e')}{_below_above(element)}"


def _below_above(element: etree._Element) -> str:
    below, above = _part(element, "sub"), _part(element, "sup")
    return (f"_{{{below}}}" if below else "") + (f"^{{{above}}}" if above else "")


def _many(element: etree._Element) -> str:
    sign = _sign(_value(element, "naryPr", "chr", "∫")).strip()
    return f"{sign}{_below_above(element)} {_part(element, 'e')}"


def _fenced(element: etree._Element) -> str:
    left, right = _value(element, "dPr", "begChr", "("), _value(element, "dPr", "endChr", ")")
    between = _value(element, "dPr", "sepChr", "|")
    inside = between.join(_inside(each).strip() for each in element if local(each) == "e")
    escaped = [f"\\{fence}" if fence in {"{", "}"} else fence or "." for fence in (left, right)]
    return f"\\left{escaped[0]}{inside}\\right{escaped[1]}"


def _root(element: etree._Element) -> str:
    degree = _part(element, "deg")
    return f"\\sqrt{f'[{degree}]' if degree else ''}{{{_part(element, 'e')}}}"


def _function(element: etree._Element) -> str:
    name = _part(element, "fName")
    return f"{f'{chr(92)}{name}' if name in _FUNCTIONS else name}({_part(element, 'e')})"


def _accent(element: etree._Element) -> str:
    return f"\\{_ACCENTS.get(_value(element, 'accPr', 'chr', '̂'), 'hat')}{{{_part(element, 'e')}}}"


def _limit(element: etree._Element) -> str:
    mark = "_" if local(element) == "limLow" else "^"
    name = _part(element, "e")
    return f"{f'{chr(92)}{name}' if name in _FUNCTIONS else name}{mark}{{{_part(element, 'lim')}}}"


def _matrix(element: etree._Element) -> str:
    rows = ([_inside(cell).strip() for cell in row if local(cell) == "e"] for row in element if local(row) == "mr")
    lines = " \\\\ ".join(" & ".join(row) for row in rows)
    return f"\\begin{{matrix}}{lines}\\end{{matrix}}"


def _array(element: etree._Element) -> str:
    return " \\\\ ".join(_inside(each).strip() for each in element if local(each) == "e")


_RULES: dict[str, Callable[[etree._Element], str]] = {
    "t": _text, "f": _fraction, "sSup": _scripts, "sSub": _scripts, "sSubSup": _scripts, "nary": _many, "d": _fenced,
    "rad": _root, "func": _function, "acc": _accent, "limLow": _limit, "limUpp": _limit, "m": _matrix, "eqArr": _array,
}  # fmt: skip
