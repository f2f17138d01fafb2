"""Who answers in one chat: its own system prompt, typed, or the persona of a prompt of the library."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assistant.errors import UsageError

if TYPE_CHECKING:
    from assistant.bootstrap import Core

LONGEST = 4_000  # characters
NONE = "off"  # what takes it back


async def choose_persona(core: Core, chat: int, text: str) -> str:
    """Give a chat a persona: a text, the name of a prompt of the library that has one, or `off`; gives what it is now.

    Raises:
        UsageError: it is empty or too long; NotFoundError: there is no such chat.
    """
    words = text.strip()
    if not words or len(words) > LONGEST:
        raise UsageError(
            f"A persona is a text of at most {LONGEST:,} characters.", "Such as: You are a patient teacher of physics."
        )
    named = {each.name: each.persona.strip() for each in await core.prompts.all() if each.persona.strip()}
    persona = "" if words == NONE else named.get(words, words)
    await core.conversations.set_persona(chat, persona)
    return persona
