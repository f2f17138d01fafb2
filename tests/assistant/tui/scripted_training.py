"""A training that only plays its part: the events of a run as the real one tells them, fast, and stopped on request."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from adapters.data.routing import Advice
from adapters.proof.evaluation import Answered, Evaluation, Probed, evaluate
from adapters.training.estimate import Estimate
from adapters.training.recipe import METHODS
from adapters.training.runs import RunSummary
from assistant.bootstrap import Core
from assistant.errors import TrainingError
from assistant.storage.datasets import load_dataset
from assistant.training_plan import Plan, TrainRequest
from tests.made_run import finished_run

STEPS = 40


def evaluation(label: str, better: bool = True) -> Evaluation:
    """A comparison with twenty rows and forty probe items."""
    rows = [
        Answered(f"Question {n}?", "the right answer", f"wrong {n}", "the right answer" if better else "no", f"g{n}")
        for n in range(20)
    ]
    probed = [Probed(f"p{n}", "reading", f"Item {n}", "yes", "yes", True, better or n > 9) for n in range(40)]
    return evaluate(rows, probed, adapter=label, base="scripted", dataset="style")


class ScriptedTraining:
    """Stands in for assistant.training.Training; `pace` is the time between two steps."""

    def __init__(self, core: Core, folder: Path, pace: float = 0.005, better: bool = True) -> None:
        self.core, self.folder, self.pace, self.better = core, folder, pace, better
        self.requests: list[TrainRequest] = []
        self.summaries: list[RunSummary] = []
        self.wish = ""

    async def plan(self, request: TrainRequest) -> Plan:
        """What the screen shows before the start."""
        card = load_dataset(self.core.config.home, request.dataset).card
        table = tuple(
            Estimate(method, 4_900_000, 134_500_000, 1, 1, 1, 1, 1, size * 10**9, 1, STEPS, 61.0, refusal)
            for method, size, refusal in zip(METHODS, (2, 2, 9, 3, 2), ("", "no", "too big", "", ""), strict=True)
        )  # fmt: skip
        advice = Advice("style", "adapter", {"style": 12}, ("Rows: 12 examples of a style or format.", "It fits."))
        path = Path("/models/base.gguf")
        return Plan(
            request.name, card.name, path, path, request.recipe, card.rows, card.tokens, table, advice, (),
            free=8 * 10**9,
        )  # fmt: skip

    async def runs(self) -> list[RunSummary]:
        """Those that were begun here, the newest first."""
        return list(reversed(self.summaries))

    async def stop(self, run_id: str, wish: str) -> None:
        """Heard before the next step."""
        self.wish = wish

    async def remove(self, run_id: str) -> None:
        """Forget a run."""
        self.summaries = [run for run in self.summaries if run.id != run_id]

    async def train(self, request: TrainRequest) -> AsyncGenerator[dict[str, Any], None]:
        """A run from its first step."""
        if request.recipe.method == "full":
            raise TrainingError("full is too big.", "Choose lora.")
        self.requests.append(request)
        run_id = f"{request.name}-{len(self.summaries)}"
        self.note(run_id, request.name, "running", 0)
        yield {"event": "prepared", "run": run_id, "dataset": request.dataset}
        yield {"event": "phase", "phase": "loading", "text": "Loading"}
        async for event in self._steps(run_id, request.name, 0):
            yield event

    async def resume(self, run_id: str) -> AsyncGenerator[dict[str, Any], None]:
        """The rest of a run."""
        run = next(each for each in self.summaries if each.id == run_id)
        async for event in self._steps(run_id, run.name, int(run.last.get("step", 0))):
            yield event

    def note(self, run_id: str, name: str, state: Any, step: int) -> None:
        """List a run in this state, with the events so far in its folder."""
        folder = self.folder / run_id
        folder.mkdir(parents=True, exist_ok=True)
        facts = {"id": run_id, "name": name, "dataset": "style", "recipe": {"method": "lora"}}
        last = {"event": "step", "step": step, "steps": STEPS}
        self.summaries = [run for run in self.summaries if run.id != run_id]
        self.summaries.append(RunSummary(run_id, name, folder, state, "2026-01-02T03:04:05Z", facts, last))

    async def _steps(self, run_id: str, name: str, first: int) -> AsyncGenerator[dict[str, Any], None]:
        self.wish = ""
        yield self._kept(run_id, {
            "event": "started", "step": first, "steps": STEPS, "epochs": 3.0, "rows": 12, "tokens": 900,
            "trainable": 4_900_000, "parameters": 134_500_000,
        })  # fmt: skip
        for step in range(first + 1, STEPS + 1):
            await asyncio.sleep(self.pace)
            if self.wish == "finish":
                break
            if self.wish:
                end = {"pause": "paused", "cancel": "cancelled"}[self.wish]
                self.note(run_id, name, end, step)
                yield self._kept(run_id, {"event": end, "step": step})
                return
            for event in self._step(step):
                yield self._kept(run_id, event)
        self.note(run_id, name, "finished", STEPS)
        result = {"steps": STEPS, "seconds": 65.0, "train_loss": 0.4, "validation_loss": 0.6, "general": 0.02}
        yield self._kept(run_id, {"event": "finished", "result": {**result, "best_step": 30}})
        run = finished_run(self.folder / f"{run_id}-made", name, base_sha256="", id=run_id)
        adapter = await self.core.registry.add(run)
        yield {"event": "registered", "adapter": adapter.label, "kind": "lora", "state": "trained", "run": run_id}
        yield {"event": "proving", "phase": "base", "done": 3, "total": 60, "seconds_left": 4.0}
        found = evaluation(adapter.label, self.better)
        await self.core.registry.add_evaluation(
            adapter, found.as_json(), found.scores, "proven" if self.better else "rejected", found.verdict.reason
        )
        yield {"event": "verdict", "adapter": adapter.label, "evaluation": found.as_json()}

    def _step(self, step: int) -> list[dict[str, Any]]:
        loss = 0.4 + 2.6 * math.exp(-step / 10)
        events: list[dict[str, Any]] = [{
            "event": "step", "step": step, "steps": STEPS, "epoch": 3 * step / STEPS, "loss": loss,
            "learning_rate": 1e-3, "tokens_per_second": 450.0, "seconds_left": 3.0 * (STEPS - step), "memory_mb": 910,
        }]  # fmt: skip
        if step % 10 == 0:
            said = [
                {"prompt": "How do I greet?", "expected": "Kindly.", "answer": f"After {step} steps: [b]kindly\x1b[2J"}
            ]
            events += [
                {"event": "validation", "step": step, "loss": loss + 0.2, "general": step / 2000, "best": True},
                {"event": "samples", "step": step, "samples": said},
                {"event": "checkpoint", "step": step},
            ]
        return events

    def _kept(self, run_id: str, event: dict[str, Any]) -> dict[str, Any]:
        with (self.folder / run_id / "events.jsonl").open("a") as file:
            file.write(json.dumps(event) + "\n")
        return event
