"""How many questions about the sample library does the whole product answer rightly, with a right citation?"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from citations import REFUSAL, ROOT, Outcome, ask, ingest, load_questions, says

from assistant.bootstrap import opened
from assistant.config import load_config

MAX_TOKENS = 160  # of an answer; the base alone would ramble on


@dataclass(frozen=True, slots=True)
class LibraryOutcome:
    """The outcomes of all questions."""

    outcomes: tuple[Outcome, ...]

    @property
    def shares(self) -> tuple[str, str, str]:
        """Right with a right citation, right, and declined where nothing answers."""
        can = [outcome for outcome in self.outcomes if outcome.question.evidence]
        cannot = [outcome for outcome in self.outcomes if not outcome.question.evidence]
        right = [outcome for outcome in can if says(outcome.message.text, outcome.question.answers)]
        cited = [outcome for outcome in right if any(outcome.supporting)]
        declined = [outcome for outcome in cannot if REFUSAL.search(outcome.message.text.lower())]
        return (f"{len(cited)} of {len(can)}", f"{len(right)} of {len(can)}", f"{len(declined)} of {len(cannot)}")


async def library_outcomes(on: bool, passages: int) -> LibraryOutcome:
    """Ingest the sample library into a temporary home and ask its questions, greedily; the adapter that ships is on."""
    examples = ROOT / "examples"
    with tempfile.TemporaryDirectory() as home:
        config = load_config(Path(home)).with_value("sampling", "temperature", 0.0)
        config = config.with_value("sampling", "max_tokens", MAX_TOKENS)
        config = config.with_value("answer", "passages", passages) if passages else config
        async with opened(config) as core:
            if not on:
                await core.adapters.deactivate()
            await ingest(core, examples / "library")
            await core.warm()
            chats: dict[str, int] = {}
            outcomes = []
            for question in load_questions(examples / "questions.json"):
                chats[question.id] = chats.get(question.follows) or (await core.conversations.create()).id
                outcomes.append(await ask(core, question, chats[question.id]))
    return LibraryOutcome(tuple(outcomes))
