"""What a model said of answers: points, preferences, perplexity; kept by what was asked, gone with the answer."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlite_utils

    from assistant.storage.database import Database


class Judgements:
    """The store of what models were asked about answers, so that the same is not asked twice."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def known(self, *asked: Any) -> Any:
        """What was said when the same was asked before; None where it was not."""
        sql = "SELECT value FROM judgements WHERE key = ?"

        def work(db: sqlite_utils.Database) -> Any:
            found = db.execute(sql, [_key(asked)]).fetchone() if "judgements" in db.table_names() else None
            return json.loads(found[0]) if found else None  # an older home on a read-only disk has no such table

        return await self._database.read(work)

    async def keep(self, message_id: int, value: Any, *asked: Any) -> None:
        """Keep what was said; in a home that cannot be written, or of an answer that is gone, it is not."""
        if self._database.read_only:
            return
        sql = """INSERT OR REPLACE INTO judgements (key, message_id, value)
                 SELECT ?, id, ? FROM messages WHERE id = ?"""
        values = [_key(asked), json.dumps(value), message_id]
        await self._database.write(lambda db: db.execute(sql, values))


def _key(asked: tuple[Any, ...]) -> str:
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()
