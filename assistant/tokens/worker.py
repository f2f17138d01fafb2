"""The child that holds one tokenizer: it reads files from outside, and llama.cpp, of a model without its weights."""

from __future__ import annotations

import resource
from dataclasses import asdict
from typing import Any

from assistant.backends.base import ChatMessage
from assistant.tokens.token import Token
from assistant.tokens.tokenizers import open_tokenizer

ADDRESS_SPACE = 8 * 2**30  # bytes; vocabularies have some megabytes, a GPU's driver maps far more


class TokenizerWorker:
    """One tokenizer; see worker_host for how its methods are called. Bytes travel in hexadecimal."""

    def __init__(self, source: str, context: int = 0) -> None:
        _limit_memory()
        self._tokenizer = open_tokenizer(source, context)

    def facts(self) -> dict[str, Any]:
        """The fields of Tokenizer."""
        return asdict(self._tokenizer.facts)

    def split(self, text: str, special: bool = False) -> list[list[Any]]:
        """[number, bytes, kind] of each token."""
        return _sent(self._tokenizer.split(text, special))

    def split_prompt(self, messages: list[dict[str, str]]) -> dict[str, Any]:
        """What the model reads before it answers: the text, and its tokens."""
        asked = [ChatMessage(message["role"], message["content"]) for message in messages]  # type: ignore[arg-type]  # roles come from our own side
        text = self._tokenizer.prompt(asked)
        return {"text": text, "tokens": _sent(self._tokenizer.split(text, special=True))}

    def words(self, text: str) -> list[dict[str, Any]]:
        """The fields of MergedWord for each word."""
        return [
            {
                "data": word.data.hex(), "ids": word.ids, "agrees": word.agrees,
                "merges": [
                    [each.left.hex(), each.right.hex(), each.rank, [part.hex() for part in each.parts]]
                    for each in word.merges
                ],
            }
            for word in self._tokenizer.words(text)
        ]  # fmt: skip


def _sent(tokens: list[Token]) -> list[list[Any]]:
    return [[token.id, token.data.hex(), token.kind] for token in tokens]


def _limit_memory() -> None:
    """Bound the address space, unless llama.cpp would start a GPU's driver in it."""
    from assistant.backends.llama_engine import drives_gpu

    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if not drives_gpu() and hard == resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
