"""A tokenizer as the rest of the assistant sees it: a child process that cuts texts and prompts into tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from assistant.backends.base import ChatMessage
from assistant.errors import UsageError
from assistant.tokens.token import Merge, MergedWord, Split, Token, Tokenizer
from assistant.worker_process import WorkerProcess

LONGEST_TEXT, LONGEST_WORD = 2_000_000, 200  # characters


class TokenInspector:
    """Cuts texts by one tokenizer. Its process starts when it is first asked; `close` ends it."""

    def __init__(self, worker: WorkerProcess) -> None:
        self._worker = worker
        self._facts: Tokenizer | None = None

    async def facts(self) -> Tokenizer:
        """What the tokenizer is.

        Raises:
            ModelError: there is no such file, or it holds no tokenizer.
        """
        if self._facts is None:
            self._facts = Tokenizer(**(await self._worker.call("facts")).data)
        return self._facts

    async def split(self, text: str, *, special: bool = False) -> Split:
        """The tokens of a text as the content of a message; `special` recognises control tokens in it.

        Raises:
            UsageError: it is longer than 2,000,000 characters; ModelError: as `facts`.
        """
        if len(text) > LONGEST_TEXT:
            raise UsageError(f"The text has {len(text):,} characters.", f"At most {LONGEST_TEXT:,} can be shown.")
        facts = await self.facts()
        return Split(facts, text, _tokens((await self._worker.call("split", text=text, special=special)).data))

    async def split_prompt(self, messages: Sequence[ChatMessage]) -> Split:
        """The whole prompt for the answer to `messages`: the chat template and its control tokens included."""
        facts = await self.facts()
        reply = await self._worker.call("split_prompt", messages=[asdict(message) for message in messages])
        return Split(facts, reply.data["text"], _tokens(reply.data["tokens"]))

    async def words(self, text: str) -> list[MergedWord]:
        """The words of a short text, each with the merges that made its tokens, one by one.

        Raises:
            UsageError: this tokenizer is no byte-level BPE, or the text is longer than 200 characters.
        """
        if not 0 < len(text) <= LONGEST_WORD:
            raise UsageError(
                f"Merges are shown for 1 to {LONGEST_WORD} characters.", "Give a word, or a few with their blanks."
            )
        return [_word(each) for each in (await self._worker.call("words", text=text)).data]

    async def close(self) -> None:
        """End its process."""
        await self._worker.stop()


def _tokens(sent: list[list[Any]]) -> tuple[Token, ...]:
    return tuple(Token(number, bytes.fromhex(data), kind) for number, data, kind in sent)


def _word(sent: dict[str, Any]) -> MergedWord:
    merges = tuple(
        Merge(bytes.fromhex(left), bytes.fromhex(right), rank, tuple(bytes.fromhex(part) for part in parts))
        for left, right, rank, parts in sent["merges"]
    )
    return MergedWord(bytes.fromhex(sent["data"]), merges, tuple(sent["ids"]), sent["agrees"])
