"""`assistant tokens`: how a tokenizer cuts a text, an answer or a whole prompt, and how it got there."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from assistant.commands.opening import message_number, opened_core
from assistant.config import Config
from assistant.errors import UsageError
from assistant.output import emit, say, warn
from assistant.safe_text import safe_line
from assistant.sent_prompt import sent_prompt
from assistant.tokens.token import MergedWord, Split, shown_bytes

if TYPE_CHECKING:
    from assistant.bootstrap import Core
    from assistant.tokens.inspector import TokenInspector

LISTED = 200  # tokens that are listed one a line; --json lists all
BAR = "│"


def add_parsers(commands: Any) -> None:
    """Add `tokens`."""
    parser = commands.add_parser(
        "tokens",
        help="how the model's tokenizer cuts a text: pieces, numbers, bytes, and what it costs",
        description="Cuts a text as the model's own tokenizer does. A space is shown as ␣, a line break as ⏎; "
        "⟨F0 9F⟩ are bytes of a character that is spread over several tokens.",
    )
    parser.add_argument("text", nargs="*", metavar="TEXT", help="the text; - reads stdin")
    parser.add_argument("--message", metavar="ID", help="the text of this message, or of the `last` answer")
    parser.add_argument("--prompt", metavar="ID", help="the whole prompt that was sent for this answer, or the `last`")
    parser.add_argument("--merges", metavar="WORD", help="how the merges of byte-level BPE make the tokens of a word")
    parser.add_argument("--with", dest="other", metavar="FILE", help="also cut it by this GGUF file or tokenizer.json")
    parser.add_argument("--special", action="store_true", help="read control tokens in TEXT as such (<|im_end|>)")
    parser.add_argument("--brief", action="store_true", help="pieces and figures only, no list of tokens")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


async def run(arguments: argparse.Namespace, config: Config) -> int:
    """Cut, and print the pieces, the figures and the list of tokens."""
    _check(arguments)
    stored = bool(arguments.message or arguments.prompt)
    async with (
        opened_core(config, shared=True, stored_chats=stored) as core,
        _inspectors(core, arguments.other) as both,
    ):
        value: dict[str, Any] = {}
        if arguments.text or stored:
            splits = await _splits(core, both, arguments)
            value = splits[0].as_json() | ({"with": splits[1].as_json()} if len(splits) > 1 else {})
            if not arguments.json:
                _say_splits(splits, arguments.brief)
        if arguments.merges:
            words = await both[0].words(arguments.merges)
            value["merges"] = [word.as_json() for word in words]
            if not arguments.json:
                _say_merges((await both[0].facts()).name, words)
    if arguments.json:
        emit(value)
    return 0


def _check(arguments: argparse.Namespace) -> None:
    given = [bool(arguments.text), bool(arguments.message), bool(arguments.prompt)]
    if sum(given) > 1:
        raise UsageError("There is more than one text.", "Give TEXT, --message ID or --prompt ID.")
    if not any(given) and not arguments.merges:
        raise UsageError("There is no text.", "Give TEXT, - for stdin, --message ID, --prompt ID or --merges WORD.")


@contextlib.asynccontextmanager
async def _inspectors(core: Core, other: str | None) -> AsyncIterator[list[TokenInspector]]:
    both = [core.tokenizer(), *([core.tokenizer(other)] if other else [])]
    try:
        yield both
    finally:
        for each in both:
            await each.close()


async def _splits(core: Core, both: list[TokenInspector], arguments: argparse.Namespace) -> list[Split]:
    if arguments.prompt:
        answer = await core.conversations.message(await message_number(core, arguments.prompt))
        prompt = await sent_prompt(core, answer.id)
        if core.model.info and answer.model != core.model.info.name:
            warn(f"{answer.model} answered; this is the prompt as {core.model.info.name} would read it.")
        first = await both[0].split_prompt(prompt.messages)
        return [first, *[await each.split(first.text, special=True) for each in both[1:]]]
    if arguments.message:
        text = (await core.conversations.message(await message_number(core, arguments.message))).text
    else:
        text = _read() if arguments.text == ["-"] else " ".join(arguments.text)
    return [await each.split(text, special=arguments.special) for each in both]


def _read() -> str:
    """Standard input; bytes that are no UTF-8 become U+FFFD."""
    return sys.stdin.buffer.read().decode("utf-8", "replace") if sys.stdin is not None else ""


def _say_splits(splits: list[Split], brief: bool) -> None:
    for split in splits:
        facts = split.tokenizer
        say(f"── {safe_line(facts.name)} ({facts.kind}, {facts.vocabulary:,} tokens)")
        say(safe_line(BAR.join(piece.shown for piece in split.pieces)))
        say(split.line)
        if not brief:
            _say_list(split)
    if len(splits) > 1:
        say(comparison(splits[0], splits[1]))


def comparison(first: Split, second: Split) -> str:
    """`starter needs 25 tokens, model 15: 10 more.`"""
    one, other = len(first.tokens), len(second.tokens)
    apart = "as many" if one == other else f"{abs(one - other):,} {'more' if one > other else 'fewer'}"
    return safe_line(f"{first.tokenizer.name} needs {one:,} tokens, {second.tokenizer.name} {other:,}: {apart}.")


def _say_list(split: Split) -> None:
    for piece in split.pieces[:LISTED]:
        points = " ".join(piece.code_points[:6]) + (" …" if len(piece.code_points) > 6 else "")
        data = piece.token.data.hex(" ").upper()
        kind = "" if piece.token.kind == "normal" else f"  {piece.token.kind}"
        say(safe_line(f"{piece.token.id:>7}  {piece.shown:<18}  {data[:35]:<35}  {points}{kind}").rstrip())
    if len(split.pieces) > LISTED:
        say(f"        and {len(split.pieces) - LISTED:,} more (--json lists all)")


def _say_merges(name: str, words: list[MergedWord]) -> None:
    say(f"── merges of {safe_line(name)}")
    for word in words:
        say(safe_line(BAR.join(shown_bytes(bytes([byte])) for byte in word.data)))
        for number, each in enumerate(word.merges, 1):
            pair = f"{shown_bytes(each.left)} + {shown_bytes(each.right)}"
            parts = BAR.join(shown_bytes(part) for part in each.parts)
            say(safe_line(f"{number:>3}  {pair:<18} {f'merge {each.rank + 1:,}':>14}   {parts}"))
        ends = "the tokenizer gives the same" if word.agrees else "the tokenizer gives others: it merges in another way"
        say(f"     tokens {' '.join(map(str, word.ids))} ({ends})")
