"""A real https server on this machine that behaves as badly as a test wants; its certificate is for tests alone."""

from __future__ import annotations

import contextlib
import re
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

CERTIFICATE = Path(__file__).with_name("localhost.pem")  # and its key; for localhost and 127.0.0.1
PIECE = 16 * 1024


@dataclass
class Site:
    """What is served, and how. Lists are used up: one entry a request."""

    content: bytes = b""
    etag: str = '"v1"'
    ranges: bool = True
    cuts: list[int] = field(default_factory=list)  # bytes of a body after which the connection is cut
    pause: float = 0.0  # seconds before each piece of a body
    statuses: list[int] = field(default_factory=list)  # 200 is the default; others have no body
    announced: int = 0  # another length than the right one
    headers: dict[str, str] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)  # path -> location
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)  # path and headers of each request
    address: str = ""

    def url(self, path: str = "/tiny.gguf") -> str:
        return f"{self.address}{path}"


class _Handler(BaseHTTPRequestHandler):
    site: Site

    def do_GET(self) -> None:
        site = self.site
        site.asked.append((self.path, dict(self.headers)))
        if self.path in site.redirects:
            self.send_response(302)
            self._headers({**site.headers, "Location": site.redirects[self.path], "Content-Length": "0"})
            return
        status = site.statuses.pop(0) if site.statuses else 200
        if status != 200:
            self.send_response(status)
            self._headers({"Content-Length": "0"})
            return
        start = self._start()
        body = site.content[start:]
        self.send_response(206 if start else 200)
        length = site.announced or len(body)
        headers = {**site.headers, "Content-Length": str(length), "ETag": site.etag}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(site.content) - 1}/{len(site.content)}"
        self._headers(headers)
        cut = site.cuts.pop(0) if site.cuts else len(body)
        for at in range(0, min(cut, len(body)), PIECE):
            time.sleep(site.pause)
            self.wfile.write(body[at : min(at + PIECE, cut)])
        self.close_connection = True

    def _start(self) -> int:
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        fresh = self.headers.get("If-Range", self.site.etag) == self.site.etag
        return int(match[1]) if match and fresh and self.site.ranges else 0

    def _headers(self, headers: dict[str, str]) -> None:
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def handle(self) -> None:
        with contextlib.suppress(OSError):  # the client may go at any time
            super().handle()

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def finish_request(self, request: Any, client_address: Any) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE)
        with contextlib.suppress(OSError):
            request = context.wrap_socket(request, server_side=True)
            super().finish_request(request, client_address)
            request.close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes is no error."""


@contextlib.contextmanager
def served(site: Site) -> Iterator[Site]:
    """The site at an address of its own."""
    handler = type("Handler", (_Handler,), {"site": site})
    with _Server(("127.0.0.1", 0), handler) as server:
        site.address = f"https://localhost:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield site
        finally:
            server.shutdown()
