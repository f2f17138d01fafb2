"""The models on this machine: found where they lie, named by the user, removed if they are our own."""

from __future__ import annotations

import contextlib
import difflib
import os
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path

from adapters.files.gguf import read_gguf
from adapters.files.gguf_parts import files_of
from assistant.backends.scripted import is_scripted
from assistant.config import Config
from assistant.errors import AssistantError, ModelError, StorageError, UsageError
from assistant.models.choice import parse_choice
from assistant.models.found import FoundModel
from assistant.models.location import STARTER, starter_path
from assistant.models.places import OWN, YOURS, Place, places
from assistant.worker_process import WorkerProcess

EMBEDDED = "embedded"  # the place of the model that came with the assistant
WELL_KNOWN = "Choose one with `assistant models`, give the path of a .gguf file, or use 'starter'."


class LocalModels:
    """Looks for models in a child process, since files of others are read there."""

    def __init__(self, config: Config, worker: WorkerProcess | None = None) -> None:
        """`worker` runs the service `finder`; without one, its own is started."""
        self._config = config
        self.worker = worker or WorkerProcess("finder", {}, config.home / "logs")

    @property
    def folder(self) -> Path:
        """Where models that were fetched are kept."""
        return self._config.home / OWN

    @property
    def places(self) -> list[Place]:
        """Every folder that is looked at."""
        return places(self._config.home, self._config.model.folders, os.environ)

    async def scan(self) -> AsyncGenerator[FoundModel, None]:
        """Every model, as it is found; the embedded one first."""
        yield await self.read(str(starter_path()), EMBEDDED, STARTER)
        sent = [
            {"label": place.label, "folder": str(place.folder), "layout": place.layout}
            for place in self.places
            if place.folder.is_dir()
        ]
        async with contextlib.aclosing(self.worker.stream("scan", places=sent)) as replies:
            async for reply in replies:
                if not reply.last:
                    yield FoundModel(**reply.data)

    async def all(self) -> list[FoundModel]:
        """All of them."""
        return [found async for found in self.scan()]

    async def read(self, path: str, place: str = "", name: str = "") -> FoundModel:
        """What one file or folder says of itself."""
        data = (await self.worker.call("read", path=path, place=place or "a path")).data
        return FoundModel(**{**data, **({"name": name} if name else {})})

    async def find(self, name: str) -> FoundModel:
        """The model that a name or a path means.

        Raises:
            ModelError: there is none, or several.
        """
        path = Path(name).expanduser()
        if name and name != STARTER and path.exists():
            return await self.read(str(path.absolute()))
        known = await self.all()
        found = [each for each in known if name in (each.name, each.path)]
        found = found or [each for each in known if each.name.lower() == name.lower()]
        if not found:
            near = difflib.get_close_matches(name, [each.name for each in known], 1, 0.5)
            raise ModelError(f"There is no model {name!r}.", f"Did you mean {near[0]}?" if near else WELL_KNOWN)
        if len(found) > 1 and found[0].place != YOURS:
            listed = ", ".join(each.path for each in found)
            raise ModelError(f"Several models are called {name}.", f"Give the path of one: {listed}.")
        return found[0]

    async def path(self, name: str) -> str:
        """What `Model.load` takes for a name: `starter` as it is, everything else as a path.

        Raises:
            ModelError: as `find`.
        """
        choice = parse_choice(name)
        if choice.engine == "remote":
            return name
        if choice.source != name:
            return str(replace(choice, source=await self.path(choice.source)))
        if name == STARTER or is_scripted(name) or Path(name).expanduser().is_file():
            return name
        if "/" not in name and (own := self.folder / f"{name}.gguf").is_file():
            return str(own)
        found = await self.find(name)
        return STARTER if found.place == EMBEDDED else found.path

    async def with_path(self, config: Config) -> Config:
        """Settings with the path of the model in place of its name; what is not found is told when it is loaded."""
        with contextlib.suppress(AssistantError):
            path = await self.path(config.model.name)
            return replace(config, model=replace(config.model, name=path))
        return config

    def remove(self, found: FoundModel) -> None:
        """Delete a model that was fetched.

        Raises:
            UsageError: it belongs to another program, or to the user; StorageError: it cannot be deleted.
        """
        path = Path(found.path)
        if path.parent != self.folder or path.is_symlink():
            raise UsageError(
                f"{found.name} was not fetched by the assistant ({found.place}).", f"Delete {found.path} yourself."
            )
        try:
            for each in files_of(read_gguf(path)) if found.files > 1 else (path,):
                each.unlink()
            path.with_name(f"{path.name}.json").unlink(missing_ok=True)
        except OSError as error:
            raise StorageError(f"{path} cannot be deleted: {error.strerror}.", "Check its permissions.") from error
