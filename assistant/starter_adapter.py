"""The adapter that comes with the product: put into a home once, and on where no other choice was made.

From then on it is an adapter like any other: listed, switched, rolled back, removed. A later version of the
product brings a later version of it beside the old one.
"""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import adapters
from adapters.errors import GGUFError
from adapters.versions import portable, version_folder
from adapters.versions.registered import Adapter
from assistant.models.location import STARTER, is_starter

if TYPE_CHECKING:
    from assistant.bootstrap import Core

FOLDER = Path(adapters.__file__).parent / "starter"  # as `adapters export` writes it
NOTED = "starter_adapter"  # in the table `state`: SHA-256 of the last one that was put into this home
PROVEN = "comes with the assistant, measured by its makers"


async def install(core: Core) -> Adapter | None:
    """Put the adapter into the home, if its model is the embedded one and it was never there; returns it then.

    It goes on if nothing was ever on, or if only an earlier version of it is. What goes wrong is a notice: the model
    answers without it.
    """
    if not is_starter(core.model.name) or not (FOLDER / version_folder.MANIFEST).is_file():
        return None
    try:
        manifest = await asyncio.to_thread(version_folder.read_manifest, FOLDER)
        digest = manifest.files["adapter.gguf"][1]
        if await _noted(core) == digest:
            return None
        adapter = await _added(core)
        if await _free(core, adapter):
            await core.registry.log.add([(adapter.id, 1.0)], STARTER)
        await core.database.write(
            lambda db: db.execute("INSERT OR REPLACE INTO state (name, value) VALUES (?, ?)", [NOTED, digest])
        )
    except GGUFError as error:
        core.notices.append(f"The adapter of the embedded model could not be put in place: {error}")
        return None
    return adapter


async def _added(core: Core) -> Adapter:
    unpacked = await asyncio.to_thread(version_folder.temporary_folder, core.registry.folder)
    try:
        arrival = await asyncio.to_thread(portable.arrive, FOLDER, unpacked)
        adapter = await core.registry.add_files(arrival.name, arrival.sources, arrival.facts, claims=arrival.claims)
    finally:
        await asyncio.to_thread(shutil.rmtree, unpacked, True)
    return await core.registry.set_state(adapter, "proven", PROVEN)


async def _noted(core: Core) -> str:
    row = await core.database.read(lambda db: db.execute("SELECT value FROM state WHERE name = ?", [NOTED]).fetchone())
    return str(row[0]) if row else ""


async def _free(core: Core, adapter: Adapter) -> bool:
    """Whether nobody chose what is on: nothing was ever on, or it is an earlier version of this adapter alone."""
    history = await core.registry.log.history(1)
    if not history:
        return True
    earlier = {each.id for each in await core.registry.all() if each.name == adapter.name and each.id}
    return len(history[0]) == 1 and history[0][0][0] in earlier
