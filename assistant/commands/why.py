"""`assistant why`: how the passages of an answer were found."""

from __future__ import annotations

import argparse
from typing import Any

from assistant.commands.ask import passage_json
from assistant.commands.opening import LAST, message_number, opened_core
from assistant.config import Config
from assistant.errors import NotFoundError
from assistant.output import emit, say
from assistant.safe_text import safe_line
from assistant.search_text import told


def add_parsers(commands: Any) -> None:
    """Add `why`."""
    parser = commands.add_parser("why", help="how the passages of an answer were found: both rankings, fusion, floor")
    parser.add_argument("message", nargs="?", default=LAST, metavar="MESSAGE", help="its number, or `last` (default)")
    parser.add_argument("--json", action="store_true", help="print {message, trace, prompt}")
    parser.set_defaults(run=run)


async def run(arguments: argparse.Namespace, config: Config) -> int:
    """Print the trace that was kept with the answer."""
    async with opened_core(config, shared=True, stored_chats=True) as core:
        number = await message_number(core, arguments.message)
        await core.conversations.message(number)
        trace = await core.conversations.searches.of(number)
        prompt = await core.conversations.passages(number)
    if trace is None:
        raise NotFoundError(f"The documents were not searched for answer {number}.", "`assistant chats show` lists.")
    if arguments.json:
        emit({"message": number, "trace": trace.as_json(), "prompt": [passage_json(passage) for passage in prompt]})
        return 0
    for line in told(trace, prompt):
        say(safe_line(line))
    return 0
