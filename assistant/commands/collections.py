"""`assistant collections`: the collections of the library, and what each has of its own."""

from __future__ import annotations

import argparse
from typing import Any

from assistant.commands.opening import opened_core
from assistant.config import Config
from assistant.errors import NotFoundError, UsageError
from assistant.library_text import collection_line
from assistant.output import emit, say
from ingest import collection_settings


def add_parsers(commands: Any) -> None:
    """Add `collections`."""
    parser = commands.add_parser("collections", help="list the collections, or give one settings of its own")
    parser.add_argument("action", nargs="?", choices=("list", "set"), default="list", metavar="list|set")
    parser.add_argument("name", nargs="?", metavar="NAME", help="a collection")
    parser.add_argument("key", nargs="?", metavar="KEY", help="chunk_tokens, chunk_overlap, ocr or watch")
    parser.add_argument("value", nargs="?", metavar="VALUE", help="`default` takes it back")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


async def run(arguments: argparse.Namespace, config: Config) -> int:
    """List them, or change one setting of one."""
    if arguments.action == "set" and arguments.value is None:
        raise UsageError(
            "`collections set` needs NAME KEY VALUE.", "For example: collections set work chunk_tokens 120"
        )
    async with opened_core(config, shared=arguments.action == "list") as core:
        found = {each.name: each for each in await core.library.collections()}
        if arguments.name is not None and arguments.name not in found:
            raise NotFoundError(f"There is no collection “{arguments.name}”.", "`assistant collections` lists them.")
        if arguments.action == "set":
            asked = (arguments.name, arguments.key, arguments.value)
            await core.database.write(lambda db: collection_settings.change(db, *asked))
        settings = await core.database.read(collection_settings.all_settings)
    shown = [each for each in found.values() if arguments.name in (None, each.name)]
    if arguments.json:
        emit([
            {"name": each.name, "documents": each.documents, "passages": each.passages,
             "settings": settings[each.name].own}
            for each in shown
        ])  # fmt: skip
        return 0
    for each in shown:
        say(collection_line(each, settings[each.name]))
    if arguments.action == "set":
        say("Its files are read anew by `assistant folders sync`, or `ingest` of what was added.")
    return 0
