"""Outlook messages (.msg): sender, recipients, date and body from an OLE container; attachments by name."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import olefile  # type: ignore[import-untyped]  # olefile ships no types

from ingest.document import Document
from ingest.errors import UnreadableError
from ingest.readers.assembly import Assembly
from ingest.readers.attachment import add_attachment
from ingest.readers.encoding import decode
from ingest.readers.html import add_html
from ingest.readers.limits import Limits
from ingest.readers.rich_text import plain_text

# Property numbers: MS-OXPROPS. "001F" is UTF-16, "001E" bytes in the message's code page, "0102" binary.
_SUBJECT, _BODY, _HTML, _RTF = "0037", "1000", "1013", "1009"
_SENDER, _SENDER_ADDRESS, _TO, _CC = "0C1A", "0C1F", "0E04", "0E03"
_LONG_NAME, _NAME, _DATA = "3707", "3704", "3701"
_TIMES = (0x00390040, 0x0E060040)  # client submit time, delivery time
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_HEADER_BYTES = 32  # before the properties of a message


def read(data: bytes, stem: str, suffix: str, limits: Limits) -> Document:
    """The message, then its attachments; those that are text are read.

    Raises:
        UnreadableError: no Outlook message, broken, or empty.
    """
    if not olefile.isOleFile(data=data):
        raise UnreadableError("is not an Outlook message, whatever its name says")
    try:
        with olefile.OleFileIO(io.BytesIO(data)) as container:
            message = _Message(container, limits)
            assembly = Assembly(limits)
            _add(assembly, message)
    except (OSError, ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError):
        raise UnreadableError("is a broken Outlook message") from None
    return assembly.document(message.text(_SUBJECT) or stem)


class _Message:
    """The properties in a container."""

    def __init__(self, container: olefile.OleFileIO, limits: Limits) -> None:
        self._container = container
        self._limits = limits
        self.folders = [entry[0] for entry in container.listdir(streams=False, storages=True) if len(entry) == 1]

    def raw(self, number: str, kind: str, folder: str = "") -> bytes:
        """A property's bytes, b"" where there is none."""
        name = f"{folder}/__substg1.0_{number}{kind}".lstrip("/")
        if not self._container.exists(name) or self._container.get_size(name) > self._limits.archive_member_bytes:
            return b""
        return bytes(self._container.openstream(name).read())

    def text(self, number: str, folder: str = "") -> str:
        """A property that is text."""
        wide = self.raw(number, "001F", folder)
        if wide:
            return wide.decode("utf-16-le", "replace").rstrip("\0")
        narrow = self.raw(number, "001E", folder).rstrip(b"\0")
        return decode(narrow)[0] if narrow else ""

    def sent(self) -> str:
        """When the message was sent, "" if it does not say."""
        properties = "__properties_version1.0"
        content = self._container.openstream(properties).read() if self._container.exists(properties) else b""
        for tag in _TIMES:
            for start in range(_HEADER_BYTES, len(content) - 15, 16):
                if int.from_bytes(content[start : start + 4], "little") == tag:
                    ticks = int.from_bytes(content[start + 8 : start + 16], "little")
                    return (_EPOCH + timedelta(microseconds=ticks // 10)).strftime("%a, %Y-%m-%d %H:%M UTC")
        return ""


def _add(assembly: Assembly, message: _Message) -> None:
    subject = " ".join(message.text(_SUBJECT).split())
    if subject:
        assembly.heading(1, subject)
    sender, address = message.text(_SENDER), message.text(_SENDER_ADDRESS)
    sender = f"{sender} <{address}>" if "@" in address and address != sender else sender or address
    lines = (("From", sender), ("To", message.text(_TO)), ("Cc", message.text(_CC)), ("Date", message.sent()))
    assembly.block("\n".join(f"{name}: {' '.join(text.split())}" for name, text in lines if text.strip()))
    _add_body(assembly, message)
    for folder in message.folders:
        if folder.startswith("__attach_version1.0_"):
            _add_attachment(assembly, message, folder)


def _add_body(assembly: Assembly, message: _Message) -> None:
    """The plain body, else the page, else the text of the compressed RTF."""
    body = message.text(_BODY)
    page = message.raw(_HTML, "0102") or message.text(_HTML).encode()
    if body.strip():
        assembly.block(body.replace("\r\n", "\n"))
    elif page:
        add_html(assembly, page, optional=True)
    elif rtf := message.raw(_RTF, "0102"):
        assembly.block(plain_text(_unpacked(rtf)))


def _add_attachment(assembly: Assembly, message: _Message, folder: str) -> None:
    name = message.text(_LONG_NAME, folder) or message.text(_NAME, folder) or "unnamed"
    add_attachment(assembly, name, message.raw(_DATA, "0102", folder), 2)


def _unpacked(data: bytes) -> bytes:
    """Compressed RTF as MS-OXRTFCP packs it: a dictionary of 4096 bytes that wraps around."""
    if data[8:12] != b"LZFu":
        return data[16:]
    out = bytearray(_dictionary())
    for run in _runs(data[16:], out):
        out += run
    return bytes(out[len(_dictionary()) :])


def _runs(data: bytes, out: bytearray) -> Iterator[bytes]:
    position, begun = 0, len(out)
    while position < len(data):
        flags = data[position]
        position += 1
        for bit in range(8):
            if position >= len(data) or len(out) > 64 * 2**20:
                return
            if not flags >> bit & 1:
                yield data[position : position + 1]
                position += 1
                continue
            pair = int.from_bytes(data[position : position + 2], "big")
            position += 2
            back = (len(out) - (pair >> 4)) % 4096
            if back == 0 and len(out) > begun:
                return  # the end is marked by a reference to the place where writing goes on
            for _ in range((pair & 15) + 2):
                source = len(out) - (back or 4096)
                yield bytes(out[source : source + 1])


def _dictionary() -> bytes:
    """What the dictionary holds at the start (MS-OXRTFCP 2.1.2.1)."""
    return (
        rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript "
        rb"\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0"
        b"\r\n"
        rb"\par \pard\plain\f0\fs20\b\i\u\tab\tx"
    )
