"""Which characters a file's bytes stand for, and whether they are text at all."""

from __future__ import annotations

import codecs
import re

from ingest.errors import UnreadableError
from ingest.readers.legacy_encoding import legacy_encoding

SAMPLE_BYTES = 64 * 1024
BINARY_SHARE = 0.30  # of NUL or undecodable characters: more is no text
CONTROL_SHARE = 0.02  # of control bytes that no text encoding uses; noise has 11 %
DAMAGED_SHARE = 0.005  # of undecodable characters: fewer is UTF-8 with a few broken bytes
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROL_BYTES = bytes({*range(32), 127} - {8, 9, 10, 12, 13, 21, 26, 27})  # 21: the line end of EBCDIC
_META_CHARSET = re.compile(
    rb"""<(?:meta|\?xml)[^>]{0,200}?(?:charset|encoding)\s*=\s*["']?\s*([A-Za-z0-9_:.-]+)""", re.IGNORECASE
)


def decode(data: bytes, html: bool = False) -> tuple[str, tuple[str, ...]]:
    """The text of `data`, and notes when its encoding was guessed or some bytes were damaged.

    Byte order marks decide first, then UTF-16 by its zero bytes, then UTF-8, then with `html` what
    the page says of itself, then a statistical guess.

    Raises:
        UnreadableError: the bytes are no text.
    """
    encoding = marked_encoding(data)
    if encoding:
        text = data.decode(encoding, "replace").removeprefix("\ufeff")
        return _checked(text, ())
    try:
        return _checked(data.decode("utf-8"), ())
    except UnicodeDecodeError:
        return _decode_legacy(data, html)


def encoding_of(sample: bytes) -> tuple[str, tuple[str, ...]]:
    """The encoding of a long text by its first bytes, and a note where it was guessed."""
    if encoding := marked_encoding(sample):
        return encoding, ()
    text = sample.decode("utf-8", "replace")
    if text.count("\ufffd") <= len(text) * DAMAGED_SHARE + 1:  # the sample may end inside a character
        return "utf-8", ()
    guessed = _guess(sample[:SAMPLE_BYTES]) or "cp1252"
    return guessed, (_guessed(guessed),)


def looks_binary(sample: bytes) -> bool:
    """Whether the first bytes of a file rule out that it is text, judged without decoding all of it."""
    if marked_encoding(sample):
        return False
    text = sample.decode("utf-8", "replace")
    if text.count("\ufffd") <= len(text) * DAMAGED_SHARE + 1:  # the sample may end inside a character
        return _bad_share(text) > BINARY_SHARE
    if len(sample.translate(None, _CONTROL_BYTES)) < len(sample) * (1 - CONTROL_SHARE):
        return True
    return _bad_share(text) > BINARY_SHARE and not _guess(sample)


def marked_encoding(data: bytes) -> str:
    """The encoding that a byte order mark or the pattern of zero bytes gives away, "" if neither does."""
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return encoding
    sample = data[:4096]
    half = len(sample) // 2
    if half >= 8:
        even, odd = sample[0 : half * 2 : 2].count(0), sample[1 : half * 2 : 2].count(0)
        if odd > half * 0.4 and even < half * 0.05:
            return "utf-16-le"
        if even > half * 0.4 and odd < half * 0.05:
            return "utf-16-be"
    return ""


def _decode_legacy(data: bytes, html: bool) -> tuple[str, tuple[str, ...]]:
    text = data.decode("utf-8", "replace")
    damaged = text.count("\ufffd")
    if damaged <= len(text) * DAMAGED_SHARE:
        return text, (f"{damaged} damaged characters",)
    if looks_binary(data[:SAMPLE_BYTES]):
        raise UnreadableError("is not text but binary data")
    encoding = (_said_encoding(data) if html else "") or _guess(data[:SAMPLE_BYTES]) or "cp1252"
    return _checked(data.decode(encoding, "replace"), (_guessed(encoding),))


def _guessed(encoding: str) -> str:
    return f"read as {encoding}, which was guessed"


def _said_encoding(data: bytes) -> str:
    found = _META_CHARSET.search(data[:4096])
    if not found:
        return ""
    try:
        said = codecs.lookup(found[1].decode("ascii")).name
    except LookupError:
        return ""
    return "" if said.startswith("utf-") else said  # UTF-8 was tried before, UTF-16 has a mark


def _guess(sample: bytes) -> str:
    if found := legacy_encoding(sample):
        return found
    from charset_normalizer import from_bytes  # imported here: most files never need it

    best = from_bytes(sample, steps=5, chunk_size=1024).best()
    return best.encoding if best else ""


def _checked(text: str, notes: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    if text and _bad_share(text) > BINARY_SHARE:
        raise UnreadableError("is not text but binary data")
    return text, notes


def _bad_share(text: str) -> float:
    return (text.count("\0") + text.count("\ufffd")) / max(1, len(text))
