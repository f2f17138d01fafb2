"""`assistant agent`: a question that the model may search for more than once, and calculate for."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from assistant.commands.ask import answer_json, check_collections, print_answer, question_of
from assistant.commands.opening import opened_core
from assistant.config import Config
from assistant.events import Cancelled, Completed, Failed, Retrieved, Token
from assistant.output import emit, say, warn
from assistant.safe_text import safe_line
from assistant.tools.agent import Agent, Step, steps_json

if TYPE_CHECKING:
    from ingest.document import Passage


def add_parsers(commands: Any) -> None:
    """Add `agent`."""
    parser = commands.add_parser(
        "agent",
        help="a question in steps: the model may search your documents again, and calculate, before it answers",
        description="The question itself is searched for first; up to four further steps are chosen by the model. Both "
        "tools only read. Every step is shown, and what was worked out is cited like a passage.",
    )
    parser.add_argument("text", nargs="*", metavar="QUESTION", help="the question; with - or none, read from stdin")
    scope = "search this only: a collection, or type:pdf, path:letters, since:2025 (repeatable)"
    parser.add_argument("--collection", action="append", metavar="C", help=scope)
    parser.add_argument("--chat", type=int, metavar="ID", help="continue this chat instead of starting one")
    parser.add_argument("--json", action="store_true", help="print one JSON object: as `ask --json`, with steps")
    parser.set_defaults(run=run)


async def run(arguments: argparse.Namespace, config: Config) -> int:
    """Ask, show the steps, stream, cite."""
    question = question_of(arguments.text)

    def told(step: Step) -> None:
        if not arguments.json:
            say(f"({safe_line(step.line)})")

    async with opened_core(config, shared=True) as core:
        if core.other_instance is not None:
            warn("Another assistant has this home open, so this chat is not saved.")
        if arguments.collection:
            await check_collections(core, arguments.collection)
        agent = Agent(core, told)
        passages: tuple[Passage, ...] = ()
        chat = arguments.chat or (await core.conversations.create(collections=arguments.collection)).id
        await core.conversations.get(chat)
        async for event in agent.ask(chat, question):
            if isinstance(event, Retrieved):
                passages = event.passages
            elif isinstance(event, Token) and not arguments.json:
                say(event.text, end="")
            elif isinstance(event, Failed):
                raise event.error
            elif isinstance(event, (Completed, Cancelled)):
                if arguments.json:
                    emit(answer_json(event.message, passages) | {"steps": steps_json(agent.steps)})
                else:
                    told_already = len(agent.steps) if isinstance(event, Completed) else 0
                    notices = event.message.notices[: len(event.message.notices) - told_already]
                    print_answer(replace(event.message, notices=notices))
    return 0
