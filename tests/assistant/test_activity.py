"""Are processes named with what they use, and is every connection counted?"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys

from assistant.activity import processes
from assistant.bootstrap import Core

COUNTED = """
import contextlib, socket
from assistant.activity import connections_asked_for, count_connections
count_connections()
left, right = socket.socketpair()
left.send(b"x")
before = connections_asked_for()
for family, address in ((socket.AF_INET, ("127.0.0.1", 9)), (socket.AF_INET6, ("::1", 9))):
    with contextlib.suppress(OSError), socket.socket(family) as attempt:
        attempt.connect(address)
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram, contextlib.suppress(OSError):
    datagram.sendto(b"x", ("127.0.0.1", 9))
print(before, connections_asked_for())
"""


def test_every_connection_that_is_asked_for_is_counted() -> None:
    """TCP and UDP, also those that fail; pipes between processes of this machine are none."""
    run = subprocess.run([sys.executable, "-c", COUNTED], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["0", "3"]


async def test_children_are_named_measured_and_silent(core: Core) -> None:
    """The model and the index stand below the assistant with their memory; none has asked for the internet."""
    await core.model.ready()
    await core.index.call("warm")
    found = {each.name: each for each in processes(os.getpid())}
    assert {"assistant", "model", "index"} <= set(found)
    assert all(each.memory > 2**20 and each.sockets == 0 for each in found.values() if each.name in ("model", "index"))
    assert [worker.connections for worker in core.workers] == [0] * len(core.workers)


def test_open_sockets_are_seen() -> None:
    """One that this process listens with is counted as its own."""
    before = processes(os.getpid())[0].sockets
    with socket.create_server(("127.0.0.1", 0)):
        assert processes(os.getpid())[0].sockets == before + 1


async def test_the_shell_lists_the_processes_of_the_open_assistant(core: Core) -> None:
    """The holder of the home first, as JSON too; what has ended is not there."""
    command = [sys.executable, "-m", "assistant", "--home", str(core.config.home), "activity"]
    listed = json.loads(subprocess.run([*command, "--json"], capture_output=True, text=True, check=True).stdout)
    assert listed[0]["pid"] == os.getpid() and listed[0]["name"] == "assistant"
    core.lock.release()
    closed = subprocess.run(command, capture_output=True, text=True, check=True)
    assert closed.stdout == "No assistant has this home open.\n"
    assert processes(2**22 + 1) == []
