"""A model process beside the chat's, with chats in memory: what evaluation and other programs are answered by."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.adapter_use import AdapterUse
from assistant.model import Model
from assistant.storage.conversations import Conversations
from assistant.worker_process import WorkerProcess

if TYPE_CHECKING:
    from assistant.bootstrap import Core


@dataclass(frozen=True, slots=True)
class SecondModel:
    """The chat's model once more, without adapters at first, its adapters, and chats that nobody keeps."""

    model: Model
    use: AdapterUse
    chats: Conversations


@contextlib.asynccontextmanager
async def opened_second_model(core: Core, name: str) -> AsyncIterator[SecondModel]:
    """One whose process is called `name` and ends with the block; it is loaded when it is first needed."""
    from assistant.storage.database import Database
    from assistant.storage.schema import migrations

    worker = WorkerProcess(name, {}, core.config.home / "logs", service="model")
    core.workers = (*core.workers, worker)
    memory = Database(None)
    await memory.open([migrations])
    settings = replace(core.config.model, name=core.model.name, adapter="")

    async def file(adapter: str) -> Path:
        return await use.file(adapter)

    model = Model(worker, settings, file, core.trials, core.leaving)
    use = AdapterUse(core.registry, core.bases, model, core.trials, core.scopes)
    try:
        yield SecondModel(model, use, Conversations(memory))
    finally:
        await worker.stop()
        await memory.close()
        core.workers = tuple(each for each in core.workers if each is not worker)
