"""How the parts of an Office file (.docx, .xlsx, .pptx) refer to each other."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from urllib.parse import unquote

from ingest.readers.archive import Archive
from ingest.readers.safe_xml import local, part

_NO_TITLE = re.compile(r".*\.\w{2,5}$|Microsoft Word|PowerPoint|(?:slide|presentation|book) ?\d*$", re.IGNORECASE)


def main_part(archive: Archive, default: str) -> str:
    """The name of the part that everything else hangs on."""
    root = part(archive, "_rels/.rels")
    for relation in root if root is not None else ():
        if str(relation.get("Type", "")).endswith("/officeDocument"):
            return str(relation.get("Target", "")).lstrip("/")
    return default


def related(archive: Archive, name: str, kind: str = "") -> Iterator[tuple[str, str]]:
    """(id, name) of the parts that a part refers to, those whose type ends in `kind`; links to elsewhere left out."""
    folder, file = posixpath.split(name)
    root = part(archive, f"{folder}/_rels/{file}.rels")
    for relation in root if root is not None else ():
        if str(relation.get("Type", "")).endswith(kind) and relation.get("TargetMode") != "External":
            target = unquote(str(relation.get("Target", "")))
            joined = (
                target.lstrip("/") if target.startswith("/") else posixpath.normpath(posixpath.join(folder, target))
            )
            yield str(relation.get("Id", "")), joined


def core_title(archive: Archive) -> str:
    """The title that somebody gave the file, "" if there is none worth showing."""
    root = part(archive, "docProps/core.xml")
    title = "" if root is None else next((each.text or "" for each in root if local(each) == "title"), "")
    title = " ".join(title.split())
    return title if 3 < len(title) <= 200 and not _NO_TITLE.match(title) else ""


def comment_line(author: str, time: str, text: str) -> str:
    """A comment as a line of text, "" when it says nothing."""
    who = ", ".join(filter(None, (" ".join(author.split()), time[:16].replace("T", " "))))
    return f"Comment ({who}): {text}" if who and text else f"Comment: {text}" if text else ""
