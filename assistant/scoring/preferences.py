"""Which answer is preferred? Votes and pairs from comparisons, from scored siblings, and from better answers."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from adapters.proof.votes import FEWEST, Standing, Vote
from adapters.rows import Row, Turn
from assistant.chat_rows import ChosenAnswer, answer_row
from assistant.conversation import Message, Sampling
from assistant.scoring.comparison import Comparison
from assistant.scoring.score import Scored

if TYPE_CHECKING:
    from assistant.bootstrap import Core

Source = Literal["edited", "comparison", "scores"]
By = Literal["adapter", "setting", "prompt"]
BAD = 2.0  # points up to which an answer is one to stay away from
SETTINGS = ("top_k", "top_p", "min_p", "repeat_penalty", "max_tokens")  # told where they are not the usual ones


@dataclass(frozen=True, slots=True)
class Ranking:
    """Answers to one question with their ranks, 1 the best; `source` says where the order comes from."""

    question_id: int
    answers: tuple[tuple[int, int, str, str], ...]  # message, rank, text, writer
    source: Source
    all_bad: bool = False

    @property
    def vote(self) -> Vote:
        """As the leaderboard counts it."""
        writers, ranks = tuple(each[3] for each in self.answers), tuple(each[1] for each in self.answers)
        return Vote(str(self.question_id), writers, ranks)


@dataclass(frozen=True, slots=True)
class Pair:
    """An answer to learn and one to stay away from, below the turns that the model saw."""

    message: int  # the rejected answer
    chosen: str
    rejected: str
    source: Source
    chosen_by: str = ""  # model and adapters; "" where the user wrote it
    rejected_by: str = ""


@dataclass(frozen=True, slots=True)
class Board:
    """The leaderboard with what it rests on. `first_picks` of `picks` went to the answer that was shown first."""

    standings: tuple[Standing, ...]
    votes: int
    picks: int = 0
    first_picks: int = 0

    @property
    def says(self) -> str:
        """In words: what the votes are enough for."""
        if len(self.standings) < 2:
            return "No votes between different ones yet."
        few = [each for each in self.standings if each.votes < FEWEST]
        beaten = any(each.better_than for each in self.standings)
        if not beaten:
            return "Not enough votes: no one is better beyond chance."
        told = f" Not enough votes for {', '.join(each.name for each in few)}." if few else ""
        return f"Places differ where the difference is beyond chance (95 %, over all pairs).{told}"


async def rankings(core: Core) -> list[Ranking]:
    """Every order of answers: those that were compared, then siblings that were scored and never compared."""
    compared = await core.comparisons.all()
    done = {answer.message for comparison in compared for answer in comparison.answers}
    scored = [each for each in await core.scores.all() if each.score.overall is not None]
    by_question: dict[int, list[Scored]] = {}
    for each in scored:
        if each.question_id and each.score.message not in done:
            by_question.setdefault(each.question_id, []).append(each)
    found = [_from_comparison(comparison) for comparison in compared]
    return [*found, *(_from_scores(question, group) for question, group in by_question.items() if len(group) > 1)]


def writer(answer: Message, by: By = "adapter") -> str:
    """What a leaderboard calls the one that wrote an answer: model and adapters, with the setting or the prompt."""
    name = " + ".join(filter(None, (answer.model, answer.adapter)))
    if by == "setting" and answer.sampling is not None:
        usual, own = asdict(Sampling()), asdict(answer.sampling)
        changed = [f"{key} {own[key]:g}" for key in SETTINGS if own[key] != usual[key]]
        return ", ".join([f"{name} at temperature {own['temperature']:g}", *changed])
    if by == "prompt" and answer.system:
        return f"{name}, “{answer.system}”"
    return name


async def board(core: Core, by: By = "adapter") -> Board:
    """The leaderboard of models and adapters, or of these with their settings or system prompts.

    Raises:
        WorkerError: the child that counts died.
    """
    all_votes = [await _vote(core, ranking, by) for ranking in await rankings(core)]
    found = [vote for vote in all_votes if len(set(vote.contenders)) > 1]
    votes = [asdict(vote) for vote in found]
    reply = (await core.measuring.call("leaderboard", votes=votes)).data if votes else []
    standings = tuple(Standing(**{**entry, "better_than": tuple(entry["better_than"])}) for entry in reply)
    picked = [(each, each.picked) for each in await core.comparisons.all() if each.picked]
    first = sum(each.answers[0] == best for each, best in picked)
    return Board(standings, len(found), len(picked), first)


async def pairs(core: Core) -> list[Pair]:
    """All pairs, each once: better answers over their originals, then higher over lower ranks."""
    edited = [
        Pair(each.score.message, each.score.better, each.answer, "edited", "", each.writer)
        for each in reversed(await core.scores.all())
        if each.score.better
    ]
    found = [*edited, *(pair for ranking in await rankings(core) for pair in _pairs_of(ranking))]
    return list({(pair.message, pair.chosen): pair for pair in reversed(found)}.values())[::-1]


async def pair_json(core: Core, pair: Pair) -> dict[str, Any]:
    """A pair with its prompt, in the form that preference trainers read: prompt, chosen and rejected as messages."""
    row = await answer_row(core, ChosenAnswer(pair.message))
    system = (await core.conversations.message(pair.message)).system
    above = [{"role": "system", "content": system}] if system else []
    return {
        "prompt": [*above, *(asdict(turn) for turn in row.turns[:-1])],
        "chosen": [{"role": "assistant", "content": pair.chosen}],
        "rejected": [{"role": "assistant", "content": pair.rejected}],
        "source": pair.source,
        "message": pair.message,
        "chosen_by": pair.chosen_by,
        "rejected_by": pair.rejected_by,
    }


async def pair_row(core: Core, pair: Pair) -> Row:
    """A pair as a row to learn from. What stands before it in its chat is read, not learned, so that pairs of one
    chat may be torn apart by a split; those of one question may not.

    Raises:
        NotFoundError, UsageError: its answer or question is gone.
    """
    row = await _as_seen(core, ChosenAnswer(pair.message, pair.chosen))
    origin = replace(row.origin, rating=pair.source, adapter=pair.chosen_by)
    return replace(row, rejected=pair.rejected.strip(), origin=origin)


async def rated_rows(core: Core) -> list[Row]:
    """The answers that were scored well or badly, the oldest first, as rows that say which; none of those between."""
    found = []
    for each in sorted(await core.scores.all(), key=lambda each: each.score.message):
        overall = each.score.overall
        if each.score.well or (overall is not None and overall <= BAD):
            row = await _as_seen(core, ChosenAnswer(each.score.message))
            found.append(replace(row, desirable=each.score.well))
    return found


async def _as_seen(core: Core, chosen: ChosenAnswer) -> Row:
    """An answer below what the model saw, grouped by its question."""
    row, message = await answer_row(core, chosen), await core.conversations.message(chosen.message)
    above = (Turn("system", message.system),) if message.system else ()
    origin = replace(row.origin, group=f"{row.origin.group}/question:{message.parent_id}")
    return replace(row, turns=(*above, *row.turns), origin=origin)


async def _vote(core: Core, ranking: Ranking, by: By) -> Vote:
    if by == "adapter":
        return ranking.vote
    names = [writer(await core.conversations.message(each[0]), by) for each in ranking.answers]
    return replace(ranking.vote, contenders=tuple(names))


def _from_comparison(comparison: Comparison) -> Ranking:
    answers = tuple((each.message, each.rank, each.text, each.writer) for each in comparison.answers)
    return Ranking(comparison.question_id, answers, "comparison", comparison.all_bad)


def _from_scores(question: int, group: Sequence[Scored]) -> Ranking:
    points = sorted({each.score.overall or 0.0 for each in group}, reverse=True)
    ranked = tuple(
        (each.score.message, 1 + points.index(each.score.overall or 0.0), each.answer, each.writer) for each in group
    )
    return Ranking(question, ranked, "scores")


def _pairs_of(ranking: Ranking) -> Iterator[Pair]:
    if ranking.all_bad:
        return
    for one, other in itertools.permutations(ranking.answers, 2):
        if one[1] < other[1] and one[2].strip() != other[2].strip():
            yield Pair(other[0], one[2], other[2], ranking.source, one[3], other[3])
