"""How llama.cpp cuts text into tokens: the vocabulary of a model, with or without its weights."""

from __future__ import annotations

import ctypes
from typing import Any, Literal

import llama_cpp as native

from assistant.errors import ModelError


class LlamaVocabulary:
    """The tokens of a loaded model."""

    cuts_beside_control = True

    def __init__(self, vocabulary: Any) -> None:
        """`vocabulary` is llama.cpp's own pointer, valid as long as its model."""
        self._vocabulary = vocabulary
        self._pieces: dict[int, bytes] = {}
        self.vocabulary_size = int(native.llama_vocab_n_tokens(vocabulary))

    def tokenize(self, text: bytes, special: bool) -> list[int]:
        """The text's tokens; `special` recognises control tokens in it. None are added."""
        room = len(text) + 8
        tokens = (native.llama_token * room)()
        count = native.llama_tokenize(self._vocabulary, text, len(text), tokens, room, False, special)
        if count < 0:
            raise ModelError("The text cannot be cut into tokens.", "Shorten the message.")
        return list(tokens[:count])

    def piece(self, token: int) -> bytes:
        """The bytes a token stands for, control tokens included."""
        known = self._pieces.get(token)
        if known is None:
            room = 64
            while True:
                buffer = ctypes.create_string_buffer(room)
                count = native.llama_token_to_piece(self._vocabulary, token, buffer, room, 0, True)
                if count >= 0:
                    break
                room = -count
            known = self._pieces[token] = buffer.raw[:count]
        return known

    def shown(self, token: int) -> bytes:
        """The bytes an answer shows for a token: none for control tokens."""
        return b"" if self.is_special(token) else self.piece(token)

    def is_special(self, token: int) -> bool:
        """Whether it is a control token."""
        return bool(native.llama_vocab_is_control(self._vocabulary, token))

    def kind(self, token: int) -> Literal["normal", "control", "unknown", "user-defined", "byte"]:
        """What a token is: text, or more than that (llama.cpp's attributes)."""
        attributes = native.llama_vocab_get_attr(self._vocabulary, token)
        if attributes & native.LLAMA_TOKEN_ATTR_CONTROL:
            return "control"
        if attributes & native.LLAMA_TOKEN_ATTR_UNKNOWN:
            return "unknown"
        if attributes & native.LLAMA_TOKEN_ATTR_USER_DEFINED:
            return "user-defined"
        return "byte" if attributes & native.LLAMA_TOKEN_ATTR_BYTE else "normal"

    def is_end(self, token: int) -> bool:
        """Whether it ends an answer."""
        return bool(native.llama_vocab_is_eog(self._vocabulary, token))

    def special_strings(self) -> list[str]:
        """The strings that `tokenize` with `special` turns into tokens of their own power."""
        always = native.LLAMA_TOKEN_ATTR_CONTROL | native.LLAMA_TOKEN_ATTR_UNKNOWN
        strings = []
        for token in range(self.vocabulary_size):
            kind = native.llama_vocab_get_attr(self._vocabulary, token)
            if kind & (always | native.LLAMA_TOKEN_ATTR_USER_DEFINED):
                text = native.llama_vocab_get_text(self._vocabulary, token).decode("utf-8", "replace")
                if kind & always or _looks_like_markup(text):
                    strings.append(text)
        return strings

    def begin_end_strings(self) -> tuple[str, str]:
        """The strings of the tokens that begin and end a text, "" where there is none."""
        ends = (native.llama_vocab_bos(self._vocabulary), native.llama_vocab_eos(self._vocabulary))
        begin, end = (self.piece(token).decode("utf-8", "replace") if token >= 0 else "" for token in ends)
        return begin, end

    def adds_begin(self) -> bool:
        """Whether the tokenizer puts the begin token before every text."""
        return bool(native.llama_vocab_get_add_bos(self._vocabulary))


def _looks_like_markup(text: str) -> bool:
    """Whether a user-defined token is markup such as <think>, not mere spaces or a run of letters."""
    return len(text) > 2 and (text[0], text[-1]) in {("<", ">"), ("[", "]")}
