"""The closed loop: new scores become a dataset, an adapter, a verdict, and after a yes what answers from then on.

`Learning.learn` is one stream of events, and can be cut at any point: begun again it goes on where it was. To the
events of a training (see assistant.training) come: learning {step, new, last, way, why}, compared {adapter, current,
decision, reason, evaluation}, set {name, run, worse, line}, and as the last one judged {adapter, decision, reason,
current, mix, promotable}. Nothing is put on by it: that is `promote`, which refuses what is not proven.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from adapters.data.building import Options
from adapters.data.splitting_rows import Shares
from adapters.mix import mix_text
from adapters.proof.evaluation import MIN_ROWS, Evaluation
from adapters.training.recipe import Recipe
from adapters.versions.registered import Adapter
from assistant.curation import DatasetRequest, build_dataset
from assistant.errors import AdapterError, DatasetError, TrainingError
from assistant.questioning import Progress, followed
from assistant.scoring.feedback import HELD_OUT, Feedback, Way, feedback
from assistant.set_trial import SetOutcome, on_sets, require_sets
from assistant.succession import compare_with_current, successor
from assistant.training import TrainRequest, translated

if TYPE_CHECKING:
    from assistant.bootstrap import Core

NAME = "from-scores"  # of the adapter and of its dataset
UNFINISHED = ("paused", "interrupted", "failed")
Step = Literal["begin", "resume", "judge"]
Events = AsyncGenerator[dict[str, Any], None]


@dataclass(frozen=True, slots=True)
class LearnRequest:
    """What to learn from the scores. `way` None chooses; `again` learns also where nothing is new."""

    name: str = NAME
    way: Way | None = None
    recipe: Recipe = field(default_factory=Recipe)
    again: bool = False


@dataclass(frozen=True, slots=True)
class NextStep:
    """What `learn` would do now: begin, go on with a run, or judge an adapter that is proven and was never on."""

    step: Step
    feedback: Feedback
    way: Way | None = None
    run: str = ""
    adapter: Adapter | None = None

    @property
    def why(self) -> str:
        """In a sentence."""
        if self.step == "begin" and self.way is not None:
            return self.feedback.why(self.way)
        if self.step == "resume":
            return f"The run {self.run} is not finished: it goes on."
        label = self.adapter.label if self.adapter else ""
        return f"{label} is proven and was never on: it is held against what is on."

    def as_json(self) -> dict[str, Any]:
        """As the event `learning`."""
        return {
            "event": "learning", "step": self.step, "new": self.feedback.new, "last": self.feedback.last,
            "way": self.way, "why": self.why, "run": self.run, "adapter": self.adapter.label if self.adapter else "",
        }  # fmt: skip


class Learning:
    """Learns from the scores of one home."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def feedback(self) -> Feedback:
        """What the scores hold, and how many are new."""
        return await feedback(self._core)

    async def next(self, request: LearnRequest) -> NextStep:
        """What is to be done now; nothing is written.

        Raises:
            TrainingError: a run of that name is under way, nothing is new, or there are too few scores (the message
                says how many more are needed).
        """
        found = await self.feedback()
        known = [each for each in await self._core.registry.all() if each.name == request.name and each.id]
        runs = [run for run in await self._core.training.runs() if run.name == request.name]
        if runs and (pending := await self._pending(runs[0].id, runs[0].state, known)):
            return NextStep("resume", found, run=pending)
        if known and not found.new and not request.again and await self._never_on(known[0]):
            return NextStep("judge", found, adapter=known[0])
        return NextStep("begin", found, _chosen_way(found, request))

    async def learn(self, request: LearnRequest) -> Events:
        """Go on from wherever it stands to a verdict, as events. Leaving the loop pauses the run.

        Raises:
            AssistantError: as `next`, or as Training.train.
        """
        step = await self.next(request)
        await require_sets(self._core)
        yield step.as_json()
        adapter = step.adapter
        if adapter is None:
            last: dict[str, Any] = {}
            async with contextlib.aclosing(self._trained(step, request)) as events:
                async for last in events:
                    yield last
            if last["event"] != "verdict":
                return
            adapter = await self._core.registry.get(last["adapter"])
            if last["decision"] != "proven":
                yield await self._judged(adapter, last["decision"], last["reason"])
                return
        async with contextlib.aclosing(self._held_against_current(adapter)) as events:
            async for event in events:
                yield event

    async def promote(self, label: str, current: str) -> str:
        """Put a proven adapter on beside what is on, in place of its other versions; returns the mix.

        `current` is the mix that it was held against. `AdapterUse.rollback` takes it off again.

        Raises:
            AdapterError: it is not proven, something else is on meanwhile, or the model refuses it.
        """
        adapter = await self._core.registry.get(label)
        if adapter.state != "proven":
            raise AdapterError(f"{adapter.label} is not proven.", f"assistant adapters prove {adapter.label}")
        if mix_text(await self._core.adapters.mix()) != current:
            raise AdapterError("Other adapters are on than those it was held against.", "Learn again: assistant learn")
        return await self._core.adapters.activate(mix_text(await successor(self._core, adapter)), force=True)

    async def _trained(self, step: NextStep, request: LearnRequest) -> Events:
        """The training, from the dataset to the verdict beside the base."""
        training = self._core.training
        if step.step == "resume":
            events = training.resume(step.run)
        else:
            assert step.way is not None
            await self._dataset(request.name, step.way)
            events = training.train(TrainRequest(request.name, request.name, request.recipe))
        async with contextlib.aclosing(events):
            async for event in events:
                yield event

    async def _dataset(self, name: str, way: Way) -> None:
        """All scores as rows of that way, each with the chat, message and judgement it comes from."""
        options = Options(shares=Shares(test=HELD_OUT))
        wanted = DatasetRequest(
            name, scores=way == "answers", pairs=way == "pairs", ratings=way == "ratings", options=options
        )
        with translated():
            built = await build_dataset(self._core, wanted)
        if (held := built.card.rows.get("test", 0)) < MIN_ROWS:
            raise DatasetError(
                f"Of these scores {held} could be held out, and {MIN_ROWS} are needed to prove anything.",
                "Score answers to more different questions.",
            )

    async def _held_against_current(self, adapter: Adapter) -> Events:
        """What would be on beside what is."""
        found: Evaluation | None = None
        async with contextlib.aclosing(followed(lambda tell: compare_with_current(self._core, adapter, tell))) as told:
            async for each in told:
                if isinstance(each, Progress):
                    yield {"event": "proving", "adapter": adapter.label, **asdict(each)}
                else:
                    found = each
        if found is not None:
            yield {
                "event": "compared", "adapter": adapter.label, "current": found.base, "reason": found.verdict.reason,
                "decision": found.verdict.decision, "evaluation": found.as_json(),
            }  # fmt: skip
        decision, reason = (
            ("proven", adapter.reason) if found is None else (found.verdict.decision, found.verdict.reason)
        )
        if decision == "proven":
            async with contextlib.aclosing(self._held_on_sets(adapter)) as events:
                async for event in events:
                    yield event
                    if event.get("worse"):
                        decision, reason = "rejected", f"It is worse on an evaluation set. {event['line']}"
            if decision == "rejected":
                await self._core.registry.set_state(adapter, "rejected", reason)
        yield await self._judged(adapter, decision, reason)

    async def _held_on_sets(self, adapter: Adapter) -> Events:
        """The user's evaluation sets, asked of what is on and of what would be."""
        current = mix_text(await self._core.adapters.mix())
        candidate, names = mix_text(await successor(self._core, adapter)), self._core.config.scoring.sets
        async with contextlib.aclosing(on_sets(self._core, names, current, candidate)) as told:
            async for each in told:
                if isinstance(each, SetOutcome):
                    yield {"event": "set", "name": each.name, "run": each.run, "worse": each.worse, "line": each.line}
                else:
                    yield {
                        "event": "proving", "adapter": adapter.label, "phase": "sets", "done": each.done,
                        "total": each.total, "seconds_left": each.seconds_left,
                    }  # fmt: skip

    async def _judged(self, adapter: Adapter, decision: str, reason: str) -> dict[str, Any]:
        lora = adapter.facts is not None and adapter.facts.kind == "lora"
        return {
            "event": "judged", "adapter": adapter.label, "decision": decision, "reason": reason,
            "current": mix_text(await self._core.adapters.mix()), "mix": mix_text(await successor(self._core, adapter)),
            "promotable": decision == "proven" and lora,
        }  # fmt: skip

    async def _pending(self, run: str, state: str, known: list[Adapter]) -> str:
        """The newest run, if something of it is still to be done."""
        if state == "running":
            raise TrainingError(f"The run {run} is under way.", "Wait for its end, or pause it.")
        if state != "finished":
            return run if state in UNFINISHED else ""
        made = next((each for each in known if each.facts and each.facts.run == run), None)
        if made is None:  # removed on purpose, unless the run still has all that registering takes away
            return run if (self._core.training.runs_folder / run / "checkpoints").is_dir() else ""
        return run if made.state == "trained" and not await self._core.registry.evaluations(made) else ""

    async def _never_on(self, adapter: Adapter) -> bool:
        """Whether an adapter is proven and was never put on: who rolled it back has decided."""
        was_on = {part for parts in await self._core.registry.log.history() for part, _ in parts}
        return adapter.state == "proven" and adapter.id not in was_on


def _chosen_way(found: Feedback, request: LearnRequest) -> Way:
    """How to learn.

    Raises:
        TrainingError: nothing is new, or there is too little for it.
    """
    way = request.way or found.way
    if way is None:
        raise TrainingError(f"{found.heading}: too few to learn from.", found.too_few)
    if missing := found.missing(way):
        raise TrainingError(f"To learn {way}, {missing:,} more are needed.", found.too_few)
    if not found.new and not request.again:
        raise TrainingError(f"Nothing was scored since {found.last}.", "Score more, or learn the same --again.")
    return way
