"""Which of several answers would the user prefer? A reward model from the user's own pairs, refused while it is none.

It is learned anew when the pairs have changed, so nothing of it is stored, and nothing of a deleted chat stays in it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from assistant.scoring.answer_features import Vectors, log_words
from assistant.scoring.head import FittedHead, HeadReport, held_out_head, right_report
from assistant.scoring.preferences import Pair, pairs

if TYPE_CHECKING:
    from assistant.bootstrap import Core

FEWEST = 20  # questions with pairs; with fewer the interval reaches from chance to certainty
NEWEST = 500  # pairs learned from at most: more take long and change little

Progress = Callable[[int, int], None]


class Reward:
    """The reward model of one home."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._vectors = Vectors(core)
        self._learned: tuple[list[Pair], FittedHead] | None = None

    async def head(self, progress: Progress = lambda done, total: None) -> FittedHead:
        """The head for the present pairs: Bradley–Terry, on the differences of features of chosen and rejected answers.

        `progress` gets texts embedded and texts to embed.

        Raises:
            LibraryError, WorkerError: a child died.
        """
        found = (await pairs(self._core))[-NEWEST:]
        if self._learned is None or self._learned[0] != found:
            self._learned = (found, await self._learn(found, progress))
        return self._learned[1]

    async def values(self, question: str, answers: Sequence[str]) -> list[float]:
        """The reward of each answer to a question: log-odds up to a constant, higher is better. Raises as `head`."""
        head = await self.head()
        await self._vectors.add([question, *answers])
        return [head.log_odds(self._vectors.features(question, answer)) for answer in answers]

    async def _learn(self, found: Sequence[Pair], progress: Progress) -> FittedHead:
        asked = [await self._core.conversations.message(pair.message) for pair in found]
        groups = [message.parent_id or 0 for message in asked]
        if len(set(groups)) < FEWEST:
            told = f"not enough pairs: they are about {len(set(groups)):,} of your questions, and {FEWEST} are needed"
            return FittedHead(HeadReport(len(found), len(set(groups)), missing=told))
        questions = {number: (await self._core.conversations.message(number)).text for number in set(groups)}
        texts = [text for pair in found for text in (pair.chosen, pair.rejected)]
        await self._vectors.add([*questions.values(), *texts], progress)
        rows, lengths = [], []
        for pair, group in zip(found, groups, strict=True):
            chosen, rejected = (self._vectors.features(questions[group], text) for text in (pair.chosen, pair.rejected))
            rows.append([one - other for one, other in zip(chosen, rejected, strict=True)])
            lengths.append(log_words(pair.chosen) - log_words(pair.rejected))
        learned = await held_out_head(self._core, rows, [1.0] * len(rows), groups, lengths, intercept=False)
        return FittedHead(right_report(learned, groups), learned.weights)
