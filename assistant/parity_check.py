"""Holds an exported adapter against what was trained, on a model of its own beside the chat's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adapters.files.parity import Continuation, ParityReport, compare, read_references
from adapters.mix import Share
from assistant.backends.base import Step
from assistant.model import Model


async def check_parity(model: Model, shares: Sequence[Share], reference: Any) -> ParityReport:
    """Follow the continuations of `reference` (the content of a run's parity.json) without and with adapters.

    `shares` are on afterwards: give the trial model, not the chat's.

    Raises:
        TrainingError: the reference is damaged or empty.
        AdapterError, ModelError, WorkerError: the adapter does not fit, or the model failed.
    """
    pairs = read_references(reference)
    await model.use_adapters(())
    base = [await _followed(model, without) for without, _ in pairs]
    await model.use_adapters(shares)
    return compare(pairs, base, [await _followed(model, within) for _, within in pairs])


async def _followed(model: Model, reference: Continuation) -> list[Step]:
    return await model.follow(reference.prompt, reference.tokens, reference.candidates)
