"""What is known of a run from its events so far: figures, curves, sample answers, how it ended."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Point = tuple[float, float]  # step, value
PHASES = {
    "loading": "loading the model", "replay": "asking the base model general questions", "encoding": "reading the rows",
    "training": "training", "exporting": "writing the adapter",
}  # fmt: skip
PROOF_PHASES = {
    "loading": "loading the model", "base": "the base answers", "parity": "comparing the engines",
    "adapter": "the adapter answers", "judging": "judging", "sets": "your evaluation sets",
}  # fmt: skip
EVENTS = (
    "prepared", "started", "phase", "step", "validation", "samples", "checkpoint", "paused", "cancelled", "failed",
    "finished", "registered", "proving", "verdict", "judged",
)  # fmt: skip
MOST_POINTS = 2000  # of a curve; a longer one loses every other point


@dataclass(slots=True)
class Watch:
    """One run, seen through its events. `state` is running, proving, or one of runs.RunState."""

    name: str
    run_id: str = ""
    state: str = "running"
    doing: str = "preparing"
    step: int = 0
    steps: int = 0
    epoch: float = 0.0
    epochs: float = 0.0
    loss: float | None = None
    learning_rate: float = 0.0
    tokens_per_second: float = 0.0
    seconds_left: float | None = None
    memory_mb: float = 0.0
    trainable: int = 0
    parameters: int = 0
    losses: list[Point] = field(default_factory=list)
    validation: list[Point] = field(default_factory=list)
    general: list[Point] = field(default_factory=list)
    accuracy: float | None = None  # share of held-out pairs in which the chosen answer has the higher reward…
    margin: float | None = None  # …and by how much, on the average; None where answers are learned
    best_step: int | None = None
    checkpoint: int | None = None  # the step of the newest one
    samples: list[tuple[int, list[dict[str, Any]]]] = field(default_factory=list)  # by step
    proof: tuple[int, int] = (0, 0)  # questions done, of all
    adapter: str = ""  # name@version, as soon as it is registered
    result: dict[str, Any] = field(default_factory=dict)
    evaluation: dict[str, Any] = field(default_factory=dict)  # see adapters.proof.evaluation.Evaluation
    judged: dict[str, Any] = field(default_factory=dict)  # of what was learned from scores: may it be put on?
    problem: str = ""  # why it failed, and what to do
    changes: int = 0

    @property
    def share(self) -> float:
        """How much of it is done, 0 to 1; while proving, of the proof."""
        done, total = self.proof if self.state == "proving" else (self.step, self.steps)
        return min(1.0, done / total) if total else 0.0

    @property
    def line(self) -> str:
        """`training style 42% · loss 1.23 · 3 min`, for the status line."""
        if self.state == "proving":
            return f"proving {self.adapter or self.name} {self.share:.0%}"
        if not self.step:
            return f"training {self.name}: {self.doing}"
        parts = [f"training {self.name} {self.share:.0%}"]
        parts += [f"loss {self.loss:.2f}"] if self.loss is not None else []
        parts += [duration(self.seconds_left)] if self.seconds_left is not None else []
        return " · ".join(parts)

    def observe(self, event: dict[str, Any]) -> None:
        """Take in one event; one of a kind that is not known changes nothing."""
        if (name := event.get("event")) in EVENTS:
            with contextlib.suppress(KeyError, TypeError, ValueError):  # an event of another version
                getattr(self, f"_{name}")(event)
            self.changes += 1

    def _prepared(self, event: dict[str, Any]) -> None:
        self.run_id = str(event["run"])

    def _started(self, event: dict[str, Any]) -> None:
        self.state, self.run_id = "running", str(event.get("run", self.run_id))
        self.steps, self.epochs = int(event["steps"]), float(event.get("epochs", 0))
        self.step = int(event.get("step", self.step))
        self.trainable, self.parameters = int(event.get("trainable", 0)), int(event.get("parameters", 0))
        for curve in (self.losses, self.validation, self.general):  # what came after the checkpoint is done again
            curve[:] = [point for point in curve if point[0] <= self.step]
        self.samples[:] = [entry for entry in self.samples if entry[0] <= self.step]

    def _phase(self, event: dict[str, Any]) -> None:
        self.state = "running"
        self.doing = str(event.get("text") or PHASES.get(str(event["phase"]), event["phase"]))

    def _step(self, event: dict[str, Any]) -> None:
        loss, self.step = float(event["loss"]), int(event["step"])
        self.state, self.doing, self.loss = "running", "training", loss
        self.steps, self.epoch = int(event.get("steps", self.steps)), float(event.get("epoch", 0))
        self.learning_rate = float(event.get("learning_rate", 0))
        self.tokens_per_second = float(event.get("tokens_per_second", 0))
        self.seconds_left, self.memory_mb = float(event.get("seconds_left", 0)), float(event.get("memory_mb", 0))
        _add(self.losses, self.step, loss)

    def _validation(self, event: dict[str, Any]) -> None:
        step = int(event["step"])
        _add(self.validation, step, event.get("loss"))
        _add(self.general, step, event.get("general"))
        self.accuracy, self.margin = event.get("accuracy"), event.get("margin")
        self.best_step = step if event.get("best") else self.best_step

    def _samples(self, event: dict[str, Any]) -> None:
        self.samples.append((int(event.get("step", self.step)), list(event["samples"])))

    def _checkpoint(self, event: dict[str, Any]) -> None:
        self.checkpoint = int(event["step"])

    def _paused(self, event: dict[str, Any]) -> None:
        self.state = self.doing = "paused"
        self.seconds_left = None

    def _cancelled(self, event: dict[str, Any]) -> None:
        self.state = self.doing = "cancelled"

    def _failed(self, event: dict[str, Any]) -> None:
        self.state = self.doing = "failed"
        self.problem = " ".join(str(event.get(key) or "") for key in ("message", "hint")).strip()

    def _finished(self, event: dict[str, Any]) -> None:
        self.result, self.state, self.doing = dict(event["result"]), "finished", "finished"
        self.step = int(self.result.get("steps", self.step))

    def _registered(self, event: dict[str, Any]) -> None:
        self.adapter = str(event.get("adapter") or event.get("label") or "")
        self.doing = "registered"

    def _proving(self, event: dict[str, Any]) -> None:
        self.state = "proving"
        self.doing = PROOF_PHASES.get(str(event.get("phase")), "proving")
        self.proof = (int(event.get("done", 0)), int(event.get("total", 0)))
        self.seconds_left = float(event.get("seconds_left") or 0) or None

    def _verdict(self, event: dict[str, Any]) -> None:
        self.evaluation = dict(event.get("evaluation") or event)
        self.state = self.doing = "finished"

    def _judged(self, event: dict[str, Any]) -> None:
        self.judged, self.adapter = dict(event), str(event["adapter"])
        self.state = self.doing = "finished"


def watched(folder: Path, name: str, state: str) -> Watch:
    """A run as the events in its folder tell it; `state` is what its listing says, which a crash leaves unsaid."""
    watch = Watch(name, folder.name)
    for event in _events(folder / "events.jsonl"):
        watch.observe(event)
    watch.state = watch.doing = state
    return watch


def duration(seconds: float) -> str:
    """`45 s`, `3 min`, `1 h 20 min`."""
    if seconds < 60:
        return f"{math.ceil(seconds)} s"
    minutes = math.ceil(seconds / 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min"


def _events(path: Path) -> Iterable[dict[str, Any]]:
    with contextlib.suppress(OSError), path.open("rb") as file:
        for line in file:
            with contextlib.suppress(ValueError):
                event = json.loads(line)
                if isinstance(event, dict):
                    yield event


def _add(curve: list[Point], step: int, value: Any) -> None:
    if isinstance(value, int | float) and math.isfinite(value):
        curve.append((float(step), float(value)))
    if len(curve) > MOST_POINTS:
        del curve[1:-1:2]
