"""Where is the server that the user named, and may it be spoken to at all?"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from adapters.files.gguf_facts import shown
from adapters.offline_guard import is_loopback
from assistant.errors import ModelError


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is: `https://host:port/base`."""

    secure: bool
    host: str
    port: int
    base: str  # "/v1"

    @property
    def name(self) -> str:
        """The host as it is shown, with a port that is not the usual one."""
        return self.host if self.port == (443 if self.secure else 80) else f"{self.host}:{self.port}"

    @property
    def root(self) -> str:
        """The base without `/v1`, where servers have the calls of their own."""
        return self.base.removesuffix("/v1")


def parse_address(url: str) -> Address:
    """The address in the setting remote.url.

    Raises:
        ModelError: there is none, it is no http(s) URL, it holds a password, or it is http to another machine.
    """
    if not url:
        raise ModelError("No server is named.", "Set remote.url, such as https://gpu.example.org/v1.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ModelError(f"remote.url is no address: {shown(url, 100)}.", "Such as http://127.0.0.1:8000/v1") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ModelError(f"remote.url is no address: {shown(url, 100)}.", "Such as http://127.0.0.1:8000/v1")
    if parts.username or parts.password:
        raise ModelError("remote.url holds a name or a password.", "Put the key into remote.key_file (mode 0600).")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ModelError(
            f"{shown(parts.hostname, 100)} is another machine, and http would send everything readable.",
            "Use https, or a tunnel to 127.0.0.1 (ssh -L).",
        )
    secure = parts.scheme == "https"
    return Address(secure, parts.hostname, port or (443 if secure else 80), parts.path.rstrip("/"))
