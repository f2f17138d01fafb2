"""What an engine that runs a model in this process can do; see EngineBackend for what is made of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

from adapters.hotswap import Engine as WearsAdapters
from assistant.backends.form import Shape
from assistant.conversation import Sampling

Stopped = Callable[[], bool]


class TokenSampler(Protocol):
    """Chooses the tokens of one answer."""

    def next(self) -> int:
        """The token chosen after the last evaluated one."""

    def close(self) -> None:
        """Free what it holds."""


class Engine(WearsAdapters, Protocol):
    """A model with one cache of keys and values; `cached` are the tokens in it. Errors are ModelError."""

    context: int
    vocabulary_size: int
    cached: list[int]
    cuts_beside_control: bool  # a text is cut beside a control token as if it began or ended there

    def tokenize(self, text: bytes, special: bool) -> list[int]:
        """The text's tokens; `special` recognises control tokens in it. None are added."""

    def piece(self, token: int) -> bytes:
        """The bytes a token stands for, control tokens included."""

    def shown(self, token: int) -> bytes:
        """The bytes an answer shows for a token: none for control tokens."""

    def is_special(self, token: int) -> bool:
        """Whether it is a control token."""

    def is_end(self, token: int) -> bool:
        """Whether it ends an answer."""

    def special_strings(self) -> list[str]:
        """The strings that `tokenize` with `special` turns into tokens of their own power."""

    def begin_end_strings(self) -> tuple[str, str]:
        """The strings of the tokens that begin and end a text, "" where there is none."""

    def adds_begin(self) -> bool:
        """Whether the tokenizer puts the begin token before every text."""

    def keep(self, count: int) -> int:
        """Keep the first `count` tokens of the cache; returns how many could be kept."""

    def evaluate(self, tokens: list[int], stopped: Stopped = ...) -> bool:
        """Append tokens to the cache; False if `stopped` said so on the way."""

    def append(self, token: int) -> None:
        """Append one token."""

    def scores(self, tokens: list[int]) -> Iterator[Any]:
        """Append tokens; for each the scores of all tokens after it, an array of shape (vocabulary_size,)."""

    def lower(self, token: int, by: float) -> None:
        """Take so much from the score of one token as the next one, before a sampler looks."""

    def last_scores(self) -> Any:
        """A copy of the scores of every token after the last one, shape (vocabulary_size,)."""

    def sampler(self, sampling: Sampling, seed: int, form: Shape = ()) -> TokenSampler:
        """A chooser of next tokens for one answer, of such as its form goes on with."""

    def close(self) -> None:
        """Free the model."""
