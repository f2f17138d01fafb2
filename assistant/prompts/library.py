"""The store of prompts: those that come along, and your own, which stand before them."""

from __future__ import annotations

import difflib
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from assistant.errors import NotFoundError, UsageError
from assistant.prompts.files import as_table, prompt_from, shipped_prompts
from assistant.prompts.prompt import Prompt

if TYPE_CHECKING:
    import sqlite_utils

    from assistant.storage.database import Database


class PromptLibrary:
    """Prompts by name. One of your own with the name of a shipped one hides it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> list[Prompt]:
        """Every prompt, by name."""
        sql = "SELECT definition FROM prompts"
        rows = await self._database.read(lambda db: db.conn.execute(sql).fetchall() if db["prompts"].exists() else [])
        own = [prompt_from(json.loads(row[0])) for row in rows]  # an older home on a read-only disk has no table
        names = {prompt.name for prompt in own}
        shipped = [prompt for prompt in shipped_prompts() if prompt.name not in names]
        return sorted([*own, *shipped], key=lambda prompt: prompt.name)

    async def get(self, name: str) -> Prompt:
        """One prompt.

        Raises:
            NotFoundError: there is none of this name.
        """
        prompts = {prompt.name: prompt for prompt in await self.all()}
        if name not in prompts:
            near = difflib.get_close_matches(name, prompts, 1, 0.5)
            hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(prompts)}."
            raise NotFoundError(f"There is no prompt {name[:40]!r}.", hint)
        return prompts[name]

    async def save(self, prompt: Prompt, *, new: bool = False, instead_of: str = "") -> None:
        """Keep a prompt in place of the one of its name, or of `instead_of`, whose name it changes.

        Raises:
            UsageError: `new`, and there is one of this name already.
        """
        names = {each.name for each in await self.all()}
        if prompt.name in names and (new or (instead_of and prompt.name != instead_of)):
            raise UsageError(f"There is a prompt {prompt.name} already.", "Choose another name, or edit that one.")
        now = datetime.now(UTC).isoformat(timespec="seconds")
        definition = json.dumps(as_table(prompt), ensure_ascii=False)

        def work(db: sqlite_utils.Database) -> None:
            db.conn.execute("DELETE FROM prompts WHERE name = ?", [instead_of])
            sql = "INSERT OR REPLACE INTO prompts (name, definition, updated_at) VALUES (?, ?, ?)"
            db.conn.execute(sql, [prompt.name, definition, now])

        await self._database.write(work)

    async def remove(self, name: str) -> None:
        """Forget one of your own; a shipped one that it hid is there again.

        Raises:
            NotFoundError: there is none; UsageError: it comes along and cannot be removed.
        """
        if (await self.get(name)).shipped:
            raise UsageError(f"{name} comes along and stays.", "Edit it: your own then stands in its place.")
        await self._database.write(lambda db: db.conn.execute("DELETE FROM prompts WHERE name = ?", [name]))
