"""What can be measured of an answer without asking anybody: grounding, citations, form, and closeness to references."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from assistant.attribution import passage_sentences
from assistant.conversation import Message
from assistant.errors import ModelError, UsageError, WorkerError
from assistant.scoring.format_rules import Rule, broken, parse_rule
from assistant.scoring.grounding import Supports, closeness, grounding, statements
from assistant.scoring.judge import judging
from assistant.scoring.refusal import declines, refusal_right
from ingest.document import Passage

if TYPE_CHECKING:
    from assistant.bootstrap import Core


YES_NO = ("declines", "refusal right", "flagged as harmful")
PERPLEXITY = "perplexity"
TOO_LONG = "The answer with all before it is longer than the model reads."


@dataclass(frozen=True, slots=True)
class Measured:
    """The figures of one answer by name: shares from 0 to 1, `words`, a count, and `perplexity`, from 1 on.

    What has no figure is not there; `missing` says why where the model was asked for one. `details` has ROUGE's
    precision and recall and how sacrebleu counted, `broken` the rules of form not kept.
    """

    message: int
    values: dict[str, float]
    broken: tuple[str, ...] = ()
    details: dict[str, dict[str, Any]] = field(default_factory=dict)
    missing: str = ""


def figure(name: str, value: float) -> str:
    """A figure as it is shown: a count, yes or no, or a share of a hundred."""
    if name == "words":
        return f"{value:.0f}"
    if name == PERPLEXITY:
        return f"{value:.1f}" if value < 1e4 else f"{value:.0e}"
    if name in YES_NO:
        return "yes" if value else "no"
    return f"{100 * value:.1f}"


def lines(measured: Measured) -> list[str]:
    """The figures for a person, one a line, with what stands behind them; rules that are not kept come last."""
    found = []
    for name, value in measured.values.items():
        behind = [
            f"{what} {100 * number:.1f}" if isinstance(number, float) else number
            for what, number in measured.details.get(name, {}).items()
        ]
        found.append(f"{figure(name, value):>6}  {name:<20} {', '.join(behind)}".rstrip())
    missing = [f"no {PERPLEXITY}: {measured.missing}"] if measured.missing else []
    return [*found, *missing, *(f"not kept: {rule}" for rule in measured.broken)]


async def measure(
    core: Core,
    message_id: int,
    references: Sequence[str] = (),
    rules: Sequence[str] | None = None,
    answerable: bool | None = None,
) -> Measured:
    """Measure one answer; for its perplexity the chat's model is asked, without adapters, in a process of its own.

    `references` are right answers to hold it against; the better answer of its score is one, too.
    `rules` (None: those of the settings) are read by `format_rules`. `answerable` says whether the
    question has an answer, which makes it right or wrong to decline.

    Whether it is flagged as harmful is a figure once there is a flag, see `toxicity`.

    Raises:
        NotFoundError: there is no such message; UsageError: it is no answer, or a rule is none;
        LibraryError, WorkerError: a child died.
    """
    message = await core.conversations.message(message_id)
    if message.role != "assistant" or not message.text.strip():
        raise UsageError(f"Message {message_id} is no answer.", "Give the number of an answer.")
    known = await core.scores.of(message_id)
    right = [text for text in (*references, known.better if known else "") if text.strip()]
    parsed = [parse_rule(text) for text in (core.config.scoring.rules if rules is None else rules)]
    values = await own_values(core, message, parsed)
    if answerable is not None:
        values["refusal right"] = float(refusal_right(message.text, answerable=answerable))
    question = (await core.conversations.message(message.parent_id)).text if message.parent_id else ""
    flagged = await core.toxicity.flagged(question, message.text)
    values |= {} if flagged is None else {"flagged as harmful": float(flagged)}
    likely, missing = await _perplexity(core, message_id)
    values |= likely
    details: dict[str, dict[str, Any]] = {}
    if right:
        values |= (await core.measuring.call("measure", answers=[message.text], references=[right])).data[0]
        details = (await core.measuring.call("details", answer=message.text, references=right)).data
    return Measured(message_id, values, broken(message.text, parsed), details, missing)


async def _perplexity(core: Core, message_id: int) -> tuple[dict[str, float], str]:
    """The figure, or why there is none: a model that cannot be run a second time must not take the rest away."""
    try:
        async with judging(core) as judge:
            found = await judge.perplexity(message_id)
    except (ModelError, WorkerError) as error:
        return {}, str(error)
    return ({PERPLEXITY: found}, "") if found is not None else ({}, TOO_LONG)


async def own_values(core: Core, message: Message, rules: Sequence[Rule]) -> dict[str, float]:
    """The figures that need no reference."""
    passages = await core.conversations.passages(message.id)
    close = await _close(core, message, passages) if message.citations else None
    found = grounding(message.text, passages, message.citations, close)
    values = {
        "words": float(len(message.text.split())), "declines": float(declines(message.text)),
        "grounding by words": found.by_words if passages else None,
        "grounding by meaning": found.by_meaning if passages else None,
        "citation precision": found.precision, "citation recall": found.recall,
        "rules kept": 1 - len(broken(message.text, rules)) / len(rules) if rules else None,
    }  # fmt: skip
    return {name: value for name, value in values.items() if value is not None}


async def _close(core: Core, message: Message, passages: Sequence[Passage]) -> Supports | None:
    """Asks the embedder; a sentence is held against the passages together with its question, as attribution does."""
    spans, places = statements(message.text), passage_sentences(passages)
    if not (spans and places):
        return None
    question = (await core.conversations.message(message.parent_id)).text if message.parent_id else ""
    said = [f"{question} {message.text[span.start : span.end]}" for span in spans]
    reply = await core.index.call("similarity", left=said, right=[place.text for place in places])
    return closeness(spans, [place.passage for place in places], reply.data)
