"""How many scores are new since the last adapter that learned from some, and what is the right way to learn them?

Answers that were typed or scored well are learned as they stand. What was preferred to what is learned in pairs (DPO),
answers that were only called good or bad as ratings (KTO). A judgement of two answers to one question says most, so
pairs come first where there are enough of them; ratings tell the least, and need as many of them.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from adapters.proof.evaluation import MIN_ROWS
from adapters.rows import Row, row_from_json
from adapters.versions.finished_run import CARD, ROWS
from adapters.versions.registered import Adapter
from assistant.scoring.preferences import BAD, pairs
from assistant.scoring.score import Scored

if TYPE_CHECKING:
    from assistant.bootstrap import Core

Way = Literal["pairs", "answers", "ratings"]
WAYS: tuple[Way, ...] = ("pairs", "answers", "ratings")
HELD_OUT = 0.2  # share of the rows that the proof asks, and training never sees
FEWEST = round(MIN_ROWS / HELD_OUT)  # rows from which the proof can tell anything from chance
FEWEST_OF_EACH = 10  # good and bad answers
WORTH_TELLING = 20  # new scores from which somebody may like to hear of them


@dataclass(frozen=True, slots=True)
class Feedback:
    """What scores and comparisons hold. `new` of them came after `last`, the newest adapter that learned from some."""

    new: int
    last: str = ""  # name@version, "" where none did
    compared: int = 0  # pairs from comparisons and from answers scored apart
    typed: int = 0  # better answers
    good: int = 0  # answers worth learning as they are
    rated_good: int = 0  # answers scored good, and…
    rated_bad: int = 0  # …bad, of those that nobody improved

    @property
    def way(self) -> Way | None:
        """The way to learn them, None while there are too few for any."""
        if self.compared >= FEWEST:
            return "pairs"
        if self.typed and self.counts["answers"] >= FEWEST:
            return "answers"
        if self.compared and self.counts["pairs"] >= FEWEST:
            return "pairs"
        if self.missing("ratings") == 0:
            return "ratings"
        return next((way for way in ("answers", "pairs") if not self.missing(way)), None)

    @property
    def counts(self) -> dict[Way, int]:
        """How many rows each way would have."""
        return {
            "pairs": self.compared + self.typed,
            "answers": self.typed + self.good,
            "ratings": self.rated_good + self.rated_bad,
        }

    def missing(self, way: Way) -> int:
        """How many more rows that way needs before its proof can tell anything."""
        lacking = max(0, FEWEST - self.counts[way])
        if way != "ratings":
            return lacking
        each = (max(0, FEWEST_OF_EACH - count) for count in (self.rated_good, self.rated_bad))
        return max(lacking, sum(each))

    @property
    def ready(self) -> bool:
        """Whether something new can be learned."""
        return self.new > 0 and self.way is not None

    @property
    def heading(self) -> str:
        """`31 new scores since the last adapter`."""
        since = f" since {self.last}" if self.last else ""
        return f"{self.new:,} new {'score' if self.new == 1 else 'scores'}{since}"

    @property
    def too_few(self) -> str:
        """What is missing, in a sentence."""
        needs = {
            "pairs": "more comparisons (Alt+V, /compare)",
            "answers": "more good or better answers (Alt+Y, Alt+S)",
            "ratings": f"more answers called good or bad (Alt+Y, Alt+N; at least {FEWEST_OF_EACH} of each)",
        }
        nearest = sorted(WAYS, key=lambda way: (self.missing(way), -WAYS.index(way)))
        told = " or ".join(f"{self.missing(way):,} {needs[way]}" for way in nearest[:2])
        return f"To learn from scores, {told} are needed."

    def why(self, way: Way) -> str:
        """Why this way, in a sentence."""
        compared, typed, good = f"{self.compared:,} compared", f"{self.typed:,} typed", f"{self.good:,} good"
        return {
            "pairs": f"There are {self.counts['pairs']:,} pairs of a better and a worse answer ({compared}, {typed}):"
            " they are learned by preference (DPO).",
            "answers": f"There are {self.counts['answers']:,} answers worth repeating ({typed}, {good}):"
            " they are learned as they stand.",
            "ratings": f"There are {self.rated_good:,} answers called good and {self.rated_bad:,} called bad, and too"
            " few to compare: they are learned as ratings (KTO).",
        }[way]

    def as_json(self) -> dict[str, Any]:
        """All of it, with what follows from it."""
        return {
            **asdict(self), "way": self.way, "ready": self.ready, "rows": self.counts,
            "missing": {way: self.missing(way) for way in WAYS},
        }  # fmt: skip


async def feedback(core: Core) -> Feedback:
    """What there is now; chats in the trash do not count."""
    last, since = await _last(core)
    scores, comparisons, known = await core.scores.all(), await core.comparisons.all(), await pairs(core)
    times = [each.score.updated_at for each in scores] + [each.created_at for each in comparisons]
    typed = sum(bool(each.score.better) for each in scores)
    return Feedback(
        new=sum(time_of(text) > since for text in times),
        last=last,
        compared=sum(pair.source != "edited" for pair in known),
        typed=typed,
        good=sum(each.score.well and not each.score.better for each in scores),
        rated_good=sum(each.score.well for each in scores),
        rated_bad=sum(_bad(each) for each in scores),
    )


def time_of(text: str) -> datetime:
    """A stored time; the beginning of time where it is none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def of_scores(rows: Sequence[Row]) -> bool:
    """Whether rows come from scores and comparisons, rather than from chats as they stand or from elsewhere."""
    return any(
        row.origin.source == "chat"
        and (row.is_pair or row.desirable is not None or row.origin.rating not in ("", "chosen"))
        for row in rows
    )


async def _last(core: Core) -> tuple[str, datetime]:
    """The newest adapter that learned from scores, and when these were read."""
    trained = [each for each in await core.registry.all() if each.facts is not None and each.facts.origin == "trained"]
    for adapter in sorted(trained, key=lambda each: (time_of(each.created), each.id), reverse=True):
        found = await asyncio.to_thread(_learned_at, adapter)
        if found is not None:
            return adapter.label, found
    return "", time_of("")


def _learned_at(adapter: Adapter) -> datetime | None:
    """When the scores were read that an adapter learned; None where it learned something else."""
    try:
        lines = (adapter.folder / ROWS).read_text("utf-8").splitlines()
        rows = [row_from_json(json.loads(line)) for line in lines if line.strip()]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    if not of_scores(rows):
        return None
    try:
        built = json.loads((adapter.folder / CARD).read_bytes()).get("created", "")
    except (OSError, ValueError, AttributeError):
        built = ""
    return time_of(built or adapter.created)


def _bad(scored: Scored) -> bool:
    overall = scored.score.overall
    return not scored.score.well and overall is not None and overall <= BAD
