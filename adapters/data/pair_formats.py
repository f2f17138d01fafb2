"""How others write a preference (prompt, chosen and rejected; whole chats; Anthropic's dialogues): each -> a pair.

TRL's datasets have all of these forms: https://huggingface.co/docs/trl/dataset_formats (preference, with explicit or
implicit prompt, as text or as messages).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from adapters.data.messages import RowError, clean, kind_name, spoken, system_turns, text_of
from adapters.rows import Turn

QUESTIONS = ("prompt", "question", "query", "instruction")
CHATS = ("conversations", "conversation", "messages")
SPEAKER = re.compile(r"(?:^|\n\n)(Human|Assistant): ?")  # of Anthropic's dialogues (arXiv 2204.05862)


@dataclass(frozen=True, slots=True)
class ReadPair:
    """A pair as it was found: the turns up to the chosen answer, and the rejected answer."""

    turns: tuple[Turn, ...]
    rejected: str


def has_pair(value: dict[str, Any]) -> bool:
    """Whether a row says which of two answers is preferred."""
    return "chosen" in value or bool(value.get("rejected"))


def read_pair(value: dict[str, Any]) -> ReadPair:
    """The pair of one JSON value.

    Raises:
        RowError: an answer is missing or empty, both are the same, or they answer different questions.
    """
    missing = next((key for key in ("chosen", "rejected") if key not in value), "")
    if missing == "chosen" and "messages" in value:  # a row of our own
        turns = system_turns(value) + spoken(value["messages"], "messages", "role", "content")
        return _checked(turns, Turn("assistant", text_of(value, "rejected")))
    if missing:
        raise RowError(f"“{missing}” is missing")
    chosen, rejected = (_said(value[key], key) for key in ("chosen", "rejected"))
    if chosen[0].role == rejected[0].role == "assistant" and len(chosen) == len(rejected) == 1:
        return _checked((*_asked(value), *chosen), rejected[0])
    if chosen[:-1] != rejected[:-1]:
        raise RowError("the chosen and the rejected answer do not follow the same messages")
    system = () if chosen[0].role == "system" else system_turns(value)
    return _checked((*system, *chosen), rejected[-1])


def _checked(turns: tuple[Turn, ...], rejected: Turn) -> ReadPair:
    if turns[-1].role != "assistant" or rejected.role != "assistant":
        raise RowError("“chosen” and “rejected” must end with an answer")
    for name, text in (("chosen", turns[-1].content), ("rejected", rejected.content)):
        if not text.strip():
            raise RowError(f"the {name} answer is empty")
    if " ".join(turns[-1].content.split()) == " ".join(rejected.content.split()):
        raise RowError("the chosen and the rejected answer are the same")
    return ReadPair(turns, rejected.content)


def _said(value: Any, key: str) -> tuple[Turn, ...]:
    """An answer, or a whole chat that ends with it."""
    if isinstance(value, dict):
        value = [value]
    if isinstance(value, list):
        return spoken(value, key, "role", "content")
    if not isinstance(value, str):
        raise RowError(f"“{key}” must be a text or messages, not {kind_name(value)}")
    if value.lstrip().startswith("Human:"):
        return _dialogue(clean(value).strip())
    return (Turn("assistant", clean(value)),)


def _dialogue(text: str) -> tuple[Turn, ...]:
    """`Human: …` and `Assistant: …` in turns, an empty line between two."""
    _, *parts = SPEAKER.split(text)
    speakers, contents = parts[::2], parts[1::2]
    return tuple(
        Turn("user" if speaker == "Human" else "assistant", content.strip())
        for speaker, content in zip(speakers, contents, strict=True)
    )


def _asked(value: dict[str, Any]) -> tuple[Turn, ...]:
    """What stands before both answers."""
    key = next((key for key in (*CHATS, *QUESTIONS) if key in value), "")
    if not key:
        raise RowError("the question is missing: give it as “prompt”")
    if isinstance(value[key], list):
        turns = spoken(value[key], key, "role", "content")
        return turns if turns[0].role == "system" else (*system_turns(value), *turns)
    question = text_of(value, key)
    given = text_of(value, "input") if key == "instruction" and value.get("input") else ""
    question = "\n\n".join(part for part in (question, given) if part.strip())
    return (*system_turns(value), Turn("user", question))
