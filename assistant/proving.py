"""Is an adapter better than its base, and did it forget? Asks both the same questions, and keeps the verdict.

A process of its own holds the model, so the chat goes on. Held-out rows are asked as the chat would ask
them, greedily and without documents; then the general probe; each expected answer is scored too. What the
base says to the probe is remembered, so the next adapter costs half of it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.files.parity import ParityReport
from adapters.mix import Share
from adapters.proof import probe
from adapters.proof.answer_metrics import copied
from adapters.proof.evaluation import TOLERANCE, Answered, Evaluation, Probed, Verdict, evaluate
from adapters.proof.taste import followed
from adapters.rows import Row
from adapters.versions.finished_run import ROWS
from adapters.versions.registered import Adapter, State, now
from assistant.errors import AdapterError, AssistantError
from assistant.held_out import drawn, read_object, read_rows
from assistant.model import Model
from assistant.parity_check import check_parity
from assistant.questioning import CONTEXT, Phase, Progress, Question, Questioning, Said

if TYPE_CHECKING:
    from assistant.bootstrap import Core

PARITY = "parity.json"
UNTOUCHED = "No step of its training made held-out rows better, so what was kept is the base itself."


async def prove(
    core: Core,
    adapter: Adapter,
    progress: Callable[[Progress], None] | None = None,
    *,
    rows: Path | None = None,
    tolerance: float = TOLERANCE,
) -> Evaluation:
    """Compare an adapter with its base and store verdict and figures in the registry.

    `rows` is another dataset's rows.jsonl, for adapters that came without held-out rows. Cancelling the task
    ends the trial and changes nothing.

    Raises:
        AdapterError, AdapterFitError: a loose file, a soft prompt, or files that have changed.
        NotFoundError: there are no rows to ask.
        ModelError, WorkerError: the model cannot be run a second time.
        TrainingError: the reference that its training left is damaged.
    """
    if not adapter.id:
        raise AdapterError(
            f"{adapter.name} is a loose file, of which nothing is known.",
            f"Register it first: assistant adapters import {adapter.path}",
        )
    if adapter.facts is not None and adapter.facts.kind == "prompt":
        raise AdapterError(f"{adapter.label} is a soft prompt, which llama.cpp cannot run.", "Train a LoRA instead.")
    all_rows = await asyncio.to_thread(read_rows, rows or adapter.folder / ROWS)
    longest = (adapter.facts.recipe.get("max_tokens") if adapter.facts else None) or 0
    model = core.trial_model(max(CONTEXT, int(longest) + CONTEXT // 2))
    try:
        return await _Proof(core, model, adapter, progress or _unheard, all_rows, tolerance).run()
    finally:
        await model.stop()


class _Proof:
    """One comparison under way."""

    def __init__(
        self,
        core: Core,
        model: Model,
        adapter: Adapter,
        progress: Callable[[Progress], None],
        rows: Sequence[Row],
        tolerance: float,
    ) -> None:
        self._core, self._model, self._adapter = core, model, adapter
        self._progress = progress
        self._rows = drawn([row for row in rows if row.split == "test" and row.turns and row.answer.strip()])
        self._learned = [row.answer for row in rows if row.split == "train" and row.turns]
        self._tolerance = tolerance
        self._questioning = Questioning(core, model)
        self._begun = time.monotonic()
        self._done = self._total = 0

    async def run(self) -> Evaluation:
        """All of it, in the order that needs one swap."""
        self._tell("loading")
        base_info = await self._model.ready()
        base_sha256 = await self._core.bases.sha256(Path(base_info.path))
        items = probe.load()
        task, general = await self._questioning.of_rows(self._rows), self._questioning.of_probe(items)
        known = await self._core.bases.probe_answers(base_sha256, probe.sha256(), self._questioning.asked)
        new = [question for question in general if question.id not in known]
        self._total = len(task) + len(new)
        task_inside, general_inside = await self._inside(task), await self._inside(general)
        self._total += len(task_inside) + len(general_inside)
        base = await self._said("base", task)
        known |= {name: said.text for name, said in (await self._said("base", new)).items()}
        await self._core.bases.keep_probe_answers(base_sha256, probe.sha256(), self._questioning.asked, known)
        parity = None if self._untouched else await self._put_on()
        changed = base | await self._said("adapter", task_inside)
        answers = known | {name: said.text for name, said in (await self._said("adapter", general_inside)).items()}
        self._tell("judging")
        answered = self._answered(task, base, changed)
        probed = await asyncio.to_thread(_probed, items, known, answers, self._learned)
        preferred = [] if self._untouched else await preferred_answers(self._core, answered)
        evaluation = await asyncio.to_thread(
            evaluate, answered, probed, preferred=preferred, tolerance=self._tolerance, adapter=self._adapter.label,
            base=base_info.name, dataset=self._adapter.facts.dataset if self._adapter.facts else "",
            parity={**parity.as_json(), "text": parity.text} if parity else {},
            inside={} if self._untouched else {
                "rows": [len(task_inside), len(task)], "probe": [len(general_inside), len(general)]
            },
            seconds=round(time.monotonic() - self._begun, 1), created=now(),
        )  # fmt: skip
        return await self._store(self._usable(evaluation, parity))

    async def _inside(self, questions: Sequence[Question]) -> list[Question]:
        """Those that the adapter is for, as the chat would ask them; to the others the base answers in any case."""
        if self._untouched:
            return []
        near = await self._core.scopes.near(self._adapter, [question.messages[-1].content for question in questions])
        return [
            question.in_words(wording) for question, wording in zip(questions, near, strict=True) if wording is not None
        ]

    async def _said(self, phase: Phase, questions: Sequence[Question]) -> dict[str, Said]:
        """Answers by question, and how far that is."""
        before = self._done
        self._tell(phase)

        def done(count: int) -> None:
            self._done = before + count
            self._tell(phase)

        return await self._questioning.said(questions, done)

    @property
    def _untouched(self) -> bool:
        """Whether no step of its training was better than none, so that what was kept is the base."""
        facts = self._adapter.facts
        return facts is not None and facts.origin == "trained" and facts.training.get("best_step") == 0

    async def _put_on(self) -> ParityReport | None:
        """Put it on; returns how far its file computes what was trained."""
        if self._adapter.facts is not None and self._adapter.facts.kind == "model":
            await self._core.registry.verify(self._adapter)
            await self._model.load(str(self._adapter.path))
        else:
            await self._model.use_adapters([Share(self._adapter.label)])
        return await self._parity()

    async def _parity(self) -> ParityReport | None:
        """How far the GGUF file computes what was trained; None where there is nothing to compare."""
        path = self._adapter.folder / PARITY
        if self._adapter.facts is None or self._adapter.facts.kind != "lora" or not path.is_file():
            return None
        reference = await asyncio.to_thread(read_object, path)
        if not reference.get("prompts"):
            return None
        self._tell("parity")
        return await check_parity(self._model, [Share(self._adapter.label)], reference)

    def _answered(
        self, questions: Sequence[Question], base: dict[str, Said], adapter: dict[str, Said]
    ) -> list[Answered]:
        return [
            Answered(
                row.question, row.answer, base[question.id].text, adapter[question.id].text, row.origin.group,
                base[question.id].loss, adapter[question.id].loss, base[question.id].gap, adapter[question.id].gap,
                row.desirable,
            )
            for row, question in zip(self._rows, questions, strict=True)
            if question.id in base and question.id in adapter
        ]  # fmt: skip

    def _usable(self, evaluation: Evaluation, parity: ParityReport | None) -> Evaluation:
        """The evaluation, proven only if the file does what was trained (an imported one is its own original)."""
        facts = self._adapter.facts
        if self._untouched:
            return replace(evaluation, verdict=Verdict("rejected", UNTOUCHED))
        if evaluation.verdict.decision != "proven" or facts is None or facts.kind != "lora":
            return evaluation
        reason = ""
        if parity is not None and not parity.agreed:
            reason = f"Its GGUF file does not compute what was trained: {parity.text}"
        elif parity is None and facts.origin == "trained":
            reason = "It is not known whether its GGUF file computes what was trained: the run left no parity.json."
        return replace(evaluation, verdict=Verdict("undecided", reason)) if reason else evaluation

    async def _store(self, evaluation: Evaluation) -> Evaluation:
        states: dict[str, State] = {"proven": "proven", "rejected": "rejected", "undecided": "trained"}
        verdict = evaluation.verdict
        await self._core.registry.add_evaluation(
            self._adapter, evaluation.as_json(), evaluation.scores, states[verdict.decision], verdict.reason
        )
        return evaluation

    def _tell(self, phase: Phase) -> None:
        spent = time.monotonic() - self._begun
        left = spent / self._done * (self._total - self._done) if self._done else 0.0
        self._progress(Progress(phase, self._done, self._total, round(left, 1)))


async def preferred_answers(core: Core, answered: Sequence[Answered]) -> list[float]:
    """Of held-out pairs, whether the user's reward model prefers the adapter's own answer (1) to the base's (0).

    Nothing where no pairs were asked, or there is no reward model that is better than chance and than length.
    """
    if not any(row.base_gap is not None and row.desirable is None for row in answered):
        return []
    try:
        if (await core.reward.head()).report.refusal:
            return []
        both = [await core.reward.values(row.question, [row.base, row.adapter]) for row in answered]
    except AssistantError:  # what it says stands beside the verdict: it is made without
        return []
    return [followed(adapter - base) for base, adapter in both]


def _probed(
    items: Sequence[probe.Item], base: dict[str, str], adapter: dict[str, str], learned: Sequence[str]
) -> list[Probed]:
    asked = [item for item in items if item.id in base and item.id in adapter]
    copies = [copied([answers[item.id] for item in asked], learned) for answers in (base, adapter)]
    return [
        Probed(
            item.id, item.category, item.prompt, base[item.id], adapter[item.id],
            probe.grade(item, base[item.id]), probe.grade(item, adapter[item.id]), before, after,
        )
        for item, before, after in zip(asked, *copies, strict=True)
    ]  # fmt: skip


def _unheard(progress: Progress) -> None:
    pass
