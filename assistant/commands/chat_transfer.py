"""`assistant chats export` and `import`: chats as files."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from assistant.chat_files.exporting import SUFFIXES, exported
from assistant.chat_files.importing import import_chats
from assistant.commands.opening import opened_core
from assistant.config import Config
from assistant.errors import UsageError
from assistant.output import emit, say, warn


def add_actions(actions: Any) -> None:
    """Add exporting and importing to the actions of `chats`."""
    export = actions.add_parser(
        "export",
        help="print chats as Markdown, JSON with all branches, or JSON lines for trainers",
        description="openai and sharegpt give one line a chat; they and markdown follow the branch it goes on from.",
    )
    export.add_argument("chats", type=int, nargs="*", metavar="ID")
    export.add_argument("--all", action="store_true", help="every chat that is not in the trash")
    export.add_argument("--format", choices=tuple(SUFFIXES), default="markdown", help="default: markdown")
    export.add_argument("--json", action="store_const", const="json", dest="format", help="same as --format json")
    export.set_defaults(run=run_export)
    read = actions.add_parser(
        "import",
        help="add the chats of a file: our own JSON, ChatGPT's or Claude's conversations.json, JSON lines",
        description="A chat that is here already is not added again. What is imported is kept as text: citations and "
        "pictures are not, and no model is asked.",
    )
    read.add_argument("file", type=Path, metavar="FILE")
    read.add_argument("--json", action="store_true", help="print JSON", default=argparse.SUPPRESS)
    read.set_defaults(run=run_import)


async def run_export(arguments: argparse.Namespace, config: Config) -> int:
    """Print them, one below the other."""
    async with opened_core(config, shared=True, stored_chats=True) as core:
        chosen = arguments.chats or ([chat.id for chat in await core.conversations.recent()] if arguments.all else [])
        if not chosen:
            raise UsageError("No chat was named.", "Give an ID, or --all; `assistant chats` lists them.")
        texts = [await exported(core, chat, arguments.format) for chat in chosen]
    listed = arguments.format == "json" and len(texts) > 1
    say(f"[{','.join(texts)}]" if listed else "".join(texts), end="")
    return 0


async def run_import(arguments: argparse.Namespace, config: Config) -> int:
    """Add what is new, and say what was left out."""
    async with opened_core(config) as core:
        summary = await import_chats(core, arguments.file)
    if arguments.json:
        emit(asdict(summary))
        return 0
    say(summary.line)
    for why in summary.skipped:
        warn(why)
    return 0
