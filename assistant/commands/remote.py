"""`assistant remote`: the server that may answer, which collections it may read, and whether it answers."""

from __future__ import annotations

import argparse
from typing import Any

from assistant.bootstrap import Core, opened
from assistant.config import Config
from assistant.output import emit, say
from assistant.safe_text import safe_line


def add_parsers(commands: Any) -> None:
    """Add `remote` and its actions."""
    remote = commands.add_parser(
        "remote",
        help="a model on a server: which one, and which collections it may read",
        description="The setting remote.url names the server; its key is in remote.key_file or ASSISTANT_REMOTE_KEY. "
        "`--model remote` answers with it. Chats go there; a document's text only of collections that were allowed.",
    )
    remote.set_defaults(run=run_show)
    actions = remote.add_subparsers(dest="action", metavar="ACTION")
    show = actions.add_parser("show", help="the server and what it may read; nothing is sent")
    show.set_defaults(run=run_show)
    check = actions.add_parser("check", help="ask the server for its models and for an answer of one token")
    check.set_defaults(run=run_check)
    allow = actions.add_parser("allow", help="let the text of a collection go to this server")
    allow.set_defaults(run=run_allow)
    withdraw = actions.add_parser("withdraw", help="let it go there no longer")
    withdraw.set_defaults(run=run_withdraw)
    for parser in (allow, withdraw):
        parser.add_argument("collection", metavar="COLLECTION")
    for parser in (remote, show, check, allow, withdraw):
        default = False if parser is remote else argparse.SUPPRESS
        parser.add_argument("--json", action="store_true", help="print JSON", default=default)


async def run_show(arguments: argparse.Namespace, config: Config) -> int:
    """The server and what it may read."""
    async with opened(config, shared=True) as core:
        return await _told(arguments, core)


async def run_check(arguments: argparse.Namespace, config: Config) -> int:
    """Load the model there; what is wrong is told as for any model."""
    async with opened(config, shared=True) as core:
        name = core.model.name if core.model.is_remote else "remote"
        info = await core.model.load(name)
        if arguments.json:
            emit({"host": info.host, "model": info.name, "context": info.context, "notice": info.notice})
        else:
            say(f"{safe_line(info.name)} at {safe_line(info.host)} answers; it reads {info.context:,} tokens.")
            for line in filter(None, (info.notice,)):
                say(safe_line(line))
    return 0


async def run_allow(arguments: argparse.Namespace, config: Config) -> int:
    """One collection more."""
    async with opened(config) as core:
        await core.leaving.allow(arguments.collection)
        return await _told(arguments, core)


async def run_withdraw(arguments: argparse.Namespace, config: Config) -> int:
    """One collection less."""
    async with opened(config) as core:
        core.leaving.withdraw(arguments.collection)
        return await _told(arguments, core)


async def _told(arguments: argparse.Namespace, core: Core) -> int:
    host, settings = core.leaving.host, core.leaving.settings
    allowed = core.leaving.allowed(host) if host else ()
    known = [each.name for each in await core.library.collections()]
    if arguments.json:
        emit({
            "host": host, "url": settings.url, "model": settings.model, "in_use": core.model.is_remote,
            "here": core.leaving.is_here, "allowed": allowed, "collections": known,
        })  # fmt: skip
        return 0
    if not settings.url:
        say("No server is named: nothing is sent anywhere.")
        say("Set one: assistant settings set remote.url http://127.0.0.1:8000/v1")
        return 0
    say(f"{host or settings.url}: {safe_line(settings.model) or 'its first model'}")
    say(f"{'In use' if core.model.is_remote else 'Not in use'}; `assistant --model remote …` answers with it.")
    if core.leaving.is_here:
        say("It is on this machine: what it is given does not leave it.")
        return 0
    for name in known:
        say(f"  {'may be read  ' if name in allowed else 'is never sent'}  {safe_line(name)}")
    return 0
