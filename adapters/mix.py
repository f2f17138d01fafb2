"""Which adapters are on, and how strongly: the text a user writes for a mix, and back."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from adapters.errors import AdapterFitError

MAX_SCALE = 10.0
MAX_PARTS = 8  # each costs time at every token
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}(@v[0-9]{1,6})?")


@dataclass(frozen=True, slots=True)
class Share:
    """One adapter of a mix: a name (`style`, `style@v2`) or a path, and its strength."""

    name: str
    scale: float = 1.0


def parse_mix(text: str, scale: float = 1.0) -> tuple[Share, ...]:
    """The adapters in `style:0.7 work:0.3`, `style 0.7`, `style`, or a path; `off` and "" are none.

    `scale` is the strength of those without one. A path with spaces stands alone or in quotes.

    Raises:
        AdapterFitError: an impossible strength, an adapter named twice, or more than eight.
    """
    text = text.strip()
    if text in ("", "off"):
        return ()
    words = _words(text)
    shares = tuple(_share(word, scale) for word in words)
    if not any(share.name != word for share, word in zip(shares, words, strict=True)):  # no `name:number`
        name, _, number = text.rpartition(" ")
        strength = _number(number) if name else None
        if strength is not None:
            shares = (Share(" ".join(_words(name)), strength),)
        elif len(words) > 1 and not all(NAME.fullmatch(word) for word in words):
            shares = (Share(text, scale),)
    return checked(shares)


def checked(shares: Sequence[Share]) -> tuple[Share, ...]:
    """The same shares, if they can be put on together.

    Raises:
        AdapterFitError: as above.
    """
    for share in shares:
        if not (math.isfinite(share.scale) and 0 <= share.scale <= MAX_SCALE):
            raise AdapterFitError(
                f"An adapter's strength of {share.scale} is not possible.", f"Choose 0 to {MAX_SCALE:g}."
            )
    names = [share.name for share in shares]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise AdapterFitError(f"The adapter {twice} stands twice in the mix.", "Name each once, with its strength.")
    if len(names) > MAX_PARTS:
        raise AdapterFitError(f"{len(names)} adapters are too many at once.", f"Mix at most {MAX_PARTS}.")
    return tuple(shares)


def mix_text(shares: Sequence[Share]) -> str:
    """The mix as `parse_mix` reads it, "" for none; a strength of 1 is left out."""
    return " ".join(_text(share) for share in shares)


def _text(share: Share) -> str:
    name = shlex.quote(share.name) if re.search(r"[\s'\"\\]", share.name) or not share.name else share.name
    needed = share.scale != 1 or share.name == "off" or ":" in share.name or _number(share.name) is not None
    return f"{name}:{share.scale!r}" if needed else name


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:  # an apostrophe in a file's name
        return text.split()


def _share(word: str, scale: float) -> Share:
    name, _, number = word.rpartition(":")
    strength = _number(number) if name else None
    return Share(word, scale) if strength is None else Share(name, strength)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
