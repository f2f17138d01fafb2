"""Which of the passages answers? A small reader takes them one at a time: side by side it mixes them up and miscounts.

The passage stays for which declining is least likely. Readers of open-domain question answering choose likewise, by a
score of each passage beside that of the answer in it (Karpukhin et al. 2020, arXiv 2004.04906, 6.1).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from assistant.backends.base import NullAnswer
from assistant.model import Model
from assistant.prompting import Prompt


async def most_certain(model: Model, prompts: Sequence[Prompt], null: NullAnswer, stopping: asyncio.Event) -> Prompt:
    """The prompt, of several with a passage each, the best first, to which `null` is the least likely answer.

    When `stopping` is set meanwhile, the first one.

    Raises:
        ContextOverflowError, ModelError: as Backend.score does.
    """
    stopped = asyncio.ensure_future(stopping.wait())
    reading = asyncio.ensure_future(_declining(model, prompts, null))
    try:
        await asyncio.wait({reading, stopped}, return_when=asyncio.FIRST_COMPLETED)
        found = await reading if reading.done() else [0.0]
        return prompts[found.index(min(found))]
    finally:
        for task in (stopped, reading):
            task.cancel()
        await asyncio.wait({stopped, reading})


async def _declining(model: Model, prompts: Sequence[Prompt], null: NullAnswer) -> list[float]:
    """The natural log of the probability of declining, for each; the first is read last, so that it stays in the
    model's cache.
    """
    found = [(await model.score(prompt.messages, null.text)).log_probability for prompt in reversed(prompts)]
    return found[::-1]
