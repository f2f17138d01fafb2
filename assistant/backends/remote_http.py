"""Speaks HTTP with the one server that the user named: JSON, and answers as server-sent events.

No redirect is followed, no proxy is asked, nothing is decompressed, and the key goes to that host alone.
What comes back is untrusted: its size is bounded, and text of it that is shown loses its control characters.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import queue
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from typing import Any

from adapters.files.gguf_facts import shown
from assistant import offline
from assistant.backends.remote_address import Address
from assistant.errors import ContextOverflowError, ModelError

MAX_REPLY, MAX_STREAM, MAX_LINE = 8 * 2**20, 64 * 2**20, 2**20  # bytes of a JSON reply, of an answer, of a line
POLL_SECONDS = 0.1  # how often a cancelled answer is noticed while nothing comes
CONTEXT_WORDS = ("context length", "context size", "context window", "maximum context", "too many tokens")


class RemoteHTTP:
    """A client of one server. Errors are ModelError, in one line; ContextOverflowError where that is the cause."""

    def __init__(self, address: Address, key: str, seconds: float) -> None:
        """`seconds` without a byte are a time-out."""
        self.address = address
        self._key = key
        self._seconds = seconds

    def get(self, path: str) -> Any:
        """A JSON reply."""
        return self._call("GET", path, None)

    def post(self, path: str, body: Any) -> Any:
        """A JSON reply, None where it is empty or no JSON (some servers answer with a sentence)."""
        return self._call("POST", path, body)

    def stream(self, path: str, body: Any, cancelled: Callable[[], bool]) -> Iterator[dict[str, Any]]:
        """The JSON objects of an event stream until `[DONE]`; ends early once `cancelled` says so."""
        lines: queue.SimpleQueue[bytes | Exception] = queue.SimpleQueue()
        with self._connection() as connection:
            reading = threading.Thread(target=self._read, args=(connection, path, body, lines), daemon=True)
            reading.start()
            while not cancelled():
                try:
                    line = lines.get(timeout=POLL_SECONDS)
                except queue.Empty:
                    continue
                if isinstance(line, Exception):
                    raise self._told(line) from line
                data = line.removeprefix(b"data:").strip() if line.startswith(b"data:") else b""
                if data == b"[DONE]":
                    return
                if data:
                    yield self._event(data)

    def _call(self, method: str, path: str, body: Any) -> Any:
        with self._connection() as connection:
            try:
                reply = self._answered(connection, method, path, body)
                data = reply.read(MAX_REPLY + 1)
            except (OSError, http.client.HTTPException) as error:
                raise self._told(error) from error
        if len(data) > MAX_REPLY:
            raise ModelError(f"{self.address.name} sends more than a reply can be.", "Is remote.url such a server's?")
        try:
            return json.loads(data) if data.strip() else None
        except (ValueError, RecursionError) as error:
            if method == "POST":
                return None
            raise ModelError(f"{self.address.name} does not answer with JSON.", "Is remote.url right?") from error

    def _read(
        self, connection: http.client.HTTPConnection, path: str, body: Any, lines: queue.SimpleQueue[bytes | Exception]
    ) -> None:
        """In a thread: every line, then the exception that ended them."""
        size = 0
        try:
            reply = self._answered(connection, "POST", path, body)
            while line := reply.readline(MAX_LINE + 1):
                size += len(line)
                if len(line) > MAX_LINE or size > MAX_STREAM:
                    raise http.client.HTTPException("it sends without end")
                lines.put(line)
            raise http.client.IncompleteRead(b"")
        except Exception as error:  # whatever it is, the waiting side tells it
            lines.put(error)

    def _answered(
        self, connection: http.client.HTTPConnection, method: str, path: str, body: Any
    ) -> http.client.HTTPResponse:
        headers = {"Accept": "application/json, text/event-stream", "User-Agent": "assistant"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        connection.request(method, path, None if body is None else json.dumps(body).encode(), headers)
        reply = connection.getresponse()
        if reply.status != 200:
            raise self._refused(reply)
        return reply

    @contextlib.contextmanager
    def _connection(self) -> Iterator[http.client.HTTPConnection]:
        offline.check_online(self.address.host)
        where = (self.address.host, self.address.port)
        connection = (
            http.client.HTTPSConnection(*where, timeout=self._seconds, context=ssl.create_default_context())
            if self.address.secure
            else http.client.HTTPConnection(*where, timeout=self._seconds)
        )
        try:
            yield connection
        finally:
            if connection.sock is not None:
                with contextlib.suppress(OSError):
                    connection.sock.shutdown(socket.SHUT_RDWR)  # wakes a thread that reads
            connection.close()

    def _event(self, data: bytes) -> dict[str, Any]:
        try:
            event = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise ModelError(f"{self.address.name} sends what is no answer.", "Is remote.url right?") from error
        if not isinstance(event, dict):
            raise ModelError(f"{self.address.name} sends what is no answer.", "Is remote.url right?")
        if "error" in event:
            raise self._failed(_message(event))
        return event

    def _refused(self, reply: http.client.HTTPResponse) -> ModelError:
        """What a status other than 200 means."""
        name, said = self.address.name, ""
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError, RecursionError):
            said = _message(json.loads(reply.read(MAX_LINE)))
        if reply.status in (401, 403):
            return ModelError(
                f"{name} refuses the key." if self._key else f"{name} wants a key.",
                "Put it into a file of mode 0600 (remote.key_file), or into ASSISTANT_REMOTE_KEY.",
            )
        if 300 <= reply.status < 400:
            return ModelError(f"{name} sends on to another address, which is not followed.", "Correct remote.url.")
        if reply.status == 404:
            return ModelError(f"{name} does not know that: {said or 'not found'}", "Check remote.url and remote.model.")
        if reply.status == 429:
            return ModelError(f"{name} is busy, or its quota is used up.", "Wait a moment, or use a model here.")
        return self._failed(said or f"status {reply.status}")

    def _failed(self, said: str) -> ModelError:
        if any(words in said.lower() for words in CONTEXT_WORDS):
            return ContextOverflowError(
                f"{self.address.name} says: {said}", "Shorten the message, or start a new chat."
            )
        return ModelError(f"{self.address.name} failed: {said}", "Look at the server, or use a model here.")

    def _told(self, error: Exception) -> Exception:
        """A failure of the connection, in words."""
        name, hint = self.address.name, "Check remote.url, and that the server runs."
        if isinstance(error, ModelError):
            return error
        if isinstance(error, TimeoutError):
            return ModelError(
                f"{name} sent nothing for {self._seconds:g} seconds.", "Look at the server; remote.timeout"
            )
        if isinstance(error, socket.gaierror):
            return ModelError(f"There is no host called {self.address.host}.", "Check remote.url and the network.")
        if isinstance(error, ssl.SSLError):
            why = getattr(error, "verify_message", "") or error.reason or "no secure connection"
            return ModelError(
                f"{name} cannot be trusted: {shown(str(why), 120)}.", "Nothing was sent. Check remote.url."
            )
        if isinstance(error, ConnectionRefusedError):
            return ModelError(f"Nothing answers at {name}.", hint)
        if isinstance(error, http.client.HTTPException | ConnectionError):
            return ModelError(f"{name} broke off.", "What came is kept. Try again, or look at the server.")
        if isinstance(error, OSError):
            return ModelError(f"{name} cannot be reached: {shown(error.strerror or str(error), 120)}.", hint)
        return error


def _message(value: Any) -> str:
    """What a server says of an error: {"error": {"message"}}, {"error": text}, {"message"}, or FastAPI's {"detail"}."""
    if not isinstance(value, dict):
        return ""
    found = value.get("error", value.get("message", value.get("detail", "")))
    if isinstance(found, dict):
        found = found.get("message", "")
    return shown(" ".join(str(found).split()), 200)
