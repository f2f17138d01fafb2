"""Which texts may an answer be? A sequence of parts, each one of a few literals, read back; or any grammar in GBNF."""

from __future__ import annotations

from collections.abc import Sequence

Form = tuple[tuple[str, ...], ...]  # parts in order, each with the literals it may be; no literal begins another
Shape = Form | str  # a form, or a grammar of llama.cpp with a rule `root`

_ESCAPED = {"\\": r"\\", '"': r"\"", "\n": r"\n", "\r": r"\r", "\t": r"\t"}


def gbnf(form: Shape) -> str:
    """The form as a grammar of llama.cpp (its grammars/README.md says how GBNF is written); a grammar as it is."""
    if isinstance(form, str):
        return form
    return "root ::= " + " ".join(f"({' | '.join(map(literal, part))})" for part in form)


def read(form: Form, text: str) -> tuple[str, ...] | None:
    """The literal of each part, None where the text is not of this form."""
    found = []
    for part in form:
        said = next((each for each in part if text.startswith(each)), None)
        if said is None:
            return None
        found.append(said)
        text = text[len(said) :]
    return None if text else tuple(found)


def nearest(form: Form, text: str) -> str:
    """A text of this form that takes, part by part, the literal that stands first in `text`, else the first one."""
    found = []
    for part in form:
        places = {each: place for each in part if (place := text.find(each)) >= 0}
        said = min(places, key=lambda each: places[each]) if places else part[0]
        found.append(said)
        text = text[places[said] + len(said) :] if places else text
    return "".join(found)


def checked(form: Sequence[Sequence[str]] | str) -> Shape:
    """A form, or a grammar, as it comes over a pipe.

    Raises:
        ValueError: a part has no literal, or one literal begins another, so that a text could be read two ways.
    """
    if isinstance(form, str):
        return form
    parts = tuple(tuple(part) for part in form)
    for part in parts:
        if not part or not all(part):
            raise ValueError("Each part of a form needs literals, none of them empty.")
        if any(one != other and other.startswith(one) for one in part for other in part):
            raise ValueError("No literal of a part may begin another one.")
    return parts


def literal(text: str) -> str:
    """A text as a literal of GBNF."""
    return '"' + "".join(_ESCAPED.get(letter, letter) for letter in text) + '"'
