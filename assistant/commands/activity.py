"""`assistant activity`: the processes of the assistant that has this home open, and its internet connections."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from assistant.activity import processes
from assistant.config import Config
from assistant.home import prepare_home
from assistant.output import emit, say
from assistant.storage.lock import InstanceLock


def add_parsers(commands: Any) -> None:
    """Add `activity`."""
    parser = commands.add_parser("activity", help="processes of the assistant that is open, memory, internet sockets")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


async def run(arguments: argparse.Namespace, config: Config) -> int:
    """One line a process."""
    prepare_home(config.home)
    lock = InstanceLock(config.home)
    holder = lock.acquire()
    lock.release()
    running = processes(holder) if holder else []
    if arguments.json:
        emit([asdict(each) for each in running])
        return 0
    for each in running:
        say(f"{each.pid:>8}  {each.name:<10}  {each.memory / 2**20:>7,.0f} MiB  {each.seconds:>8,.1f} s")
    if running:
        say(f"Open internet sockets: {sum(each.sockets for each in running)}")
    else:
        say("No assistant has this home open.")
    return 0
