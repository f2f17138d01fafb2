"""`assistant chats tree`, `go`, `fork`, `undo`, `redo`, `rewrite`: a chat as a tree in which nothing is overwritten."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from assistant import branching
from assistant.commands.opening import message_number, opened_core
from assistant.config import Config
from assistant.conversation import Message
from assistant.output import emit, say
from assistant.safe_text import safe_line

SHOWN = 90  # characters of a message in the tree


def add_actions(actions: Any) -> None:
    """Add what is done with the branches of a chat to the actions of `chats`."""
    tree = actions.add_parser("tree", help="all messages with their branches; * marks the one the chat goes on from")
    tree.set_defaults(run=run_tree)
    go = actions.add_parser("go", help="let a chat go on from a message and what followed on it")
    go.set_defaults(run=run_go)
    forked = actions.add_parser("fork", help="a new chat with a message and all that stands above it")
    forked.set_defaults(run=run_fork)
    undo = actions.add_parser("undo", help="take the last question back; its branch stays")
    undo.set_defaults(run=run_undo)
    redo = actions.add_parser("redo", help="bring back what was taken back")
    redo.set_defaults(run=run_redo)
    rewrite = actions.add_parser("rewrite", help="put an answer in your own words beside the one that was given")
    rewrite.set_defaults(run=run_rewrite)
    for parser in (tree, undo, redo):
        parser.add_argument("chat", type=int, metavar="ID")
    for parser in (go, forked, rewrite):
        parser.add_argument("message", metavar="MESSAGE", help="its number (see `chats tree`), or `last`")
    rewrite.add_argument("text", nargs="+", metavar="TEXT")
    for parser in (tree, go, forked, undo, redo, rewrite):
        parser.add_argument("--json", action="store_true", help="print JSON", default=argparse.SUPPRESS)


async def run_tree(arguments: argparse.Namespace, config: Config) -> int:
    """One line a message, indented where branches part."""
    async with opened_core(config, shared=True, stored_chats=True) as core:
        await core.conversations.get(arguments.chat)
        messages = await core.conversations.branches.messages(arguments.chat)
        current = {message.id for message in await core.conversations.thread(arguments.chat)}
        siblings = await core.conversations.branches.siblings(arguments.chat)
    if arguments.json:
        emit([{**asdict(message), "current": message.id in current} for message in messages])
        return 0
    for message, depth in _walked(messages):
        group = siblings.get(message.id, (message.id,))
        place = f" < {group.index(message.id) + 1}/{len(group)} >" if len(group) > 1 else ""
        mark = "*" if message.id in current else " "
        text = safe_line(message.text)[:SHOWN]
        say(f"{mark}{message.id:>6}  {'  ' * depth}{message.role}{place}  {text}")
    return 0


def _walked(messages: list[Message]) -> list[tuple[Message, int]]:
    """Each message behind its parent, with how many times branches parted above it."""
    below: dict[int | None, list[Message]] = {}
    for message in messages:
        below.setdefault(message.parent_id, []).append(message)
    found: list[tuple[Message, int]] = []
    roots = below.get(None, [])
    waiting = [(message, int(len(roots) > 1)) for message in reversed(roots)]
    while waiting:
        message, depth = waiting.pop()
        found.append((message, depth))
        children = below.get(message.id, [])
        waiting += [(child, depth + (len(children) > 1)) for child in reversed(children)]
    return found


async def run_go(arguments: argparse.Namespace, config: Config) -> int:
    """Another branch."""
    async with opened_core(config) as core:
        message = await branching.choose_branch(core, await message_number(core, arguments.message))
    return _told(arguments, {"chat": message.conversation_id, "message": message.id}, "The chat goes on from there.")


async def run_fork(arguments: argparse.Namespace, config: Config) -> int:
    """A chat of its own."""
    async with opened_core(config) as core:
        made = await branching.fork(core, await message_number(core, arguments.message))
    return _told(arguments, {"chat": made.id, "title": made.title}, f"Chat {made.id}: {safe_line(made.title)}")


async def run_undo(arguments: argparse.Namespace, config: Config) -> int:
    """One turn back."""
    async with opened_core(config) as core:
        taken = await branching.undo(core, arguments.chat)
    line = f"Taken back: {safe_line(taken.text)[:SHOWN]}\n`assistant chats redo {arguments.chat}` brings it back."
    return _told(arguments, {"chat": arguments.chat, "message": taken.id, "text": taken.text}, line)


async def run_redo(arguments: argparse.Namespace, config: Config) -> int:
    """What was taken back."""
    async with opened_core(config) as core:
        last = await branching.redo(core, arguments.chat)
    return _told(arguments, {"chat": arguments.chat, "message": last.id}, "It is back.")


async def run_rewrite(arguments: argparse.Namespace, config: Config) -> int:
    """The user's own words."""
    async with opened_core(config) as core:
        number = await message_number(core, arguments.message)
        message = await branching.rewrite_answer(core, number, " ".join(arguments.text))
    value = {"chat": message.conversation_id, "message": message.id, "text": message.text}
    return _told(arguments, value, f"Answer {message.id} stands beside {number}; the chat goes on from it.")


def _told(arguments: argparse.Namespace, value: dict[str, Any], line: str) -> int:
    if arguments.json:
        emit(value)
    else:
        say(line)
    return 0
