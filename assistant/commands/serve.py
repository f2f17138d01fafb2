"""`assistant serve`: an OpenAI-compatible API on loopback, until Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import signal
from typing import Any

from assistant.commands.opening import opened_core
from assistant.config import Config
from assistant.output import emit_line, say, warn
from assistant.safe_text import safe_line

LISTED = 8  # names that are told; /v1/models has all


def add_parsers(commands: Any) -> None:
    """Add `serve`."""
    parser = commands.add_parser(
        "serve",
        help="an OpenAI-compatible API on loopback, so that other programs use your documents and adapters",
        description="Chat completions with streaming and tools, embeddings and models, for programs on this machine "
        "that know the token. A model's name says what answers: starter, starter+style (an adapter), "
        "starter@library (all documents, with citations), starter+style@work (a collection). Nothing that is asked is "
        "kept, unless the request says store = true. Ctrl-C ends it.",
    )
    parser.add_argument("--port", type=int, metavar="N", help="on 127.0.0.1 (default: 8642); 0 takes any free one")
    parser.add_argument("--new-token", action="store_true", help="make a new token; the one before is worth nothing")
    parser.add_argument("--json", action="store_true", help="print one line of JSON when it listens")
    parser.set_defaults(run=run)


async def run(arguments: argparse.Namespace, config: Config) -> int:
    """Listen, say where and with which token, and wait for the end."""
    from assistant.serving.server import PORT, opened_server

    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    port = PORT if arguments.port is None else arguments.port
    async with (
        opened_core(config, shared=True) as core,
        opened_server(core, port, new_token=arguments.new_token) as server,
    ):
        names = await server.answers.names()
        if arguments.json:
            emit_line({"url": server.url, "token": server.token, "models": names})
        else:
            say(f"Listening on {server.url}")
            say(f"API key: {server.token}")
            more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
            say(f"Models: {safe_line(', '.join(names[:LISTED]))}{more}")
            warn("Whoever has this key may ask your documents. Ctrl-C ends it.")
        await ended.wait()
    return 0
