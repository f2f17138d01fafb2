"""`assistant context`: what filled the context window for an answer, and the prompt as it was sent."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from assistant.commands.opening import LAST, message_number, opened_core
from assistant.config import Config
from assistant.context_use import context_use, told
from assistant.output import emit, say


def add_parsers(commands: Any) -> None:
    """Add `context`."""
    parser = commands.add_parser("context", help="what filled the context for an answer, in tokens, and its prompt")
    parser.add_argument("message", nargs="?", default=LAST, metavar="MESSAGE", help="its number, or `last` (default)")
    parser.add_argument("--prompt", action="store_true", help="print the whole prompt too")
    parser.add_argument("--json", action="store_true", help="print JSON, with the prompt")
    parser.set_defaults(run=run)


async def run(arguments: argparse.Namespace, config: Config) -> int:
    """Print the parts, then the messages."""
    async with opened_core(config, shared=True, stored_chats=True) as core:
        use = await context_use(core, await message_number(core, arguments.message))
    if arguments.json:
        emit({**asdict(use), "parts": use.parts})
        return 0
    for line in told(use):
        say(line)
    for message in use.messages if arguments.prompt else ():
        say(f"\n── {message.role}\n{message.content}")
    return 0
