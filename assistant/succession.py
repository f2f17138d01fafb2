"""Which mix would be on with a new adapter, and is it at least as good as the one that is? Asked of a second model."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.errors import AdapterFitError
from adapters.mix import Share, mix_text
from adapters.proof import probe
from adapters.proof.evaluation import TOLERANCE, Answered, Evaluation, Probed
from adapters.proof.succession import succeed
from adapters.rows import Row
from adapters.versions.finished_run import ROWS
from adapters.versions.registered import Adapter, State, now
from assistant.errors import NotFoundError
from assistant.held_out import drawn, read_rows
from assistant.model import Model
from assistant.questioning import CONTEXT, Phase, Progress, Question, Questioning, Said

if TYPE_CHECKING:
    from assistant.bootstrap import Core

STATES: dict[str, State] = {"proven": "proven", "rejected": "rejected", "undecided": "proven"}


async def successor(core: Core, adapter: Adapter) -> tuple[Share, ...]:
    """What would be on: what is, with the adapter in place of its other versions, or beside the rest."""
    kept = []
    for share in await core.adapters.mix():
        if (await core.registry.get(share.name)).name != adapter.name:
            kept.append(share)
    return (*kept, Share(adapter.label))


async def compare_with_current(core: Core, adapter: Adapter, progress: Callable[[Progress], None]) -> Evaluation | None:
    """Hold what would be on against what is, and store figures and verdict with the adapter, which was proven against
    the base before; None where the base alone is on, so that there is nothing more to ask.

    Cancelling the task ends the trial and changes nothing.

    Raises:
        AdapterFitError: an adapter's file is missing or has changed; NotFoundError: there are no rows to ask;
        ModelError, WorkerError: the model cannot be run a second time.
    """
    current = await core.adapters.mix()
    if not current or adapter.label in {share.name for share in current}:
        return None
    rows = await _new_to_both(core, adapter, current)
    longest = (adapter.facts.recipe.get("max_tokens") if adapter.facts else None) or 0
    model = core.trial_model(max(CONTEXT, int(longest) + CONTEXT // 2))
    try:
        comparison = _Comparison(core, model, rows, progress)
        found = await comparison.run(current, await successor(core, adapter))
    finally:
        await model.stop()
    found = replace(found, dataset=adapter.facts.dataset if adapter.facts else "")
    verdict = found.verdict
    await core.registry.add_evaluation(
        adapter, found.as_json(), adapter.scores, STATES[verdict.decision], verdict.reason
    )
    return found


async def _new_to_both(core: Core, adapter: Adapter, current: Sequence[Share]) -> list[Row]:
    """The adapter's held-out rows whose questions no adapter of the mix has learned."""
    rows = await asyncio.to_thread(read_rows, adapter.folder / ROWS)
    learned: set[str] = set()
    for share in current:
        known = await core.registry.get(share.name)
        try:
            theirs = await asyncio.to_thread(read_rows, known.folder / ROWS)
        except (NotFoundError, AdapterFitError):  # it came without its rows: then it learned none of ours
            continue
        learned |= {row.question for row in theirs if row.split != "test"}
    return drawn([r for r in rows if r.split == "test" and r.turns and r.answer.strip() and r.question not in learned])


@dataclass(frozen=True, slots=True)
class _Arm:
    """What a mix said to held-out rows and to the general probe."""

    rows: dict[str, Said]
    probe: dict[str, str]


class _Comparison:
    """One comparison under way."""

    def __init__(self, core: Core, model: Model, rows: Sequence[Row], progress: Callable[[Progress], None]) -> None:
        self._core, self._model, self._rows, self._progress = core, model, rows, progress
        self._questioning = Questioning(core, model)
        self._items = probe.load()
        self._begun = time.monotonic()
        self._done = self._total = 0

    async def run(self, current: Sequence[Share], candidate: Sequence[Share]) -> Evaluation:
        """Both mixes through the same questions."""
        self._tell("loading")
        self._sha256 = await self._core.bases.sha256(Path((await self._model.ready()).path))
        task, general = await self._questioning.of_rows(self._rows), self._questioning.of_probe(self._items)
        judged = [question for question in task if question.rejected or question.rated]
        self._total = len(judged) + 2 * (len(task) + len(general))
        base = await self._questioning.gaps(judged, self._counted("base"))
        before = await self._asked(current, "base", task, general)
        after = await self._asked(candidate, "adapter", task, general)
        self._tell("judging")
        rows, kept = self._answered(base, before, after)
        return await asyncio.to_thread(
            succeed, rows, kept, self._probed(before, after), tolerance=TOLERANCE, adapter=mix_text(candidate),
            base=mix_text(current), dataset="", seconds=round(time.monotonic() - self._begun, 1), created=now(),
        )  # fmt: skip

    async def _asked(self, mix: Sequence[Share], phase: Phase, task: list[Question], general: list[Question]) -> _Arm:
        """What a mix says; its answers to the probe are remembered, since an adapter's version never changes."""
        rows = await self._said(mix, phase, task)
        asked = f"{self._questioning.asked} {mix_text(mix)}"
        known = await self._core.bases.probe_answers(self._sha256, probe.sha256(), asked)
        new = [question for question in general if question.id not in known]
        self._done += len(general) - len(new)
        known |= {name: said.text for name, said in (await self._said(mix, phase, new)).items()}
        await self._core.bases.keep_probe_answers(self._sha256, probe.sha256(), asked, known)
        return _Arm(rows, known)

    async def _said(self, mix: Sequence[Share], phase: Phase, questions: Sequence[Question]) -> dict[str, Said]:
        """Answers as the chat would give them: adapters with a scope are on for the questions in it."""
        together: dict[tuple[Share, ...], list[Question]] = {}
        for question in questions:
            chosen = await self._core.scopes.chosen(mix, [question.messages[-1].content])
            together.setdefault(chosen.shares, []).append(question.in_words(chosen.wording))
        found: dict[str, Said] = {}
        for shares, some in together.items():
            await self._model.use_adapters(list(shares))
            found |= await self._questioning.said(some, self._counted(phase))
        return found

    def _answered(
        self, base: dict[str, float | None], before: _Arm, after: _Arm
    ) -> tuple[list[Answered], list[float | None]]:
        """The rows that both answered, with the margins of what is on."""
        found, kept = [], []
        for place, row in enumerate(self._rows):
            name = str(place)
            if name not in before.rows or name not in after.rows:
                continue
            old, new = before.rows[name], after.rows[name]
            answered = Answered(
                row.question, row.answer, old.text, new.text, row.origin.group, old.loss, new.loss, base.get(name),
                new.gap, row.desirable,
            )  # fmt: skip
            found.append(answered)
            kept.append(replace(answered, adapter_gap=old.gap).margin)
        return found, kept

    def _probed(self, before: _Arm, after: _Arm) -> list[Probed]:
        return [
            Probed(
                item.id, item.category, item.prompt, before.probe[item.id], after.probe[item.id],
                probe.grade(item, before.probe[item.id]), probe.grade(item, after.probe[item.id]),
            )
            for item in self._items
            if item.id in before.probe and item.id in after.probe
        ]  # fmt: skip

    def _counted(self, phase: Phase) -> Callable[[int], None]:
        """What hears how many of a list of questions are through."""
        before = self._done

        def done(count: int) -> None:
            self._done = before + count
            self._tell(phase)

        return done

    def _tell(self, phase: Phase) -> None:
        spent = time.monotonic() - self._begun
        left = spent / self._done * (self._total - self._done) if self._done else 0.0
        self._progress(Progress(phase, self._done, self._total, round(left, 1)))
