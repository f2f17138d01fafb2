"""What a running reply emits, in this order: Started, Retrieved, Token…, then one of the three ends."""

from __future__ import annotations

from dataclasses import dataclass

from assistant.conversation import Message
from assistant.errors import AssistantError
from ingest.document import Passage


@dataclass(frozen=True, slots=True)
class Started:
    """The user's message and the empty answer are on disk."""

    question: Message
    answer: Message


@dataclass(frozen=True, slots=True)
class Retrieved:
    """The passages found and the one-line trace shown under the answer."""

    turn_id: int
    passages: tuple[Passage, ...]
    trace: str


@dataclass(frozen=True, slots=True)
class Token:
    """The next piece of the answer's text (may hold several tokens)."""

    turn_id: int
    text: str


@dataclass(frozen=True, slots=True)
class Completed:
    """The answer is whole, cited and on disk."""

    turn_id: int
    message: Message


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The user stopped the answer; what was streamed is on disk."""

    turn_id: int
    message: Message


@dataclass(frozen=True, slots=True)
class Failed:
    """The answer could not be finished; what was streamed is on disk."""

    turn_id: int
    message: Message
    error: AssistantError


Event = Started | Retrieved | Token | Completed | Cancelled | Failed
