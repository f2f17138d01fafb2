"""A server that listens on loopback while it is wanted: its port, its token, and its end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn

from assistant.errors import StorageError, WorkerError
from assistant.loopback import ADDRESS, listening
from assistant.serving.answers import Answers, opened_answers
from assistant.serving.api import Api
from ingest.atomic_file import replace_file

if TYPE_CHECKING:
    from assistant.bootstrap import Core

PORT = 8642  # where it is looked for unless another one is asked for; 0 is any free one
MOST_CONNECTIONS = 64
TOKEN_FILE = "serve.token"  # noqa: S105  # the name of the file that holds one
TOKEN = re.compile(r"[A-Za-z0-9_-]{32,128}")


class Server:
    """An API that is being served. `stop` ends it, and so does the end of `opened_server`."""

    def __init__(self, answers: Answers, token: str, port: int) -> None:
        self.answers, self.token, self.port = answers, token, port

    @property
    def url(self) -> str:
        """What clients call the base URL."""
        return f"http://{ADDRESS}:{self.port}/v1"

    @property
    def line(self) -> str:
        """What it is doing, on one line."""
        doing = f", {self.answers.waiting} under way" if self.answers.waiting else ""
        return f"{self.url}: {self.answers.answered:,} answered{doing}"


class _Quiet(uvicorn.Server):
    """A server that leaves signals to the program it runs in."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def opened_server(core: Core, port: int = PORT, *, new_token: bool = False) -> AsyncIterator[Server]:
    """Listen until the block ends; answers under way are then cancelled.

    Raises:
        UsageError: the port is taken, or none; StorageError: the token cannot be kept.
    """
    with contextlib.closing(listening(port, "--port")) as taken:
        chosen = int(taken.getsockname()[1])
        token = kept_token(core.config.home, new=new_token, keep=not core.read_only)
        async with opened_answers(core) as answers:
            api = Api(answers, lambda: core.config.sampling.sampling(), core.config.home / "logs")
            server = _Quiet(_settings(api, token, chosen))
            running = asyncio.create_task(server.serve(sockets=[taken]))
            try:
                await _started(server, running)
                yield Server(answers, token, chosen)
            finally:
                server.should_exit = True
                await asyncio.wait({running})


def kept_token(home: Path, *, new: bool = False, keep: bool = True) -> str:
    """The token of a home, from a file that is its owner's alone; made where there is none, or a `new` one is wanted.

    Raises:
        StorageError: it cannot be kept.
    """
    path = home / TOKEN_FILE
    with contextlib.suppress(OSError, UnicodeDecodeError):
        known = path.read_text("ascii").strip()
        if TOKEN.fullmatch(known) and not new:
            return known
    token = secrets.token_urlsafe(32)
    if keep:
        try:
            replace_file(path, f"{token}\n".encode())
        except OSError as error:
            raise StorageError(f"{path} cannot be written: {error.strerror}.", "Free some space.") from error
    return token


def _settings(api: Api, token: str, port: int) -> uvicorn.Config:
    logger = logging.getLogger("uvicorn")  # what it says would stand in the middle of the screen
    logger.propagate, logger.handlers = False, [logging.NullHandler()]
    return uvicorn.Config(
        api.application(token, port), http="h11", ws="none", lifespan="off", log_config=None, access_log=False,
        server_header=False, proxy_headers=False, limit_concurrency=MOST_CONNECTIONS, timeout_graceful_shutdown=1,
    )  # fmt: skip


async def _started(server: uvicorn.Server, running: asyncio.Task[None]) -> None:
    while not server.started:
        if running.done():
            raise WorkerError("The server did not start.", "Choose another port.")
        await asyncio.sleep(0.01)
