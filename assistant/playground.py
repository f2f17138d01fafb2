"""One prompt answered by up to four settings, token by token, with what could have come at each place."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from adapters.mix import Share, mix_text, parse_mix
from assistant.backends.base import ChatMessage, Done
from assistant.backends.next_token import KNOBS, Candidate, Chosen, Distribution
from assistant.config import Config
from assistant.conversation import Sampling
from assistant.errors import UsageError
from assistant.prompting import system_prompt
from assistant.tokens.token import Piece, Token, pieces

if TYPE_CHECKING:
    from assistant.bootstrap import Core
    from assistant.model import Model

MOST_SETTINGS, TOP = 4, 20
CONTEXT = 4096  # tokens at most: the second process needs memory for its cache, beside the chat's
OFF = Sampling(temperature=1.0, top_k=0, top_p=1.0, min_p=0.0, repeat_penalty=1.0, seed=1, max_tokens=64)
GREEDY, CHAT, ADAPTER, BASE = "greedy", "chat", "adapter", "base"
KEYS = ("temperature", "top_k", "top_p", "min_p", "repeat_penalty", "max_tokens", "seed")
STARTS = ("greedy", "temperature=0.7", "temperature=1 top_p=0.9", "temperature=1.5 min_p=0.1")  # what the screen offers


@dataclass(frozen=True, slots=True)
class Setting:
    """One way to answer. `text` is how it was written; `mix` the adapters, "" the base, None what is on in the chat."""

    text: str
    sampling: Sampling
    mix: str | None = None


@dataclass(slots=True)
class Decoded:
    """An answer by one setting, as far as it has come."""

    setting: Setting
    tokens: list[Chosen] = field(default_factory=list)
    done: Done | None = None

    @property
    def pieces(self) -> list[Piece]:
        """Its tokens with the characters they stand for."""
        return list(pieces([Token(each.token, each.data, "control" if each.end else "normal") for each in self.tokens]))

    @property
    def text(self) -> str:
        """What it says."""
        return b"".join(each.data for each in self.tokens if not each.end).decode("utf-8", "replace")

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        shown = zip(self.tokens, self.pieces, strict=True)
        return {
            "setting": self.setting.text, "adapter": self.setting.mix,
            "sampling": {key: getattr(self.setting.sampling, key) for key in KEYS}, "text": self.text,
            "finish": self.done.finish if self.done else None, "seed": self.done.seed if self.done else None,
            "tokens": [
                {"id": each.token, "text": piece.text, "probability": each.probability, "end": each.end}
                for each, piece in shown
            ],
        }  # fmt: skip


def parse_setting(text: str, config: Config) -> Setting:
    """The setting of `temperature=0.7 top_p=0.9 adapter=style:0.7`; `greedy` is temperature 0.

    What is not named is off, and the seed is 1, so that two settings differ in what they name; `chat` begins with the
    chat's own settings instead.

    Raises:
        UsageError: an unknown word, or a value that cannot be.
    """
    words = text.replace(",", " ").split()
    sampling, mix = OFF, None
    if CHAT in words:
        sampling = replace(config.sampling.sampling(), seed=OFF.seed, max_tokens=OFF.max_tokens)
    for word in words:
        key, equals, value = word.partition("=")
        if word == GREEDY:
            sampling = replace(sampling, temperature=0.0)
        elif key == ADAPTER and value:
            mix = "" if value == BASE else value.replace("+", " ")
        elif equals and key in KEYS:
            sampling = Sampling(**{**asdict(sampling), key: _checked(key, value, config)})
        elif word != CHAT:
            raise UsageError(
                f"{word[:40]!r} is no setting.", f"Write greedy, chat, or KEY=VALUE with {', '.join(KEYS)}."
            )
    return Setting(" ".join(words) or "all knobs off", sampling, mix)


def parse_settings(texts: Sequence[str], config: Config) -> list[Setting]:
    """One to four settings.

    Raises:
        UsageError: there are more, or as `parse_setting`.
    """
    if not 1 <= len(texts) <= MOST_SETTINGS:
        raise UsageError(f"There are {len(texts)} settings.", f"Give one to {MOST_SETTINGS}.")
    return [parse_setting(text, config) for text in texts]


def _checked(key: str, text: str, config: Config) -> float | int:
    try:
        value = float(text) if key in ("temperature", "top_p", "min_p", "repeat_penalty") else int(text)
        changed = config.with_value("sampling", key, value)
    except ValueError as error:
        raise UsageError(f"{key}={text[:20]} cannot be.", str(error)) from error
    result: float | int = getattr(changed.sampling, key)
    return result


class Playground:
    """Answers in a model process of its own, so that the chat's cache and adapters stay as they are."""

    def __init__(self, core: Core, system: str | None = None) -> None:
        """`system` is the system prompt, None the chat's own."""
        self._core = core
        self._model: Model | None = None
        self._system = system_prompt(core.config.answer.system_prompt) if system is None else system
        self._usual: tuple[Share, ...] = ()

    def messages(self, prompt: str) -> list[ChatMessage]:
        """What is asked.

        Raises:
            UsageError: there is nothing to answer.
        """
        if not prompt.strip():
            raise UsageError("There is no prompt.", "Type one, or pipe it in.")
        system = [ChatMessage("system", self._system)] if self._system else []
        return [*system, ChatMessage("user", prompt)]

    async def answer(self, prompt: str, setting: Setting) -> AsyncGenerator[Decoded, None]:
        """Answer by one setting; the same object is given after each token, and at the end with `done`.

        Raises:
            UsageError, ContextOverflowError, ModelError: it cannot be answered; AdapterError: as `put_on`.
        """
        messages = self.messages(prompt)
        model = await self._ready(setting)
        found = Decoded(setting)
        async with contextlib.aclosing(model.decode(messages, setting.sampling)) as items:
            async for item in items:
                if isinstance(item, Done):
                    found.done = item
                else:
                    found.tokens.append(item)
                yield found

    async def next_tokens(self, prompt: str, decoded: Decoded, place: int, count: int = TOP) -> Distribution:
        """What could have come in place of a token of an answer (from 0; its length: what would come next).

        Raises:
            UsageError: there is no such place; ModelError, AdapterError: as `answer`.
        """
        if not 0 <= place <= len(decoded.tokens):
            raise UsageError(f"There is no token {place + 1}.", f"The answer has {len(decoded.tokens)}.")
        model = await self._ready(decoded.setting)
        said = [each.token for each in decoded.tokens[:place]]
        return await model.next_tokens(self.messages(prompt), said, decoded.setting.sampling, count)

    async def close(self) -> None:
        """End its process."""
        if self._model is not None:
            await self._model.stop()

    async def _ready(self, setting: Setting) -> Model:
        """The model with the adapters of a setting on."""
        if self._model is None:
            self._usual = await self._core.adapters.mix()
            self._model = self._core.trial_model(min(self._core.config.model.context or CONTEXT, CONTEXT))
        await self._model.ready()
        shares = self._usual
        if setting.mix is not None:
            exact = await self._core.adapters.checked_mix(setting.mix, force=True) if setting.mix else ""
            shares = parse_mix(exact)
        if mix_text(shares) != self._model.adapter:
            await self._model.use_adapters(shares)
        return self._model


def candidate_json(each: Candidate) -> dict[str, Any]:
    """A candidate for programs: its probability before, and after each knob."""
    (piece,) = pieces([Token(each.token, each.data)])
    return {
        "id": each.token, "text": piece.text, "logit": each.logit, "probability": each.probability,
        "after": dict(zip(KNOBS, each.after, strict=True)), "final": each.final, "cut_by": each.cut_by,
    }  # fmt: skip


def distribution_json(found: Distribution) -> dict[str, Any]:
    """A distribution for programs."""
    value = asdict(found)
    return {
        "vocabulary": value["vocabulary"], "left": dict(zip(KNOBS, found.left, strict=True)),
        "candidates": [candidate_json(each) for each in found.candidates],
    }  # fmt: skip
