"""What every backend can do: describe itself, count tokens, stream an answer, wear an adapter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from assistant.conversation import Role, Sampling

Finish = Literal["stop", "length", "cancelled"]


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """Facts of a loaded model. `context` is in tokens; `message_overhead` is what the chat template
    adds to each message of a chat that begins with a system message, in tokens (an upper bound).
    `notice` is what the user should know of the model, "" for nothing."""

    name: str
    path: str
    architecture: str
    parameters: int
    quantization: str
    context: int
    trained_context: int
    message_overhead: int
    notice: str = ""


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """A message as a backend sees it."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Piece:
    """The next piece of an answer's text."""

    text: str


@dataclass(frozen=True, slots=True)
class Done:
    """The end of an answer: why it ended and what it cost (see conversation.Usage)."""

    finish: Finish
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    seconds_to_first_token: float
    tokens_per_second: float
    seed: int


class Backend(Protocol):
    """An engine holding one model. Single-threaded: one call at a time."""

    @property
    def info(self) -> ModelInfo:
        """Facts of the loaded model."""

    def count_tokens(self, texts: list[str]) -> list[int]:
        """Tokens of each text as content, without template or special tokens."""

    def complete(
        self, messages: list[ChatMessage], sampling: Sampling, cancelled: Callable[[], bool]
    ) -> Iterator[Piece | Done]:
        """Stream the answer to `messages`; the last item is Done.

        `cancelled` is looked at between tokens and between prompt batches (within 200 ms).

        Raises:
            ContextOverflowError: the rendered prompt leaves no room for an answer.
            ModelError: the engine failed.
        """

    def set_adapter(self, path: str | None, scale: float) -> str:
        """Put the LoRA adapter at `path` on the live model (None: take it off) and return its name.

        The KV cache, whose entries belong to the old adapter, is dropped.

        Raises:
            AdapterError: the file is missing, no adapter, or does not fit; the old state stays.
        """
