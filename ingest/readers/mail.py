"""Mail (.eml, .mbox, .mht): who wrote what to whom and when, attachments by name, those that are text read."""

from __future__ import annotations

import base64
import email
import email.policy
import re
from collections.abc import Iterator
from email.header import decode_header
from email.message import Message
from email.utils import parsedate_to_datetime

from ingest.document import Document
from ingest.errors import UnreadableError
from ingest.readers.assembly import Assembly
from ingest.readers.attachment import add_attachment
from ingest.readers.encoding import decode
from ingest.readers.html import add_html
from ingest.readers.limits import Limits

_HEADERS = ("From", "To", "Cc", "Date", "Subject")
_MBOX_FROM = re.compile(rb"^From (?:\S+|\".*?\") .*\d{4}.*\r?\n(?=[\w-]+:)", re.MULTILINE)
_SOFT_BREAK = re.compile(r" \n(?![> \n])")  # of format=flowed, RFC 3676
_BLANK_LINES = re.compile(r"\n(?:[^\S\n]*\n){2,}")
MAX_DEPTH = 5  # messages inside messages
MAX_PARTS = 2_000


def read(data: bytes, stem: str, suffix: str, limits: Limits) -> Document:
    """Each message under its subject; of a mailbox each is a place "message n".

    Raises:
        UnreadableError: no mail, or too long.
    """
    assembly = Assembly(limits)
    messages = list(_messages(data)) if suffix in {".mbox", ".mbx"} else [data]
    title = ""
    for number, content in enumerate(messages, 1):
        message = email.message_from_bytes(content, policy=email.policy.compat32)
        if not message.keys():
            continue
        assembly.close_headings()
        assembly.place(f"message {number}" if len(messages) > 1 else "")
        _Letter(assembly).add(message, show=suffix not in {".mht", ".mhtml"})
        title = title or shown(message, "Subject")
    if not assembly.length:
        raise UnreadableError("holds no mail")
    return assembly.document(title if title and len(messages) == 1 else stem)


def shown(message: Message, name: str) -> str:
    """A header's text as a person reads it, "" where there is none; bytes in any encoding are decoded."""
    value = message.get(name)
    if value is None:
        return ""
    try:
        pieces = decode_header(str(value) if isinstance(value, str) else value)
    except (ValueError, LookupError):
        return " ".join(str(value).split())
    return " ".join("".join(_decoded(piece, charset) for piece, charset in pieces).split())


def _decoded(piece: bytes | str, charset: str | None) -> str:
    if isinstance(piece, str):
        return piece
    if charset in {None, "unknown-8bit"}:
        return decode(piece)[0] if piece.strip(b"\0") else ""
    try:
        return piece.decode(charset, "replace")
    except (LookupError, ValueError):
        return piece.decode("utf-8", "replace")


def _messages(data: bytes) -> Iterator[bytes]:
    """The messages of a mailbox; a line "From …" begins each."""
    bounds = [(found.start(), found.end()) for found in _MBOX_FROM.finditer(data)]
    if not bounds:
        yield data
    ends = [start for start, _ in bounds[1:]] + [len(data)] * bool(bounds)
    for (_, start), end in zip(bounds, ends, strict=True):
        yield data[start:end].replace(b"\n>From ", b"\nFrom ")


class _Letter:
    """Adds a message and what is attached to it."""

    def __init__(self, assembly: Assembly) -> None:
        self._assembly = assembly
        self._parts = 0

    def add(self, message: Message, show: bool = True, depth: int = 0) -> None:
        """Headers, the body in its best form, then the attachments."""
        if show:
            subject = shown(message, "Subject")
            if subject:
                self._assembly.heading(depth * 2 + 1, subject)
            lines = (f"{name}: {_date(text) if name == 'Date' else text}" for name, text in _headers(message))
            self._assembly.block("\n".join(lines))
        self._part(message, depth)

    def _part(self, part: Message, depth: int) -> None:
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise UnreadableError(f"has more than {MAX_PARTS} parts")
        kind = part.get_content_type()
        if part.is_multipart():
            inner = [each for each in part.get_payload() if isinstance(each, Message)]
            if kind == "message/rfc822" or kind == "message/delivery-status":
                for message in _decoded_messages(part, inner):
                    if depth < MAX_DEPTH:
                        self.add(message, depth=depth + 1)
            elif kind == "multipart/alternative":
                self._alternative(inner, depth)
            else:
                for each in inner:
                    self._part(each, depth)
        elif _name(part) or part.get_content_disposition() == "attachment":
            self._attachment(part, depth)
        else:
            self._body(part)

    def _alternative(self, parts: list[Message], depth: int) -> None:
        """The plain text if it says anything, else the richest form."""
        plain = [each for each in parts if each.get_content_type() == "text/plain" and _text(each).strip()]
        others = [each for each in parts if each.get_content_type() != "text/plain"]
        for each in plain[:1] or others[-1:]:
            self._part(each, depth)
        for each in others if plain else ():  # attachments that hang on the richer form
            for inner in each.walk():
                if inner.get_content_disposition() == "attachment":
                    self._attachment(inner, depth)

    def _body(self, part: Message) -> None:
        kind = part.get_content_type()
        if kind == "text/html":
            add_html(self._assembly, _text(part) or " ", optional=True)
        elif kind.startswith("text/"):
            text = _text(part).replace("\r\n", "\n")
            flowed = str(part.get_param("format", "")).lower() == "flowed"
            self._assembly.block(_BLANK_LINES.sub("\n\n", _SOFT_BREAK.sub(" ", text) if flowed else text))

    def _attachment(self, part: Message, depth: int) -> None:
        name = _name(part) or part.get_content_type()
        add_attachment(self._assembly, name, _text(part), depth * 2 + 2, part.get_content_maintype() == "text")


def _decoded_messages(part: Message, inner: list[Message]) -> list[Message]:
    """The messages inside a part; some programs pack them as base64, which the parser takes for their text."""
    if str(part.get("Content-Transfer-Encoding", "")).strip().lower() != "base64":
        return inner
    try:
        packed = (base64.b64decode(str(message.get_payload()).encode(), validate=False) for message in inner)
        return [email.message_from_bytes(content, policy=email.policy.compat32) for content in packed]
    except ValueError:
        return inner


def _headers(message: Message) -> Iterator[tuple[str, str]]:
    for name in _HEADERS:
        text = shown(message, name)
        if text:
            yield name, text


def _date(text: str) -> str:
    try:
        return parsedate_to_datetime(text).strftime("%a, %Y-%m-%d %H:%M %z").strip()
    except (ValueError, TypeError, IndexError, OverflowError):
        return text


def _name(part: Message) -> str:
    """The file name of an attachment as its sender wrote it."""
    try:
        name = part.get_filename() or ""
    except (ValueError, LookupError, TypeError):
        return "unnamed"
    decoded = Message()
    decoded["Name"] = " ".join(str(name).split())
    return shown(decoded, "Name")


def _text(part: Message) -> str:
    """The text of a part in the encoding that it names, or whatever fits."""
    try:
        content = part.get_payload(decode=True)
    except (ValueError, LookupError, AssertionError):
        content = str(part.get_payload()).encode("utf-8", "replace")
    if not isinstance(content, bytes) or not content.strip():
        return ""
    charset = str(part.get_content_charset() or "")
    try:
        return content.decode(charset) if charset else decode(content)[0]
    except (LookupError, ValueError):
        pass
    try:
        return decode(content)[0]
    except UnreadableError:
        return ""
