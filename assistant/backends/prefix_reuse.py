"""Which tokens of the KV cache can the next prompt keep?

A prompt is compared with the cache by its bytes, not by its tokens: what the model generated need
not be how the tokenizer would cut the same text. The cut is placed beside a special token, where
tokenizers cut in any case, so the rest of the prompt gets the tokens it would have got anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol


class Vocabulary(Protocol):
    """What has to be known about tokens."""

    def piece(self, token: int) -> bytes:
        """The bytes a token stands for."""

    def is_special(self, token: int) -> bool:
        """Whether it is a control token."""


class ControlStrings(Protocol):
    """What has to be known about a tokenizer's control tokens (see special_tokens)."""

    def at(self, text: bytes, start: int) -> bool:
        """Whether the text goes on with a control token's string there."""


def tokens_with_reuse(
    prompt: bytes,
    cached: Sequence[int],
    vocabulary: Vocabulary,
    special: ControlStrings,
    tokenize: Callable[[bytes], list[int]],
) -> tuple[list[int], int]:
    """The prompt's tokens, and how many of the first are the cache's; at least one never is."""
    kept, length = _cut(prompt, cached, vocabulary, special)
    tokens = [*cached[:kept], *tokenize(prompt[length:])]
    return tokens, min(common_prefix(cached, tokens), len(tokens) - 1)


def common_prefix(first: Sequence[int], second: Sequence[int]) -> int:
    """How many leading tokens are the same."""
    count = 0
    for one, other in zip(first, second, strict=False):
        if one != other:
            break
        count += 1
    return count


def _cut(prompt: bytes, cached: Sequence[int], vocabulary: Vocabulary, special: ControlStrings) -> tuple[int, int]:
    """The last place beside a special token up to which cache and prompt agree: (tokens, bytes)."""
    best, position, special_before = (0, 0), 0, False
    for count, token in enumerate(cached):
        if special_before or special.at(prompt, position):
            best = (count, position)
        piece = vocabulary.piece(token)
        if not piece or not prompt.startswith(piece, position):
            return best
        position += len(piece)
        special_before = vocabulary.is_special(token)
    if special_before or special.at(prompt, position):
        best = (len(cached), position)
    return best
