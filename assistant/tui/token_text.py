"""What is said of tokens: one of them, how a word was merged, and how two tokenizers compare."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from textual.content import Content

from assistant.safe_text import safe_line
from assistant.tokens.token import MergedWord, Piece, Split, shown_bytes

NAMED = 3  # characters of a token that are named


def piece_content(piece: Piece, place: int, count: int) -> Content:
    """The token under the cursor, in three lines: number and id, bytes, characters."""
    token = piece.token
    kind = f" · {token.kind} token" if token.kind != "normal" else ""
    head = f"  id {token.id:,} · token {place + 1:,} of {count:,}{kind}"
    data = token.data.hex(" ").upper()
    more = "" if piece.whole or not piece.text else "   bytes of a character that is spread over several tokens"
    return Content("\n").join([
        Content.assemble((safe_line(piece.shown), "bold"), head),
        Content.assemble(("bytes  ", "$text-muted"), f"{data[:60]}{'…' if len(data) > 60 else ''}{more}"),
        Content.assemble(("chars  ", "$text-muted"), "  ".join(_named(piece.text)) or "none of its own"),
    ])  # fmt: skip


def _named(text: str) -> list[str]:
    named = [f"U+{ord(each):04X} {unicodedata.name(each, 'no name').capitalize()}" for each in text[:NAMED]]
    return [*named, *(f"U+{ord(each):04X}" for each in text[NAMED : NAMED + 4]), *("…" for _ in text[NAMED + 4 :][:1])]


def merges_text(words: Sequence[MergedWord]) -> str:
    """Each word from its bytes to its tokens, a line a merge."""
    return "\n\n".join(_merged(word) for word in words)


def _merged(word: MergedWord) -> str:
    start = "│".join(shown_bytes(bytes([byte])) for byte in word.data)
    lines = [f"{shown_bytes(word.data)}", f"      {start}   its bytes"]
    for number, each in enumerate(word.merges, 1):
        parts = "│".join(shown_bytes(part) for part in each.parts)
        pair = f"{shown_bytes(each.left)}+{shown_bytes(each.right)}"
        lines.append(f"{number:>4}  {parts}   {pair} is merge {each.rank + 1:,}")
    agrees = "as the tokenizer itself gives them" if word.agrees else "the tokenizer itself gives others"
    ids = ", ".join(f"{number:,}" for number in word.ids)
    lines.append(
        f"      tokens {ids}: {agrees}" if word.merges else f"      no pair of it is in the list; tokens {ids}"
    )
    return safe_lines(lines)


def safe_lines(lines: Sequence[str]) -> str:
    """Lines that cannot steer the terminal."""
    return "\n".join(safe_line(line) for line in lines)


def figures_content(split: Split) -> Content:
    """Who cut, and what it costs."""
    facts = split.tokenizer
    return Content.assemble((f"{safe_line(facts.name)} ", "bold"), (f"{facts.kind}  ", "$text-muted"), split.line)


def word_at(pieces: Sequence[Piece], place: int) -> str:
    """The text of the word that a token belongs to: from the blank before it to the one behind it."""
    start, end = place, place + 1
    while start > 0 and not pieces[start].text[:1].isspace() and not pieces[start - 1].text[-1:].isspace():
        start -= 1
    while end < len(pieces) and not pieces[end].text[:1].isspace() and not pieces[end - 1].text[-1:].isspace():
        end += 1
    return b"".join(piece.token.data for piece in pieces[start:end]).decode("utf-8", "ignore")
