"""A chat as a tree: which messages stand beside each other, forks, and the last turn taken back."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from assistant.conversation import Citation, Message
from assistant.errors import UsageError
from assistant.storage.message_rows import insert_message, message_of, now

if TYPE_CHECKING:
    import sqlite_utils

    from assistant.storage.database import Database

Siblings = Mapping[int, tuple[int, ...]]  # message id -> the ids of all messages that share its parent, oldest first


class Branches:
    """What can be done with a tree of messages; none of it removes one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def siblings(self, conversation_id: int) -> Siblings:
        """The messages of a chat that are not alone below their parent."""
        sql = "SELECT id, parent_id FROM messages WHERE conversation_id = ? ORDER BY id"
        rows = await self._database.read(lambda db: db.execute(sql, [conversation_id]).fetchall())
        below: dict[int | None, list[int]] = defaultdict(list)
        for number, parent in rows:
            below[parent].append(number)
        return {number: tuple(group) for group in below.values() if len(group) > 1 for number in group}

    async def messages(self, conversation_id: int) -> list[Message]:
        """All messages of a chat, on every branch, the oldest first."""
        sql = "SELECT * FROM messages WHERE conversation_id = ? ORDER BY id"
        return [message_of(row) for row in await self._database.read(lambda db: list(db.query(sql, [conversation_id])))]

    async def go_on_from(self, message: Message, *, exactly: bool = False) -> None:
        """Let a chat go on from this message with what followed on it, or `exactly` from it, until something new is
        asked or answered."""
        below = """WITH RECURSIVE below(id) AS (
                   SELECT ? UNION ALL SELECT m.id FROM messages m JOIN below ON m.parent_id = below.id)
                 UPDATE conversations SET leaf_id = (SELECT MAX(id) FROM below) WHERE id = ?"""
        sql = "UPDATE conversations SET leaf_id = ? WHERE id = ?" if exactly else below
        await self._database.write(lambda db: db.execute(sql, [message.id, message.conversation_id]))

    async def edited_answer(self, message: Message, text: str, citations: Sequence[Citation]) -> int:
        """Store an answer as the user would have it beside the one that was given; returns its id.

        It keeps what the answer was made from: system prompt, passages and trace. `citations` are its marks.

        Raises:
            UsageError: the message is no answer, or the text is empty.
        """
        if message.role != "assistant" or not text.strip():
            raise UsageError(
                "Only an answer can be edited so, and not to nothing.", "A question is asked anew instead."
            )

        def work(db: sqlite_utils.Database) -> int:
            number = insert_message(db, message.conversation_id, message.parent_id, "assistant", text, "done", None)
            db.execute(
                """UPDATE messages SET system = old.system, passages = old.passages, trace = old.trace, citations = ?,
                   notices = '["You wrote this answer."]' FROM messages AS old WHERE messages.id = ? AND old.id = ?""",
                [json.dumps([asdict(citation) for citation in citations]), number, message.id],
            )
            db.execute("UPDATE conversations SET leaf_id = NULL WHERE id = ?", [message.conversation_id])
            return number

        return await self._database.write(work)

    async def fork(self, thread: Sequence[Message], title: str) -> int:
        """A new chat that holds copies of these messages, from the root on; returns its id. Scores stay behind.

        Raises:
            UsageError: there is no message.
        """
        if not thread:
            raise UsageError("This chat is empty.", "Ask something first.")

        def work(db: sqlite_utils.Database) -> int:
            cursor = db.execute(
                """INSERT INTO conversations (title, collections, adapters, created_at, updated_at)
                   SELECT ?, collections, adapters, ?, ? FROM conversations WHERE id = ?""",
                [title, now(), now(), thread[0].conversation_id],
            )
            chat, parent = cursor.lastrowid, None
            for message in thread:
                parent = db.execute(_COPY, [chat, parent, message.id]).lastrowid
            return int(chat or 0)

        return await self._database.write(work)

    async def take_back(self, thread: Sequence[Message]) -> Message | None:
        """Let the chat go on from before its last question, which is returned; None where it is the first one, since
        nothing stands before that."""
        question = next((message for message in reversed(thread) if message.role == "user"), None)
        before = next((message for message in thread if question and message.id == question.parent_id), None)
        if question is None or before is None:
            return None
        await self.go_on_from(before, exactly=True)
        return question

    async def follows(self, message: Message) -> bool:
        """Whether something was said below this message."""
        sql = "SELECT 1 FROM messages WHERE parent_id = ? LIMIT 1"
        return bool(await self._database.read(lambda db: db.execute(sql, [message.id]).fetchone()))


_COPIED = (
    "role, text, CASE state WHEN 'partial' THEN 'interrupted' ELSE state END, model, adapter, sampling, usage, "
    "citations, passages, notices, trace, created_at, system"
)
_COPY = f"""INSERT INTO messages (conversation_id, parent_id, role, text, state, model, adapter, sampling, usage,
              citations, passages, notices, trace, created_at, system)
            SELECT ?, ?, {_COPIED} FROM messages WHERE id = ?"""
