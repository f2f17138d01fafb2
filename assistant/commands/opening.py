"""How a command opens the core, telling, beside its result, what the core has to say; and how it names an answer."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from assistant.bootstrap import Core, opened
from assistant.config import Config
from assistant.errors import UsageError
from assistant.output import warn

LAST = "last"


@contextlib.asynccontextmanager
async def opened_core(config: Config, *, shared: bool = False, stored_chats: bool = False) -> AsyncIterator[Core]:
    """An open core (see Core.open); closed again, however the command ends."""
    async with opened(config, shared=shared, stored_chats=stored_chats) as core:
        for notice in core.notices[len(config.notices) :]:  # those of the settings were told before
            warn(notice)
        yield core


async def message_number(core: Core, text: str) -> int:
    """The answer that a command line names.

    Raises:
        UsageError: it is neither a number nor `last`; NotFoundError: there is no answer yet.
    """
    if text == LAST:
        return await core.scores.newest_answer()
    if not (text.isascii() and text.isdecimal() and len(text) < 18):
        raise UsageError(f"{text[:40]!r} is no answer.", "Give its number (see `assistant chats show`), or `last`.")
    return int(text)
