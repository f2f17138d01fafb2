"""A chat as a file: Markdown to read, JSON with all branches to import again, JSON lines for trainers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.errors import UsageError
from assistant.transcript import as_markdown

if TYPE_CHECKING:
    from assistant.bootstrap import Core
    from assistant.conversation import Message

SUFFIXES = {"markdown": ".md", "json": ".json", "openai": ".jsonl", "sharegpt": ".jsonl"}  # of each form


async def exported(core: Core, conversation_id: int, form: str) -> str:
    """The file's content. Markdown and the forms for trainers follow the branch the chat goes on from.

    Raises:
        NotFoundError: there is no such chat; UsageError: no such form.
    """
    conversation = await core.conversations.get(conversation_id)
    thread = await core.conversations.thread(conversation_id)
    if form == "markdown":
        return as_markdown(conversation, thread)
    if form == "json":
        messages = await core.conversations.branches.messages(conversation_id)
        leaf = thread[-1].id if thread else None
        value = {**asdict(conversation), "leaf": leaf, "messages": [asdict(message) for message in messages]}
        return json.dumps(value, indent=2) + "\n"
    if form not in SUFFIXES:
        raise UsageError(f"There is no form {form}.", f"Known: {', '.join(SUFFIXES)}.")
    return json.dumps(_openai(thread) if form == "openai" else _sharegpt(conversation.title, thread)) + "\n"


def form_of(path: Path) -> str:
    """The form that a file's ending asks for; Markdown where it says nothing."""
    return {".json": "json", ".jsonl": "openai"}.get(path.suffix.lower(), "markdown")


def _openai(thread: Sequence[Message]) -> dict[str, Any]:
    """One line of OpenAI's chat format (https://platform.openai.com/docs/guides/supervised-fine-tuning)."""
    system = [{"role": "system", "content": _system(thread)}] if _system(thread) else []
    return {"messages": [*system, *({"role": each.role, "content": each.text} for each in thread)]}


def _sharegpt(title: str, thread: Sequence[Message]) -> dict[str, Any]:
    """One line of the format of ShareGPT, as LLaMA-Factory and FastChat read it."""
    names = {"user": "human", "assistant": "gpt"}
    system = {"system": _system(thread)} if _system(thread) else {}
    turns = [{"from": names.get(each.role, each.role), "value": each.text} for each in thread]
    return {"title": title, **system, "conversations": turns}


def _system(thread: Sequence[Message]) -> str:
    return next((each.system for each in reversed(thread) if each.system), "")
