"""Rows of chats and messages <-> the nouns of a chat."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from assistant.conversation import Citation, Conversation, Message, Sampling, Usage

if TYPE_CHECKING:
    import sqlite_utils


def insert_message(
    db: sqlite_utils.Database,
    conversation_id: int,
    parent_id: int | None,
    role: str,
    text: str,
    state: str,
    sampling: Sampling | None,
    created_at: str = "",
) -> int:
    """Add a message and return its id; `created_at` "" is now."""
    cursor = db.execute(
        """INSERT INTO messages (conversation_id, parent_id, role, text, state, sampling, created_at)
           VALUES (?, ?, ?, ?, ?, ?, ?)""",
        [
            conversation_id, parent_id, role, text, state, json.dumps(asdict(sampling)) if sampling else None,
            created_at or now(),
        ],
    )  # fmt: skip
    return int(cursor.lastrowid or 0)


def conversation_of(row: dict[str, Any]) -> Conversation:
    """The chat in a row that also counts its `messages`. An older home on a read-only disk lacks newer columns."""
    scope = None if row["collections"] is None else tuple(json.loads(row["collections"]))
    return Conversation(
        id=row["id"], title=row["title"] or "New chat", collections=scope, created_at=row["created_at"],
        updated_at=row["updated_at"], messages=row["messages"], draft=row["draft"], adapters=row.get("adapters"),
        pinned=bool(row.get("pinned")), group=row.get("grouped") or "", persona=row.get("persona") or "",
    )  # fmt: skip


def message_of(row: dict[str, Any]) -> Message:
    """The message in a row. An older home on a read-only disk lacks newer columns."""
    sampling = json.loads(row["sampling"]) if row["sampling"] else None
    return Message(
        id=row["id"], conversation_id=row["conversation_id"], parent_id=row["parent_id"], role=row["role"],
        text=row["text"], state=row["state"], model=row["model"], adapter=row["adapter"],
        sampling=Sampling(**{**sampling, "stop": tuple(sampling["stop"])}) if sampling else None,
        usage=Usage(**json.loads(row["usage"])) if row["usage"] else None,
        citations=tuple(Citation(**entry) for entry in _list(row["citations"])),
        trace=row["trace"], notices=tuple(_list(row["notices"])), created_at=row["created_at"],
        system=row.get("system", ""),
    )  # fmt: skip


def _list(text: str) -> list[Any]:
    """A chat of ten thousand messages has twenty thousand lists, nearly all of them empty."""
    return [] if text == "[]" else json.loads(text)


def now() -> str:
    """The time as it is stored: ISO 8601, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
