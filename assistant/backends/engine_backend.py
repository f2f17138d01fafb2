"""What a backend does with an engine that runs its model in this process: prompts, answers, scores, adapters."""

from __future__ import annotations

import math
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from adapters.errors import GGUFError
from adapters.files.gguf_facts import GGUFFacts
from adapters.hotswap import HotSwap
from adapters.special_tokens import SpecialTokens
from assistant.backends.answer_text import AnswerRun, AnswerText
from assistant.backends.base import ChatMessage, Done, ModelInfo, NullAnswer, Piece, Score, Step
from assistant.backends.engine import Engine
from assistant.backends.form import Shape
from assistant.backends.knobs import next_tokens
from assistant.backends.model_prompt import model_prompt
from assistant.backends.next_token import Chosen, Distribution
from assistant.backends.prefix_reuse import common_prefix, tokens_with_reuse
from assistant.backends.token_scores import Scores, log_probability, step_of
from assistant.conversation import Sampling
from assistant.errors import AdapterError, ContextOverflowError, ModelError


class EngineBackend:
    """A model on this machine. See backends.base.Backend."""

    def __init__(self, engine: Engine, swap: HotSwap, facts: GGUFFacts, name: str) -> None:
        """`facts` are of the model's file, `swap` puts adapters on the engine."""
        self._engine = engine
        self._special = SpecialTokens(engine.special_strings())
        self._prompt = model_prompt(facts, engine, self._special)
        self._swap = swap
        self._facts = facts
        self._name = name
        self._overhead = self._message_overhead()

    @property
    def info(self) -> ModelInfo:
        """Facts of the loaded model."""
        facts = self._facts
        return ModelInfo(
            self._name, str(facts.path), facts.architecture, facts.parameters, facts.quantization,
            self._engine.context, facts.context, self._overhead, self._prompt.notice,
        )  # fmt: skip

    def count_tokens(self, texts: list[str]) -> list[int]:
        """Tokens of each text as content, without template or special tokens."""
        return [len(self._engine.tokenize(_bytes(self._special.break_up(text)), special=False)) for text in texts]

    def complete(
        self,
        messages: list[ChatMessage],
        sampling: Sampling,
        cancelled: Callable[[], bool],
        form: Shape = (),
        null: NullAnswer | None = None,
    ) -> Iterator[Piece | Done]:
        """Stream the answer to `messages`; see Backend.complete."""
        run = AnswerRun(time.monotonic(), AnswerText(sampling.stop), _seed(sampling))
        tokens, cached, room = self._begin(messages)
        if self._engine.evaluate(tokens[cached:], cancelled):
            if null:
                self._engine.lower(self._tokenize(_bytes(null.text))[0], null.threshold)
            yield from self._generate(run, sampling, min(room, sampling.max_tokens), cancelled, form)
        yield run.done(len(tokens), cached)

    def decode(
        self, messages: list[ChatMessage], sampling: Sampling, cancelled: Callable[[], bool]
    ) -> Iterator[Chosen | Done]:
        """Answer token by token; see Backend.decode."""
        run = AnswerRun(time.monotonic(), AnswerText(()), _seed(sampling))
        tokens, cached, room = self._begin(messages)
        if self._engine.evaluate(tokens[cached:], cancelled):
            yield from self._chosen(run, sampling, min(room, sampling.max_tokens), cancelled)
        yield run.done(len(tokens), cached)

    def next_tokens(self, messages: list[ChatMessage], said: list[int], sampling: Sampling, count: int) -> Distribution:
        """What could come next; see Backend.next_tokens."""
        if any(not 0 <= token < self._engine.vocabulary_size for token in said):
            raise ModelError("The text has tokens that this model does not have.", "It was made for another model.")
        prompt = self._tokenize(self.prompt(messages))
        scores = next(self._scores_before([*prompt, *said], [0]))
        return next_tokens(scores.tolist(), sampling, said, count, self._engine.piece)

    def score(self, messages: list[ChatMessage], answer: str) -> Score:
        """How likely an answer is; see Backend.score."""
        (prompt, _), (written, _) = self._prompt.parts([*messages, ChatMessage("assistant", answer)], only_last=True)
        tokens, said = self._tokenize(_bytes(prompt)), self._tokenize(_bytes(written))
        total = 0.0
        for token, scores in zip(said, self._scores_before(tokens, said), strict=True):
            total += log_probability(scores, token)
        return Score(len(said), total)

    def follow(self, prompt: list[int], continuation: list[int], candidates: list[list[int]]) -> list[Step]:
        """What the model would say along a given text; see Backend.follow."""
        tokens = {*prompt, *continuation, *(token for each in candidates for token in each)}
        if not prompt or len(candidates) != len(continuation):
            raise ModelError("A text to follow needs a prompt, and candidates for each of its tokens.")
        if min(tokens) < 0 or max(tokens) >= self._engine.vocabulary_size:
            raise ModelError("The text has tokens that this model does not have.", "It was made for another model.")
        scored = zip(candidates, self._scores_before(prompt, continuation), strict=True)
        return [step_of(scores, asked) for asked, scores in scored]

    def set_adapters(self, parts: list[tuple[str, float]], tried: bool = False) -> str:
        """Swap the LoRA adapters on the live model; see Backend.set_adapters."""
        try:
            return self._swap.swap([(Path(path), scale) for path, scale in parts], tried)
        except GGUFError as error:
            raise AdapterError(str(error), error.hint) from error

    def close(self) -> None:
        """Free the model."""
        self._engine.close()

    def prompt(self, messages: list[ChatMessage]) -> bytes:
        """The prompt as the model reads it: control tokens in content broken up, the chat template applied."""
        return _bytes(self._prompt.prompt(messages))

    def _scores_before(self, prompt: list[int], text: list[int]) -> Iterator[Scores]:
        """The scores from which each token of `text` would be chosen after `prompt`."""
        tokens = [*prompt, *text[:-1]]
        if len(tokens) > self._engine.context:
            raise ContextOverflowError(
                f"The text has {len(tokens):,} tokens; the model reads {self._engine.context:,}.",
                "Shorten it, or raise the context setting.",
            )
        if not prompt:
            raise ModelError("The model's chat template makes an empty prompt.", "Choose another model.")
        if not text:
            return
        kept = self._engine.keep(min(common_prefix(self._engine.cached, tokens), len(prompt) - 1))
        self._engine.evaluate(tokens[kept : len(prompt) - 1])
        yield from self._engine.scores(tokens[len(prompt) - 1 :])

    def _begin(self, messages: list[ChatMessage]) -> tuple[list[int], int, int]:
        """The prompt's tokens, how many of them the cache holds, and how many more the context does."""
        tokens, reused = self._prompt_tokens(messages)
        if not tokens:  # llama.cpp would abort the process
            raise ModelError("The model's chat template makes an empty prompt.", "Choose another model.")
        room = self._engine.context - len(tokens)
        if room < 1:
            raise ContextOverflowError(
                f"The prompt has {len(tokens):,} tokens; the model reads {self._engine.context:,} with its answer.",
                "Shorten the message, start a new chat, or raise the context setting.",
            )
        return tokens, self._engine.keep(reused), room

    def _prompt_tokens(self, messages: list[ChatMessage]) -> tuple[list[int], int]:
        if not self._engine.cuts_beside_control:
            tokens = self._tokenize(self.prompt(messages))
            return tokens, min(common_prefix(self._engine.cached, tokens), len(tokens) - 1)
        return tokens_with_reuse(
            self.prompt(messages), self._engine.cached, self._engine, self._special, self._tokenize
        )

    def _tokenize(self, prompt: bytes) -> list[int]:
        return self._engine.tokenize(prompt, special=True)

    def _generate(
        self, run: AnswerRun, sampling: Sampling, limit: int, cancelled: Callable[[], bool], form: Shape
    ) -> Iterator[Piece]:
        sampler = self._engine.sampler(sampling, run.seed, form)
        try:
            while run.count < limit:
                token = sampler.next()
                if self._engine.is_end(token):
                    run.finish = "stop"
                    break
                if shown := run.add(self._engine.shown(token)):
                    yield Piece(shown)
                if run.text.stopped or cancelled():
                    run.finish = "stop" if run.text.stopped else "cancelled"
                    break
                self._engine.append(token)
            else:
                run.finish = "length"
        finally:
            sampler.close()
        if rest := run.text.finish():
            yield Piece(rest)

    def _chosen(
        self, run: AnswerRun, sampling: Sampling, limit: int, cancelled: Callable[[], bool]
    ) -> Iterator[Chosen]:
        sampler = self._engine.sampler(sampling, run.seed)
        run.finish = "length"
        try:
            while run.count < limit and run.finish == "length":
                token = sampler.next()
                probability = math.exp(log_probability(self._engine.last_scores(), token))
                end = self._engine.is_end(token)
                run.add(b"")
                yield Chosen(token, self._engine.piece(token), probability, end)
                if end or cancelled():
                    run.finish = "stop" if end else "cancelled"
                else:
                    self._engine.append(token)
        finally:
            sampler.close()

    def _message_overhead(self) -> int:
        """The most tokens the template adds to a message, over chats of one to three questions."""
        word = "x"
        chat = [ChatMessage("system", word)]
        worst = 0.0
        for _ in range(3):
            chat.append(ChatMessage("user", word))
            added = len(self._tokenize(self.prompt(chat))) - sum(self.count_tokens([word] * len(chat)))
            worst = max(worst, added / len(chat))
            chat.append(ChatMessage("assistant", word))
        return math.ceil(worst)


def _seed(sampling: Sampling) -> int:
    return sampling.seed % 2**32 if sampling.seed is not None else secrets.randbelow(2**31)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")
