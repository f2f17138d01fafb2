"""The API as an ASGI application: who may ask, how much at once, and which path answers what."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.errors import GGUFError
from assistant.conversation import Sampling
from assistant.crash import record
from assistant.errors import AssistantError
from assistant.serving.answers import Answers, BusyError
from assistant.serving.replies import (
    Ended,
    Reply,
    described,
    embedding_list,
    error_body,
    error_event,
    model_card,
)
from assistant.serving.requests import ChatRequest, RequestError, read_chat, read_inputs, read_json
from ingest.errors import IngestError

T = TypeVar("T")
LONGEST_BODY = 4 * 2**20  # bytes
BODY_SECONDS = 30.0  # for a body to arrive
SEND_SECONDS = 60.0  # for a client to take the next piece
LOCAL = ("127.0.0.1", "localhost", "[::1]")
Endpoint = Callable[["Api", Request], Awaitable[Response]]


class GoneError(Exception):
    """The client has left."""


class Api:
    """Answers requests. Errors are in OpenAI's form, too."""

    def __init__(self, answers: Answers, sampling: Callable[[], Sampling], logs: Path) -> None:
        """`sampling` is what a request leaves open; what a defect leaves goes to `logs`, without content."""
        self._answers, self._sampling, self._logs = answers, sampling, logs

    def application(self, token: str, port: int) -> ASGIApp:
        """For those who know the token and speak to this port by a local name."""
        routes = [
            Route("/v1/models", self._safely(self._models)),
            Route("/v1/models/{name:path}", self._safely(self._model)),
            Route("/v1/chat/completions", self._safely(self._chat), methods=["POST"]),
            Route("/v1/embeddings", self._safely(self._embeddings), methods=["POST"]),
        ]
        application = Starlette(routes=routes, exception_handlers={HTTPException: _http_error})
        return Guard(application, token, [f"{name}:{port}" for name in LOCAL])

    async def _models(self, request: Request) -> Response:
        return JSONResponse({"object": "list", "data": [model_card(name) for name in await self._answers.names()]})

    async def _model(self, request: Request) -> Response:
        return JSONResponse(model_card((await self._answers.named(request.path_params["name"])).text))

    async def _chat(self, request: Request) -> Response:
        asked = read_chat(read_json(await _body(request)), self._sampling())
        reply, items = Reply(asked.model), self._answers.answer(asked)
        if not asked.stream:
            return await unless_gone(request.receive, _whole(items, reply))
        try:
            first = await unless_gone(request.receive, anext(items))
        except BaseException:
            await items.aclose()
            raise
        return EventStream(self._events(reply, asked, first, items))

    async def _events(self, reply: Reply, asked: ChatRequest, first: Any, items: Any) -> AsyncIterator[str]:
        async with contextlib.aclosing(items):
            try:
                yield reply.begin()
                item = first
                while not isinstance(item, Ended):
                    yield reply.piece(item)
                    item = await anext(items)
                yield reply.end(item, with_usage=asked.stream_usage)
            except (AssistantError, IngestError, GGUFError) as error:
                yield error_event(error)
            except Exception as error:
                record(error, self._logs)
                yield error_event(error)

    async def _embeddings(self, request: Request) -> Response:
        asked = read_json(await _body(request))
        texts, form = read_inputs(asked), asked.get("encoding_format", "float")
        if form not in ("float", "base64"):
            raise RequestError("encoding_format must be float or base64.", "encoding_format")
        model, dimension, vectors = await unless_gone(request.receive, self._answers.embed(texts))
        words = sum(len(text.split()) for text in texts)
        return JSONResponse(embedding_list(model, vectors, dimension, words, form == "base64"))

    def _safely(self, endpoint: Callable[[Request], Coroutine[Any, Any, Response]]) -> Any:
        async def answer(request: Request) -> Response:
            try:
                return await endpoint(request)
            except BusyError as error:
                body = error_body(str(error), "rate_limit_error", code="rate_limit_exceeded")
                return JSONResponse(body, 429, headers={"Retry-After": "5"})
            except (GoneError, ClientDisconnect):
                return Response(status_code=499)  # nobody reads it
            except HTTPException:
                raise
            except (AssistantError, IngestError, GGUFError) as error:
                status, body = described(error)
            except Exception as error:
                record(error, self._logs)
                status, body = described(error)
            return JSONResponse(body, status)

        return answer


class Guard:
    """Lets through who speaks to a local name, comes from no web page, and knows the token.

    A page in a browser could otherwise reach the port: by a name of its own that resolves to it (DNS rebinding), or
    directly. Browsers name the page in Origin, so a request that has one is refused.
    """

    def __init__(self, application: ASGIApp, token: str, hosts: list[str]) -> None:
        self._application, self._expected, self._hosts = application, f"Bearer {token}".encode(), hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI wants it."""
        if scope["type"] == "http":
            refusal = self._refusal(Headers(scope=scope))
            await (refusal or self._application)(scope, receive, send)

    def _refusal(self, headers: Headers) -> Response | None:
        if headers.getlist("host") not in [[host] for host in self._hosts]:
            return _refused(403, "This name is not served.", "invalid_host")
        if "origin" in headers:
            return _refused(403, "Web pages are not served.", "invalid_origin")
        given = headers.get("authorization", "").encode("latin-1", "replace")
        if not hmac.compare_digest(given, self._expected):
            return _refused(401, "The API key is wrong or missing: send the token of this server.", "invalid_api_key")
        return None


class EventStream(Response):
    """Server-sent events. When the client leaves, or takes nothing more, what makes them is cancelled."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncIterator[str]) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI wants it."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        with contextlib.suppress(GoneError, TimeoutError):
            await unless_gone(receive, self._sent(send))

    async def _sent(self, send: Send) -> None:
        async with contextlib.aclosing(self._events) as events:  # type: ignore[type-var]  # it is a generator
            async for event in events:
                await asyncio.wait_for(send(_part(event, more=True)), SEND_SECONDS)
        await send(_part("", more=False))


def _part(text: str, *, more: bool) -> Message:
    return {"type": "http.response.body", "body": text.encode(), "more_body": more}


async def unless_gone(receive: Receive, work: Awaitable[T]) -> T:
    """The result of `work`, which is cancelled when the client leaves. The body has been read before.

    Raises:
        GoneError: it left.
    """
    doing, leaving = asyncio.ensure_future(work), asyncio.ensure_future(_left(receive))
    try:
        await asyncio.wait({doing, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not doing.done():
            raise GoneError
        return doing.result()
    finally:
        doing.cancel()
        leaving.cancel()
        await asyncio.gather(doing, leaving, return_exceptions=True)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _whole(items: Any, reply: Reply) -> Response:
    text, call = "", None
    async with contextlib.aclosing(items) as found:
        async for item in found:
            if isinstance(item, Ended):
                return JSONResponse(reply.whole(text, call, item))
            text, call = (text + item, call) if isinstance(item, str) else (text, item)
    raise AssistantError("The answer was stopped.")


async def _body(request: Request) -> bytes:
    """The whole body, within its limits of size and time."""
    body = b""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in request.stream():
                body += part
                if len(body) > LONGEST_BODY:
                    raise HTTPException(413, f"The body is larger than {LONGEST_BODY // 2**20} MiB.")
    except TimeoutError:
        raise HTTPException(408, f"The body did not arrive within {BODY_SECONDS:.0f} s.") from None
    return body


async def _http_error(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    known = "/v1/models, /v1/chat/completions and /v1/embeddings are."
    detail = error.detail if isinstance(error, HTTPException) else ""
    told = {404: f"{request.url.path[:80]} is not served; {known}", 405: f"{request.method} is not served here."}
    return JSONResponse(error_body(told.get(status, detail), "invalid_request_error"), status)


def _refused(status: int, message: str, code: str) -> Response:
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    return JSONResponse(error_body(message, "invalid_request_error", code=code), status, headers=headers)
