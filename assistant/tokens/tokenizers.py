"""The tokenizers there are: of GGUF files, of a tokenizer.json, of the scripted model. [H] llama_cpp, tokenizers."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from adapters.files.gguf import read_gguf
from adapters.special_tokens import SpecialTokens
from assistant.backends.base import ChatMessage
from assistant.backends.scripted import ScriptedBackend, is_scripted, parse_script
from assistant.errors import ModelError, UsageError
from assistant.models.location import STARTER, resolve_model
from assistant.tokens import byte_level_bpe
from assistant.tokens.token import BYTE_LEVEL, Kind, MergedWord, Token, Tokenizer

KINDS = {
    "llama": "SentencePiece BPE", "gpt2": BYTE_LEVEL, "bert": "WordPiece", "t5": "Unigram", "rwkv": "RWKV",
    "plamo2": "PLaMo-2", "none": "none",
}  # fmt: skip  # tokenizer.ggml.model -> its usual name
FILE = "tokenizer.json"
LARGEST = 64 * 2**20  # bytes of a tokenizer.json
BYTE = re.compile(r"<0x([0-9A-F]{2})>")  # how a tokenizer with byte fallback writes a byte


class AnyTokenizer(Protocol):
    """Cuts text into tokens. Errors are ModelError and UsageError."""

    facts: Tokenizer

    def split(self, text: str, special: bool) -> list[Token]:
        """The tokens of a text; `special` recognises control tokens in it. None are added."""

    def prompt(self, messages: Sequence[ChatMessage]) -> str:
        """The text that a model reads before it answers these messages."""

    def words(self, text: str) -> list[MergedWord]:
        """The words of a text with the merges that made their tokens."""


def open_tokenizer(source: str, context: int = 0) -> AnyTokenizer:
    """The tokenizer of a model (`starter`, `scripted`, a GGUF file), of a tokenizer.json, or of a folder with one.

    `context` is the setting, as in `llamacpp.context_size`.

    Raises:
        ModelError, GGUFError: there is no such file, or it is damaged.
    """
    if is_scripted(source):
        return WordTokenizer(source)
    path = Path(source).expanduser()
    if path.is_dir() or path.suffix == ".json":
        return FileTokenizer(path / FILE if path.is_dir() else path)
    return GGUFTokenizer(source, context)


class GGUFTokenizer:
    """llama.cpp's tokenizer for a GGUF file: the very one that the chat uses."""

    def __init__(self, source: str, context: int) -> None:
        from assistant.backends.llama_engine import VocabularyOnly
        from assistant.backends.llamacpp import context_size
        from assistant.backends.model_prompt import model_prompt

        self._path = resolve_model(source)
        facts = read_gguf(self._path)
        kind = facts.text("tokenizer.ggml.model")
        if not kind:
            raise ModelError(f"{self._path.name} has no tokenizer.", "Choose a chat model's GGUF file.")
        self._vocabulary = VocabularyOnly(self._path)
        self._special = SpecialTokens(self._vocabulary.special_strings())
        self._prompt = model_prompt(facts, self._vocabulary, self._special)
        name = STARTER if source == STARTER else facts.name
        size = context_size(facts, context) if facts.context else 0
        self.facts = Tokenizer(name, KINDS.get(kind, kind[:20]), self._vocabulary.vocabulary_size, size)

    def split(self, text: str, special: bool) -> list[Token]:
        """See AnyTokenizer."""
        read = self._vocabulary
        tokens = read.tokenize(text.encode("utf-8", "replace"), special)
        return [Token(token, read.piece(token), read.kind(token)) for token in tokens]

    def prompt(self, messages: Sequence[ChatMessage]) -> str:
        """See AnyTokenizer."""
        return self._prompt.prompt(messages)

    def words(self, text: str) -> list[MergedWord]:
        """See AnyTokenizer."""
        if self.facts.kind != BYTE_LEVEL:
            raise _no_merges(self.facts)
        ranks, ids = self._merges
        return byte_level_bpe.words(self.split(text, special=False), ranks, ids)

    @cached_property
    def _merges(self) -> tuple[dict[tuple[str, str], int], dict[str, int]]:
        metadata = read_gguf(self._path, keep_arrays=True).metadata
        merges, entries = (metadata.get(f"tokenizer.ggml.{name}") for name in ("merges", "tokens"))
        if not isinstance(merges, list) or not isinstance(entries, list):
            raise ModelError(f"{self._path.name} holds no list of merges.", "Choose another model's file.")
        return byte_level_bpe.ranks_of([str(merge) for merge in merges]), {
            str(entry): number for number, entry in enumerate(entries)
        }


class FileTokenizer:
    """A tokenizer.json, as the Hugging Face library `tokenizers` reads it."""

    def __init__(self, path: Path) -> None:
        from tokenizers import Tokenizer as Library

        try:
            if path.stat().st_size > LARGEST:
                raise ModelError(f"{path.name} is larger than {LARGEST // 2**20} MiB.", "Choose a tokenizer.json.")
            text = path.read_text("utf-8")
            self._library: Any = Library.from_str(text)
            self._settings: dict[str, Any] = json.loads(text)
        except FileNotFoundError as error:
            raise ModelError(f"There is no file {path}.", "Give a GGUF file or a tokenizer.json.") from error
        except OSError as error:
            raise ModelError(f"{path} cannot be read: {error.strerror}.", "Check its permissions.") from error
        except ModelError:
            raise
        except Exception as error:  # the library raises Exception itself
            raise ModelError(f"{path.name} is no tokenizer.", "Give a GGUF file or a tokenizer.json.") from error
        self._library.no_truncation()
        self._library.no_padding()
        model = self._settings.get("model") or {}
        self._unknown = self._library.token_to_id(str(model.get("unk_token") or ""))
        self._added = {int(each["id"]): bool(each.get("special")) for each in self._settings.get("added_tokens") or ()}
        self._bytes = "ByteLevel" in json.dumps([self._settings.get("decoder"), self._settings.get("pre_tokenizer")])
        kind = BYTE_LEVEL if self._bytes else str(model.get("type") or "unknown kind")
        name = "/".join(path.absolute().parts[-3:-1]) if path.name == FILE else path.stem
        self.facts = Tokenizer(name, kind, int(self._library.get_vocab_size()))

    def split(self, text: str, special: bool) -> list[Token]:
        """See AnyTokenizer."""
        self._library.encode_special_tokens = not special
        text = _encodable(text)
        encoded = self._library.encode(text, add_special_tokens=False)
        return [
            Token(number, self._data(entry, number, text[start:end]), self._kind(number, entry))
            for number, entry, (start, end) in zip(encoded.ids, encoded.tokens, encoded.offsets, strict=True)
        ]

    def prompt(self, messages: Sequence[ChatMessage]) -> str:
        """The messages one below the other: a tokenizer.json holds no chat template."""
        return "\n".join(message.content for message in messages)

    def words(self, text: str) -> list[MergedWord]:
        """See AnyTokenizer."""
        model = self._settings["model"]
        if not self._bytes or not isinstance(model.get("merges"), list):
            raise _no_merges(self.facts)
        merges = [merge if isinstance(merge, str) else " ".join(map(str, merge)) for merge in model["merges"]]
        ids = {str(entry): int(number) for entry, number in model["vocab"].items()}
        return byte_level_bpe.words(self.split(text, special=False), byte_level_bpe.ranks_of(merges), ids)

    def _data(self, entry: str, number: int, covered: str) -> bytes:
        """The bytes of a token; where its entry does not give them, those of the text it covers."""
        if number in self._added or number == self._unknown:
            return (covered or entry).encode("utf-8", "replace")
        if self._bytes:
            return byte_level_bpe.read(entry)
        if byte := BYTE.fullmatch(entry):
            return bytes([int(byte[1], 16)])
        return covered.encode("utf-8", "replace")

    def _kind(self, number: int, entry: str) -> Kind:
        if number == self._unknown:
            return "unknown"
        if number in self._added:
            return "control" if self._added[number] else "user-defined"
        return "byte" if not self._bytes and BYTE.fullmatch(entry) else "normal"


class WordTokenizer:
    """How the scripted model counts: a token is a word with the blanks behind it."""

    def __init__(self, source: str) -> None:
        self._backend = ScriptedBackend(parse_script(source))
        info = self._backend.info
        self.facts = Tokenizer(info.name, "words", VOCABULARY, info.context)

    def split(self, text: str, special: bool) -> list[Token]:
        """See AnyTokenizer; numbers follow from the words."""
        words = WORD.findall(_encodable(text))
        return [Token(zlib.crc32(word.encode()) % VOCABULARY, word.encode()) for word in words]

    def prompt(self, messages: Sequence[ChatMessage]) -> str:
        """See AnyTokenizer."""
        return "".join(f"<{message.role}> {message.content} </>\n" for message in messages)

    def words(self, text: str) -> list[MergedWord]:
        """See AnyTokenizer."""
        raise _no_merges(self.facts)


WORD = re.compile(r"\s*\S+\s*|\s+")
VOCABULARY = 50_000


def _no_merges(facts: Tokenizer) -> UsageError:
    return UsageError(
        f"The tokenizer of {facts.name} is {facts.kind}: it has no list of merges.",
        "Merges can be watched in byte-level BPE tokenizers (those of SmolLM2, Llama 3, Qwen, GPT-2).",
    )


def _encodable(text: str) -> str:
    """Without lone surrogates, as arguments that are no UTF-8 hold them: no tokenizer takes them."""
    return text.encode("utf-8", "replace").decode()
