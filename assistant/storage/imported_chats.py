"""How chats from elsewhere are stored: each whole, and once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assistant.chat_files.imported_chat import ImportedChat
from assistant.storage.message_rows import insert_message, now
from assistant.titles import title_of

if TYPE_CHECKING:
    import sqlite_utils

    from assistant.storage.database import Database


class ImportedChats:
    """Adds chats that were read from files."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, chat: ImportedChat) -> int | None:
        """Store a chat in one transaction; its new id, or None where it is here already, be it in the trash."""

        def work(db: sqlite_utils.Database) -> int | None:
            if db.execute("SELECT 1 FROM conversations WHERE origin = ?", [chat.origin]).fetchone():
                return None
            created = chat.created_at or now()
            title = chat.title or title_of(chat.messages[0].text)
            sql = "INSERT INTO conversations (title, created_at, updated_at, origin) VALUES (?, ?, ?, ?)"
            number = int(db.execute(sql, [title, created, created, chat.origin]).lastrowid or 0)
            ids: list[int] = []
            for message in chat.messages:
                parent = ids[message.parent] if message.parent >= 0 else None
                at = message.created_at or created
                ids.append(insert_message(db, number, parent, message.role, message.text, "done", None, at))
            db.execute("UPDATE conversations SET leaf_id = ? WHERE id = ?", [ids[chat.current], number])
            return number

        return await self._database.write(work)
