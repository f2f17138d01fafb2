"""`assistant ask`: one question, one cited answer."""

from __future__ import annotations

import argparse
import asyncio
import os
import select
import stat
import sys
from collections.abc import AsyncIterator
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

from assistant import citations
from assistant.commands import best
from assistant.commands.opening import opened_core
from assistant.config import Config
from assistant.conversation import Citation, Message
from assistant.errors import UsageError
from assistant.events import Cancelled, Completed, Event, Failed, Retrieved, Token
from assistant.output import emit, say, warn
from assistant.revising import check_principles, revise
from assistant.scoring.comparing import finished
from ingest.document import place_label
from ingest.scope import check_filters, is_filter

if TYPE_CHECKING:
    from assistant.bootstrap import Core
    from ingest.document import Passage

SAMPLING = {
    "temperature": (float, "0 = greedy"),
    "top_k": (int, "only the K likeliest tokens; 0 = off"),
    "top_p": (float, "the likeliest tokens with this probability together; 1 = off"),
    "min_p": (float, "drop tokens below this share of the likeliest; 0 = off"),
    "repeat_penalty": (float, "1 = off"),
    "max_tokens": (int, "longest answer"),
    "seed": (int, "the same seed gives the same answer"),
}
PIPE_SECONDS = 1.0  # how long a pipe may take to say its first word when there is a question already


def add_parsers(commands: Any) -> None:
    """Add `ask`."""
    parser = commands.add_parser("ask", help="ask a question; the answer streams and cites your documents")
    parser.add_argument("text", nargs="*", metavar="TEXT", help="the question; with - or none, read from stdin")
    parser.add_argument("--no-docs", action="store_true", help="answer from the model alone")
    scope = "search this only: a collection, or type:pdf, path:letters, since:2025 (repeatable)"
    parser.add_argument("--collection", action="append", metavar="C", help=scope)
    parser.add_argument("--chat", type=int, metavar="ID", help="continue this chat instead of starting one")
    parser.add_argument(
        "--instead-of", type=int, metavar="N", help="stand beside question N of its chat, not below all"
    )
    parser.add_argument("--again", type=int, metavar="N", help="another answer beside answer N; no TEXT")
    parser.add_argument("--adapter", metavar="A", default=argparse.SUPPRESS, help="answer with this adapter")
    parser.add_argument("--adapter-scale", type=float, metavar="S", help="its strength, 0 to 2")
    for name, (kind, meaning) in SAMPLING.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind, metavar=name[0].upper(), help=meaning)
    parser.add_argument("--greedy", action="store_const", const=0.0, dest="temperature", help="same as --temperature 0")
    parser.add_argument("--stop", action="append", metavar="TEXT", help="end the answer at this text (repeatable)")
    best.add_arguments(parser)
    parser.add_argument(
        "--revise", action=argparse.BooleanOptionalAction, help="hold the answer against your principles, or do not"
    )
    inline = "answer under the prompt of the shell, with keys to copy it or to open the chat; TEXT may be typed there"
    parser.add_argument("--inline", action="store_true", help=inline)
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    parser.set_defaults(run=run)


async def run(arguments: argparse.Namespace, config: Config) -> int:
    """Ask, stream, cite."""
    question = "" if arguments.again else question_of(arguments.text)
    config = _with_options(config, arguments)
    async with opened_core(config, shared=True) as core:
        if core.other_instance is not None:
            warn("Another assistant has this home open, so this chat is not saved.")
        warming = asyncio.create_task(core.warm())  # the model loads while the documents are searched
        try:
            return await _ask(core, question, arguments)
        finally:
            warming.cancel()


async def _ask(core: Core, question: str, arguments: argparse.Namespace) -> int:
    scope = arguments.collection
    if scope:
        await check_collections(core, scope)
    if arguments.adapter:  # asked for by name: an answer without it would be the wrong one
        await core.model.use_adapter(arguments.adapter, core.config.model.adapter_scale)
    if core.model.is_remote:
        warn(f"remote: {core.leaving.host}")
    wanted = bool(core.config.answer.principles) if arguments.revise is None else arguments.revise
    if arguments.best is not None or wanted:
        return await _ask_at_length(core, question, arguments, revising=wanted)
    passages: tuple[Passage, ...] = ()
    async for event in await _events(core, question, arguments):
        if isinstance(event, Retrieved):
            passages = event.passages
        elif isinstance(event, Token) and not arguments.json:
            say(event.text, end="")
        elif isinstance(event, Failed):
            raise event.error
        elif isinstance(event, (Completed, Cancelled)):
            _finish(event.message, passages, arguments.json)
    return 0


async def _ask_at_length(core: Core, question: str, arguments: argparse.Namespace, *, revising: bool) -> int:
    """An answer that is printed when it is known: the best of several, or one that was revised."""
    if revising:
        check_principles(core)
    events = partial(_events, core, question, arguments)
    several = arguments.best is not None
    message = await (best.best_answer(core, arguments, events) if several else finished(await events()))
    if revising:
        message = await revise(core, message.id)
    say("" if arguments.json else message.text, end="")
    _finish(message, tuple(await core.conversations.passages(message.id)), arguments.json)
    return 0


async def _events(core: Core, question: str, arguments: argparse.Namespace) -> AsyncIterator[Event]:
    """The answer to the question: in a new chat, below or beside what is asked for, or another one beside an answer."""
    documents = not arguments.no_docs
    if arguments.again:
        return core.engine.regenerate(arguments.again, use_documents=documents)
    chat = arguments.chat
    if arguments.instead_of:
        chat = (await core.conversations.message(arguments.instead_of)).conversation_id
    elif not chat:
        chat = (await core.conversations.create(collections=arguments.collection)).id
    await core.conversations.get(chat)
    return core.engine.ask(chat, question, use_documents=documents, instead_of=arguments.instead_of)


def _finish(message: Message, passages: tuple[Passage, ...], as_json: bool) -> None:
    if as_json:
        emit(answer_json(message, passages))
    else:
        print_answer(message)


def print_answer(message: Message) -> None:
    """What stands below an answer that was streamed: its sources, what was searched, and what is to be told."""
    say()
    for citation in message.citations:
        say(source_line(citation))
    say(f"({message.trace})")
    for notice in message.notices:
        warn(notice)


def source_line(citation: Citation) -> str:
    """A citation on one line; ~ marks the ones that the assistant attributed itself."""
    mark = f"[{'~' if citation.attributed else ''}{citation.mark}]"
    label = place_label(citation.page, citation.place)
    place = f", {label}" if label else ""
    return f"  {mark} {citation.document}{place}: “{' '.join(citation.quote.split())}”"


def answer_json(message: Message, passages: tuple[Passage, ...]) -> dict[str, Any]:
    """An answer as `ask --json` prints it."""
    usage = asdict(message.usage) if message.usage else {}
    return {
        "answer": citations.with_marks(message.text, message.citations),
        "citations": [_citation(citation) for citation in message.citations],
        "retrieved": [passage_json(passage) for passage in passages],
        "trace": message.trace,
        "notices": list(message.notices),
        "model": message.model,
        "adapter": message.adapter,
        "chat": message.conversation_id,
        "message": message.id,
        "usage": usage,
    }


def _citation(citation: Citation) -> dict[str, Any]:
    keys = ("mark", "document", "path", "page", "place", "start", "end", "quote", "score", "attributed")
    return {key: getattr(citation, key) for key in keys}


def passage_json(passage: Passage) -> dict[str, Any]:
    """A passage with where it stands and its three scores."""
    entry = asdict(passage)
    entry["headings"] = list(passage.headings)
    return {key: entry[key] for key in sorted(entry, key=_PASSAGE_ORDER.index)}


_PASSAGE_ORDER = [
    "document", "page", "place", "text", "score", "similarity", "bm25", "path", "headings", "start", "end",
    "document_id", "chunk_id",
]  # fmt: skip


async def check_collections(core: Core, names: list[str]) -> None:
    """Raise UsageError where one of these terms of a scope is not there."""
    known = [entry.name for entry in await core.library.collections()]
    check_filters(names)
    for name in names:
        if not is_filter(name) and name not in known:
            raise UsageError(f"There is no collection {name}.", f"There are: {', '.join(known) or 'none yet'}.")


def _with_options(config: Config, arguments: argparse.Namespace) -> Config:
    values = {("sampling", name): getattr(arguments, name) for name in (*SAMPLING, "stop")}
    values["model", "adapter_scale"] = arguments.adapter_scale
    for (section, key), value in values.items():
        if value is not None:
            try:
                config = config.with_value(section, key, value)
            except ValueError as error:
                raise UsageError(str(error)) from error
    return config


def question_of(words: list[str]) -> str:
    """The question on the command line, and what is piped in below it."""
    text = " ".join(word for word in words if word != "-")
    wanted = not text or "-" in words
    piped = _piped(wait=wanted)
    if not text and not piped.strip():
        raise UsageError("There is no question.", "Give it as TEXT, or pipe it in.")
    return f"{text}\n\n{piped}".strip() if piped.strip() else text


def _piped(wait: bool) -> str:
    """Standard input, when there is any. A pipe that stays silent is waited for only if it must speak."""
    if sys.stdin is None or sys.stdin.closed or sys.stdin.isatty():
        return ""
    kind = os.fstat(sys.stdin.fileno()).st_mode
    if not wait and not stat.S_ISREG(kind) and not select.select([sys.stdin], [], [], PIPE_SECONDS)[0]:
        return ""
    return sys.stdin.buffer.read().decode("utf-8", "replace")
