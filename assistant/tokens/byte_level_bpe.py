"""How does byte-level BPE build the tokens of a word? One merge after the other, from the vocabulary's own list.

Byte-pair encoding as Sennrich et al. (2016, arXiv:1508.07909) describe it, over bytes as in GPT-2 (Radford et al.
2019): a word begins as its bytes; of all pairs of neighbours, the one that was learned first is joined wherever it
stands; that goes on until no pair is in the list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import pairwise

from assistant.tokens.token import Merge, MergedWord, Token

LONGEST = 400  # bytes that are merged in one go; the work grows with the square

Ranks = Mapping[tuple[str, str], int]


@cache
def alphabet() -> dict[int, str]:
    """The character that stands for each byte in vocabulary and merges (GPT-2's table, without blanks and controls).

    Printable Latin-1 stands for itself; the others, in order, are the characters from U+0100 on.
    """
    printable = {*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = (byte for byte in range(256) if byte not in printable)
    table = {byte: chr(byte) for byte in printable}
    return table | {byte: chr(0x100 + place) for place, byte in enumerate(others)}


@cache
def _bytes() -> dict[str, int]:
    return {character: byte for byte, character in alphabet().items()}


def written(data: bytes) -> str:
    """Bytes as vocabulary and merges write them: a space is `Ġ`."""
    return "".join(alphabet()[byte] for byte in data)


def read(text: str) -> bytes:
    """The bytes of an entry of the vocabulary; one that is not of the alphabet stands for its UTF-8."""
    table = _bytes()
    if all(character in table for character in text):
        return bytes(table[character] for character in text)
    return text.encode("utf-8", "replace")


def ranks_of(merges: Sequence[str]) -> dict[tuple[str, str], int]:
    """The place of each pair in a list of merges written as `Ġ t`; what is no pair is left out."""
    pairs = (merge.split(" ") for merge in merges)
    return {(pair[0], pair[1]): rank for rank, pair in enumerate(pairs) if len(pair) == 2}


def merged(data: bytes, ranks: Ranks) -> tuple[list[str], list[Merge]]:
    """The parts that a word ends in, as the vocabulary writes them, and every step on the way."""
    parts, steps = list(written(data)), list[Merge]()
    while True:
        known = [(ranks[pair], pair) for pair in pairwise(parts) if pair in ranks]
        if not known:
            return parts, steps
        rank, (left, right) = min(known)
        parts = _joined(parts, left, right)
        steps.append(Merge(read(left), read(right), rank, tuple(read(part) for part in parts)))


def _joined(parts: Sequence[str], left: str, right: str) -> list[str]:
    """Each place where `left` stands before `right` made one, from left to right."""
    found: list[str] = []
    place = 0
    while place < len(parts):
        pair = parts[place] == left and place + 1 < len(parts) and parts[place + 1] == right
        found.append(left + right if pair else parts[place])
        place += 2 if pair else 1
    return found


def words(tokens: Sequence[Token], ranks: Ranks, ids: Mapping[str, int]) -> list[MergedWord]:
    """The tokens of a text by the words they were merged in, each with its steps.

    Tokenizers cut a text before they merge, each by its own rules, and all of them before blanks. The other cuts are
    found from the result: the longest run of tokens that the merges give is a word. `ids` are the numbers of the
    vocabulary's entries.
    """
    found: list[MergedWord] = []
    start = 0
    while start < len(tokens):
        end, word = start + 1, None
        for stop in range(_reach(tokens, start), start, -1):
            word = _word(tokens[start:stop], ranks, ids)
            if word.agrees:
                end = stop
                break
        assert word is not None
        found.append(word)
        start = end
    return found


def _reach(tokens: Sequence[Token], start: int) -> int:
    """Where the longest run from `start` on may end: before a blank, and before a token that is more than text."""
    stop, size = start, 0
    for token in tokens[start:]:
        size += len(token.data)
        if token.kind != "normal" or size > LONGEST or (stop > start and token.data[:1].isspace()):
            break
        stop += 1
    return max(stop, start + 1)


def _word(tokens: Sequence[Token], ranks: Ranks, ids: Mapping[str, int]) -> MergedWord:
    data, wanted = b"".join(token.data for token in tokens), tuple(token.id for token in tokens)
    if tokens[0].kind != "normal" or len(data) > LONGEST:
        return MergedWord(data, (), wanted, agrees=tokens[0].kind != "normal")
    parts, steps = merged(data, ranks)
    return MergedWord(data, tuple(steps), wanted, tuple(ids.get(part, -1) for part in parts) == wanted)
