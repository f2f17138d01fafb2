"""The runs of a home: prepared, started, followed, stopped and resumed from outside the training process."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import sys
import time
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from adapters.durable import publish, sha256_of, unfinished
from adapters.errors import TrainingError
from adapters.training.recipe import Recipe

Wish = Literal["pause", "cancel", "finish"]  # finish: keep what is learned so far as the result
RunState = Literal["running", "paused", "cancelled", "finished", "failed", "interrupted"]
RUN, ROWS, BEGIN, EVENTS, STOP, CHATTING, PROCESS = (
    "run.json",
    "rows.jsonl",
    "begin.safetensors",
    "events.jsonl",
    "stop",
    "chatting",
    "pid",
)
# oneDNN keeps the kernels of each shape it has multiplied, and packs have ever new ones, of 17 MB each.
KERNELS_KEPT = {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "32", "LRU_CACHE_CAPACITY": "32"}
STOP_SECONDS = 30.0  # a step of a large model may take that long; then the process is ended
ENDS: dict[str, RunState] = {
    "paused": "paused", "cancelled": "cancelled", "finished": "finished", "failed": "failed",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Beginning:
    """The adapter that training goes on from: its name, its PEFT weights, SHA-256 of all datasets it has learned."""

    adapter: str
    weights: Path
    datasets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What is to be trained: rows of a dataset, on a base, by a recipe, under a name; from fresh weights, or from those
    of an adapter of the same shape.
    """

    name: str
    base: Path  # a GGUF file or a safetensors folder
    base_sha256: str
    rows: Path  # rows.jsonl of a dataset
    dataset: str
    recipe: Recipe
    system_prompt: str  # what the chat puts before every conversation
    begin: Beginning | None = None


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One run as listed; `last` is its newest step, validation or final event, {} before the first."""

    id: str
    name: str
    folder: Path
    state: RunState
    created: str
    facts: dict[str, Any]
    last: dict[str, Any]


class TrainingRuns:
    """All runs under one folder. Training goes on in a child per run; it may die at any time."""

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        """`environment` is added to the child's, such as what keeps libraries from calling home."""
        self.folder = folder
        self._environment = dict(environment or {})

    def prepare(self, plan: RunPlan) -> str:
        """Make a run folder with a copy of the rows; returns the run's id.

        Raises:
            OSError: the disk is full; nothing is left behind.
        """
        run_id = f"{plan.name}-{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{os.urandom(2).hex()}"
        final = self.folder / run_id
        temporary = unfinished(final)
        temporary.mkdir(mode=0o700)
        try:
            shutil.copyfile(plan.rows, temporary / ROWS)
            if plan.begin:
                shutil.copyfile(plan.begin.weights, temporary / BEGIN)
            facts = {
                "id": run_id, "name": plan.name, "base": str(plan.base), "base_sha256": plan.base_sha256,
                "dataset": plan.dataset, "dataset_sha256": sha256_of(temporary / ROWS),
                "recipe": plan.recipe.as_json(), "system_prompt": plan.system_prompt,
                "replay_cache": str(self.folder.parent / "replay"),
                "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            }  # fmt: skip
            if plan.begin:
                facts["begun_from"] = {"adapter": plan.begin.adapter, "datasets": list(plan.begin.datasets)}
            with (temporary / RUN).open("x", encoding="utf-8") as file:
                json.dump(facts, file, indent=1)
            publish(temporary, final)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        return run_id

    async def follow(self, run_id: str) -> AsyncGenerator[dict[str, Any], None]:
        """Start a run, or resume it from its newest checkpoint, and yield its events to the end.

        Leaving the loop, or cancelling the task, pauses the run: nothing done is lost.

        Raises:
            TrainingError: it runs already, or its process cannot be started.
        """
        folder = self._existing(run_id)
        if _running(folder):
            raise TrainingError(f"The run {run_id} is under way already.", "Pause or cancel it first.")
        (folder / STOP).unlink(missing_ok=True)
        process = await self._launched(folder)
        _note(folder / PROCESS, str(process.pid))
        try:
            assert process.stdout is not None
            ended = False
            while line := await process.stdout.readline():
                event = _event(line)
                if event is not None:
                    ended = ended or event.get("event") in ENDS
                    yield event
            await process.wait()
            if not ended:
                yield self._died(folder, process.returncode or 0)
        finally:
            await self._end(folder, process)

    def stop(self, run_id: str, wish: Wish) -> None:
        """Ask a run to end at its next step; it keeps a checkpoint in all cases."""
        _note(self._existing(run_id) / STOP, wish)

    def wish(self, run_id: str) -> str:
        """What was last asked of a run, "" for nothing."""
        return _wish(self._existing(run_id))

    async def end_cancelled(self, run_id: str, seconds: float) -> None:
        """Wait until a run is asked to be cancelled, give it so many seconds, then end its process.

        What it saved before stays. Runs beside `follow`, until it is cancelled.
        """
        folder, asked = self._existing(run_id), 0.0
        while not asked or time.monotonic() < asked + seconds:
            await asyncio.sleep(0.1)
            asked = asked or (time.monotonic() if self.wish(run_id) == "cancel" else 0.0)
        if _running(folder):
            with contextlib.suppress(OSError, ValueError):
                os.killpg(int((folder / PROCESS).read_text("utf-8")), 9)

    def yield_cores(self, run_id: str, chatting: bool) -> None:
        """While an answer is being written, training keeps to one thread."""
        mark = self.folder / run_id / CHATTING
        with contextlib.suppress(OSError):
            mark.touch(mode=0o600) if chatting else mark.unlink(missing_ok=True)

    def get(self, run_id: str) -> RunSummary:
        """One run.

        Raises:
            TrainingError: there is none.
        """
        return _summary(self._existing(run_id))

    def list(self) -> list[RunSummary]:
        """All runs, the newest first; folders that are none are passed over."""
        found = []
        for path in self.folder.glob("*/" + RUN) if self.folder.is_dir() else ():
            with contextlib.suppress(OSError, ValueError, KeyError):
                found.append(_summary(path.parent))
        return sorted(found, key=lambda run: (run.created, run.id), reverse=True)

    def remove(self, run_id: str) -> None:
        """Delete a run with its copy of the rows.

        Raises:
            TrainingError: it runs.
        """
        folder = self._existing(run_id)
        if _running(folder):
            raise TrainingError(f"The run {run_id} is under way.", "Cancel it first.")
        shutil.rmtree(folder)

    def _existing(self, run_id: str) -> Path:
        folder = self.folder / run_id
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", run_id) or not (folder / RUN).is_file():
            raise TrainingError(f"There is no run {run_id}.", "`assistant train --list` shows them.")
        return folder

    async def _launched(self, folder: Path) -> asyncio.subprocess.Process:
        processes = json.loads((folder / RUN).read_text("utf-8"))["recipe"]["processes"]
        command = [sys.executable, "-m"]
        if processes > 1:
            command += ["accelerate.commands.launch", "--num_processes", str(processes), *_device_options()]
            command += ["--main_process_port", "0", "-m"]
        environment = {
            **os.environ, "OMP_WAIT_POLICY": "passive", "TQDM_DISABLE": "1", "TOKENIZERS_PARALLELISM": "false",
            **KERNELS_KEPT, **self._environment,
        }  # fmt: skip
        log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        try:
            return await asyncio.create_subprocess_exec(
                *command, "adapters.training.worker", str(folder), stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE, stderr=log, env=environment, limit=2**24, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise TrainingError(f"Training could not be started: {error.strerror}.", "Check free memory.") from error
        finally:
            os.close(log)

    async def _end(self, folder: Path, process: asyncio.subprocess.Process) -> None:
        """Leave no child behind: ask it to pause, then end it."""
        if process.returncode is None:
            self.stop(folder.name, "pause")
            try:
                await asyncio.wait_for(_drained(process), STOP_SECONDS)
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, 9)
                await process.wait()
        (folder / PROCESS).unlink(missing_ok=True)

    def _died(self, folder: Path, code: int) -> dict[str, Any]:
        why = f"was ended by signal {-code}" if code < 0 else f"exited with code {code}"
        hint = f"Resume it: assistant train --resume {folder.name}. Its log is {folder / 'log'}."
        return {"event": "failed", "message": f"The training process {why}.", "hint": hint}


def _summary(folder: Path) -> RunSummary:
    facts = json.loads((folder / RUN).read_text("utf-8"))
    last: dict[str, Any] = {}
    state: RunState = "running" if _running(folder) else "interrupted"
    with contextlib.suppress(OSError), (folder / EVENTS).open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 65536))
        for line in file.read().splitlines():
            event = _event(line) or {}
            if event.get("event") in {"step", "validation", *ENDS}:
                last = event
    if state != "running":
        state = ENDS.get(last.get("event", ""), "cancelled" if _wish(folder) == "cancel" else state)
    return RunSummary(facts["id"], facts["name"], folder, state, facts["created"], facts, last)


def _wish(folder: Path) -> str:
    try:
        return (folder / STOP).read_text("utf-8").strip()
    except OSError:
        return ""


def _note(path: Path, text: str) -> None:
    """A word for the other process; not data, so it need not survive a crash."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def _event(line: bytes) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) else None


def _running(folder: Path) -> bool:
    """Whether the process that was noted still trains this run."""
    try:
        number = int((folder / PROCESS).read_text("utf-8"))
        return str(folder).encode() in Path(f"/proc/{number}/cmdline").read_bytes()
    except (OSError, ValueError):
        return False


async def _drained(process: asyncio.subprocess.Process) -> None:
    """Read what is left and wait: a child whose pipe nobody reads would never end."""
    assert process.stdout is not None
    while await process.stdout.readline():
        pass
    await process.wait()


def _device_options() -> tuple[str, ...]:
    """Where no GPU is to be seen, processes of the CPU are started as those of GPUs are: with --cpu, `accelerate`
    starts one alone unless there is MPI. Asking torch for GPUs would take seconds.
    """
    return () if Path("/dev/nvidia0").exists() else ("--multi_gpu",)
