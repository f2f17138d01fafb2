"""A chat from a file as it is stored: messages in an order where each stands behind the one it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ROLES = {
    "user": "user", "human": "user", "assistant": "assistant", "gpt": "assistant", "model": "assistant",
    "bot": "assistant", "chatgpt": "assistant",
}  # fmt: skip
LONGEST_TEXT = 1_000_000  # characters of a message
MOST_MESSAGES = 100_000  # of one chat


@dataclass(frozen=True, slots=True)
class ImportedMessage:
    """`parent` is the index of the message it stands below, -1 for none; `created_at` is ISO 8601, UTC, or ""."""

    parent: int
    role: str
    text: str
    created_at: str = ""


@dataclass(frozen=True, slots=True)
class ImportedChat:
    """`origin` is the same each time the same chat is read; `current` is the index of the message it goes on from."""

    origin: str
    title: str
    created_at: str
    current: int
    messages: tuple[ImportedMessage, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """A message as a file has it; `role` "" and an empty text are left out, what stands below moves up."""

    key: str
    parent: str | None
    role: str
    text: str
    created_at: str = ""


def chat_of(origin: str, title: str, created_at: str, nodes: Sequence[Node], current: str | None) -> ImportedChat:
    """The chat whose messages are these nodes; `current` is the key of the one it goes on from, None for the last.

    Answers in several pieces (a tool used in between) become one. A parent that is not there, or a ring of parents,
    makes a beginning.

    Raises:
        ValueError: nothing of it is a message, or it is too large.
    """
    if len(nodes) > MOST_MESSAGES:
        raise ValueError(f"it has {len(nodes):,} messages, more than {MOST_MESSAGES:,}")
    below: dict[str | None, list[Node]] = {}
    known = {node.key: node for node in nodes}
    for node in nodes:
        below.setdefault(node.parent if node.parent in known else None, []).append(node)
    messages: list[ImportedMessage] = []
    places: dict[str, int] = {}
    waiting = [(node, -1) for node in reversed(below.get(None, []))]
    while waiting:
        node, parent = waiting.pop()
        places[node.key] = place = _placed(messages, node, parent)
        waiting += [(child, place) for child in reversed(below.get(node.key, []))]
    if not messages:
        raise ValueError("it has no message with a text")
    return ImportedChat(
        origin, title.strip()[:200], created_at, places.get(current or "", len(messages) - 1), tuple(messages)
    )


def _placed(messages: list[ImportedMessage], node: Node, parent: int) -> int:
    """Add a node below a message and give its index, or that of its parent where it is no message of its own."""
    role, text = ROLES.get(node.role, ""), node.text.strip()
    if not role or not text:
        return parent
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"a message has {len(text):,} characters, more than {LONGEST_TEXT:,}")
    last = len(messages) - 1
    if role == "assistant" and parent == last >= 0 and messages[last].role == role:
        before = messages[last]
        messages[last] = ImportedMessage(before.parent, role, f"{before.text}\n\n{text}", before.created_at)
        return last
    messages.append(ImportedMessage(parent, role, text, node.created_at))
    return len(messages) - 1


def chat_from_json(value: Mapping[str, Any]) -> ImportedChat:
    """The chat in what `dataclasses.asdict` made of it."""
    messages = tuple(ImportedMessage(**entry) for entry in value["messages"])
    return ImportedChat(value["origin"], value["title"], value["created_at"], value["current"], messages)
