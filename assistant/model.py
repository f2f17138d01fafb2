"""The model as the rest of the assistant sees it: loaded when needed, again after a crash."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Literal

from assistant.backends.base import ChatMessage, Done, ModelInfo
from assistant.config import ModelSettings
from assistant.conversation import Sampling
from assistant.errors import AdapterError, AssistantError, WorkerError
from assistant.worker_process import WorkerProcess

ModelState = Literal["idle", "loading", "ready", "failed"]


class Model:
    """A client of the model process that remembers which model and adapter it should hold."""

    def __init__(self, worker: WorkerProcess, settings: ModelSettings, adapters_folder: Path) -> None:
        self.info: ModelInfo | None = None
        self.adapter = ""
        self.adapter_scale = settings.adapter_scale
        self.state: ModelState = "idle"
        self.notices: list[str] = []  # what the user should hear once; the reader empties it
        self._worker = worker
        self._settings = settings
        self._adapters_folder = adapters_folder
        self._name = settings.name
        self._adapter_path = settings.adapter
        self._holder: int | None = None  # process id of the child that holds the model
        self._loading = asyncio.Lock()

    async def ready(self) -> ModelInfo:
        """The loaded model's facts; loads it first if no living child holds it.

        Raises:
            ModelError, WorkerError: it cannot be loaded.
        """
        async with self._loading:
            if self.info is None or self._holder != self._worker.pid or self._holder is None:
                await self._load(self._name)
            assert self.info is not None
            return self.info

    async def load(self, name: str) -> ModelInfo:
        """Change to another model. When it cannot be loaded, the one before stays.

        Raises:
            ModelError, WorkerError: as above.
        """
        async with self._loading:
            await self._load(name)
            self._name = name
            assert self.info is not None
            return self.info

    async def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text as message content."""
        await self.ready()
        return list((await self._worker.call("count", texts=list(texts))).data)

    async def complete(self, messages: Sequence[ChatMessage], sampling: Sampling) -> AsyncGenerator[str | Done, None]:
        """Stream an answer: pieces of text, then Done. Leaving the loop cancels it in the child."""
        await self.ready()
        self._worker.subject = self._name
        asked = [asdict(message) for message in messages]
        stream = self._worker.stream("complete", messages=asked, sampling=asdict(sampling))
        async with contextlib.aclosing(stream) as replies:
            async for reply in replies:
                if not reply.last:
                    yield Done(**reply.data["done"]) if "done" in reply.data else reply.data["text"]

    async def use_adapter(self, name: str | None, scale: float = 1.0) -> str:
        """Put an adapter on the live model, change its strength, or take it off (None or "").

        `name` is a path, or the name of a file in HOME/adapters without its suffix. Returns the
        adapter's name.

        Raises:
            AdapterError: it is not there or does not fit; the state before stays.
        """
        await self.ready()
        async with self._loading:
            return await self._use_adapter(name or "", scale)

    async def _load(self, name: str) -> None:
        self.state = "loading"
        self._worker.subject = name
        settings = self._settings
        try:
            reply = await self._worker.call(
                "load", model=name, context=settings.context, threads=settings.threads,
                batch_threads=settings.prompt_threads,
            )  # fmt: skip
        except AssistantError:
            self._holder, self.state = None, "failed"  # the next answer loads the model that worked last
            raise
        self.info = ModelInfo(**reply.data)
        self._holder, self.state, self.adapter = self._worker.pid, "ready", ""
        if self.info.notice:
            self.notices.append(self.info.notice)
        if self._adapter_path:
            await self._restore_adapter()

    async def _restore_adapter(self) -> None:
        """After a load, the adapter that was wanted; a model without it is better than none."""
        try:
            await self._use_adapter(self._adapter_path, self.adapter_scale)
        except AdapterError as error:
            self._adapter_path = ""
            self.notices.append(f"The model answers without an adapter: {error}")

    async def _use_adapter(self, name: str, scale: float) -> str:
        path = self._resolved_adapter(name) if name else None
        self._worker.subject = str(path or self._name)
        try:
            reply = await self._worker.call("set_adapter", path=None if path is None else str(path), scale=scale)
        except WorkerError as error:
            self._adapter_path, self.adapter = "", ""
            raise AdapterError(
                f"The adapter {name} ended the model process, so it is off.", "Its file is probably damaged."
            ) from error
        self.adapter, self.adapter_scale, self._adapter_path = reply.data["adapter"], scale, name
        return self.adapter

    def _resolved_adapter(self, name: str) -> Path:
        for path in (Path(name).expanduser(), self._adapters_folder / f"{name}.gguf"):
            if path.is_file():
                return path.resolve()
        raise AdapterError(f"There is no adapter {name}.", f"Give a path, or a name in {self._adapters_folder}.")
