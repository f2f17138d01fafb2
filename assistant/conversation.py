"""The nouns of a chat: Message, Conversation (a tree by parent id), Citation and their states."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Role = Literal["system", "user", "assistant"]
State = Literal["partial", "done", "stopped", "error", "interrupted"]


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is chosen. temperature 0 is greedy; top_k 0, top_p 1 and min_p 0 are off.

    `seed` None draws a fresh seed for every answer; the seed used is stored with the message.
    """

    temperature: float = 0.2
    top_k: int = 40
    top_p: float = 0.95
    min_p: float = 0.05
    repeat_penalty: float = 1.1
    seed: int | None = None
    max_tokens: int = 512
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Citation:
    """A mark `[n]` in an answer and the very characters of the document it stands for.

    `start` and `end` are character offsets into the document's extracted text; `quote` is the text
    between them. `attributed` is True where the model left the sentence unmarked and the assistant
    found the supporting passage itself. `answer_start` and `answer_end` bound the supported sentence
    in the answer's text.
    """

    mark: int
    document_id: int
    document: str
    path: str
    page: int | None
    start: int
    end: int
    quote: str
    score: float
    attributed: bool = False
    answer_start: int = 0
    answer_end: int = 0
    place: str = ""  # "slide 3", "sheet Rent, rows 2–40": see ingest.document.Section


@dataclass(frozen=True, slots=True)
class Usage:
    """What an answer cost. Prompt tokens = cached (already in the KV cache) + newly evaluated ones."""

    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    tokens_per_second: float = 0.0
    seconds_to_first_token: float = 0.0
    context_size: int = 0


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation's tree; siblings share a parent, id order is time order."""

    id: int
    conversation_id: int
    parent_id: int | None
    role: Role
    text: str
    state: State = "done"
    model: str = ""
    adapter: str = ""
    sampling: Sampling | None = None
    usage: Usage | None = None
    citations: tuple[Citation, ...] = ()
    trace: str = ""  # one line: what was retrieved for this answer
    notices: tuple[str, ...] = ()  # what did not fit, what was dropped
    created_at: str = ""  # ISO 8601, UTC
    system: str = ""  # the system prompt it was made with


@dataclass(frozen=True, slots=True)
class Conversation:
    """A chat. `collections` None searches all documents, () none of them, else only the named ones.

    `adapters` is the mix that answers in this chat alone ("": the base alone); None is the one in force for all.
    """

    id: int
    title: str
    collections: tuple[str, ...] | None = None
    created_at: str = ""
    updated_at: str = ""
    messages: int = 0
    draft: str = field(default="")
    adapters: str | None = None
    pinned: bool = False  # stays at the top of the list
    group: str = ""  # the name of the group it is listed in
    persona: str = ""  # its own system prompt, in place of the one of the settings
