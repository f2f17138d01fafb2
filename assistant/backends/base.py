"""What every backend can do: describe itself, count tokens, stream an answer, score one, wear adapters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from assistant.backends.form import Shape
from assistant.backends.next_token import Chosen, Distribution
from assistant.conversation import Role, Sampling

Finish = Literal["stop", "length", "cancelled"]


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """Facts of a loaded model. `context` is in tokens; `message_overhead` is what the chat template
    adds to each message of a chat that begins with a system message, in tokens (an upper bound).
    `notice` is what the user should know of the model, "" for nothing; `host` names the server of a remote one."""

    name: str
    path: str
    architecture: str
    parameters: int
    quantization: str
    context: int
    trained_context: int
    message_overhead: int
    notice: str = ""
    engine: str = "llama.cpp"  # or transformers, remote, scripted
    host: str = ""


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


@dataclass(frozen=True, slots=True)
class Score:
    """How likely a given answer is: its tokens with the one that ends it, and the natural log of its probability."""

    tokens: int
    log_probability: float


@dataclass(frozen=True, slots=True)
class Step:
    """What the model would say at one place of a given text: its best token, that token's score before softmax
    (logit), and those of the tokens asked about."""

    token: int
    logit: float
    chosen: list[float]


@dataclass(frozen=True, slots=True)
class NullAnswer:
    """The sentence that says there is no answer, and by how much the score of its first token must exceed all others
    for the answer to begin with it: the no-answer threshold of SQuAD 2.0 (Devlin et al. 2019, arXiv 1810.04805, 4.3).
    """

    text: str
    threshold: float  # in logits


class Backend(Protocol):
    """An engine holding one model. Single-threaded: one call at a time."""

    @property
    def info(self) -> ModelInfo:
        """Facts of the loaded model."""

    def count_tokens(self, texts: list[str]) -> list[int]:
        """Tokens of each text as content, without template or special tokens."""

    def complete(
        self,
        messages: list[ChatMessage],
        sampling: Sampling,
        cancelled: Callable[[], bool],
        form: Shape = (),
        null: NullAnswer | None = None,
    ) -> Iterator[Piece | Done]:
        """Stream the answer to `messages`; the last item is Done.

        `cancelled` is looked at between tokens and between prompt batches (within 200 ms). With a `form` the answer
        is a text of that form or grammar, if `max_tokens` and the context have room for it; with `null` it declines
        only where that is clear.

        Raises:
            ContextOverflowError: the rendered prompt leaves no room for an answer.
            ModelError: the engine failed.
        """

    def score(self, messages: list[ChatMessage], answer: str) -> Score:
        """How likely `answer` is as the answer to `messages`, under the chat prompt.

        Raises:
            ContextOverflowError: prompt and answer are longer than the context.
            ModelError: the engine failed.
        """

    def follow(self, prompt: list[int], continuation: list[int], candidates: list[list[int]]) -> list[Step]:
        """What the model would say in place of each token of `continuation`, having read all before it.

        `candidates` are the tokens asked about, a list for each place.

        Raises:
            ContextOverflowError, ModelError: as above, or a token the model does not have.
        """

    def decode(
        self, messages: list[ChatMessage], sampling: Sampling, cancelled: Callable[[], bool]
    ) -> Iterator[Chosen | Done]:
        """Answer as `complete` does, token by token, the one that ends the answer included; `sampling.stop` is ignored.

        Raises:
            ContextOverflowError, ModelError: as `complete`.
        """

    def next_tokens(self, messages: list[ChatMessage], said: list[int], sampling: Sampling, count: int) -> Distribution:
        """What could come after the prompt for `messages` and the tokens already `said`: the `count` likeliest, before
        and after each knob of `sampling`.

        Raises:
            ContextOverflowError, ModelError: as `follow`.
        """

    def set_adapters(self, parts: list[tuple[str, float]], tried: bool = False) -> str:
        """Put these LoRA files on the live model, each with its strength, in place of all others (none: the base
        alone), and return the mix as `adapters.mix` writes it.

        The KV cache, whose entries belong to the old adapters, is dropped. `tried`: these very files passed on
        this model before, so the probe is left out.

        Raises:
            AdapterError: a file is missing, no adapter, or does not fit; the old state stays.
        """
