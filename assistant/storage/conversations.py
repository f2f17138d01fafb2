"""The chats: created, continued, searched, exported and deleted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from assistant.conversation import Citation, Conversation, Message, Sampling, State, Usage
from assistant.errors import NotFoundError
from assistant.storage.branches import Branches
from assistant.storage.imported_chats import ImportedChats
from assistant.storage.message_rows import conversation_of, insert_message, message_of, now
from assistant.storage.search_traces import SearchTraces
from assistant.storage.thread import Thread
from assistant.titles import title_of
from ingest.document import Passage

if TYPE_CHECKING:
    import sqlite_utils

    from assistant.storage.database import Database

TRASH_DAYS = 30


@dataclass(frozen=True, slots=True)
class SearchHit:
    """A message that holds the searched words; `snippet` marks them with « »."""

    conversation_id: int
    title: str
    message_id: int
    role: str
    snippet: str


class Conversations:
    """The store of chats."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.branches = Branches(database)
        self.imported = ImportedChats(database)
        self.searches = SearchTraces(database)

    async def create(self, title: str = "", collections: Sequence[str] | None = None) -> Conversation:
        """A new, empty chat. `collections` as in Conversation."""
        at = now()
        scope = None if collections is None else json.dumps(list(collections))
        identifier = await self._database.write(
            lambda db: (
                db.execute(
                    "INSERT INTO conversations (title, collections, created_at, updated_at) VALUES (?, ?, ?, ?)",
                    [title, scope, at, at],
                ).lastrowid
            )
        )
        return await self.get(identifier or 0)

    async def get(self, conversation_id: int) -> Conversation:
        """The chat with this id.

        Raises:
            NotFoundError: there is none, or it is in the trash.
        """
        found = await self._list("c.id = ? AND c.deleted_at IS NULL", [conversation_id])
        if not found:
            raise NotFoundError(f"There is no chat {conversation_id}.", "`assistant chats` lists them.")
        return found[0]

    async def recent(self, limit: int = 500) -> list[Conversation]:
        """All chats: those that are pinned, then the others, the last used first."""
        chats = await self._list("c.deleted_at IS NULL", [], limit)
        return sorted(chats, key=lambda chat: not chat.pinned)

    async def trashed(self) -> list[Conversation]:
        """Chats in the trash, the last used first."""
        return await self._list("c.deleted_at IS NOT NULL", [])

    async def _list(self, condition: str, values: Sequence[Any], limit: int = 500) -> list[Conversation]:
        # Order is by newest message id, never by clock.
        sql = f"""SELECT c.*, COUNT(m.id) AS messages, MAX(m.id) AS newest FROM conversations c
                  LEFT JOIN messages m ON m.conversation_id = c.id WHERE {condition}
                  GROUP BY c.id ORDER BY newest IS NULL DESC, newest DESC, c.id DESC LIMIT ?"""
        rows = await self._database.read(lambda db: list(db.query(sql, [*values, limit])))
        return [conversation_of(row) for row in rows]

    async def thread(self, conversation_id: int, leaf_id: int | None = None) -> list[Message]:
        """The messages from the root to `leaf_id`, oldest first; by default to the one that `go_on_from` chose,
        else to the newest."""
        return list(await self.long_thread(conversation_id, leaf_id))

    async def long_thread(self, conversation_id: int, leaf_id: int | None = None) -> Thread:
        """The same, for one who looks at a few of its messages only."""
        leaf_id = leaf_id or await self._leaf(conversation_id)
        sql = """WITH RECURSIVE path(id) AS (
                   SELECT COALESCE(?, (SELECT MAX(id) FROM messages WHERE conversation_id = ?))
                   UNION ALL SELECT m.parent_id FROM messages m JOIN path ON m.id = path.id
                     WHERE m.parent_id IS NOT NULL)
                 SELECT m.* FROM messages m JOIN path ON m.id = path.id WHERE m.conversation_id = ? ORDER BY m.id"""

        def work(db: sqlite_utils.Database) -> Thread:
            cursor = db.execute(sql, [leaf_id, conversation_id, conversation_id])
            return Thread([column[0] for column in cursor.description], cursor.fetchall())

        return await self._database.read(work)

    async def _leaf(self, conversation_id: int) -> int | None:
        sql = "SELECT * FROM conversations WHERE id = ?"  # an older home on a read-only disk has no leaf_id
        rows = await self._database.read(lambda db: list(db.query(sql, [conversation_id])))
        return rows[0].get("leaf_id") if rows else None

    async def go_on_from(self, message: Message) -> None:
        """Let a chat go on from this message, with what followed on it, until something new is asked or answered."""
        await self.branches.go_on_from(message)

    async def message(self, message_id: int) -> Message:
        """One message.

        Raises:
            NotFoundError: there is none with this id.
        """
        rows = await self._database.read(lambda db: list(db.query("SELECT * FROM messages WHERE id = ?", [message_id])))
        if not rows:
            raise NotFoundError(f"There is no message {message_id}.", "`assistant chats show ID` numbers them.")
        return message_of(rows[0])

    async def passages(self, message_id: int) -> list[Passage]:
        """The passages an answer was given, in the order of its marks."""
        rows = await self._database.read(
            lambda db: list(db.query("SELECT passages FROM messages WHERE id = ?", [message_id]))
        )
        entries = json.loads(rows[0]["passages"]) if rows else []
        return [Passage(**{**entry, "headings": tuple(entry["headings"])}) for entry in entries]

    async def begin_turn(
        self, conversation_id: int, parent_id: int | None, text: str, sampling: Sampling
    ) -> tuple[Message, Message]:
        """Store the user's message and an empty, partial answer in one transaction."""

        def work(db: sqlite_utils.Database) -> tuple[int, int]:
            question = insert_message(db, conversation_id, parent_id, "user", text, "done", None)
            answer = insert_message(db, conversation_id, question, "assistant", "", "partial", sampling)
            db.execute(
                """UPDATE conversations SET updated_at = ?, draft = '', leaf_id = NULL,
                   title = CASE WHEN title = '' THEN ? ELSE title END WHERE id = ?""",
                [now(), title_of(text), conversation_id],
            )
            return question, answer

        question, answer = await self._database.write(work)
        return await self.message(question), await self.message(answer)

    async def begin_answer(self, conversation_id: int, question_id: int, sampling: Sampling) -> Message:
        """Store another empty, partial answer to a question that is there already (a sibling)."""

        def work(db: sqlite_utils.Database) -> int:
            db.execute("UPDATE conversations SET leaf_id = NULL WHERE id = ?", [conversation_id])
            return insert_message(db, conversation_id, question_id, "assistant", "", "partial", sampling)

        return await self.message(await self._database.write(work))

    async def grow_answer(self, message_id: int, text: str) -> None:
        """Store what has been streamed so far."""
        await self._database.write(
            lambda db: db.execute("UPDATE messages SET text = ? WHERE id = ? AND state = 'partial'", [text, message_id])
        )

    async def note_prompt(self, message_id: int, system: str, passages: Sequence[Passage], trace: str) -> None:
        """Store what an answer is made from: the system prompt, and what was retrieved."""
        values = [system, json.dumps([asdict(passage) for passage in passages]), trace, message_id]
        sql = "UPDATE messages SET system = ?, passages = ?, trace = ? WHERE id = ?"
        await self._database.write(lambda db: db.execute(sql, values))

    async def finish_answer(
        self,
        message_id: int,
        state: State,
        text: str,
        *,
        model: str,
        adapter: str,
        usage: Usage | None = None,
        citations: Sequence[Citation] = (),
        notices: Sequence[str] = (),
    ) -> Message:
        """Store the end of an answer, however it ended."""
        values = [
            text, state, model, adapter, json.dumps(asdict(usage)) if usage else None,
            json.dumps([asdict(citation) for citation in citations]), json.dumps(list(notices)), message_id,
        ]  # fmt: skip
        await self._database.write(
            lambda db: db.execute(
                """UPDATE messages SET text = ?, state = ?, model = ?, adapter = ?, usage = ?,
                   citations = ?, notices = ? WHERE id = ?""",
                values,
            )
        )
        return await self.message(message_id)

    async def add_notice(self, message_id: int, notice: str) -> None:
        """Tell one thing more below a finished answer."""
        sql = "UPDATE messages SET notices = json_insert(notices, '$[#]', ?) WHERE id = ?"
        await self._database.write(lambda db: db.execute(sql, [notice, message_id]))

    async def mark_interrupted(self) -> int:
        """Turn answers that a crash left partial into interrupted ones; returns how many."""
        return await self._database.write(
            lambda db: db.execute("UPDATE messages SET state = 'interrupted' WHERE state = 'partial'").rowcount
        )

    async def rename(self, conversation_id: int, title: str) -> None:
        """Change a chat's title."""
        await self._change(conversation_id, "title = ?", title.strip()[:200] or "Untitled")

    async def retitle(self, conversation_id: int, before: str, title: str) -> bool:
        """Change a chat's title if it is still `before`; returns whether it was."""
        sql = "UPDATE conversations SET title = ? WHERE id = ? AND title = ?"
        return bool(await self._database.write(lambda db: db.execute(sql, [title, conversation_id, before]).rowcount))

    async def set_collections(self, conversation_id: int, collections: Sequence[str] | None) -> None:
        """Scope a chat to some collections, to none (), or to all (None)."""
        await self._change(
            conversation_id, "collections = ?", None if collections is None else json.dumps(list(collections))
        )

    async def set_adapters(self, conversation_id: int, mix: str | None) -> None:
        """Let a mix of adapters answer in this chat alone, "" the base alone, None what is active for all."""
        await self._change(conversation_id, "adapters = ?", mix)

    async def pin(self, conversation_id: int, pinned: bool) -> None:
        """Keep a chat at the top of the list, or no longer."""
        await self._change(conversation_id, "pinned = ?", int(pinned))

    async def set_group(self, conversation_id: int, name: str) -> None:
        """List a chat in a group of this name, "" in none."""
        await self._change(conversation_id, "grouped = ?", name)

    async def set_persona(self, conversation_id: int, persona: str) -> None:
        """Give a chat a system prompt of its own, "" the one of the settings."""
        await self._change(conversation_id, "persona = ?", persona)

    async def persona(self, message: Message) -> str:
        """The persona of the chat in which a message stands."""
        found = await self._list("c.id = ?", [message.conversation_id], 1)
        return found[0].persona if found else ""

    async def set_draft(self, conversation_id: int, text: str) -> None:
        """Keep what was typed but not sent."""
        await self._change(conversation_id, "draft = ?", text)

    async def trash(self, conversation_id: int) -> None:
        """Put a chat into the trash, from which it disappears for good after 30 days."""
        await self._change(conversation_id, "deleted_at = ?", now())

    async def restore(self, conversation_id: int) -> None:
        """Take a chat out of the trash."""
        await self._change(conversation_id, "deleted_at = ?", None)

    async def delete_for_good(self, conversation_id: int) -> None:
        """Remove a chat, its words in the full-text index, and their traces in the file.

        Raises:
            NotFoundError: there is no such chat, in the trash or out of it.
        """
        removed = await self._database.write(
            lambda db: db.execute("DELETE FROM conversations WHERE id = ?", [conversation_id]).rowcount
        )
        if not removed:
            raise NotFoundError(f"There is no chat {conversation_id}.")
        await self._wipe()

    async def empty_old_trash(self) -> int:
        """Delete for good what has been in the trash for 30 days; returns how many chats."""
        limit = (datetime.now(UTC) - timedelta(days=TRASH_DAYS)).isoformat(timespec="seconds")
        removed = await self._database.write(
            lambda db: db.execute("DELETE FROM conversations WHERE deleted_at < ?", [limit]).rowcount
        )
        if removed:
            await self._wipe()
        return removed

    async def _wipe(self) -> None:
        """Deleted words stay in FTS5 segments and free pages until both are rewritten."""
        await self._database.write(lambda db: db.execute("INSERT INTO messages_fts(messages_fts) VALUES ('optimize')"))
        await self._database.read(lambda db: db.execute("VACUUM"))

    async def search(self, text: str, limit: int = 50) -> list[SearchHit]:
        """Messages that hold all the words of `text`, the best first; the last word may be unfinished."""
        words = [word.replace('"', "") for word in text.split()]
        query = " ".join(f'"{word}"' for word in words if word)
        if not query:
            return []
        sql = """SELECT m.conversation_id, c.title, m.id AS message_id, m.role,
                   snippet(messages_fts, 0, '«', '»', '…', 16) AS snippet
                 FROM messages_fts JOIN messages m ON m.id = messages_fts.rowid
                 JOIN conversations c ON c.id = m.conversation_id AND c.deleted_at IS NULL
                 WHERE messages_fts MATCH ? ORDER BY bm25(messages_fts) LIMIT ?"""
        rows = await self._database.read(lambda db: list(db.query(sql, [query + "*", limit])))
        return [SearchHit(**row) for row in rows]

    async def asked(self, words: str = "", limit: int = 200) -> list[str]:
        """Questions of all chats that hold `words` as they are typed, in any case, the newest first, each once."""
        sql = """SELECT m.text FROM messages m JOIN conversations c ON c.id = m.conversation_id AND c.deleted_at IS NULL
                 WHERE m.role = 'user' AND instr(lower(m.text), lower(?)) GROUP BY m.text
                 ORDER BY MAX(m.id) DESC LIMIT ?"""
        rows = await self._database.read(lambda db: db.execute(sql, [words, limit]).fetchall())
        return [text for (text,) in rows]

    async def _change(self, conversation_id: int, assignment: str, value: Any) -> None:
        sql = f"UPDATE conversations SET {assignment} WHERE id = ?"
        changed = await self._database.write(lambda db: db.execute(sql, [value, conversation_id]).rowcount)
        if not changed:
            raise NotFoundError(f"There is no chat {conversation_id}.", "`assistant chats` lists them.")
