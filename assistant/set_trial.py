"""Does a new adapter get worse on the evaluation sets that the user has named? Asked as `assistant eval` asks them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assistant.evaluation.report import Contrast, report
from assistant.evaluation.running import RunProgress, RunRequest, begin, evaluate
from assistant.storage.evaluation_sets import load_set

if TYPE_CHECKING:
    from assistant.bootstrap import Core


@dataclass(frozen=True, slots=True)
class SetOutcome:
    """What one set says of what would be on (`after`) beside what is (`before`); `run` is kept, and can be shown."""

    name: str
    run: int
    contrast: Contrast

    @property
    def worse(self) -> bool:
        """Whether it got worse beyond chance."""
        return self.contrast.says == "worse"

    @property
    def line(self) -> str:
        """`house: right in 61.0 % of 40, before 58.0 % (not beyond chance)`."""
        figure = self.contrast.figure
        return (
            f"{self.name}: right in {100 * figure.adapter:.1f} % of {figure.count:,}, before"
            f" {100 * figure.base:.1f} % ({self.contrast.says})"
        )


async def require_sets(core: Core) -> None:
    """Before anything is trained for long: are the named sets there?

    Raises:
        NotFoundError: one is not; UsageError: one holds no question.
    """
    for name in core.config.scoring.sets:
        await asyncio.to_thread(load_set, core.config.home, name)


async def on_sets(
    core: Core, names: Sequence[str], current: str, candidate: str
) -> AsyncGenerator[RunProgress | SetOutcome, None]:
    """Ask each set of both mixes ("": the base); how far that is, then what the set says.

    What was answered before is not asked again, so that it goes on after a crash.

    Raises:
        NotFoundError, UsageError: there is no such set; AssistantError: an answer failed.
    """
    for name in names:
        mixes = (current, candidate) if current else (candidate,)
        run = await begin(core, RunRequest(name, adapters=mixes, base=not current))
        async for progress in evaluate(core, run):
            yield progress
        told = await asyncio.to_thread(report, await core.evaluations.get(run.id))
        yield SetOutcome(name, run.id, told.contrasts[0])
