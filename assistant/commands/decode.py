"""`assistant decode`: one prompt answered by several settings, and what each knob does to the next token."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from assistant.backends.next_token import Distribution
from assistant.commands.opening import opened_core
from assistant.config import Config
from assistant.errors import UsageError
from assistant.output import emit, say
from assistant.playground import KEYS, STARTS, TOP, Decoded, Playground, distribution_json, parse_settings
from assistant.safe_text import safe_line, safe_text
from assistant.tokens.token import shown_bytes

BAR = 20  # characters of the longest bar


def add_parsers(commands: Any) -> None:
    """Add `decode`."""
    parser = commands.add_parser(
        "decode",
        help="answer one prompt by up to four settings, and see what each knob does to the next token",
        description=f"A setting is `greedy`, `chat`, or words such as temperature=0.7 with {', '.join(KEYS)} and "
        "adapter (a mix such as style:0.7+work:0.3, or base). What it does not name is off, and the seed is 1.",
    )
    parser.add_argument("prompt", nargs="*", metavar="PROMPT", help="what is asked; - reads stdin")
    parser.add_argument("--setting", action="append", metavar="S", help=f"one to four times (default: {STARTS[0]})")
    parser.add_argument("--top", type=int, metavar="N", help=f"list the N likeliest tokens at --place (1 to {TOP})")
    parser.add_argument("--place", type=int, default=1, metavar="N", help="which token of the answer (default: 1)")
    parser.add_argument("--system", metavar="TEXT", help="another system prompt; an empty one leaves it out")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


async def run(arguments: argparse.Namespace, config: Config) -> int:
    """Answer setting by setting; below each answer, what could have come at the place."""
    settings = parse_settings(arguments.setting or [STARTS[0]], config)
    if arguments.top is not None and not 1 <= arguments.top <= TOP:
        raise UsageError(f"--top {arguments.top} cannot be.", f"Give 1 to {TOP}.")
    prompt = _prompt(arguments.prompt)
    values = []
    async with opened_core(config, shared=True) as core:
        playground = Playground(core, arguments.system)
        for setting in settings:
            decoded = Decoded(setting)
            if not arguments.json:
                say(f"── {safe_line(setting.text)}")
            async for decoded in playground.answer(prompt, setting):
                if not arguments.json and decoded.done is None:
                    piece = decoded.pieces[-1]
                    say("" if decoded.tokens[-1].end else safe_text(piece.text if piece.whole else ""), end="")
            found = None
            if arguments.top:
                found = await playground.next_tokens(prompt, decoded, arguments.place - 1, arguments.top)
            if arguments.json:
                values.append(decoded.as_json() | ({"distribution": distribution_json(found)} if found else {}))
            else:
                _say_end(decoded, found, arguments.place)
        await playground.close()
    if arguments.json:
        emit({"prompt": prompt, "answers": values})
    return 0


def _prompt(words: list[str]) -> str:
    if words == ["-"]:
        return sys.stdin.buffer.read().decode("utf-8", "replace") if sys.stdin is not None else ""
    if not words:
        raise UsageError("There is no prompt.", "Give it as PROMPT, or - for stdin.")
    return " ".join(words)


def _say_end(decoded: Decoded, found: Distribution | None, place: int) -> None:
    assert decoded.done is not None
    why = {"stop": "ended by itself", "length": "at its longest", "cancelled": "stopped"}[decoded.done.finish]
    say(f"\n({len(decoded.tokens)} tokens, {why}, seed {decoded.done.seed})")
    if found is None:
        return
    chosen = decoded.tokens[place - 1].token if place <= len(decoded.tokens) else None
    say(f"token {place}: {found.line}")
    say(f"   {'token':<16} {'before':>7} {'after':>7}")
    for each in found.candidates:
        mark = "→" if each.token == chosen else " "
        after = f"{each.final:7.1%}" if not each.cut_by else f"cut by {each.cut_by}"
        bar = "█" * round(BAR * each.probability)
        say(safe_line(f" {mark} {shown_bytes(each.data) or '(nothing)':<16} {each.probability:7.1%} {after}  {bar}"))
