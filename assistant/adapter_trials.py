"""Which adapters are being tried right now, which ended the assistant when they were, and which passed?

A bad file must not be able to crash the assistant at every start: before adapters go on, their names are
written to the database (`trying`), and taken out after the probe. Names found there at start were on trial
when the assistant ended. Files that passed on a model need not be tried on it again.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from adapters.mix import Share, mix_text, parse_mix
from assistant.errors import AssistantError

if TYPE_CHECKING:
    import sqlite_utils

    from assistant.storage.database import Database

TRYING, TRIED = "trying", "tried"  # names in the `state` table
REMEMBERED = 200  # files that passed


class AdapterTrials:
    """Trials of adapters; without a database they are remembered for this session only."""

    def __init__(self, database: Database | None = None) -> None:
        self.suspects: tuple[str, ...] = ()  # were on trial when the assistant, or the model's process, ended
        self._database = database
        self._passed: dict[str, float] = {}  # identity of a file on a model -> the strongest it passed with

    async def load(self) -> None:
        """Read what the last session left."""
        if self._database is None:
            return
        stored = await self._database.read(
            lambda db: dict(
                db.execute("SELECT name, value FROM state WHERE name IN (?, ?)", [TRYING, TRIED]).fetchall()
            )
        )
        with contextlib.suppress(Exception):  # an edited row is as good as none
            self.suspects = tuple(share.name for share in parse_mix(stored.get(TRYING, "")))
        with contextlib.suppress(ValueError, AttributeError, TypeError):
            self._passed = {str(key): float(scale) for key, scale in json.loads(stored.get(TRIED, "{}")).items()}

    def passed(self, identities: Mapping[str, float]) -> bool:
        """Whether each file already passed, at least at this strength."""
        return all(self._passed.get(identity, -1.0) >= scale for identity, scale in identities.items())

    async def begin(self, shares: Sequence[Share]) -> None:
        """Note that these are about to be put on.

        Raises:
            StorageError: it cannot be noted.
        """
        names = dict.fromkeys([*self.suspects, *(share.name for share in shares)])
        await self._store(tuple(names))

    async def ended_process(self, shares: Sequence[Share], identities: Mapping[str, float]) -> None:
        """These ended the model's process: the note stays, and they are tried again before they are used."""
        self.suspects = tuple(dict.fromkeys([*self.suspects, *(share.name for share in shares)]))
        for identity in identities:
            self._passed.pop(identity, None)
        with contextlib.suppress(AssistantError):
            await self._store(self.suspects)

    async def end(self, shares: Sequence[Share], passed: Mapping[str, float] | None = None) -> None:
        """Take the note out again; `passed` are the files that passed, with their strengths."""
        done = {share.name for share in shares}
        self.suspects = tuple(name for name in self.suspects if name not in done)
        for identity, scale in (passed or {}).items():
            self._passed[identity] = max(scale, self._passed.pop(identity, 0.0))
        for oldest in list(self._passed)[:-REMEMBERED]:
            del self._passed[oldest]
        with contextlib.suppress(AssistantError):  # then they are tried again
            await self._store(self.suspects)

    async def clear(self) -> None:
        """Forget what was on trial."""
        self.suspects = ()
        with contextlib.suppress(AssistantError):
            await self._store(())

    async def _store(self, trying: tuple[str, ...]) -> None:
        if self._database is None:
            return
        rows = [(TRYING, mix_text([Share(name) for name in trying])), (TRIED, json.dumps(self._passed))]

        def work(db: sqlite_utils.Database) -> None:
            for name, value in rows:
                if name == TRYING and not value:
                    db.execute("DELETE FROM state WHERE name = ?", [name])
                else:
                    db.execute("INSERT OR REPLACE INTO state (name, value) VALUES (?, ?)", [name, value])

        await self._database.write(work)
