"""Which scored answers are worth learning, and how do scores leave the house, each with where it comes from?"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from assistant.chat_rows import ChosenAnswer, answer_row
from assistant.errors import UsageError
from assistant.scoring.score import ASPECTS, Score, Scored

if TYPE_CHECKING:
    from assistant.bootstrap import Core


async def scored_well(core: Core) -> list[ChosenAnswer]:
    """The answers to learn, the oldest first: better ones in place of the originals, and those scored well.

    Raises:
        UsageError: there is none.
    """
    scored = sorted(await core.scores.all(), key=lambda each: each.score.message)
    chosen = [_chosen(each.score) for each in scored if each.score.better or each.score.well]
    if not chosen:
        raise UsageError(
            "No answer is scored well, and none has a better one beside it.",
            "Score some in the chat (Alt+Y, Alt+S) or with `assistant score`.",
        )
    return chosen


async def exported(core: Core, scored: Scored) -> dict[str, Any]:
    """A score with all it was made of: the turns as the model saw them, its passages, model, adapter, sampling."""
    message = await core.conversations.message(scored.score.message)
    row = await answer_row(core, ChosenAnswer(message.id))
    return {
        **scored.score.as_json(),
        "chat": scored.chat,
        "question": scored.question,
        "answer": message.text,
        "model": message.model,
        "adapter": message.adapter,
        "sampling": asdict(message.sampling) if message.sampling else None,
        "system": message.system,
        "messages": [asdict(turn) for turn in row.turns[:-1]],
        "passages": [asdict(passage) for passage in await core.conversations.passages(message.id)],
        "citations": [asdict(citation) for citation in message.citations],
    }


def _chosen(score: Score) -> ChosenAnswer:
    return ChosenAnswer(score.message, score.better, "edited" if score.better else _rating(score))


def _rating(score: Score) -> str:
    """As a row's origin keeps it: `good, helpful 4`."""
    points = [f"{name} {score.points(name)}" for name in ASPECTS if score.points(name) is not None]
    return ", ".join([*(["good"] if score.good else []), *points])
