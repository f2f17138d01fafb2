"""Makes connections to other machines impossible in this process, where the environment says so.

Two guards, neither of which can be taken away again. An audit hook sees every connection and datagram that Python's
socket module is asked for, before it happens (https://docs.python.org/3/library/audit_events.html), and refuses those
that leave the machine. A seccomp filter (seccomp(2)) makes the kernel refuse sockets to native code as well, in this
process and all that it starts: internet sockets for datagrams, without which no name is looked up either, or all of
them. Loopback by TCP and sockets of this machine work as ever, unless all are refused.
"""

from __future__ import annotations

import ctypes
import errno
import ipaddress
import os
import platform
import struct
import sys
from typing import Any

VARIABLE = "ASSISTANT_OFFLINE"  # "1" in the environment of a process that must stay silent, and of its children
INTERNET = (2, 10)  # AF_INET and AF_INET6 on Linux
STREAM = 1  # SOCK_STREAM
SENDING = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
NAMING = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"})
LOCAL_NAMES = frozenset({"", "localhost", "localhost.localdomain", "ip6-localhost"})

# machine -> its name for audit(7), and its number of socket(2)
SOCKET_CALL = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}
LOAD, MASK, EQUAL, RETURN = 0x20, 0x54, 0x15, 0x06  # instructions of linux/bpf_common.h
NUMBER, MACHINE, FAMILY, KIND = 0, 4, 16, 24  # offsets in struct seccomp_data: the first two arguments at 16 and 24
ALLOW, REFUSE = 0x7FFF0000, 0x00050000 | errno.EACCES
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, FILTER_MODE = 22, 38, 2
_forbidden: list[bool] = []


class OfflineError(OSError):
    """A connection that was refused because the assistant is offline."""


def obey_environment() -> None:
    """Refuse connections from now on if the environment asks for it."""
    if os.environ.get(VARIABLE) == "1":
        forbid_connections()


def forbid_connections(*, loopback: bool = True) -> None:
    """Refuse every connection that leaves this machine, from now until this process ends; those on loopback as well
    without `loopback`, for a process that needs none."""
    if not _forbidden:
        _forbidden.append(True)
        sys.addaudithook(_refuse)
    _refuse_sockets(streams=not loopback)


def forbidden() -> bool:
    """Whether they are refused in this process."""
    return bool(_forbidden)


def is_loopback(host: Any) -> bool:
    """Whether an address or a name means this machine; a name is never looked up."""
    text = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host or "")
    try:
        return ipaddress.ip_address(text.partition("%")[0]).is_loopback
    except ValueError:
        return text.lower() in LOCAL_NAMES or text == os.uname().nodename


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event in SENDING and arguments[0].family in INTERNET:
        address = arguments[1]
        if address is None or is_loopback(address[0]):  # None: a message on a connection that is there
            return
        raise OfflineError(f"offline: no connection to {address[0]}")
    if event in NAMING and not is_loopback(arguments[0]):
        raise OfflineError(f"offline: {arguments[0]!r} is not looked up")


def _refuse_sockets(*, streams: bool) -> bool:
    """Let the kernel refuse internet sockets, those for streams too if asked; False where it cannot."""
    if platform.machine() not in SOCKET_CALL:
        return False
    machine, number = SOCKET_CALL[platform.machine()]
    program = _assembled(
        [
            (LOAD, 0, 0, MACHINE), (EQUAL, 0, "allow", machine),
            (LOAD, 0, 0, NUMBER), (EQUAL, 0, "allow", number),
            (LOAD, 0, 0, FAMILY), (EQUAL, 1, 0, INTERNET[0]), (EQUAL, 0, "allow", INTERNET[1]),
            (LOAD, 0, 0, KIND), (MASK, 0, 0, 0xF), (EQUAL, "refuse" if streams else "allow", 0, STREAM),
        ]
    )  # fmt: skip
    instructions = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("@HxxxxxxP", len(program) // 8, ctypes.addressof(instructions))  # struct sock_fprog
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    return bool(libc.prctl(PR_SET_SECCOMP, FILTER_MODE, ctypes.create_string_buffer(header), 0, 0) == 0)


def _assembled(lines: list[tuple[int, int | str, int | str, int]]) -> bytes:
    """The bytes of (code, jump if true, jump if false, value) each, with the two ends put behind them."""
    ends = {"refuse": len(lines), "allow": len(lines) + 1}

    def jump(place: int, target: int | str) -> int:
        return target if isinstance(target, int) else ends[target] - place - 1

    body = [
        struct.pack("<HBBI", code, jump(place, yes), jump(place, no), value)
        for place, (code, yes, no, value) in enumerate(lines)
    ]
    return b"".join([*body, struct.pack("<HBBI", RETURN, 0, 0, REFUSE), struct.pack("<HBBI", RETURN, 0, 0, ALLOW)])
