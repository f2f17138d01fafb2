"""How a tokenizer of transformers cuts text into tokens, told as `LlamaVocabulary` tells it. [H] tokenizers."""

from __future__ import annotations

import json
import re
from typing import Any

from assistant.tokens import byte_level_bpe

BYTE = re.compile(r"<0x([0-9A-F]{2})>")  # how a tokenizer with byte fallback writes a byte
SPACE = "\u2581"  # how SentencePiece writes a space
# what ends a turn in well-known chat templates, as llama.cpp collects them (src/llama-vocab.cpp, special_eog_ids)
ENDS = frozenset({
    "<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|eom_id|>", "<|end_of_text|>", "<|end|>", "<end_of_turn>",
    "<|end_of_turn|>", "</s>", "<|EOT|>", "<EOT>", "<|return|>", "<|call|>",
})  # fmt: skip


class TransformersVocabulary:
    """The tokens of a model that transformers runs."""

    def __init__(self, tokenizer: Any, vocabulary_size: int, ends: set[int]) -> None:
        """`vocabulary_size` is how many scores the model gives; `ends` are the tokens that its settings end with."""
        self._tokenizer = tokenizer
        self.vocabulary_size = vocabulary_size
        described = json.loads(tokenizer.backend_tokenizer.to_str())
        self.cuts_beside_control = "Metaspace" not in json.dumps(described.get("pre_tokenizer")) and "Prepend" not in (
            json.dumps(described.get("normalizer"))
        )  # SentencePiece puts a space before a text, but not behind a control token within it
        self._bytes = "ByteLevel" in json.dumps([described.get("decoder"), described.get("pre_tokenizer")])
        self._added = {int(each["id"]): each for each in described.get("added_tokens") or ()}
        self._pieces: dict[int, bytes] = {}
        self._ends = ends | {token for token, each in self._added.items() if each["content"] in ENDS}

    def tokenize(self, text: bytes, special: bool) -> list[int]:
        """The text's tokens; `special` recognises control tokens in it. None are added."""
        encoded = self._tokenizer(
            text.decode("utf-8", "replace"), add_special_tokens=False, split_special_tokens=not special
        )
        return [int(token) for token in encoded["input_ids"]]

    def piece(self, token: int) -> bytes:
        """The bytes a token stands for, control tokens included."""
        known = self._pieces.get(token)
        if known is None:
            known = self._pieces[token] = self._read(token)
        return known

    def shown(self, token: int) -> bytes:
        """The bytes an answer shows for a token: none for control tokens."""
        return b"" if self.is_special(token) else self.piece(token)

    def is_special(self, token: int) -> bool:
        """Whether it is a control token."""
        return bool(token in self._added and self._added[token].get("special"))

    def is_end(self, token: int) -> bool:
        """Whether it ends an answer."""
        return token in self._ends

    @property
    def end(self) -> int:
        """A token that ends an answer."""
        chosen = self._tokenizer.eos_token_id
        return int(chosen if chosen is not None else min(self._ends, default=0))

    def special_strings(self) -> list[str]:
        """The strings that `tokenize` with `special` turns into tokens of their own power."""
        return [
            str(each["content"])
            for each in self._added.values()
            if each.get("special") or _looks_like_markup(str(each["content"]))
        ]

    def begin_end_strings(self) -> tuple[str, str]:
        """The strings of the tokens that begin and end a text, "" where there is none."""
        return str(self._tokenizer.bos_token or ""), str(self._tokenizer.eos_token or "")

    def adds_begin(self) -> bool:
        """Whether the tokenizer puts the begin token before every text."""
        begun = self._tokenizer("x")["input_ids"]
        return self._tokenizer.bos_token_id is not None and begun[:1] == [self._tokenizer.bos_token_id]

    def _read(self, token: int) -> bytes:
        if token in self._added:
            return str(self._added[token]["content"]).encode("utf-8", "replace")
        entry = self._tokenizer.convert_ids_to_tokens(token)
        if not isinstance(entry, str):  # the model gives scores for more tokens than the tokenizer has
            return b""
        if self._bytes:
            return byte_level_bpe.read(entry)
        if byte := BYTE.fullmatch(entry):
            return bytes([int(byte[1], 16)])
        return entry.replace(SPACE, " ").encode("utf-8", "replace")


def _looks_like_markup(text: str) -> bool:
    """As in LlamaVocabulary: markup such as <think>, not mere spaces or a run of letters."""
    return len(text) > 2 and (text[0], text[-1]) in {("<", ">"), ("[", "]")}
