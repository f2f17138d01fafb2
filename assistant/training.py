"""How does a dataset become an adapter? Planned, trained in a child, registered, proven: one stream of events.

Every event is a dict with "event". To the run's own (started, phase, step, validation, samples, checkpoint,
paused, cancelled, failed, finished: see adapters.training.worker) come: prepared {run, dataset}, registered {adapter,
kind, path, state}, proving {phase, done, total, seconds_left}, verdict {adapter, decision, reason, evaluation}.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncGenerator, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adapters.errors import GGUFError
from adapters.errors import TrainingError as AdaptersError
from adapters.training.runs import CHATTING, PROCESS, RunPlan, RunSummary, TrainingRuns, Wish
from adapters.versions.registered import Adapter, check_name
from assistant import offline, training_plan
from assistant.errors import AssistantError, StorageError, TrainingError, error_from_name
from assistant.models.location import resolve_model
from assistant.prompting import system_prompt
from assistant.questioning import Progress, followed
from assistant.storage.datasets import dataset_folder
from assistant.training_plan import Plan, TrainRequest

if TYPE_CHECKING:
    from assistant.bootstrap import Core

__all__ = ["Plan", "TrainRequest", "Training"]
Events = AsyncGenerator[dict[str, Any], None]
CANCEL_SECONDS = 4.0  # then the process is ended: its newest checkpoint is what stays
DONE = ("checkpoints", "result/model.safetensors", "result/model.gguf")  # of no use once the result is registered


class Training:
    """All training of one home. One run at a time is meant, but nothing breaks with more."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self.runs_folder = core.config.home / "training" / "runs"
        self._runs = TrainingRuns(self.runs_folder, offline.VARIABLES)

    async def plan(self, request: TrainRequest) -> Plan:
        """What the request needs, by each method, and whether an adapter is the right tool; nothing is written.

        Raises:
            AssistantError: no such dataset or base, or data that cannot be learned from.
        """
        with translated():
            check_name(request.name)
            return await training_plan.plan(self._core, request, await self.runs())

    async def train(self, request: TrainRequest, *, prove: bool = True) -> Events:
        """Train, register and prove, as events. Leaving the loop, or cancelling the task, pauses the run.

        After a `failed` event nothing follows; its `hint` says how to go on.

        Raises:
            AssistantError: it cannot begin: see `plan`, or too little memory or disk.
        """
        plan = await self.plan(request)
        with translated():
            plan.require()
            dataset = await training_plan.prepared_dataset(self._core, request)
            rows = dataset_folder(self._core.config.home, dataset.card.name) / "rows.jsonl"
            system = system_prompt(self._core.config.answer.system_prompt)
            digest = await self._core.bases.sha256(plan.gguf)
            run = RunPlan(request.name, plan.base, digest, rows, dataset.card.name, plan.recipe, system, plan.begin)
            run_id = await asyncio.to_thread(self._runs.prepare, run)
        yield {"event": "prepared", "run": run_id, "dataset": dataset.card.name}
        async with contextlib.aclosing(self.resume(run_id, prove=prove)) as events:
            async for event in events:
                yield event

    async def resume(self, run_id: str, *, prove: bool = True) -> Events:
        """Go on with a run, from wherever it ended: its training, its registration, or its proof.

        Raises:
            AssistantError: there is no such run, or it is under way.
        """
        with translated():
            known = await asyncio.to_thread(self._runs.get, run_id)
            self._runs.yield_cores(run_id, False)
            last: dict[str, Any] = known.last
            if known.state != "finished":
                async with contextlib.aclosing(self._follow(run_id)) as events:
                    async for last in events:
                        yield last
        if last.get("event") != "finished":
            return
        async with contextlib.aclosing(self._finish(known, prove)) as events:
            async for event in events:
                yield event

    async def stop(self, run_id: str, wish: Wish) -> None:
        """Ask a run to pause, to cancel, or to finish now, also one that another assistant follows. Its stream tells
        when it has.

        A cancelled one ends within five seconds. Paused and cancelled ones keep their newest checkpoint, and can be
        resumed; what one that finishes has learned so far is its result.

        Raises:
            AssistantError: there is no such run, or it is not under way.
        """
        with translated():
            if (await asyncio.to_thread(self._runs.get, run_id)).state != "running":
                raise AdaptersError(f"The run {run_id} is not under way.", "`assistant train --list` shows all runs.")
            self._runs.stop(run_id, wish)

    async def runs(self) -> list[RunSummary]:
        """All runs, the newest first."""
        return await asyncio.to_thread(self._runs.list)

    async def remove(self, run_id: str) -> None:
        """Delete a run with its rows and checkpoints; what was registered from it stays.

        Raises:
            AssistantError: there is none, or it is under way.
        """
        with translated():
            await asyncio.to_thread(self._runs.remove, run_id)

    def yield_cores(self, chatting: bool) -> None:
        """Leave the cores to an answer while it is written; called when one begins and when it has ended."""
        for mark in self.runs_folder.glob(f"*/{PROCESS if chatting else CHATTING}"):
            self._runs.yield_cores(mark.parent.name, chatting)

    async def _follow(self, run_id: str) -> Events:
        """A run's events; one that does not end in time when it is cancelled is ended."""
        deadline = asyncio.create_task(self._runs.end_cancelled(run_id, CANCEL_SECONDS))
        step = 0
        try:
            async with contextlib.aclosing(self._runs.follow(run_id)) as events:
                async for event in events:
                    step = int(event.get("step", step))
                    if event["event"] == "failed" and self._runs.wish(run_id) == "cancel":
                        event = {"event": "cancelled", "step": step}
                    yield event
        finally:
            deadline.cancel()

    # after training

    async def _finish(self, run: RunSummary, prove: bool) -> Events:
        """Registration and proof; what goes wrong is a last event, for the training itself is done."""
        adapter = None
        try:
            with translated():
                adapter = await self._registered(run)
                if adapter is None:
                    yield {"event": "phase", "phase": "registering", "text": "Writing the file the chat uses"}
                    await self._core.scopes.make(run.folder)
                    adapter = await self._core.registry.add(run.folder, base=await self._gguf(run))
                await asyncio.to_thread(_clear, run.folder)
            yield {
                "event": "registered", "adapter": adapter.label, "path": str(adapter.path), "state": adapter.state,
                "kind": adapter.facts.kind if adapter.facts else "lora", "run": run.id,
            }  # fmt: skip
            if prove and adapter.state == "trained" and adapter.facts and adapter.facts.kind != "prompt":
                async with contextlib.aclosing(self._prove(adapter)) as events:
                    async for event in events:
                        yield event
        except AssistantError as error:
            again = f"assistant adapters prove {adapter.label}" if adapter else f"assistant train --resume {run.id}"
            yield {"event": "failed", "message": error.message, "hint": f"{error.hint} Go on with: {again}".strip()}

    async def _registered(self, run: RunSummary) -> Adapter | None:
        """The version that came of a run, None where it was not registered yet."""
        known = await self._core.registry.all()
        return next((adapter for adapter in known if adapter.facts and adapter.facts.run == run.id), None)

    async def _gguf(self, run: RunSummary) -> Path:
        """The model that a run's result is for: its base, or the chat's model where that was a folder.

        Raises:
            TrainingError: the chat runs another model now.
        """
        base = Path(run.facts["base"])
        if not base.is_dir():
            return base
        gguf = resolve_model(self._core.model.name)
        if await self._core.bases.sha256(gguf) != run.facts["base_sha256"]:
            raise TrainingError(
                f"The run {run.id} was trained for another model than {gguf.name}.", "Load that model first."
            )
        return gguf

    async def _prove(self, adapter: Adapter) -> Events:
        from assistant.proving import prove

        proof = followed(lambda tell: prove(self._core, adapter, tell))
        async with contextlib.aclosing(proof):
            with translated():
                async for told in proof:
                    if isinstance(told, Progress):
                        yield {"event": "proving", "adapter": adapter.label, **asdict(told)}
                    else:
                        evaluation = told
        verdict = evaluation.verdict
        yield {
            "event": "verdict", "adapter": adapter.label, "decision": verdict.decision, "reason": verdict.reason,
            "evaluation": evaluation.as_json(),
        }  # fmt: skip


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Errors of adapters and of the disk leave as ours."""
    try:
        yield
    except (GGUFError, AdaptersError) as error:
        raise error_from_name(error.error_name, str(error), error.hint) from error
    except OSError as error:
        what = f"{error.filename or 'A file'}: {error.strerror or error}."
        raise StorageError(what, "Check the disk's free space and the permissions.") from error


def _clear(run: Path) -> None:
    """What is in the registry now is not kept twice."""
    for name in DONE:
        path = run / name
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
