"""Loading another model into the open chat; where memory is short, the user says what is to be done about it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.errors import GGUFError
from adapters.files.gguf import read_gguf
from assistant.errors import MemoryShortError
from assistant.models.location import resolve_model
from assistant.models.memory import available_memory, largest_context
from assistant.tui.screens.dialogs import ChooseDialog

if TYPE_CHECKING:
    from assistant.backends.base import ModelInfo
    from assistant.tui.app import AssistantApp

SHRINK, ANYWAY = "s", "l"


async def load_model(app: AssistantApp, name: str) -> ModelInfo | None:
    """Load it; None where memory is short and the user lets it be. Only from within a worker.

    Raises:
        ModelError, WorkerError: it cannot be loaded.
    """
    try:
        return await app.core.model.load(name)
    except MemoryShortError as short:
        context = await asyncio.to_thread(_largest, resolve_model(name))
        keys = {SHRINK: f"shrink the context to {context:,} tokens"} if context else {}
        note = short.message + ("" if context else " No context is short enough.")
        told = "If it does not fit after all, the model process ends, or the machine becomes slow; the chat stays."
        question = f"{Path(name).name} does not fit into free memory"
        answer = await app.push_screen_wait(ChooseDialog(question, f"{note}\n{told}", {**keys, ANYWAY: "load anyway"}))
    if answer == SHRINK:
        return await app.core.model.load(name, context=context)
    return await app.core.model.load(name, anyway=True) if answer == ANYWAY else None


def _largest(path: Path) -> int:
    try:
        return largest_context(read_gguf(path), available_memory()) if path.is_file() else 0
    except GGUFError:
        return 0
