"""Which tokens keep an answer in its form? For engines without a grammar of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from assistant.backends.form import Form


class FormFilter:
    """Follows an answer token by token; a token may stand next if the text can still become one of the form."""

    def __init__(self, form: Form, tokens: Iterable[int], data: Callable[[int], bytes]) -> None:
        """`tokens` are those that stand for text, `data` gives a token's bytes."""
        self._left = [[literal.encode() for literal in part] for part in form]
        self._said = b""  # of the part that is being written
        self._data = data
        self._starting: dict[int, list[int]] = {}  # tokens by their first byte
        for token in tokens:
            if piece := data(token):
                self._starting.setdefault(piece[0], []).append(token)

    @property
    def complete(self) -> bool:
        """Whether the answer is a text of the form, so that it has to end."""
        return not self._left

    def allowed(self) -> list[int]:
        """The tokens that may stand next; none once it is complete."""
        if self.complete:
            return []
        place = len(self._said)
        firsts = {literal[place] for literal in self._left[0] if literal.startswith(self._said)}
        near = [token for first in sorted(firsts) for token in self._starting.get(first, ())]
        return [token for token in near if _begins(self._left, self._said + self._data(token))]

    def add(self, token: int) -> None:
        """The token that was chosen."""
        self._said += self._data(token)
        while self._left and (whole := next((each for each in self._left[0] if self._said.startswith(each)), None)):
            self._said = self._said[len(whole) :]
            del self._left[0]


def _begins(parts: list[list[bytes]], text: bytes) -> bool:
    """Whether a text of these parts begins with `text`; no literal begins another, so one that fits is the only one."""
    for part in parts:
        whole = next((literal for literal in part if text.startswith(literal)), None)
        if whole is None:
            return any(literal.startswith(text) for literal in part)
        text = text[len(whole) :]
    return not text
