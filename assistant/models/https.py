"""One https request for a file: verified TLS, redirects that stay with the host, and nothing decompressed.

The certificates are the system's (SSL_CERT_FILE and SSL_CERT_DIR as OpenSSL reads them); HTTPS_PROXY is used where it
is set. A token (HF_TOKEN) is sent to the Hub itself and to nobody that it redirects to.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NoReturn
from urllib.parse import urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

from assistant.errors import ModelError
from assistant.models.source import SHA256, hub

MAX_REDIRECTS = 5
REDIRECTS = frozenset({301, 302, 303, 307, 308})
LATER = frozenset({408, 425, 429, 500, 502, 503, 504})
# hosts that keep the files of another one; every host may redirect to its own subdomains
STORES: dict[str, tuple[str, ...]] = {
    "huggingface.co": ("huggingface.co", "hf.co"),
    "github.com": ("github.com", "githubusercontent.com"),
}
RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


class PassingError(Exception):
    """The network or the host failed in a way that may be over in a moment."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The head of a reply. The body begins at byte `start` of `total` (0: not said); `sha256` is what the Hub says of
    the file, "" elsewhere; `etag` names this version of it."""

    response: http.client.HTTPResponse
    start: int
    total: int
    etag: str
    sha256: str

    def read(self, count: int) -> bytes:
        """Up to `count` more bytes, b"" at the end.

        Raises:
            PassingError: the connection broke or stalled.
        """
        try:
            return self.response.read1(count)
        except (OSError, http.client.HTTPException) as error:
            raise PassingError(f"the connection broke ({_reason(error)})") from error


@contextlib.contextmanager
def opened(url: str, start: int, etag: str, timeout: float) -> Iterator[Answer]:
    """Ask for a file from byte `start` on, if it is still the version `etag`; the connection is closed behind.

    `timeout` is how many seconds each step of the network may take.

    Raises:
        PassingError: it may be over in a moment.
        ModelError: the host refuses, is not to be trusted, or redirects too often or elsewhere.
    """
    first, linked_size, linked_sha256 = url, 0, ""
    for _ in range(MAX_REDIRECTS + 1):
        connection = _connection(url, timeout)
        try:
            response = _asked(connection, url, start, etag, same_origin(first, url))
            if same_origin(first, url):  # what the Hub says of a file that is kept elsewhere
                linked_size = _whole(response.getheader("X-Linked-Size")) or linked_size
                linked_sha256 = _sha256(response.getheader("X-Linked-Etag")) or linked_sha256
            if response.status in REDIRECTS:
                url = _followed(first, url, response.getheader("Location") or "")
                continue
            answer = _answer(url, response, start)
            yield replace(answer, total=answer.total or linked_size, sha256=linked_sha256)
            return
        finally:
            connection.close()
    raise ModelError(f"{_host(first)} redirected more than {MAX_REDIRECTS} times.", "Try another address of the file.")


def same_origin(one: str, other: str) -> bool:
    """Whether two addresses lead to the same host and port."""
    first, second = urlsplit(one), urlsplit(other)
    return (first.scheme, first.hostname, first.port) == (second.scheme, second.hostname, second.port)


def _connection(url: str, timeout: float) -> http.client.HTTPSConnection:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 443
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    proxy = urlsplit(getproxies().get("https", ""))
    if proxy.hostname and not proxy_bypass(host):
        through = http.client.HTTPSConnection(proxy.hostname, proxy.port or 8080, timeout=timeout, context=context)
        through.set_tunnel(host, port)
        return through
    return http.client.HTTPSConnection(host, port, timeout=timeout, context=context)


def _asked(
    connection: http.client.HTTPSConnection, url: str, start: int, etag: str, first: bool
) -> http.client.HTTPResponse:
    parts = urlsplit(url)
    headers = {"User-Agent": "private-assistant", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
        if etag:
            headers["If-Range"] = etag
    if first and same_origin(url, hub()) and (token := os.environ.get("HF_TOKEN", "").strip()):
        headers["Authorization"] = f"Bearer {token}"
    try:
        connection.request("GET", parts.path + (f"?{parts.query}" if parts.query else ""), headers=headers)
        return connection.getresponse()
    except ssl.SSLCertVerificationError as error:
        raise ModelError(
            f"{_host(url)} could not show a certificate that can be trusted: {error.verify_message}.",
            "Nothing was fetched. Is the date of this machine right, or does somebody stand between?",
        ) from error
    except socket.gaierror as error:
        raise PassingError(f"{_host(url)} cannot be found") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise PassingError(f"{_host(url)} cannot be reached ({_reason(error)})") from error


def _followed(first: str, url: str, location: str) -> str:
    """Where a redirect leads, if that may be gone to."""
    target = urljoin(url, location)
    host, wanted = _host(target), _host(first)
    if urlsplit(target).scheme != "https":
        raise ModelError(f"{wanted} redirects to an address that is not https.", "Nothing was fetched.")
    stores = STORES.get(wanted, (wanted,))
    if same_origin(first, hub()):  # or a mirror of it
        stores += STORES["huggingface.co"]
    if not any(host == store or host.endswith(f".{store}") for store in stores):
        raise ModelError(f"{wanted} redirects to {host}, another host.", "If you trust that one, give its address.")
    return target


def _answer(url: str, response: http.client.HTTPResponse, start: int) -> Answer:
    if response.status not in (200, 206):
        _refused(url, response.status)
    if (response.getheader("Content-Encoding") or "identity") != "identity":
        raise ModelError(f"{_host(url)} sends the file compressed, which is not read.", "Try another address of it.")
    etag = response.getheader("ETag") or ""
    strong = "" if etag.startswith("W/") else etag
    if response.status == 200:
        return Answer(response, 0, _whole(response.getheader("Content-Length")), strong, "")
    match = RANGE.fullmatch(response.getheader("Content-Range") or "")
    if match is None or int(match[1]) != start:
        raise PassingError(f"{_host(url)} sent another part of the file than it was asked for")
    return Answer(response, start, int(match[3]), strong, "")


def _refused(url: str, status: int) -> NoReturn:
    host = _host(url)
    if status in LATER:
        raise PassingError(f"{host} cannot answer now (status {status})")
    if status in (401, 403):
        raise ModelError(
            f"{host} asks who you are (status {status}).",
            "Accept the model's licence on its page, and put your access token into the variable HF_TOKEN.",
        )
    if status == 416:
        raise ModelError(f"{host} has a shorter file now than before.", "Delete the .part file and fetch it again.")
    what = "has no such file" if status in (404, 410) else f"refuses (status {status})"
    raise ModelError(f"{host} {what}.", "Check the name of the repository and of the file.")


def _host(url: str) -> str:
    return urlsplit(url).hostname or "the host"


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    return getattr(error, "strerror", None) or str(error)[:120] or type(error).__name__


def _whole(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 16 else 0


def _sha256(text: str | None) -> str:
    """A SHA-256 in an ETag of the Hub; of a file without one (outside Git LFS) there is another hash in it."""
    bare = (text or "").removeprefix("W/").strip('"').lower()
    return bare if SHA256.fullmatch(bare) else ""
