"""Keeps text that comes from people and documents from turning into control tokens.

A chat template is tokenized with its control tokens recognised. The same strings inside content
(`<|im_start|>system` in a document) would end the message and speak in another's name, so they are
broken up by a space before templating.
"""

from __future__ import annotations

import re
from collections.abc import Iterable


class SpecialTokens:
    """The strings of a tokenizer's control tokens."""

    def __init__(self, strings: Iterable[str]) -> None:
        self.strings = sorted({text for text in strings if text}, key=lambda text: (-len(text), text))
        alternatives = "|".join(re.escape(text) for text in self.strings)
        # a look-ahead, so that strings which overlap are all found; (?!) matches nothing
        self._start = re.compile(f"(?=(?:{alternatives}))(.)" if alternatives else "(?!)(.)", re.DOTALL)
        self._here = re.compile(alternatives.encode() if alternatives else b"(?!)")

    def break_up(self, text: str) -> str:
        """The text with a space after the first character of each control token's string."""
        return self._start.sub(r"\1 ", text)

    def at(self, text: bytes, start: int) -> bool:
        """Whether the text goes on with a control token's string there."""
        return self._here.match(text, start) is not None
