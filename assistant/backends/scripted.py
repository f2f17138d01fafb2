"""A backend without a model: answers from a script, always the same. For tests and the demo.

Its model is named `scripted`, or `scripted:{...}` with the fields of `Script` as JSON. Left to
itself it answers with the user's words and cites the passage marks `[n]` it sees in the prompt.
"""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path

from adapters.adapter_files import adapter_label
from adapters.mix import Share, mix_text
from assistant.backends.answer_text import AnswerRun, AnswerText
from assistant.backends.base import ChatMessage, Done, ModelInfo, NullAnswer, Piece, Score, Step
from assistant.backends.form import Shape, nearest
from assistant.backends.knobs import next_tokens
from assistant.backends.next_token import Chosen, Distribution
from assistant.conversation import Sampling
from assistant.errors import AdapterError, ContextOverflowError, ModelError

NAME = "scripted"
OVERHEAD = 2  # words a message counts beyond its text, as a chat template would add
WORD = re.compile(r"\S+\s*")
MARK = re.compile(r"^\s*\[(\d{1,3})\]", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Script:
    """What a scripted model does. `text` "" echoes; rates are in tokens a second, 0 is at once.

    With `turns` the answer is the one for its turn: the first where the messages hold no answer yet, and so on; behind
    the last it is `text`.
    """

    text: str = ""
    turns: tuple[str, ...] = ()
    tokens_per_second: float = 0.0
    prompt_tokens_per_second: float = 0.0
    context: int = 4096
    crash_at_token: int = -1  # end this process with SIGKILL before that token
    fail_at_token: int = -1  # raise a ModelError before that token
    ignore_cancel: bool = False


def is_scripted(model: str) -> bool:
    """Whether a model's name asks for this backend."""
    return model == NAME or model.startswith(f"{NAME}:")


def parse_script(model: str) -> Script:
    """The script in a model's name.

    Raises:
        ModelError: not JSON, or a field `Script` does not have.
    """
    _, _, options = model.partition(":")
    try:
        given = json.loads(options) if options else {}
        return Script(**given)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        names = ", ".join(field.name for field in fields(Script))
        raise ModelError(f"The script {options!r} cannot be read.", f"Give JSON with some of: {names}.") from error


class ScriptedBackend:
    """Answers from a `Script`; a token is a word. See backends.base.Backend."""

    def __init__(self, script: Script | None = None) -> None:
        self._script = script or Script()
        self._adapter = ""
        self._cached: list[str] = []

    @property
    def info(self) -> ModelInfo:
        """Facts of the scripted model."""
        context = self._script.context
        return ModelInfo(NAME, NAME, NAME, 0, "none", context, context, OVERHEAD, engine=NAME)

    def count_tokens(self, texts: list[str]) -> list[int]:
        """Words of each text."""
        return [len(WORD.findall(text)) for text in texts]

    def complete(
        self,
        messages: list[ChatMessage],
        sampling: Sampling,
        cancelled: Callable[[], bool],
        form: Shape = (),
        null: NullAnswer | None = None,
    ) -> Iterator[Piece | Done]:
        """Stream the script's answer; of a form, the text nearest to it; of a grammar, its script
        keeps to it. It is always certain: `null` is nothing."""
        run = AnswerRun(time.monotonic(), AnswerText(sampling.stop), sampling.seed or 0)
        stopped = cancelled if not self._script.ignore_cancel else (lambda: False)
        prompt = self._render(messages)
        room = self._script.context - len(prompt)
        if room < 1:
            raise ContextOverflowError(
                f"The prompt has {len(prompt)} tokens; the model reads {self._script.context}.", "Shorten the message."
            )
        cached = self._reuse(prompt)
        self._wait(len(prompt) - cached, self._script.prompt_tokens_per_second, stopped)
        said = self._answer(messages)
        words = WORD.findall(nearest(form, said) if form and not isinstance(form, str) else said)
        for word in words[: min(sampling.max_tokens, room)]:
            if stopped():
                break
            self._misbehave(run.count)
            self._wait(1, self._script.tokens_per_second, stopped)
            self._cached.append(word)
            if shown := run.add(word.encode()):
                yield Piece(shown)
            if run.text.stopped:
                run.finish = "stop"
                break
        else:
            run.finish = "length" if run.count < len(words) else "stop"
        if rest := run.text.finish():
            yield Piece(rest)
        yield run.done(len(prompt), cached)

    def decode(
        self, messages: list[ChatMessage], sampling: Sampling, cancelled: Callable[[], bool]
    ) -> Iterator[Chosen | Done]:
        """The words that `complete` gives, and the end; how probable each is follows from `next_tokens`."""
        words = WORD.findall(self._answer(messages))[: sampling.max_tokens]
        said: list[int] = []
        for item in self.complete(messages, replace(sampling, stop=()), cancelled):
            if isinstance(item, Done) and item.finish == "stop":
                yield self._chosen(messages, said, sampling)
            if isinstance(item, Done):
                yield replace(item, completion_tokens=len(said) + (item.finish == "stop"))
            elif len(said) < len(words):
                yield (chosen := self._chosen(messages, said, sampling))
                said.append(chosen.token)

    def next_tokens(self, messages: list[ChatMessage], said: list[int], sampling: Sampling, count: int) -> Distribution:
        """The script's next word leads the other words of its answer; their numbers are their places."""
        words = [*dict.fromkeys(WORD.findall(self._answer(messages))), ""]
        if any(not 0 <= token < len(words) for token in said):
            raise ModelError("The text has tokens that this model does not have.", "It was made for another model.")
        due = [*(words.index(word) for word in WORD.findall(self._answer(messages))), len(words) - 1]
        scores = [-0.25 * place for place in range(len(words))]
        scores[due[min(len(said), len(due) - 1)]] = 3.0
        return next_tokens(scores, sampling, said, count, lambda token: words[token].encode())

    def _chosen(self, messages: list[ChatMessage], said: list[int], sampling: Sampling) -> Chosen:
        best = self.next_tokens(messages, said, sampling, 1).candidates[0]
        return Chosen(best.token, best.data, best.probability, end=not best.data)

    def score(self, messages: list[ChatMessage], answer: str) -> Score:
        """Certain of what it would say itself; each other word costs a nat."""
        words, own = WORD.findall(answer), WORD.findall(self._answer(messages))
        if len(self._render(messages)) + len(words) > self._script.context:
            raise ContextOverflowError(f"The model reads {self._script.context} tokens.", "Shorten the message.")
        same = sum(one.strip() == other.strip() for one, other in zip(words, own, strict=False))
        return Score(len(words) + 1, float(same - len(words)))

    def follow(self, prompt: list[int], continuation: list[int], candidates: list[list[int]]) -> list[Step]:
        """Agrees with every token; the candidates have scores by their order."""
        if not prompt or len(candidates) != len(continuation):
            raise ModelError("A text to follow needs a prompt, and candidates for each of its tokens.")
        if len(prompt) + len(continuation) - 1 > self._script.context:
            raise ContextOverflowError(f"The model reads {self._script.context} tokens.", "Shorten it.")
        return [
            Step(token, 1.0, [1.0 - place for place in range(len(asked))])
            for token, asked in zip(continuation, candidates, strict=True)
        ]

    def set_adapters(self, parts: list[tuple[str, float]], tried: bool = False) -> str:
        """Answers begin with the mix while adapters are on."""
        for path, _ in parts:
            if not Path(path).is_file():
                raise AdapterError(f"There is no adapter {path}.", "Choose another adapter.")
        self._adapter = mix_text([Share(adapter_label(Path(path)), scale) for path, scale in parts])
        self._cached = []
        return self._adapter

    def _render(self, messages: list[ChatMessage]) -> list[str]:
        words: list[str] = []
        for message in messages:
            words += [f"<{message.role}>", *WORD.findall(message.content), "</>"]
        return words

    def _reuse(self, prompt: list[str]) -> int:
        same = 0
        for old, new in zip(self._cached, prompt[:-1], strict=False):
            if old.strip() != new.strip():
                break
            same += 1
        self._cached = [*prompt, "<assistant>"]
        return same

    def _answer(self, messages: list[ChatMessage]) -> str:
        prefix = f"{self._adapter}: " if self._adapter else ""
        turn = sum(message.role == "assistant" for message in messages)
        if turn < len(self._script.turns):
            return prefix + self._script.turns[turn]
        if self._script.text:
            return prefix + self._script.text
        asked = next((message.content for message in reversed(messages) if message.role == "user"), "")
        marks = list(dict.fromkeys(MARK.findall("\n".join(message.content for message in messages))))
        lines = [line for line in asked.splitlines() if line.strip()]
        cited = "".join(f" The answer stands in the passage [{mark}]." for mark in marks[:2])
        return f"{prefix}You asked: {lines[-1].strip() if lines else 'nothing'}.{cited}"

    def _misbehave(self, token: int) -> None:
        if token == self._script.crash_at_token:
            os.kill(os.getpid(), signal.SIGKILL)
        if token == self._script.fail_at_token:
            raise ModelError("The scripted model failed, as its script says.", "Use another script.")

    def _wait(self, tokens: int, rate: float, stopped: Callable[[], bool]) -> None:
        deadline = time.monotonic() + (tokens / rate if rate else 0.0)
        while (left := deadline - time.monotonic()) > 0 and not stopped():
            time.sleep(min(left, 0.05))
