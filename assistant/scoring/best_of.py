"""Several answers to one question, of which the best goes on: ranked by the reward model or by an adapter's own reward.

An adapter that was trained on preferences has a reward of its own: how much likelier it makes an answer than its base
does (Rafailov et al. 2023, arXiv 2305.18290). How often that was right about held-out pairs stands in its proof.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from adapters.proof.taste import TASTE
from adapters.versions.registered import Adapter
from assistant.backends.base import ChatMessage
from assistant.chat_rows import ChosenAnswer, answer_row
from assistant.conversation import Message, Sampling
from assistant.errors import ContextOverflowError, UsageError
from assistant.events import Event
from assistant.scoring.comparing import finished
from assistant.scoring.reward import Progress

if TYPE_CHECKING:
    from assistant.bootstrap import Core

REWARD = "reward"
MOST = 8
WARM = 0.8  # temperature of the further answers at least: colder ones are all the same
CONTEXT = 4096


@dataclass(frozen=True, slots=True)
class Ranker:
    """What can choose between answers: `reward` for the reward model, else an adapter by its exact name.

    `right` of its held-out cases, with the 95 % interval; `refusal` says why it may not choose, "" where it may.
    """

    name: str
    right: float
    low: float
    high: float
    count: int
    refusal: str = ""

    @property
    def told(self) -> str:
        """What it is, and how good."""
        what = "the reward model" if self.name == REWARD else f"the reward of {self.name}"
        return (
            f"{what}, right about {100 * self.right:.0f} % of {self.count:,} held-out cases "
            f"(95 % interval {100 * self.low:.0f} to {100 * self.high:.0f})"
        )

    @property
    def line(self) -> str:
        """How good it is, and why it may not choose where it may not."""
        if not self.high:  # nothing was learned
            return f"not to choose: {self.refusal}"
        interval = f"95 % interval {100 * self.low:.0f} to {100 * self.high:.0f}"
        told = f"right about {100 * self.right:.0f} % of {self.count:,} held-out cases ({interval})"
        return f"{told}; not to choose: {self.refusal}" if self.refusal else f"{told}; it may choose"

    def as_json(self) -> dict[str, Any]:
        """All of it, and whether it may choose."""
        return {**asdict(self), "useful": not self.refusal}


async def rankers(core: Core, progress: Progress = lambda done, total: None) -> list[Ranker]:
    """All of them: those that may choose first, the surest of them at the top. Raises as Reward.head."""
    report = (await core.reward.head(progress)).report
    bounds = (0.0, 0.0, 0.0) if report.missing else (report.right, report.low, report.high)
    found = [Ranker(REWARD, *bounds, report.count, report.refusal)]
    for adapter in await core.registry.all():
        found += await _of_adapter(core, adapter)
    return sorted(found, key=lambda each: (bool(each.refusal), -each.low))


async def ranker(core: Core, name: str = "", progress: Progress = lambda done, total: None) -> Ranker:
    """The one of that name, "" the surest of all.

    Raises:
        UsageError: there is none, or it may not choose; the hint says why. As `rankers`.
    """
    known = await rankers(core, progress)
    found = next((each for each in known if name in ("", each.name)), None)
    if found is None:
        raise UsageError(
            f"Nothing called {name} can choose between answers.", f"Known: {', '.join(each.name for each in known)}."
        )
    if found.refusal:
        what = "The reward model" if found.name == REWARD else found.name
        raise UsageError(f"{what} may not choose between answers: {found.refusal}.", "Compare more answers (Alt+V).")
    return found


async def rewards(core: Core, chosen: Ranker, answers: Sequence[Message]) -> list[float]:
    """The reward of each answer to their common question, the higher the better.

    Raises:
        WorkerError, LibraryError, ModelError, AdapterError: a child died, or a model cannot be run a second time.
    """
    if chosen.name == REWARD:
        question = await core.conversations.message(answers[0].parent_id or 0)
        return await core.reward.values(question.text, [answer.text for answer in answers])
    model = core.trial_model(CONTEXT)
    try:
        base = [await _log_probability(core, model, answer) for answer in answers]
        await model.use_adapter(chosen.name)
        after = [await _log_probability(core, model, answer) for answer in answers]
        return [gained - before for gained, before in zip(after, base, strict=True)]
    finally:
        await model.stop()


async def best_of(
    core: Core, chosen: Ranker, first: AsyncIterator[Event], count: int, *, use_documents: bool = True
) -> Message:
    """The best of so many answers: that of the turn `first`, and others to the same question.

    Raises:
        AssistantError: an answer failed. As `rewards`.
    """
    answers = [await finished(first)]
    for place in range(1, checked_count(count)):
        sampling = warmed(core.engine.sampling, place)
        answers.append(
            await finished(core.engine.regenerate(answers[0].id, sampling=sampling, use_documents=use_documents))
        )
    return await settle_best(core, chosen, answers)


async def settle_best(core: Core, chosen: Ranker, answers: Sequence[Message]) -> Message:
    """Let the chat of several answers to one question go on from the best, under which it is told how it was chosen."""
    found = await rewards(core, chosen, answers)
    best = answers[max(range(len(found)), key=lambda place: found[place])]
    told = f"The best of {len(answers)} answers by {chosen.told}; the others are its siblings."
    await core.conversations.add_notice(best.id, told)
    await core.conversations.go_on_from(best)
    return replace(best, notices=(*best.notices, told))


def warmed(sampling: Sampling, place: int) -> Sampling:
    """How the answer at a place from 1 is sampled: differently from the others, and warm enough to differ."""
    seed = None if sampling.seed is None else sampling.seed + place
    return replace(sampling, temperature=max(sampling.temperature, WARM), seed=seed)


def checked_count(count: int) -> int:
    """A number of answers to choose from.

    Raises:
        UsageError: it is none.
    """
    if not 2 <= count <= MOST:
        raise UsageError(f"{count} answers cannot be chosen from.", f"Take 2 to {MOST}.")
    return count


async def _of_adapter(core: Core, adapter: Adapter) -> list[Ranker]:
    """An adapter that was proven on pairs or ratings, on the model that chats."""
    if adapter.state != "proven":
        return []
    for report in (await core.registry.evaluations(adapter))[:1]:
        for figure in report["figures"]:
            if figure["name"] in TASTE:
                low, high = (0.5 + figure[edge] for edge in ("low", "high"))
                refusal = "" if low > 0.5 else "no better than chance"
                return [Ranker(adapter.label, figure["adapter"], low, high, figure["count"], refusal)]
    return []


async def _log_probability(core: Core, model: Any, answer: Message) -> float:
    row = await answer_row(core, ChosenAnswer(answer.id))
    system = [ChatMessage("system", answer.system)] if answer.system else []
    before = [*system, *(ChatMessage(turn.role, turn.content) for turn in row.turns[:-1])]
    try:
        return float((await model.score(before, row.turns[-1].content)).log_probability)
    except ContextOverflowError as error:
        raise UsageError("The answers are too long to be ranked by an adapter.", "Take the reward model.") from error
