"""How much of one file may be read: the bounds that a hostile or huge file runs into."""

from __future__ import annotations

from dataclasses import dataclass

from ingest.errors import UnreadableError

MIB = 2**20
OCR_SECONDS = 600.0  # by which a file may take longer, where the text of its pictures is recognized


@dataclass(frozen=True, slots=True)
class Limits:
    """Every bound is counted on bytes really read, never on sizes that the file declares."""

    file_bytes: int = 200 * MIB
    text_bytes: int = 50 * MIB  # of UTF-8
    pages: int = 5_000
    archive_entries: int = 10_000
    archive_member_bytes: int = 64 * MIB
    archive_bytes: int = 256 * MIB
    archive_ratio: int = 200
    ocr: str = ""  # languages of text recognition, as tesseract names them; "": off
    ocr_pages: int = 100  # pictures of one file that are recognized
    table_characters: int = 450  # of rows that stay together with their header: about a chunk of 200 tokens


def check_text_size(size: int, limits: Limits) -> None:
    """Refuse `size` bytes of UTF-8 text when that is over the limit.

    Raises:
        UnreadableError: it is.
    """
    if size > limits.text_bytes:
        raise UnreadableError(
            f"holds more than {megabytes(limits.text_bytes)} of text", "Split it, or raise the limit in the settings."
        )


def megabytes(size: int) -> str:
    """A size for people: "200 MB", "1.5 MB"."""
    return f"{size / MIB:.1f}".removesuffix(".0") + " MB"
