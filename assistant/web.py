"""The interface in a browser on this machine, through textual-serve. [H] aiohttp, textual_serve.

The page is ours, since textual-serve's own fetches a font from the internet, and a policy in its headers keeps the
browser from asking anybody else. Whoever wants in needs the token of the address, once: then a cookie stands for it.
"""

from __future__ import annotations

import asyncio
import hmac
import html
import logging
import secrets
import shlex
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from aiohttp import web
from textual_serve.app_service import AppService
from textual_serve.server import Server

from assistant.loopback import ADDRESS, listening

PORT = 8643
COOKIE = "assistant"
END_SECONDS = 15.0  # for an interface to store and end
PAGE = Path(__file__).with_name("web.html")
POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; font-src 'self'; "
    "img-src 'self' data:; connect-src ws://{host}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Send = Callable[[Any], Awaitable[None]]


class _Server(Server):
    """A server that can close the page that is open, and waits for its interface to end."""

    _websocket: web.WebSocketResponse | None = None

    async def _process_messages(self, websocket: web.WebSocketResponse, app_service: AppService) -> None:
        self._websocket = websocket
        app_service.remote_write_bytes = _while_open(websocket.send_bytes)
        app_service.remote_write_str = _while_open(websocket.send_str)
        await super()._process_messages(websocket, app_service)

    async def leave(self) -> None:
        """Close it, whereupon its interface is told to quit."""
        if self._websocket is not None:
            await self._websocket.close()


def _while_open(send: Send) -> Send:
    """What is drawn after the page was closed goes nowhere: an error would end the reading, and with it the waiting."""

    async def sent(data: Any) -> None:
        with suppress(ConnectionResetError):
            await send(data)

    return sent


class WebInterface:
    """One interface at a time, in a process of its own that ends with its page."""

    def __init__(self, options: Sequence[str], port: int) -> None:
        """`options` are those of the command line that opens the interface."""
        self.port, self.token = port, secrets.token_urlsafe(32)
        command = [sys.executable, "-m", "assistant", *options]
        self._server = _Server(shlex.join(command), host=ADDRESS, port=port, title="Assistant")
        self._session_task: asyncio.Task[object] | None = None  # while a page is open

    @property
    def host(self) -> str:
        """As a browser names it."""
        return f"{ADDRESS}:{self.port}"

    @property
    def url(self) -> str:
        """The address with its token."""
        return f"http://{self.host}/?token={self.token}"

    def application(self) -> web.Application:
        """What answers the browser."""
        application = web.Application(middlewares=[self._guarded])
        application.add_routes(
            [
                web.get("/", self._page),
                web.get("/ws", self._session),
                web.static("/static", self._server.statics_path),
            ]
        )
        return application

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Only by this very name, from no other page, and with the token."""
        if request.headers.getall("Host", []) != [self.host]:
            raise web.HTTPForbidden(text="This name is not served.")
        if request.headers.get("Origin", f"http://{self.host}") != f"http://{self.host}":
            raise web.HTTPForbidden(text="Other pages are not served.")
        if request.path == "/" and self._is_token(request.query.get("token", "")):
            entered = web.HTTPFound("/")  # so that the token does not stay in the address
            entered.set_cookie(COOKIE, self.token, httponly=True, samesite="Strict", path="/")
            raise entered
        if not self._is_token(request.cookies.get(COOKIE, "")):
            raise web.HTTPForbidden(text="Open the address that `assistant --web` printed, with its token.")
        response = await handler(request)
        if not response.prepared:
            response.headers["Content-Security-Policy"] = POLICY.format(host=self.host)
            response.headers["X-Content-Type-Options"] = "nosniff"
            response.headers["Referrer-Policy"] = "no-referrer"
        return response

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self.token.encode())

    async def _page(self, request: web.Request) -> web.StreamResponse:
        page = PAGE.read_text("utf-8").replace("{{websocket}}", html.escape(f"ws://{self.host}/ws"))
        return web.Response(text=page, content_type="text/html", headers={"Cache-Control": "no-store"})

    async def _session(self, request: web.Request) -> web.StreamResponse:
        if self._session_task is not None:
            raise web.HTTPConflict(text="It is open in another page already.")
        self._session_task = asyncio.current_task()
        try:
            return await self._server.handle_websocket(request)
        finally:
            self._session_task = None

    async def close(self) -> None:
        """Let the interface of an open page end as it does with its terminal: drafts are kept, children stopped."""
        if (session := self._session_task) is not None:
            await self._server.leave()
            await asyncio.wait({session}, timeout=END_SECONDS)


@asynccontextmanager
async def opened_web(options: Sequence[str], port: int = PORT) -> AsyncIterator[WebInterface]:
    """Listen on loopback until the block ends; 0 takes any free port.

    Raises:
        UsageError: the port is taken, or none.
    """
    logger = logging.getLogger("textual-serve")  # its errors would be told with what was typed
    logger.propagate, logger.handlers = False, [logging.NullHandler()]
    taken = listening(port, "--web PORT")
    interface = WebInterface(options, int(taken.getsockname()[1]))
    runner = web.AppRunner(interface.application(), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.SockSite(runner, taken).start()
        yield interface
    finally:
        await interface.close()
        await runner.cleanup()


async def serve_web(options: Sequence[str], port: int, told: Callable[[str], None]) -> int:
    """Serve the interface until Ctrl-C; `told` hears where it is."""
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    async with opened_web(options, port) as interface:
        told(f"Open this in a browser on this machine: {interface.url}")
        await ended.wait()
    return 0
