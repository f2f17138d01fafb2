"""What is on the model, and what was before: an append-only log whose last entry is in force."""

from __future__ import annotations

import json
from collections.abc import Sequence

from adapters.collaborators import Database
from adapters.versions.registered import now

Part = tuple[int | str, float]  # an adapter's id or a loose file's path, and its strength


class ActivationLog:
    """The mixes that were activated, in their order; nothing in a mix means the base alone."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, parts: Sequence[Part], base: str) -> None:
        """Append what is on the model called `base` from now on."""
        values = [json.dumps([list(part) for part in parts]), base, now()]
        await self._database.write(
            lambda db: db.execute("INSERT INTO adapter_activations (mix, base, created_at) VALUES (?, ?, ?)", values)
        )

    async def active(self) -> list[Part]:
        """What is in force."""
        last = await self.history(1)
        return last[0] if last else []

    async def base(self) -> str:
        """The model that it was put on, by name; "" where nothing was ever put on."""
        row = await self._database.read(
            lambda db: db.execute("SELECT base FROM adapter_activations ORDER BY id DESC LIMIT 1").fetchone()
        )
        return str(row[0]) if row else ""

    async def history(self, limit: int = 50) -> list[list[Part]]:
        """The mixes that were active, the newest first."""
        return [parts for parts, _ in await self.entries(limit)]

    async def entries(self, limit: int = 50) -> list[tuple[list[Part], str]]:
        """The same, each with the time from which it was on (ISO 8601, UTC)."""
        rows = await self._database.read(
            lambda db: list(
                db.query("SELECT mix, created_at FROM adapter_activations ORDER BY id DESC LIMIT ?", [limit])
            )
        )
        return [
            ([(part, float(strength)) for part, strength in json.loads(row["mix"])], row["created_at"]) for row in rows
        ]
