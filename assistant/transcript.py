"""A chat as a document: Markdown for people, JSON for programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from assistant.citations import with_marks
from assistant.conversation import Citation, Conversation, Message
from ingest.document import place_label


def as_markdown(conversation: Conversation, thread: Sequence[Message]) -> str:
    """The chat with its sources as footnotes below each answer."""
    parts = [f"# {conversation.title}"]
    for message in thread:
        parts.append(f"## {'You' if message.role == 'user' else 'Assistant'}")
        parts.append(with_sources(message))
    return "\n\n".join(parts) + "\n"


def with_sources(message: Message) -> str:
    """A message with all its marks, and the sources they stand for as a list below it."""
    text = with_marks(message.text, message.citations)
    sources = "\n".join(_source(citation) for citation in message.citations)
    return f"{text}\n\n{sources}" if sources else text


def as_json(conversation: Conversation, thread: Sequence[Message]) -> dict[str, Any]:
    """Everything stored about the chat."""
    return {**asdict(conversation), "messages": [asdict(message) for message in thread]}


def _source(citation: Citation) -> str:
    label = place_label(citation.page, citation.place)
    place = f", {label}" if label else ""
    attributed = " (attributed by the assistant)" if citation.attributed else ""
    return f"- [{citation.mark}] {citation.document}{place}{attributed}: “{' '.join(citation.quote.split())}”"
