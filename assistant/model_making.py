"""Makes model files and measures them in a child process: quantising, converting, comparing; whole or not at all."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any

from adapters.durable import publish
from adapters.files.gguf import read_gguf
from adapters.files.gguf_facts import GGUFFacts, check_model
from assistant.config import Config
from assistant.errors import ModelError, NotFoundError, StorageError, UsageError
from assistant.models.conversion import convert
from assistant.models.location import STARTER, STARTER_FILE
from assistant.models.made_model import CONVERTED, NUMBERS, OFFERED, WHOLE, Made, Making, Measured, Parity, stem_of
from assistant.models.memory import available_memory, gigabytes
from assistant.models.places import OWN
from assistant.worker_process import WorkerProcess

PART = ".part"
SPARE = 50 * 10**6  # bytes of disk that are left alone
MAX_TEXT = 8 * 2**20  # bytes read of a text
BYTES_A_WINDOW = 512 * 16  # no usual text has longer tokens on the average
WINDOWS = 20  # of 512 tokens, where nothing else is asked for
LIBRARIES = 600 * 10**6  # torch and transformers, resident
ALREADY = "It is made from weights that are quantised already, which loses more than making it from F16."


class ModelMaking:
    """A client of the children that make and measure. Leaving a stream early ends the work; nothing is left of it."""

    def __init__(self, config: Config, worker: WorkerProcess | None = None) -> None:
        self._config = config
        self.worker = worker or WorkerProcess("making", {}, config.home / "logs")

    async def quantize(self, source: Path, kind: str, out: Path | None = None) -> AsyncGenerator[Making | Made, None]:
        """Write a copy of a GGUF model in the type `kind`; `out` is by default in HOME/models.

        Raises:
            UsageError: no such type, or the file exists. StorageError: too little disk. ModelError: it cannot be done.
        """
        number = NUMBERS.get(kind.upper())
        if number is None:
            raise UsageError(f"There is no type {kind!r} to quantise to.", f"Known: {', '.join(OFFERED)}.")
        kind = kind.upper()
        facts = await asyncio.to_thread(_facts, source)
        target = self._target(out, f"{stem_of(facts.name, facts.quantization)}.{kind}.gguf")
        yield Making(f"quantising to {kind}", 0, 0)
        self.worker.subject = str(source)
        size = int((await self.worker.call("quantized_size", source=str(source), kind=number)).data)
        header = facts.size - sum(tensor.size for tensor in facts.tensors.values())
        _require_disk(target, size + header)
        work = self.worker.stream("quantize", source=str(source), target=str(_part(target)), kind=number, threads=0)
        async with contextlib.aclosing(_made_by(work, target, f"quantising to {kind}")) as events:
            async for event in events:
                yield event
        await asyncio.to_thread(_finish, target)
        notice = "" if facts.quantization in WHOLE else ALREADY
        yield Made(target, kind, target.stat().st_size, facts.size, notice)

    async def convert(self, folder: Path, kind: str, out: Path | None = None) -> AsyncGenerator[Making | Made, None]:
        """Write a folder of safetensors as GGUF, then let both engines read the same texts.

        Raises:
            UsageError: no such type, or the file exists. TrainingError: the folder cannot be converted.
            StorageError: too little disk. ModelError: the file does not say what the folder says; it is not kept.
        """
        kind = kind.upper()
        if kind not in CONVERTED:
            raise UsageError(f"There is no type {kind!r} to convert to.", f"Known: {', '.join(CONVERTED)}.")
        if not folder.is_dir():
            raise NotFoundError(f"There is no folder {folder}.", "Give a folder with config.json and safetensors.")
        before = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
        target = self._target(out, f"{folder.resolve().name}.{kind}.gguf")
        _require_disk(target, 2 * before if kind == "F32" else before)
        notice, parity = _too_large_to_compare(before), None
        log = self._config.home / "logs" / "converting.log"
        yield Making(f"converting to {kind}", 0, 0)
        try:
            async with contextlib.aclosing(convert(folder, _part(target), kind, not notice, log)) as events:
                async for told in events:
                    if "parity" in told:
                        parity = Parity(**told["parity"])
                    elif told["done"] < told["total"] or notice:
                        yield Making(f"converting to {kind}", told["done"], told["total"])
                    else:
                        yield Making("comparing with transformers", 0, 0)
            if parity is not None and not parity.agreed:
                raise ModelError(f"{folder.name} was not converted: {parity.line}", "Its folder was not changed.")
            await asyncio.to_thread(_finish, target)
        finally:
            _part(target).unlink(missing_ok=True)
        yield Made(target, kind, target.stat().st_size, before, notice, parity)

    async def compare(
        self, models: Sequence[Path], text: Path, windows: int = WINDOWS
    ) -> AsyncGenerator[Making | Measured, None]:
        """Each model's perplexity on a text and its speed, one after the other.

        Raises:
            NotFoundError: no such text. UsageError: it is too short. ModelError: a model cannot be loaded.
        """
        if windows < 1:
            raise UsageError("At least one window must be read.", "Leave out --windows for 20.")
        content = await asyncio.to_thread(_read, text, min(MAX_TEXT, windows * BYTES_A_WINDOW))
        for path in models:
            facts = await asyncio.to_thread(_facts, path)
            name = STARTER if path.name == STARTER_FILE else facts.name
            yield Making(f"reading with {name}", 0, 0)
            self.worker.subject = str(path)
            found: dict[str, Any] = {}
            async with contextlib.aclosing(
                self.worker.stream("perplexity", path=str(path), text=content, windows=windows, threads=0)
            ) as replies:
                async for reply in replies:
                    if not reply.last and "result" in reply.data:
                        found = reply.data["result"]
                    elif not reply.last:
                        yield Making(f"reading with {name}", reply.data["done"], reply.data["total"])
            yield Measured(
                name, str(path), facts.quantization, facts.size, facts.parameters,
                facts.number("tokenizer.ggml.tokens"), **found,
            )  # fmt: skip

    def _target(self, out: Path | None, name: str) -> Path:
        target = (out.expanduser() if out else self._config.home / OWN / name).absolute()
        if target.suffix != ".gguf":
            raise UsageError(f"{target.name} does not end in .gguf.", "Models are found by that ending.")
        if target.exists():
            raise UsageError(f"{target} is there already.", "Name another file with --out, or delete it first.")
        try:
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"{target.parent} cannot be made: {error.strerror}.", "Choose --out.") from error
        return target


def _too_large_to_compare(size: int) -> str:
    """Why a folder of so many bytes cannot be held in 32 bits beside its GGUF file, "" where it can."""
    needed, free = 3 * size + LIBRARIES, available_memory()
    if needed <= free:
        return ""
    told = f"It was not compared with transformers, which takes about {gigabytes(needed)} of memory"
    return f"{told}; {gigabytes(free)} are free."


async def _made_by(work: Any, target: Path, what: str) -> AsyncGenerator[Making, None]:
    """Progress of writing the part of `target`; removed again unless it comes to its end."""
    ended = False
    try:
        async with contextlib.aclosing(work) as replies:
            async for reply in replies:
                if not reply.last and "done" in reply.data:
                    yield Making(what, reply.data["done"], reply.data["total"])
        ended = True
    finally:
        if not ended:
            _part(target).unlink(missing_ok=True)


def _facts(path: Path) -> GGUFFacts:
    if path.is_dir():
        raise ModelError(f"{path.name} is a folder of safetensors.", "Convert it first: assistant models convert DIR")
    facts = read_gguf(path)
    check_model(facts)
    return facts


def _part(target: Path) -> Path:
    return target.with_name(target.name + PART)


def _finish(target: Path) -> None:
    """Look at the file once more, as a reader of ours does, then give it its name."""
    part = _part(target)
    try:
        check_model(read_gguf(part))
        part.chmod(0o600)
        publish(part, target)
    except OSError as error:
        raise StorageError(f"{target} cannot be written: {error.strerror}.", "Check the disk.") from error
    finally:
        part.unlink(missing_ok=True)


def _require_disk(target: Path, size: int) -> None:
    free = shutil.disk_usage(target.parent).free
    if size + SPARE > free:
        raise StorageError(
            f"{target.name} needs {gigabytes(size)} of disk; {gigabytes(free)} are free in {target.parent}.",
            "Free some space, or name a file on another disk with --out.",
        )


def _read(path: Path, size: int) -> str:
    try:
        with path.expanduser().open("rb") as file:
            return file.read(size).decode("utf-8", "replace")
    except FileNotFoundError as error:
        raise NotFoundError(f"There is no file {path}.", "Name a text with --text.") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.", "Name a text with --text.") from error
