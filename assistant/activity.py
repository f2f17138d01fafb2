"""What a running assistant is made of: its processes with their memory, and the internet connections they asked for.

Linux tells of processes, memory and open sockets in /proc (see proc(5)). Connections so far are counted by an audit
hook (https://docs.python.org/3/library/audit_events.html) in every process that speaks Python's socket module.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

INTERNET = (2, 10)  # AF_INET and AF_INET6 on Linux
TABLES = ("tcp", "tcp6", "udp", "udp6", "raw", "raw6")
_asked: list[int] = []  # one entry a connection; empty unless something is very wrong


@dataclass(frozen=True, slots=True)
class RunningProcess:
    """A process of the assistant: `memory` in bytes of RAM, `seconds` of processor time, internet sockets open now."""

    pid: int
    name: str
    memory: int
    seconds: float
    sockets: int


def count_connections() -> None:
    """Count from now on the internet connections that this process asks for; it cannot be turned off again."""
    sys.addaudithook(_hook)


def connections_asked_for() -> int:
    """How many there were in this process."""
    return len(_asked)


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg") and arguments[0].family in INTERNET:
        _asked.append(arguments[0].family)


def processes(root: int) -> list[RunningProcess]:
    """A process and all below it; none where it has ended."""
    inodes = _internet_sockets(root)
    return [found for pid in _tree(root) if (found := _process(pid, pid == root, inodes)) is not None]


def _tree(pid: int) -> Iterator[int]:
    yield pid
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):
                for child in (task / "children").read_text().split():
                    yield from _tree(int(child))


def _process(pid: int, is_root: bool, inodes: frozenset[str]) -> RunningProcess | None:
    folder = Path(f"/proc/{pid}")
    try:
        words = (folder / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
        after = (folder / "stat").read_text().rpartition(")")[2].split()
        memory = int((folder / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        ticks = int(after[11]) + int(after[12])
    except (OSError, ValueError, IndexError):
        return None
    sockets = 0
    with contextlib.suppress(OSError):
        for entry in (folder / "fd").iterdir():
            with contextlib.suppress(OSError):
                sockets += str(entry.readlink()) in inodes
    return RunningProcess(pid, _name(words, is_root), memory, ticks / os.sysconf("SC_CLK_TCK"), sockets)


def _name(words: list[str], is_root: bool) -> str:
    if is_root:
        return "assistant"
    if "assistant.worker_host" in words:
        return words[words.index("assistant.worker_host") + 1]
    module = next((word for before, word in itertools.pairwise(words) if before == "-m"), "")
    return "training" if module.startswith("adapters.training") else module or Path(words[0]).name


def _internet_sockets(pid: int) -> frozenset[str]:
    """Links that the descriptors of open internet sockets point to, in the network that a process sees."""
    found = set()
    for table in TABLES:
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
                found.add(f"socket:[{line.split()[9]}]")
    return frozenset(found)
