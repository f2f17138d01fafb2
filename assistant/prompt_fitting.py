"""Counts what a question brings along with the model's own tokenizer, and fits it into the context."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from assistant.conversation import Message
from assistant.model import Model
from assistant.prompting import Counts, Prompt, fit, passage_block
from ingest.document import Passage


async def fitted(
    model: Model, system: str, history: Sequence[Message], question: str, passages: Sequence[Passage], max_tokens: int
) -> Prompt:
    """What is sent to the model that is loaded (see prompting.fit); to one on a server only what may leave.

    Raises:
        ContextOverflowError: the question alone is too long; ModelError: the model cannot be loaded.
    """
    info = await model.ready()
    told: list[str] = []
    if model.leaving is not None:
        history, passages, told = await model.leaving.fit_to_leave(info, history, passages)
    blocks = [passage_block(number, passage) for number, passage in enumerate(passages, 1)]
    counts = await model.count([system, question, *blocks, *(message.text for message in history)])
    split = 2 + len(blocks)
    prompt = fit(
        system, history, question, passages,
        Counts(counts[0], counts[1], tuple(counts[2:split]), tuple(counts[split:])),
        context=info.context, overhead=info.message_overhead, max_tokens=max_tokens,
    )  # fmt: skip
    return replace(prompt, notices=(*told, *prompt.notices))
