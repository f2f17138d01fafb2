"""How does a row become tokens, and which of them are learned?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

from adapters.chat_prompt import ChatPrompt
from adapters.chat_template import ChatTemplate
from adapters.rows import Row, Speech, Turn
from adapters.special_tokens import SpecialTokens

Side = Literal["", "start", "end"]


@dataclass(frozen=True, slots=True)
class Encoded:
    """A row's token ids; `learned` marks those the loss looks at. `cut` tokens were dropped at `side`."""

    ids: tuple[int, ...]
    learned: tuple[bool, ...]
    cut: int = 0
    side: Side = ""
    desirable: bool | None = None

    @property
    def targets(self) -> int:
        """How many tokens are learned. The first token of a row has nothing to be predicted from."""
        return sum(self.learned[1:])


class Codec:
    """A base model's chat prompt and tokenizer, as the chat uses them."""

    def __init__(
        self,
        prompt: ChatPrompt,
        system_prompt: str,
        tokenize: Callable[[str], Sequence[int]],
        decode: Callable[[Sequence[int]], str],
    ) -> None:
        """`tokenize` recognises control tokens and adds none; `decode` gives the text of tokens."""
        self._prompt = prompt
        self._system = system_prompt
        self._tokenize = tokenize
        self._decode = decode

    def encode(self, row: Row, max_tokens: int) -> Encoded:
        """At most `max_tokens` of a row: of a chat the end, with as much before it as fits; of text the start."""
        if not row.turns:
            text = tuple(self._tokenize(row.text))
            return _cut_end(text, (True,) * len(text), max_tokens)
        parts = self._prompt.parts(self._with_system(row.turns), only_last=row.only_last)
        ids: list[int] = []
        learned: list[bool] = []
        for part, written in parts:
            tokens = list(self._tokenize(part))
            ids += tokens
            learned += [written] * len(tokens)
        answer = next((len(list(run)) for _, run in groupby(reversed(learned))), 0)
        if answer + 1 >= max_tokens:  # not even the answer fits: its beginning is what can be learned
            start = len(ids) - answer - 1 if answer < len(ids) else 0
            return _cut_end(tuple(ids[start:]), tuple(learned[start:]), max_tokens, start)
        cut = max(0, len(ids) - max_tokens)
        return Encoded(tuple(ids[cut:]), tuple(learned[cut:]), cut, "start" if cut else "")

    def encode_pair(self, row: Row, max_tokens: int) -> tuple[Encoded, Encoded]:
        """A pair's chosen and rejected answer below the same prompt, of which both lose as much as the longer needs."""
        both = [self.encode(each, 1 << 30) for each in (row, row.other)]
        answer = max(min(each.targets, max_tokens - 1) for each in both)
        cut = max(0, len(both[0].ids) - both[0].targets - (max_tokens - answer))
        chosen, rejected = (
            Encoded(each.ids[cut : cut + max_tokens], each.learned[cut : cut + max_tokens], cut, "start" if cut else "")
            for each in both
        )
        return chosen, rejected

    def encode_rated(self, rows: Sequence[Row], max_tokens: int) -> list[Encoded]:
        """Rated rows, each followed by its question with the answer of the next row, which says nothing of it."""
        found: list[Encoded] = []
        for row, after in zip(rows, [*rows[1:], *rows[:1]], strict=True):
            both = self.encode_pair(replace(row, rejected=after.answer), max_tokens)
            if all(each.targets for each in both):
                found += [replace(each, desirable=row.desirable) for each in both]
        return found

    def prompt_ids(self, messages: Sequence[Speech]) -> list[int]:
        """The tokens the model reads before it answers `messages`; the chat's system prompt goes first."""
        return list(self._tokenize(self._prompt.prompt(self._with_system(messages))))

    def opening(self) -> list[int]:
        """The tokens before the first word of a chat's first question: the system prompt and what frames it."""
        word = "question"
        text = self._prompt.prompt(self._with_system([Turn("user", word)]))
        return list(self._tokenize(text[: text.rindex(word)]))

    def pieces(self, encoded: Encoded) -> list[tuple[str, bool]]:
        """The text of each token and whether it is learned."""
        return [(self._decode([token]), learned) for token, learned in zip(encoded.ids, encoded.learned, strict=True)]

    def text(self, tokens: Sequence[int]) -> str:
        """What tokens say."""
        return self._decode(tokens)

    def said(self, tokens: Sequence[int]) -> str:
        """What an answer says to the user."""
        return self._prompt.said(self._decode(tokens))

    def count(self, row: Row) -> int:
        """Tokens of a row, nothing cut."""
        return len(self.encode(row, 1 << 30).ids)

    def _with_system(self, messages: Sequence[Speech]) -> list[Speech]:
        if not self._system or any(message.role == "system" for message in messages):
            return list(messages)
        return [Turn("system", self._system), *messages]


def _cut_end(ids: tuple[int, ...], learned: tuple[bool, ...], limit: int, before: int = 0) -> Encoded:
    cut = max(0, len(ids) - limit)
    return Encoded(ids[:limit], learned[:limit], cut + before, "end" if cut else "start" if before else "")


def codec_for(base: Path, system_prompt: str) -> Codec:
    """The codec of a GGUF file or a safetensors folder. Imports transformers: seconds, so never in the UI process.

    Raises:
        TrainingError: the base has no tokenizer that can be read.
    """
    from adapters.training.base_weights import load_tokenizer

    return codec_from(load_tokenizer(base), system_prompt)


def codec_from(tokenizer: Any, system_prompt: str) -> Codec:
    """The codec of a transformers tokenizer that has been loaded already."""
    begin, end = tokenizer.bos_token or "", tokenizer.eos_token or ""
    special = SpecialTokens(str(token) for token in tokenizer.added_tokens_decoder.values() if token.special)
    source = tokenizer.chat_template if isinstance(tokenizer.chat_template, str) else ""
    first = begin if not source and getattr(tokenizer, "add_bos_token", False) else ""
    prompt = ChatPrompt(ChatTemplate(source, begin, end), special, first, end)
    return Codec(
        prompt,
        system_prompt,
        lambda text: tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"],
        lambda tokens: tokenizer.decode(list(tokens)),
    )
