"""The frames on the pipes between the assistant and its child processes: JSON plus raw bytes.

A frame is two unsigned 32-bit little-endian lengths, then that much UTF-8 JSON, then that much raw
data (float32 vectors, int64 ids). Nothing is ever unpickled.
"""

from __future__ import annotations

import json
import struct
from typing import Any, BinaryIO

HEADER = struct.Struct("<II")
MAX_JSON = 64 * 2**20
MAX_BLOB = 512 * 2**20


class WireError(Exception):
    """The other side broke the protocol."""


def encode(message: dict[str, Any], blob: bytes = b"") -> bytes:
    """The bytes of one frame."""
    text = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    if len(text) > MAX_JSON or len(blob) > MAX_BLOB:
        raise WireError(f"a frame of {len(text)} + {len(blob)} bytes is over the limit")
    return HEADER.pack(len(text), len(blob)) + text + blob


def lengths(header: bytes) -> tuple[int, int]:
    """The two lengths in a frame's header.

    Raises:
        WireError: a length over the limit, so the stream cannot be trusted any more.
    """
    json_length, blob_length = HEADER.unpack(header)
    if json_length > MAX_JSON or blob_length > MAX_BLOB:
        raise WireError(f"a frame claims {json_length} + {blob_length} bytes")
    return json_length, blob_length


def decode(text: bytes) -> dict[str, Any]:
    """The JSON object of a frame.

    Raises:
        WireError: not a JSON object.
    """
    try:
        message = json.loads(text.decode("utf-8", "surrogatepass"))
    except ValueError as error:
        raise WireError("a frame is not JSON") from error
    if not isinstance(message, dict):
        raise WireError("a frame is not a JSON object")
    return message


def read_frame(stream: BinaryIO) -> tuple[dict[str, Any], bytes] | None:
    """The next frame of a blocking stream, or None at its end.

    Raises:
        WireError: the stream ended inside a frame, or broke the protocol.
    """
    header = stream.read(HEADER.size)
    if not header:
        return None
    if len(header) < HEADER.size:
        raise WireError("the stream ended inside a frame")
    json_length, blob_length = lengths(header)
    body = stream.read(json_length + blob_length)
    if len(body) < json_length + blob_length:
        raise WireError("the stream ended inside a frame")
    return decode(body[:json_length]), body[json_length:]
