"""What hangs on a mail: always its name, and its content where that is text."""

from __future__ import annotations

from pathlib import PurePath

from ingest.errors import UnreadableError
from ingest.readers import TEXT_READERS, reader_of
from ingest.readers.assembly import Assembly
from ingest.readers.encoding import decode
from ingest.readers.html import add_html


def add_attachment(assembly: Assembly, name: str, content: bytes | str, level: int, is_text: bool = False) -> None:
    """Add an attachment under a heading of `level`; `is_text` is what the mail says of it."""
    name = " ".join(name.replace("\\", "/").rpartition("/")[2].split())[:120] or "unnamed"
    assembly.heading(level, f"Attachment: {name}")
    reader = reader_of(PurePath(name).suffix)
    try:
        if reader == "html":
            add_html(assembly, content, optional=True)
        elif is_text or reader in TEXT_READERS:
            assembly.block(content if isinstance(content, str) else decode(content)[0])
    except UnreadableError:
        assembly.notes.append(f"the attachment {name} could not be read")
