"""Where are the vectors kept: in HOME/index, or in a PostgreSQL on this machine that the user named?

Vectors tell much of the text they were made from, so they never go to another machine by themselves: a server
elsewhere is reached through a socket that the user has forwarded (ssh -L).
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

from adapters.offline_guard import is_loopback
from assistant.errors import UsageError

SOCKETS = "/var/run/postgresql"  # of Debian's packages
EXAMPLE = (
    "Such as postgresql:///assistant, postgresql://anna@127.0.0.1:5432/assistant or postgresql:///assistant?host=/tmp"
)


@dataclass(frozen=True, slots=True)
class VectorStore:
    """A database of PostgreSQL. `host` is a loopback address, or the folder of its socket."""

    host: str
    port: int
    user: str  # "": that of the system
    database: str

    @property
    def service(self) -> str:
        """The index process that reaches it, see worker_host: only over loopback is an internet socket needed."""
        return "index" if self.host.startswith("/") else "index-on-loopback"


def parse_store(url: str) -> VectorStore | None:
    """The store in the setting documents.vector_store; None for "", the files in HOME/index.

    Raises:
        UsageError: it is no such address, holds a password, or is on another machine.
    """
    if not url:
        return None
    try:
        parts = urlsplit(url)
        port, asked = parts.port or 5432, parse_qs(parts.query, strict_parsing=bool(parts.query))
    except ValueError as error:
        raise UsageError(f"documents.vector_store is no address: {error}.", EXAMPLE) from error
    database = unquote(parts.path.removeprefix("/"))
    if parts.scheme not in ("postgresql", "postgres") or not database or "/" in database or parts.fragment:
        raise UsageError("documents.vector_store is no address of a database.", EXAMPLE)
    if asked.keys() - {"host"} or (asked and parts.hostname):
        raise UsageError("documents.vector_store may only have host=FOLDER behind the question mark.", EXAMPLE)
    if parts.password is not None:
        raise UsageError("documents.vector_store holds a password.", "Put it into ~/.pgpass (mode 0600) or PGPASSWORD.")
    host = parts.hostname or asked.get("host", [SOCKETS])[0]
    if "," in host or not (host.startswith("/") or is_loopback(host)):  # libpq takes several hosts for one
        raise UsageError(
            f"{host} is another machine, where no vectors are sent.",
            f"Forward its socket: ssh -L 5432:{SOCKETS}/.s.PGSQL.5432 {host}, then postgresql://127.0.0.1/{database}",
        )
    return VectorStore(host, port, unquote(parts.username or ""), database)
