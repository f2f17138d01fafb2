"""The training run in the background: one at a time, seen from every screen, paused when the app closes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import TYPE_CHECKING, Any

from adapters.versions.registered import Adapter
from assistant.errors import TrainingError
from assistant.tui.training_watch import Watch, watched

if TYPE_CHECKING:
    from adapters.training.runs import RunSummary, Wish
    from assistant.bootstrap import Core
    from assistant.learning import LearnRequest
    from assistant.training import TrainRequest

Events = AsyncGenerator[dict[str, Any], None]
CLOSING_SECONDS = 20.0  # how long a closing app waits for the checkpoint


class TrainingJob:
    """Trains or proves, and remembers what it saw."""

    def __init__(self, core: Core, ended: Callable[[Watch], None], failed: Callable[[Exception], None]) -> None:
        """`ended` is called on the event loop when a run ends, `failed` where it met an error without an event."""
        self._core = core
        self._ended, self._failed = ended, failed
        self._task: asyncio.Task[None] | None = None
        self._asked = ""  # pause or cancel, until it is done
        self.watch: Watch | None = None

    @property
    def running(self) -> bool:
        """Whether something is being trained or proven."""
        return self._task is not None and not self._task.done()

    @property
    def line(self) -> str:
        """Where it is, for the status line; "" when nothing runs."""
        if not self.running or self.watch is None:
            return ""
        return f"{self.watch.line}{f' · {self._asked}' if self._asked else ''}"

    def train(self, request: TrainRequest) -> None:
        """Begin a run.

        Raises:
            TrainingError: another one is under way.
        """
        self._begin(Watch(request.name), lambda watch: self._follow(self._core.training.train(request), watch))

    def learn(self, request: LearnRequest) -> None:
        """Learn from the scores, from wherever that stands.

        Raises:
            TrainingError: another run is under way.
        """
        self._begin(Watch(request.name), lambda watch: self._follow(self._core.learning.learn(request), watch))

    def resume(self, run: RunSummary) -> None:
        """Go on with a run from its newest checkpoint.

        Raises:
            TrainingError: another one is under way.
        """
        watch = watched(run.folder, run.name, "running")
        watch.doing, watch.problem = "preparing", ""
        self._begin(watch, lambda watch: self._follow(self._core.training.resume(run.id), watch))

    def prove(self, adapter: Adapter) -> None:
        """Compare an adapter with its base again.

        Raises:
            TrainingError: another one is under way.
        """
        watch = Watch(adapter.name, state="proving", adapter=adapter.label)
        self._begin(watch, lambda watch: self._prove(adapter, watch))

    async def stop(self, wish: Wish) -> None:
        """Pause, cancel or finish now; a proof is given up in all cases."""
        if not self.running or self.watch is None or self._task is None:
            return
        self._asked = {"pause": "pausing…", "cancel": "cancelling…", "finish": "finishing…"}[wish]
        self.watch.changes += 1
        if self.watch.state != "proving" and self.watch.run_id:
            with contextlib.suppress(TrainingError):  # it has no process now: between training and proof
                await self._core.training.stop(self.watch.run_id, wish)
                return
        self._task.cancel()

    async def close(self) -> str:
        """At the end of the app: pause, wait for the checkpoint. What to tell (for keys.with_keys), "" for nothing."""
        if not self.running or self._task is None or self.watch is None:
            return ""
        watch, proving = self.watch, self.watch.state == "proving"
        await self.stop("pause")
        await asyncio.wait({self._task}, timeout=CLOSING_SECONDS)
        if not self._task.done():
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=CLOSING_SECONDS)
        if proving:
            return (
                f"The proof of {watch.adapter} was given up. Begin it again in the list of adapters ({{app.adapters}})."
            )
        return ended_line(watch)

    def _begin(self, watch: Watch, work: Callable[[Watch], Coroutine[Any, Any, None]]) -> None:
        if self.running and self.watch is not None:
            raise TrainingError(f"{self.watch.line} is under way.", "Wait for its end, or pause it.")
        self.watch, self._asked = watch, ""
        self._task = asyncio.create_task(self._run(watch, work(watch)))

    async def _run(self, watch: Watch, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except asyncio.CancelledError:
            watch.state = watch.doing = "paused" if watch.run_id else "cancelled"
            raise
        except Exception as error:  # a defect in the background must be told, and must not end the app
            watch.state = watch.doing = "failed"
            watch.problem = str(error)
            self._failed(error)
        else:
            self._ended(watch)
        finally:
            self._asked = ""
            watch.changes += 1

    async def _follow(self, events: Events, watch: Watch) -> None:
        async with contextlib.aclosing(events):
            async for event in events:
                watch.observe(event)

    async def _prove(self, adapter: Adapter, watch: Watch) -> None:
        from assistant.proving import prove
        from assistant.questioning import Progress

        def progress(told: Progress) -> None:
            watch.observe({"event": "proving", "phase": told.phase, "done": told.done, "total": told.total})

        evaluation = await prove(self._core, adapter, progress)
        watch.observe({"event": "verdict", "evaluation": evaluation.as_json()})


def ended_line(watch: Watch) -> str:
    """What a run came to, in a sentence for keys.with_keys."""
    if watch.state == "failed":
        return f"Training {watch.name} failed. {watch.problem}"
    if watch.state in ("paused", "cancelled") or not (watch.result or watch.adapter):
        state = watch.state if watch.state in ("paused", "cancelled") else "interrupted"
        where = f" at step {watch.step:,} of {watch.steps:,}" if watch.steps else ""
        return f"Training {watch.name} is {state}{where}. {{train.start}} on the screen Train ({{app.train}}) goes on."
    verdict = watch.evaluation.get("verdict") or {}
    label = watch.adapter or watch.name
    if watch.judged.get("promotable"):
        return f"{label} is proven. /learn, or l on the scores ({{app.scores}}), puts it on."
    if watch.judged:
        return f"{label} is {watch.judged.get('decision', 'judged')}: what is on stays on. {watch.judged['reason']}"
    if verdict:
        return (
            f"{label} is {verdict.get('decision', 'judged')}. Its figures: {{app.train}}, page 3, or {{app.adapters}}."
        )
    return f"{label} is trained."


def unfinished_line(runs: list[RunSummary]) -> str:
    """At the start: which runs wait to be resumed, for keys.with_keys; "" for none."""
    waiting = [run for run in runs if run.state in ("paused", "interrupted")]
    if not waiting:
        return ""
    names = ", ".join(dict.fromkeys(run.name for run in waiting[:3]))
    more = f" and {len(waiting) - 3} more" if len(waiting) > 3 else ""
    where = "Page 4 of Train ({app.train}) lists the runs; {train.start} goes on."
    return f"Training is not finished: {names}{more}. {where}"
