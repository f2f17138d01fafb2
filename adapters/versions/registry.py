"""Which adapters are there, in which versions and states, what was measured of them, and what is active?

The rows of the database are the truth for states and history; the files of a version never change after
it was published. Loose GGUF files in the same folder are listed too, without a history.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adapters.collaborators import Database
from adapters.errors import AdapterFitError
from adapters.files import conversion
from adapters.files.gguf_facts import shown
from adapters.versions import finished_run, version_folder
from adapters.versions.activation_log import ActivationLog
from adapters.versions.folder_listing import loose_file, loose_files, whole_versions
from adapters.versions.registered import (
    MAIN_FILES,
    STORED_STATES,
    Adapter,
    Facts,
    State,
    check_name,
    facts_from_json,
    now,
    split_version,
)
from adapters.versions.version_folder import read_manifest

if TYPE_CHECKING:
    import sqlite_utils


class Registry:
    """The adapters of one home. `folder` is HOME/adapters."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.folder = folder
        self.log = ActivationLog(database)
        self._database = database
        self._verified: set[tuple[str, int, int, int]] = set()  # path, inode, size and mtime of files found whole
        self._adding = asyncio.Lock()

    async def add(self, run: Path, name: str = "", base: Path | None = None) -> Adapter:
        """Copy a finished training run into a new version, whole or not at all; its state is "trained".

        `base` is the chat's model, a GGUF file: with it, a result without a GGUF file gets one first.

        Raises:
            TrainingError: the run is not finished, cannot become a GGUF file, or the disk is full.
            GGUFError, AdapterFitError: its result is damaged, or the name cannot be.
        """
        if base is not None and not await asyncio.to_thread(lambda: conversion.main_file(run).exists()):
            await conversion.convert(run, base)
        found = await asyncio.to_thread(finished_run.read, run)
        return await self.add_files(check_name(name or found.name), found.sources, found.facts)

    async def add_files(
        self,
        name: str,
        sources: dict[str, Path | bytes],
        facts: Facts,
        *,
        claims: dict[str, Any] | None = None,
    ) -> Adapter:
        """A new version of files that were checked before (a run's, an imported adapter's).

        Raises:
            TrainingError: the disk is full.
        """
        async with self._adding:
            version = await self._next_version(check_name(name))
            place = f"{name}/v{version}"
            await asyncio.to_thread(self._publish, place, sources, name, version, facts)
            identifier = await self._insert(name, version, place, facts, claims or {})
        return await self.by_id(identifier)

    async def all(self) -> list[Adapter]:
        """Every version, by name and the newest first, then loose files."""
        rows = await self._database.read(
            lambda db: list(db.query("SELECT * FROM adapters ORDER BY name COLLATE NOCASE, version DESC"))
        )
        strengths = dict(await self.log.active())
        loose = await asyncio.to_thread(loose_files, self.folder, strengths)
        return [self._adapter(row, strengths) for row in rows] + loose

    async def get(self, text: str) -> Adapter:
        """The adapter called `text`: name@v2, or a name (its newest proven version, else its newest), or
        the name or path of a loose GGUF file.

        Raises:
            AdapterFitError: there is none.
        """
        name, version = split_version(text)
        known = [adapter for adapter in await self.all() if adapter.name == name]
        if version:
            known = [adapter for adapter in known if adapter.version == version]
        for states in (("proven",), ("trained", "rejected"), ("retired",), ("loose",)):
            if usable := [adapter for adapter in known if adapter.state in states]:
                return usable[0]
        path = Path(text).expanduser()
        if "@" not in text and await asyncio.to_thread(path.is_file):
            return await asyncio.to_thread(loose_file, path.resolve(), dict(await self.log.active()))
        raise AdapterFitError(
            f"There is no adapter {shown(text, 200)}.", f"`assistant adapters` lists them; files lie in {self.folder}."
        )

    async def by_id(self, identifier: int) -> Adapter:
        """The version with this id.

        Raises:
            AdapterFitError: it was removed.
        """
        rows = await self._database.read(lambda db: list(db.query("SELECT * FROM adapters WHERE id = ?", [identifier])))
        if not rows:
            raise AdapterFitError("This adapter was removed.", "`assistant adapters` lists those that are there.")
        return self._adapter(rows[0], dict(await self.log.active()))

    async def verify(self, adapter: Adapter) -> None:
        """Make sure that the file in use is the one that was registered; hashed once for each state of the file.

        Raises:
            AdapterFitError: it is missing or has changed.
        """
        if not adapter.id:
            return
        await asyncio.to_thread(self._verify, adapter)

    async def set_state(self, adapter: Adapter, state: State, reason: str = "") -> Adapter:
        """Change a version's state, with the reason in words."""
        assert state in STORED_STATES and adapter.id
        await self._change(adapter.id, "state = ?, reason = ?", [state, reason])
        return await self.by_id(adapter.id)

    async def retire(self, adapter: Adapter) -> Adapter:
        """Put a version aside: its files stay, its name alone no longer means it. Proving brings it back.

        Raises:
            AdapterFitError: it is a loose file, or active.
        """
        self._refuse_loose(adapter)
        self._refuse_active(adapter)
        return await self.set_state(adapter, "retired", "put aside")

    async def rename(self, name: str, new: str) -> None:
        """Call all versions of `name` something else; their folder follows.

        Raises:
            AdapterFitError: the new name is taken or not possible, there is no such adapter, or it is active.
            TrainingError: the folder cannot be renamed.
        """
        check_name(new)
        known = await self.all()
        versions = [adapter for adapter in known if adapter.name == name and adapter.id]
        if not versions:
            raise AdapterFitError(f"There is no adapter {shown(name)}.", "`assistant adapters` lists them.")
        for adapter in versions:
            self._refuse_active(adapter)
        if new in {adapter.name for adapter in known} or (self.folder / new).exists():
            raise AdapterFitError(f"There is an adapter {new} already.", "Choose another name.")
        try:
            await asyncio.to_thread((self.folder / name).rename, self.folder / new)
            await asyncio.to_thread(version_folder.sync_folder, self.folder)
        except OSError as error:
            raise version_folder.disk_error(error) from error
        await self._database.write(  # a crash right before this line is mended by `sweep`
            lambda db: db.execute(
                "UPDATE adapters SET name = ?, folder = ? || substr(folder, instr(folder, '/')) WHERE name = ?",
                [new, new, name],
            )
        )

    async def remove(self, adapter: Adapter) -> None:
        """Delete a version with its files, evaluations and scores. Datasets stay.

        Raises:
            AdapterFitError: it is active, or a loose file.
            TrainingError: its files cannot be deleted.
        """
        self._refuse_loose(adapter)
        self._refuse_active(adapter)
        doomed = self.folder / f"{version_folder.TEMPORARY}removed-{adapter.id}"
        try:
            if adapter.folder.exists():
                await asyncio.to_thread(adapter.folder.rename, doomed)
        except OSError as error:
            raise version_folder.disk_error(error) from error
        await self._database.write(lambda db: db.execute("DELETE FROM adapters WHERE id = ?", [adapter.id]))
        await asyncio.to_thread(shutil.rmtree, doomed, True)

    async def add_evaluation(
        self, adapter: Adapter, report: dict[str, Any], scores: dict[str, Any], state: State, reason: str
    ) -> Adapter:
        """Store an evaluation with the state it leads to, in one transaction."""

        def work(db: sqlite_utils.Database) -> None:
            db.execute(
                """INSERT INTO adapter_evaluations (adapter_id, verdict, reason, report, created_at)
                   VALUES (?, ?, ?, ?, ?)""",
                [adapter.id, state, reason, json.dumps(report), now()],
            )
            db.execute(
                "UPDATE adapters SET state = ?, reason = ?, scores = ? WHERE id = ?",
                [state, reason, json.dumps(scores), adapter.id],
            )

        await self._database.write(work)
        return await self.by_id(adapter.id)

    async def evaluations(self, adapter: Adapter) -> list[dict[str, Any]]:
        """The reports of an adapter's evaluations (see evaluation.Evaluation), the newest first."""
        rows = await self._database.read(
            lambda db: list(
                db.query("SELECT report FROM adapter_evaluations WHERE adapter_id = ? ORDER BY id DESC", [adapter.id])
            )
        )
        return [json.loads(row["report"]) for row in rows]

    async def sweep(self) -> list[Adapter]:
        """At the start: delete what a killed process left half done, list whole versions without a row.

        Such a version lacks its row because the process died between its rename and its row, or because
        an older database was put back. Returns the versions that were listed again: "trained", or as
        they were where their folder had been renamed. Only the process that holds the instance lock may call this.
        """
        rows = await self._database.read(lambda db: list(db.query("SELECT * FROM adapters")))
        await asyncio.to_thread(version_folder.sweep, self.folder)
        lost = [row for row in rows if not (self.folder / row["folder"]).exists()]
        found = []
        for place, manifest in await asyncio.to_thread(whole_versions, self.folder, {row["folder"] for row in rows}):
            name, version = place.split("/v")
            known = [
                row
                for row in lost
                if (row["version"], facts_from_json(json.loads(row["facts"]))) == (int(version), manifest.facts)
            ]
            if known:
                identifier = known[0]["id"]
                lost.remove(known[0])
                await self._change(identifier, "name = ?, folder = ?", [name, place])
            else:
                identifier = await self._insert(name, int(version), place, manifest.facts, {})
            found.append(await self.by_id(identifier))
        return found

    async def _next_version(self, name: str) -> int:
        """One more than any version whose row or folder is there."""
        rows = await self._database.read(
            lambda db: {row["version"] for row in db.query("SELECT version FROM adapters WHERE name = ?", [name])}
        )
        folders = {int(path.name[1:]) for path in (self.folder / name).glob("v*") if path.name[1:].isdigit()}
        return max(rows | folders, default=0) + 1

    async def _insert(self, name: str, version: int, place: str, facts: Facts, claims: dict[str, Any]) -> int:
        values = [name, version, place, json.dumps(facts.as_json()), json.dumps(claims), facts.created or now()]
        return await self._database.write(
            lambda db: int(
                db.execute(
                    """INSERT INTO adapters (name, version, state, folder, facts, claims, created_at)
                       VALUES (?, ?, 'trained', ?, ?, ?, ?)""",
                    values,
                ).lastrowid
                or 0
            )
        )

    async def _change(self, identifier: int, assignment: str, values: list[Any]) -> None:
        await self._database.write(
            lambda db: db.execute(f"UPDATE adapters SET {assignment} WHERE id = ?", [*values, identifier])
        )

    def _publish(self, place: str, sources: dict[str, Path | bytes], name: str, version: int, facts: Facts) -> None:
        try:
            temporary = version_folder.temporary_folder(self.folder)
            try:
                version_folder.fill(temporary, sources, name, version, facts)
                version_folder.publish(temporary, self.folder / place)
            except BaseException:
                shutil.rmtree(temporary, ignore_errors=True)
                raise
        except OSError as error:
            raise version_folder.disk_error(error) from error

    def _verify(self, adapter: Adapter) -> None:
        path = adapter.path
        try:
            status = path.stat()
        except OSError as error:
            raise AdapterFitError(
                f"The file of {adapter.label} is gone: {path}.", f"`assistant adapters remove {adapter.label}`."
            ) from error
        key = (str(path), status.st_ino, status.st_size, status.st_mtime_ns)
        if key in self._verified:
            return
        size, digest = read_manifest(adapter.folder).files.get(path.relative_to(adapter.folder).as_posix(), (-1, ""))
        version_folder.check_file(path, size, digest)
        self._verified.add(key)

    def _adapter(self, row: dict[str, Any], strengths: dict[int | str, float]) -> Adapter:
        facts = facts_from_json(json.loads(row["facts"]))
        path = self.folder / row["folder"] / MAIN_FILES[facts.kind]
        size = path.stat().st_size if path.is_file() else 0
        return Adapter(
            row["id"], row["name"], row["version"], row["state"], path, size, row["reason"], facts,
            json.loads(row["scores"]), json.loads(row["claims"]), row["created_at"], strengths.get(row["id"]),
        )  # fmt: skip

    def _refuse_loose(self, adapter: Adapter) -> None:
        if not adapter.id:
            raise AdapterFitError(f"{adapter.name} is a file of your own.", f"Move or delete {adapter.path} yourself.")

    def _refuse_active(self, adapter: Adapter) -> None:
        if adapter.active:
            raise AdapterFitError(f"{adapter.label} is active.", "Take it off first: `assistant adapters deactivate`.")
