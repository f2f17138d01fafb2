"""What a collection has of its own: how its documents are cut, the languages of its scans, whether it is watched."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from ingest.errors import IngestError

if TYPE_CHECKING:
    import sqlite_utils

NUMBERS = {"chunk_tokens": (32, 2000), "chunk_overlap": (0, 1000)}
LANGUAGES = re.compile(r"[A-Za-z_]{3,16}(?:\+[A-Za-z_]{3,16})*|")  # "" turns recognition off
TRUTHS = {"true": True, "on": True, "yes": True, "false": False, "off": False, "no": False}
AS_SET = "default"


@dataclass(frozen=True, slots=True)
class CollectionSettings:
    """The settings of one collection; None is what the settings of the whole library say.

    Lengths are in tokens of the embedder; `ocr` names languages as tesseract does; `watch` says whether changes of its
    linked folders are followed.
    """

    chunk_tokens: int | None = None
    chunk_overlap: int | None = None
    ocr: str | None = None
    watch: bool | None = None

    @property
    def chunked(self) -> str:
        """How its documents are cut, as it is kept with them; "" for as everywhere."""
        if self.chunk_tokens is None and self.chunk_overlap is None:
            return ""
        return "/".join("" if value is None else str(value) for value in (self.chunk_tokens, self.chunk_overlap))

    @property
    def pictures(self) -> bool:
        """Whether pictures are among its documents for a reason of its own."""
        return bool(self.ocr)

    @property
    def reading(self) -> dict[str, Any]:
        """What the reader is told beside the path of a file."""
        return {
            name: value
            for name in ("chunk_tokens", "chunk_overlap", "ocr")
            if (value := getattr(self, name)) is not None
        }

    @property
    def own(self) -> dict[str, Any]:
        """What differs from the whole library, by name."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def with_text(self, name: str, text: str) -> CollectionSettings:
        """These settings with one as it was typed; "default" takes it back.

        Raises:
            IngestError: there is no such setting, or it cannot have this value.
        """
        known = [field.name for field in fields(self)]
        if name not in known:
            raise IngestError(f"A collection has no setting {name}.", f"One of {', '.join(known)}.")
        changed: dict[str, Any] = {name: None if text == AS_SET else _value(name, text)}
        return replace(self, **changed)


AS_EVERYWHERE = CollectionSettings()


def settings_of(db: sqlite_utils.Database, collection: int) -> CollectionSettings:
    """The settings of a collection by its number; those of the whole library where there is no such collection."""
    row = db.conn.execute("SELECT settings FROM collections WHERE id = ?", (collection,)).fetchone()
    return from_json(row[0]) if row else AS_EVERYWHERE


def all_settings(db: sqlite_utils.Database) -> dict[str, CollectionSettings]:
    """Those of all collections by name."""
    rows = db.conn.execute("SELECT name, settings FROM collections ORDER BY name")
    return {name: from_json(settings) for name, settings in rows}


def change(db: sqlite_utils.Database, collection: str, name: str, text: str) -> CollectionSettings:
    """Change one setting of a collection; gives all of them as they are then.

    Raises:
        IngestError: there is no such collection or setting, or it cannot have this value.
    """
    known = all_settings(db)
    if collection not in known:
        raise IngestError(f"There is no collection “{collection}”.", f"There are: {', '.join(known) or 'none yet'}.")
    changed = known[collection].with_text(name, text)
    db.conn.execute("UPDATE collections SET settings = ? WHERE name = ?", (json.dumps(changed.own), collection))
    return changed


def from_json(text: str) -> CollectionSettings:
    """What `change` stored; settings of a later version are left out."""
    known = {field.name for field in fields(CollectionSettings)}
    return CollectionSettings(**{name: value for name, value in json.loads(text).items() if name in known})


def _value(name: str, text: str) -> int | str | bool:
    if name == "watch":
        if text.lower() not in TRUTHS:
            raise IngestError(f"watch is true or false, not {text!r}.", f"{AS_SET} takes it back.")
        return TRUTHS[text.lower()]
    if name == "ocr":
        if not LANGUAGES.fullmatch(text):
            raise IngestError(f"{text!r} names no languages.", 'Such as "eng" or "eng+deu"; "" turns recognition off.')
        return text
    low, high = NUMBERS[name]
    if not (text.isascii() and text.isdecimal() and low <= int(text[:9]) <= high):
        raise IngestError(f"{name} is a whole number from {low} to {high}, not {text!r}.", f"{AS_SET} takes it back.")
    return int(text)
