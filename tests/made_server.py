"""Servers on loopback: one that answers as a test says and keeps what it was asked, and a real one in its process."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

Reply = tuple[int, Any]  # status, and a body: JSON, or bytes as they are
Answering = Callable[[str, Any], Reply]


class Asked:
    """What a server was asked: (path, body, headers), in order."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[tuple[str, Any, dict[str, str]]] = []

    def bodies(self, path: str) -> list[Any]:
        """The bodies sent to a path."""
        return [body for asked, body, _ in self.requests if asked == path]


def events(*texts: str, finish: str = "stop", usage: dict[str, Any] | None = None, done: bool = True) -> bytes:
    """A streamed answer as OpenAI's API writes it."""
    chunks: list[dict[str, Any]] = [{"choices": [{"delta": {"content": text}}]} for text in texts]
    chunks.append({"choices": [{"delta": {}, "finish_reason": finish}]})
    if usage:
        chunks.append({"choices": [], "usage": usage})
    lines = [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks]
    return "".join([": a comment\n\n", *lines, "data: [DONE]\n\n" if done else ""]).encode()


@contextlib.contextmanager
def answering(answer: Answering) -> Iterator[Asked]:
    """A server whose replies `answer` gives."""
    asked = Asked()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._reply(None)

        def do_POST(self) -> None:
            self._reply(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _reply(self, body: Any) -> None:
            asked.requests.append((self.path, body, dict(self.headers)))
            status, said = answer(self.path, body)
            data = said if isinstance(said, bytes) else json.dumps(said).encode()
            with contextlib.suppress(OSError):
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                self.end_headers()
                self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    asked.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        yield asked
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def llama_cpp_server(model: Path, context: int) -> Iterator[str]:
    """The server of llama-cpp-python in a process of its own; its URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["--model", str(model), "--n_ctx", str(context), "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(
        [sys.executable, "-m", "llama_cpp.server", *words],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "OTEL_SDK_DISABLED": "true"},
    )  # fmt: skip
    try:
        url = f"http://127.0.0.1:{port}/v1"
        deadline = time.monotonic() + 170
        while process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/models", timeout=10):
                break
            time.sleep(0.2)
        assert process.poll() is None, "the server ended"
        yield url
    finally:
        process.kill()
        process.wait()
