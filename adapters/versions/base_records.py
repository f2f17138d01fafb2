"""What is remembered of base models: the hash of their file, and what they answered to the probe."""

from __future__ import annotations

import asyncio
import hashlib
import json
from pathlib import Path

from adapters.collaborators import Database
from adapters.versions.registered import now
from adapters.versions.version_folder import file_sha256


class BaseRecords:
    """Costly facts of base models, kept until their file changes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def sha256(self, path: Path) -> str:
        """The SHA-256 of a model's file; of a safetensors folder that of its largest weights; "" of neither.

        Hashed once for each path, size and time of change: a file of 4 GB takes seconds.
        """
        file = await asyncio.to_thread(_weights, path)
        if file is None:
            return ""
        status = file.stat()
        name = f"sha256:{file}"
        version = f"{status.st_size}:{status.st_mtime_ns}"
        known = await self._database.read(
            lambda db: db.execute("SELECT value FROM state WHERE name = ?", [name]).fetchone()
        )
        if known and known[0].startswith(f"{version}:"):
            return str(known[0].rpartition(":")[2])
        digest = await asyncio.to_thread(file_sha256, file)
        await self._database.write(
            lambda db: db.execute(
                "INSERT OR REPLACE INTO state (name, value) VALUES (?, ?)", [name, f"{version}:{digest}"]
            )
        )
        return digest

    async def probe_answers(self, base_sha256: str, probe_sha256: str, asked: str) -> dict[str, str]:
        """What a base answered to the probe, by item; empty where it was not asked yet.

        `asked` is how it was asked: system prompt and sampling.
        """
        key = [base_sha256, probe_sha256, _digest(asked)]
        row = await self._database.read(
            lambda db: db.execute(
                "SELECT answers FROM probe_results WHERE base_sha256 = ? AND probe_sha256 = ? AND prompt_sha256 = ?",
                key,
            ).fetchone()
        )
        return dict(json.loads(row[0])) if row and base_sha256 else {}

    async def keep_probe_answers(
        self, base_sha256: str, probe_sha256: str, asked: str, answers: dict[str, str]
    ) -> None:
        """Remember what a base answered; a base without a hash is not remembered."""
        if not base_sha256:
            return
        values = [base_sha256, probe_sha256, _digest(asked), json.dumps(answers), now()]
        await self._database.write(
            lambda db: db.execute("INSERT OR REPLACE INTO probe_results VALUES (?, ?, ?, ?, ?)", values)
        )


def _weights(path: Path) -> Path | None:
    if path.is_file():
        return path.resolve()
    found = [entry for entry in path.glob("*.safetensors") if entry.is_file()] if path.is_dir() else []
    return max(found, key=lambda entry: entry.stat().st_size).resolve() if found else None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
