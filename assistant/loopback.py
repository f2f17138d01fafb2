"""A socket that listens on this machine alone."""

from __future__ import annotations

import socket

from assistant.errors import UsageError

ADDRESS = "127.0.0.1"


def listening(port: int, option: str) -> socket.socket:
    """A TCP socket on 127.0.0.1; port 0 takes any that is free. `option` is how a user chooses another.

    Raises:
        UsageError: the port is taken, or none.
    """
    if not 0 <= port <= 65535:
        raise UsageError(f"There is no port {port}.", "Give one from 1024 to 65535, or 0 for any that is free.")
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((ADDRESS, port))
        found.listen()  # two that share the address can be told apart only from here on
    except OSError as error:
        found.close()
        told = f"Port {port} cannot be used: {error.strerror}."
        raise UsageError(told, f"Choose another with {option}, or 0 for any that is free.") from error
    return found
