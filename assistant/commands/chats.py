"""`assistant chats`: list, show, search, name, pin, delete and restore conversations."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from assistant.chat_groups import checked_name
from assistant.citations import with_marks
from assistant.commands import chat_branches, chat_transfer
from assistant.commands.ask import source_line
from assistant.commands.opening import opened_core
from assistant.config import Config
from assistant.output import emit, say
from assistant.personas import NONE, choose_persona
from assistant.safe_text import safe_line
from assistant.title_writing import written_title
from assistant.transcript import as_json

if TYPE_CHECKING:
    from assistant.bootstrap import Core


def add_parsers(commands: Any) -> None:
    """Add `chats` and its actions."""
    chats = commands.add_parser("chats", help="list, show, search, export and delete chats")
    chats.add_argument("--json", action="store_true", help="print JSON")
    chats.set_defaults(run=run_list)
    actions = chats.add_subparsers(dest="action", metavar="ACTION")
    listing = actions.add_parser("list", help="all chats, the last used first")
    listing.add_argument("--trash", action="store_true", help="those in the trash instead")
    listing.set_defaults(run=run_list)
    show = actions.add_parser("show", help="print a chat with its sources")
    show.set_defaults(run=run_show)
    search = actions.add_parser("search", help="find messages that hold all the words")
    search.add_argument("words", nargs="+", metavar="TEXT")
    search.set_defaults(run=run_search)
    chat_transfer.add_actions(actions)
    asked = actions.add_parser("asked", help="questions of all chats, the newest first")
    asked.add_argument("words", nargs="*", metavar="TEXT", help="only those that hold this")
    asked.set_defaults(run=run_asked)
    rename = actions.add_parser("rename", help="give a chat a title; without TITLE the model writes one")
    rename.set_defaults(run=run_rename)
    pin = actions.add_parser("pin", help="keep a chat at the top of the list")
    pin.add_argument("--off", action="store_true", help="no longer")
    pin.set_defaults(run=run_pin)
    group = actions.add_parser("group", help="list a chat in a group of your own; `off`: by its day again")
    group.add_argument("chat", type=int, metavar="ID")
    group.add_argument("name", nargs="+", metavar="NAME")
    group.set_defaults(run=run_group)
    persona = actions.add_parser("persona", help="who answers in a chat: a text, a prompt of the library, or `off`")
    persona.add_argument("chat", type=int, metavar="ID")
    persona.add_argument("text", nargs="+", metavar="TEXT")
    persona.set_defaults(run=run_persona)
    delete = actions.add_parser("delete", help="put a chat into the trash for 30 days")
    delete.add_argument("--for-good", action="store_true", help="remove it, and every trace of it, now")
    delete.set_defaults(run=run_delete)
    restore = actions.add_parser("restore", help="take a chat out of the trash")
    restore.set_defaults(run=run_restore)
    for parser in (show, rename, pin, delete, restore):
        parser.add_argument("chat", type=int, metavar="ID")
    rename.add_argument("title", nargs="*", metavar="TITLE")
    for parser in (listing, show, search, asked, rename, pin, group, persona, delete, restore):
        parser.add_argument("--json", action="store_true", help="print JSON", default=argparse.SUPPRESS)
    chat_branches.add_actions(actions)


async def run_list(arguments: argparse.Namespace, config: Config) -> int:
    """One line a chat."""
    async with opened_core(config, shared=True, stored_chats=True) as core:
        trash = getattr(arguments, "trash", False)
        chats = await (core.conversations.trashed() if trash else core.conversations.recent())
    if arguments.json:
        emit([asdict(chat) for chat in chats])
        return 0
    for chat in chats:
        used = chat.updated_at[:16].replace("T", " ")
        pinned = "pinned  " if chat.pinned else f"[{safe_line(chat.group)}]  " if chat.group else ""
        say(f"{chat.id:>5}  {used}  {chat.messages:>4} messages  {pinned}{safe_line(chat.title)}")
    if not chats:
        say("No chats yet." if not trash else "The trash is empty.")
    return 0


async def run_show(arguments: argparse.Namespace, config: Config) -> int:
    """The whole chat, as it was read on screen."""
    async with opened_core(config, shared=True, stored_chats=True) as core:
        conversation = await core.conversations.get(arguments.chat)
        thread = await core.conversations.thread(arguments.chat)
    if arguments.json:
        emit(as_json(conversation, thread))
        return 0
    for message in thread:
        state = f" ({message.state})" if message.state != "done" else ""
        say(f"── {message.role} {message.id} {message.created_at}{state}")
        say(with_marks(message.text, message.citations))
        for citation in message.citations:
            say(source_line(citation))
        say()
    return 0


async def run_search(arguments: argparse.Namespace, config: Config) -> int:
    """One hit a line, the best first."""
    async with opened_core(config, shared=True, stored_chats=True) as core:
        hits = await core.conversations.search(" ".join(arguments.words))
    if arguments.json:
        emit([asdict(hit) for hit in hits])
        return 0
    for hit in hits:
        say(f"{hit.conversation_id:>5}  {safe_line(hit.title)}: {safe_line(hit.snippet)}  (message {hit.message_id})")
    if not hits:
        say("No message holds these words.")
    return 0


async def run_asked(arguments: argparse.Namespace, config: Config) -> int:
    """One question a line."""
    async with opened_core(config, shared=True, stored_chats=True) as core:
        questions = await core.conversations.asked(" ".join(arguments.words))
    if arguments.json:
        emit(questions)
        return 0
    for question in questions:
        say(safe_line(question))
    if not questions:
        say("Nothing like this was asked.")
    return 0


async def run_rename(arguments: argparse.Namespace, config: Config) -> int:
    """Another title."""
    async with opened_core(config) as core:
        await core.conversations.get(arguments.chat)
        title = " ".join(arguments.title) or await written_title(core, arguments.chat)
        await core.conversations.rename(arguments.chat, title)
        chat = await core.conversations.get(arguments.chat)
    if arguments.json:
        emit({"chat": chat.id, "title": chat.title})
    else:
        say(f"Chat {chat.id} is called “{safe_line(chat.title)}”.")
    return 0


async def run_pin(arguments: argparse.Namespace, config: Config) -> int:
    """At the top of the list, or no longer."""
    async with opened_core(config) as core:
        await core.conversations.pin(arguments.chat, not arguments.off)
    if arguments.json:
        emit({"chat": arguments.chat, "pinned": not arguments.off})
    else:
        say(f"Chat {arguments.chat} {'is no longer pinned' if arguments.off else 'stays at the top'}.")
    return 0


async def run_group(arguments: argparse.Namespace, config: Config) -> int:
    """In a group, or in none."""
    name = " ".join(arguments.name)
    name = "" if name == NONE else checked_name(name)
    async with opened_core(config) as core:
        await core.conversations.set_group(arguments.chat, name)
    if arguments.json:
        emit({"chat": arguments.chat, "group": name})
    else:
        say(f"Chat {arguments.chat} is listed {f'in {safe_line(name)}' if name else 'by its day'}.")
    return 0


async def run_persona(arguments: argparse.Namespace, config: Config) -> int:
    """Another system prompt for one chat."""
    async with opened_core(config) as core:
        persona = await choose_persona(core, arguments.chat, " ".join(arguments.text))
    if arguments.json:
        emit({"chat": arguments.chat, "persona": persona})
    else:
        say(f"Chat {arguments.chat}: {safe_line(persona) or 'no persona of its own.'}")
    return 0


async def run_delete(arguments: argparse.Namespace, config: Config) -> int:
    """Trash, or for good."""
    async with opened_core(config) as core:
        await _delete(core, arguments.chat, arguments.for_good)
    if arguments.json:
        emit({"deleted": arguments.chat, "for_good": arguments.for_good})
    elif arguments.for_good:
        say(f"Chat {arguments.chat} is gone for good.")
    else:
        say(f"Chat {arguments.chat} is in the trash; `assistant chats restore {arguments.chat}` brings it back.")
    return 0


async def _delete(core: Core, chat: int, for_good: bool) -> None:
    if for_good:
        await core.conversations.delete_for_good(chat)
    else:
        await core.conversations.get(chat)
        await core.conversations.trash(chat)


async def run_restore(arguments: argparse.Namespace, config: Config) -> int:
    """Out of the trash."""
    async with opened_core(config) as core:
        await core.conversations.restore(arguments.chat)
    if arguments.json:
        emit({"restored": arguments.chat})
    else:
        say(f"Chat {arguments.chat} is back.")
    return 0
