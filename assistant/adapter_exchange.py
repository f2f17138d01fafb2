"""Adapters that leave for another machine, and adapters that come from one."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.files.gguf import read_gguf
from adapters.hotswap import check_fit, read_adapter
from adapters.versions import portable, version_folder
from adapters.versions.registered import Adapter, check_name
from assistant.backends.scripted import is_scripted
from assistant.errors import AdapterError
from assistant.models.location import resolve_model

if TYPE_CHECKING:
    from assistant.bootstrap import Core


async def export_adapter(adapter: Adapter, target: Path) -> Path:
    """Write an adapter to a new folder, or a new file if `target` ends in .zip; returns the path.

    Raises:
        AdapterFitError, TrainingError: see portable.export.
    """
    return await asyncio.to_thread(portable.export, adapter, target)


async def import_adapter(core: Core, source: Path, name: str = "", *, force: bool = False) -> Adapter:
    """List an adapter from an exported folder, its .zip, or a bare GGUF LoRA, as "trained" until it is proven here.

    Its maker's scores become claims. With `force` an adapter for another base model is taken too.

    Raises:
        AdapterError, AdapterFitError, GGUFError: damaged, hostile, or made for another model.
        TrainingError: the disk is full.
    """
    try:
        folder = await asyncio.to_thread(version_folder.temporary_folder, core.registry.folder)
    except OSError as error:
        raise version_folder.disk_error(error) from error
    try:
        arrival = await asyncio.to_thread(portable.arrive, source, folder)
        if not force:
            await _check_base(core, arrival)
        taken = check_name(name or arrival.name)
        return await core.registry.add_files(taken, arrival.sources, arrival.facts, claims=arrival.claims)
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, True)


async def _check_base(core: Core, arrival: portable.Arrival) -> None:
    """Raise AdapterError unless the adapter was made for the chat's model, as far as that is known."""
    if is_scripted(core.model.name) or arrival.facts.kind != "lora":
        return
    path = resolve_model(core.model.name)
    base, facts = await asyncio.to_thread(read_gguf, path), arrival.facts
    weights = arrival.sources["adapter.gguf"]
    assert isinstance(weights, Path)
    check_fit(await asyncio.to_thread(read_adapter, weights), base)
    if facts.base_sha256 and facts.base_sha256 != await core.bases.sha256(path):
        raise AdapterError(
            f"{arrival.name} was trained for {facts.base_name}, the model is {core.model.name}: their weights differ.",
            "Choose its own model with --model, or take it all the same with --force.",
        )
