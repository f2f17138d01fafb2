"""The training loop: rows in, trained weights out, one event for each thing that happens. [H] torch, accelerate."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor

from adapters.training import checkpoints
from adapters.training.checkpoints import Checkpoint
from adapters.training.encoding import Encoded
from adapters.training.learner import Learner
from adapters.training.methods import Prepared
from adapters.training.objectives import Answers, Beside, General, Objective, Preferences, Ratings
from adapters.training.packing import Pack, Step, steps
from adapters.training.process_memory import memory_mb, return_memory
from adapters.training.recipe import Recipe
from adapters.training.replay import Replay

Emit = Callable[[dict[str, Any]], None]
VALIDATIONS = 8  # in a run
SMOOTHING = 0.9  # of the loss and the speed that are shown


@dataclass(slots=True)
class Place:
    """How far a run is and what it has seen; kept in checkpoints."""

    step: int = 0
    tokens: int = 0  # of the rows trained on, general ones included
    seconds: float = 0.0
    loss: float = 0.0  # smoothed, nats per learned token
    validation: float | None = None  # loss of the validation rows: nats per learned token, or per pair
    accuracy: float | None = None  # share of validation pairs in which the chosen answer has the higher reward
    margin: float | None = None  # by how much, on the average
    general: float | None = None  # mean KL divergence from the base on held-out general rows, nats per token
    best: float | None = None
    best_step: int = 0
    worse: int = 0  # validations since the best one
    curve: list[list[float | None]] = field(default_factory=list)  # [step, loss, validation, general]


class Trainer:
    """One run of one recipe on one prepared model."""

    def __init__(
        self,
        prepared: Prepared,
        recipe: Recipe,
        train: Sequence[Encoded],
        validation: Sequence[Encoded],
        replay: Replay,
        *,
        accelerator: Accelerator,
        folder: Path,
        emit: Emit,
    ) -> None:
        """`folder` keeps the checkpoints; `emit` is quiet on all processes but the first. Of preferences, rows are
        in pairs: the one with the chosen answer, then the one with the rejected; of ratings, a row and a mismatched
        one.
        """
        self.place = Place()
        self._prepared, self._recipe, self._accelerator = prepared, recipe, accelerator
        self._folder, self._emit = folder, emit
        self._learner = Learner(prepared)
        self._learner.keep_teacher()
        self._task: Objective = Answers(self._learner, train, validation)
        if recipe.objective == "preferences":
            self._task = Preferences(self._learner, train, validation, recipe)
        elif recipe.objective == "ratings":
            self._task = Ratings(self._learner, train, validation, recipe)
        self._general = General(self._learner, replay, recipe)
        self._weights = prepared.trainable
        self._optimizer: Any = torch.optim.AdamW(
            self._weights.values(), recipe.rate, weight_decay=recipe.weight_decay, fused=True
        )
        self._steps = steps(
            self._task.sizes, len(replay.train), recipe.replay,
            batch_tokens=recipe.batch_tokens, epochs=recipe.passes, seed=recipe.seed,
        )  # fmt: skip
        self._general.taken = {index for step in self._steps for index in step.replay}
        self._every = max(1, round(len(self._steps) / VALIDATIONS))
        self._best: dict[str, Tensor] = {}
        self._returned = 0.0  # when freed memory last went back to the system

    def run(self, wish: Callable[[], str], shown: Callable[[], None]) -> str:
        """Train to the end or until `wish` returns "pause" or "cancel"; returns that, or "finished".

        "finish" ends training before its planned end, as early stopping does.

        `shown` is called after each validation. At the end the model has its best weights (its last ones
        where nothing was held out).
        """
        self._task.begin()
        self._general.begin()
        self._resume()
        self._wrapped = self._parallel()
        self._started()
        if self.place.step == 0:
            self._validate()
        for step in self._steps[self.place.step :]:
            self._take(step)
            asked = wish()
            if self.place.step % self._every == 0 or self.place.step == len(self._steps) or asked == "finish":
                self._validate()
                shown()
                self._save()
                if asked == "finish" or (self._recipe.patience and self.place.worse >= self._recipe.patience):
                    break
            if asked:
                self._save()
                return asked
        self._restore_best()
        return "finished"

    @property
    def planned(self) -> int:
        """Steps of the whole run, if nothing stops it."""
        return len(self._steps)

    # one step

    def _take(self, step: Step) -> None:
        started, rate = time.monotonic(), self._rate(self.place.step)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        parts = self._parts(step)
        total = 0.0
        for number, (packed, beside, weight) in enumerate(parts):
            with self._syncing(number == len(parts) - 1):
                loss = self._wrapped(packed, beside) * weight
                self._accelerator.backward(loss)
            total += float(loss.detach())
        if self._recipe.clip:
            self._accelerator.clip_grad_norm_(list(self._weights.values()), self._recipe.clip)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        self._took(step, total, time.monotonic() - started, rate)

    def _parts(self, step: Step) -> list[tuple[Pack, Beside, float]]:
        """Packs of this process with what stands beside them and weights: the mean over data and over general tokens.

        Processes share a step's rows; their gradients are averaged, hence the factor.
        """
        parts = []
        objectives: tuple[tuple[Objective, tuple[int, ...]], ...] = (
            (self._task, step.rows), (self._general, step.replay)
        )  # fmt: skip
        for objective, indices in objectives:
            units = objective.units(indices)
            if not units:
                continue
            count, rank = self._accelerator.num_processes, self._accelerator.process_index
            mine = indices[rank::count]
            weight = objective.weight * count / units if mine else 0.0
            parts += [(packed, beside, weight) for packed, beside in objective.packs(mine or indices[:1])]
        return parts

    def _took(self, step: Step, loss: float, seconds: float, rate: float) -> None:
        place = self.place
        tokens = sum(self._task.sizes[index] for index in step.rows)
        tokens += sum(self._general.sizes[index] for index in step.replay)
        place.step += 1
        place.tokens += tokens
        place.seconds += seconds
        place.loss = loss if place.step == 1 else SMOOTHING * place.loss + (1 - SMOOTHING) * loss
        left = len(self._steps) - place.step
        self._returned = return_memory(self._returned)
        self._emit({
            "event": "step", "step": place.step, "steps": len(self._steps),
            "epoch": round(place.step / len(self._steps) * self._recipe.passes, 3), "loss": place.loss,
            "learning_rate": rate, "tokens_per_second": place.tokens / place.seconds,
            "seconds_left": left * place.seconds / place.step, "memory_mb": memory_mb(),
        })  # fmt: skip

    def _rate(self, step: int) -> float:
        """The learning rate: up in a line, down as a cosine to nothing (arXiv 1608.03983)."""
        warm = max(1, round(self._recipe.warmup * len(self._steps)))
        if step < warm:
            return self._recipe.rate * (step + 1) / warm
        done = (step - warm) / max(1, len(self._steps) - warm)
        return self._recipe.rate * 0.5 * (1 + math.cos(math.pi * done))

    @contextlib.contextmanager
    def _syncing(self, last: bool) -> Iterator[None]:
        """Gradients of several processes are exchanged once a step, not once a pack."""
        quiet = contextlib.nullcontext() if last else self._accelerator.no_sync(self._wrapped)
        with quiet:
            yield

    # what is measured

    def _validate(self) -> None:
        place = self.place
        figures = self._task.measured()
        place.validation = figures.pop("loss", None)
        place.accuracy, place.margin = figures.get("accuracy"), figures.get("margin")
        place.general = self._general.measured().get("loss")
        strayed = self._recipe.distance_weight * (place.general or 0.0)
        score = None if place.validation is None else place.validation + strayed
        if score is None or place.best is None or score < place.best:
            place.best, place.best_step, place.worse = score, place.step, 0
            self._best = {name: weight.detach().clone() for name, weight in self._weights.items()}
        else:
            place.worse += 1
        place.curve.append([place.step, place.loss if place.step else None, place.validation, place.general])
        self._emit({
            "event": "validation", "step": place.step, "loss": place.validation, "general": place.general,
            "best": place.best_step == place.step, **figures,
        })  # fmt: skip

    # before, between and after steps

    def _parallel(self) -> Any:
        if self._accelerator.num_processes == 1:
            return self._learner
        wrapped, self._optimizer = self._accelerator.prepare(self._learner, self._optimizer)
        return wrapped

    def _started(self) -> None:
        self._emit({
            "event": "started", "step": self.place.step, "steps": len(self._steps), "epochs": self._recipe.passes,
            "rows": len(self._task.sizes), "tokens": sum(self._task.sizes), "objective": self._recipe.objective,
            "replay": len(self._general.sizes) if self._recipe.replay else 0,
            "trainable": sum(weight.numel() for weight in self._weights.values()),
            "parameters": self._prepared.model.num_parameters(),
        })  # fmt: skip

    def _save(self) -> None:
        """A checkpoint of this very moment, and of the best weights if they are not these."""
        if not self._accelerator.is_main_process:
            return
        weights: dict[str, Tensor] = {f"now.{name}": weight for name, weight in self._weights.items()}
        if self.place.best_step != self.place.step:
            weights |= {f"best.{name}": weight for name, weight in self._best.items()}
        checkpoints.save(self._folder, self.place.step, Checkpoint(weights, self._moments(), asdict(self.place)))
        checkpoints.prune(self._folder)
        self._emit({"event": "checkpoint", "step": self.place.step})

    def _moments(self) -> dict[str, Tensor]:
        state = self._optimizer.state
        return {
            f"{name}/{key}": value
            for name, weight in self._weights.items()
            for key, value in state.get(weight, {}).items()
        }

    def _resume(self) -> None:
        """Go on from the newest whole checkpoint, if there is one."""
        found = checkpoints.newest(self._folder)
        if found is None:
            return
        self.place = Place(**found.place)
        for name, weight in self._weights.items():
            weight.data.copy_(found.weights[f"now.{name}"])
            self._best[name] = found.weights.get(f"best.{name}", found.weights[f"now.{name}"]).to(weight.device)
            self._optimizer.state[weight] = {
                key: found.moments[f"{name}/{key}"].to("cpu" if key == "step" else weight.device)
                for key in ("step", "exp_avg", "exp_avg_sq")
                if f"{name}/{key}" in found.moments
            }

    def _restore_best(self) -> None:
        if self.place.best is None:
            return
        for name, weight in self._weights.items():
            weight.data.copy_(self._best[name])
