"""How the passages of each answer were found: the trace of its search, kept with the answer. [H] sqlite_utils."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ingest.search_trace import SearchTrace

if TYPE_CHECKING:
    from assistant.storage.database import Database


class SearchTraces:
    """Traces by the number of the answer; they leave with it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def remember(self, message_id: int, trace: SearchTrace) -> None:
        """Keep the trace of an answer, in place of an older one."""
        data = json.dumps(trace.as_json())
        sql = "INSERT OR REPLACE INTO search_traces (message_id, trace) VALUES (?, ?)"
        await self._database.write(lambda db: db.execute(sql, [message_id, data]))

    async def of(self, message_id: int) -> SearchTrace | None:
        """The trace of an answer; None where its documents were not asked, or an older version answered."""
        rows = await self._database.read(
            lambda db: (
                db["search_traces"].exists()
                and list(db.query("SELECT trace FROM search_traces WHERE message_id = ?", [message_id]))
            )
        )
        return SearchTrace.from_json(json.loads(rows[0]["trace"])) if rows else None
