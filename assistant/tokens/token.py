"""The nouns: a token with its bytes, a text cut into tokens, and the merges that made the tokens of a word."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

Kind = Literal["normal", "control", "unknown", "user-defined", "byte"]
BYTE_LEVEL = "byte-level BPE"  # the kind whose merges can be watched
SPACE, LINE_BREAK, TAB = "␣", "⏎", "⇥"  # how blanks are shown, so that they can be seen and counted


@dataclass(frozen=True, slots=True)
class Token:
    """One token: its number in the vocabulary, the bytes it stands for, and whether it is more than text."""

    id: int
    data: bytes
    kind: Kind = "normal"


@dataclass(frozen=True, slots=True)
class Piece:
    """A token in its text. `text` are the characters that its bytes belong to; not `whole` where another token
    holds the rest of one, as byte-level tokenizers cut rare characters."""

    token: Token
    text: str
    whole: bool

    @property
    def shown(self) -> str:
        """The piece on one line: blanks as signs, bytes of a broken character in hexadecimal, no control character."""
        if not self.whole or not self.text:
            return f"⟨{self.token.data.hex(' ').upper()}⟩"
        return "".join(_visible(character) for character in self.text)

    @property
    def code_points(self) -> list[str]:
        """`U+1F642`, for each of its characters."""
        return [f"U+{ord(character):04X}" for character in self.text]

    def as_json(self) -> dict[str, Any]:
        """For programs; `bytes` in hexadecimal."""
        token = self.token
        return {
            "id": token.id, "text": self.text, "whole": self.whole, "bytes": token.data.hex(),
            "code_points": self.code_points, "kind": token.kind,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tokenizer:
    """Facts of a tokenizer. `context` is what its model reads at once, in tokens, 0 where that is not known."""

    name: str
    kind: str
    vocabulary: int
    context: int = 0


@dataclass(frozen=True)
class Split:
    """A text cut into tokens by one tokenizer; `text` is what was cut, for a prompt the whole of it."""

    tokenizer: Tokenizer
    text: str
    tokens: tuple[Token, ...]

    @cached_property
    def pieces(self) -> tuple[Piece, ...]:
        """Each token with the characters it stands for."""
        return tuple(pieces(self.tokens))

    @property
    def bytes(self) -> int:
        """The length of the text in UTF-8."""
        return len(self.text.encode("utf-8", "replace"))

    @property
    def characters_per_token(self) -> float:
        """How much text a token holds on average: 0 without tokens; about 4 for English with large vocabularies."""
        return len(self.text) / len(self.tokens) if self.tokens else 0.0

    @property
    def share(self) -> float | None:
        """The part of the context that the tokens fill, None where the context is not known."""
        return len(self.tokens) / self.tokenizer.context if self.tokenizer.context else None

    @property
    def lost(self) -> int:
        """Bytes of the text that no token stands for, since a byte-level vocabulary lacks them; 0 for other kinds."""
        held = sum(len(token.data) for token in self.tokens)
        return max(0, self.bytes - held) if self.tokenizer.kind == BYTE_LEVEL else 0

    @property
    def line(self) -> str:
        """All figures on one line."""
        counts = [f"{len(self.tokens):,} tokens", f"{len(self.text):,} characters", f"{self.bytes:,} bytes"]
        counts.append(f"{self.characters_per_token:.2f} characters per token")
        if self.share is not None:
            counts.append(f"{self.share:.1%} of the context of {self.tokenizer.context:,}")
        if special := sum(token.kind == "control" for token in self.tokens):
            counts.append(f"{special:,} control tokens")
        if self.lost:
            counts.append(f"{self.lost:,} bytes in no token: the model does not see them")
        return " · ".join(counts)

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        facts = self.tokenizer
        return {
            "tokenizer": {"name": facts.name, "kind": facts.kind, "vocabulary": facts.vocabulary},
            "count": len(self.tokens), "characters": len(self.text), "bytes": self.bytes,
            "characters_per_token": round(self.characters_per_token, 4),
            "lost_bytes": self.lost, "context": facts.context or None,
            "share": None if self.share is None else round(self.share, 6),
            "tokens": [piece.as_json() for piece in self.pieces],
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Merge:
    """One step: the pair that was joined, its place in the list of merges (0 was learned first), all parts after it."""

    left: bytes
    right: bytes
    rank: int
    parts: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class MergedWord:
    """What is merged in one go, as the tokenizer cuts a text before merging: its bytes, each step, and the tokens.

    `agrees` tells whether the steps end at the very tokens that the tokenizer itself gives.
    """

    data: bytes
    merges: tuple[Merge, ...]
    ids: tuple[int, ...]
    agrees: bool

    def as_json(self) -> dict[str, Any]:
        """For programs; parts as they are shown."""
        return {
            "word": shown_bytes(self.data), "bytes": self.data.hex(),
            "merges": [
                {"left": shown_bytes(each.left), "right": shown_bytes(each.right), "rank": each.rank,
                 "parts": [shown_bytes(part) for part in each.parts]}
                for each in self.merges
            ],
            "ids": list(self.ids), "agrees": self.agrees,
        }  # fmt: skip


def pieces(tokens: Sequence[Token]) -> Iterable[Piece]:
    """Each token with the characters its bytes belong to; bytes that are no UTF-8 belong to none."""
    characters = b"".join(token.data for token in tokens).decode("utf-8", "surrogateescape")
    lengths = [1 if _stray(character) else len(character.encode("utf-8")) for character in characters]
    place, start = 0, 0  # the first character not behind us, and the byte it begins at
    position = 0
    for token in tokens:
        end = position + len(token.data)
        touched, whole, at, byte = [], True, place, start
        while at < len(characters) and byte < end:
            whole = whole and byte >= position and byte + lengths[at] <= end and not _stray(characters[at])
            touched.append("" if _stray(characters[at]) else characters[at])
            byte += lengths[at]
            if byte <= end:
                place, start = at + 1, byte
            at += 1
        position = end
        yield Piece(token, "".join(touched), whole)


def shown_bytes(data: bytes) -> str:
    """Bytes on one line: characters where they are whole, hexadecimal where they are not."""
    return next(iter(pieces([Token(0, data)]))).shown if data else ""


def _stray(character: str) -> bool:
    """Whether it stands for a byte that is no UTF-8 (see PEP 383)."""
    return "\udc80" <= character <= "\udcff"


def _visible(character: str) -> str:
    named = {" ": SPACE, "\n": LINE_BREAK, "\t": TAB}.get(character)
    return named or (character if character.isprintable() else f"⟨{character.encode('utf-8').hex(' ').upper()}⟩")
