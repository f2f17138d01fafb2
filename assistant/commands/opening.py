"""How a command opens the core: telling, beside its result, what the core has to say."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from assistant.bootstrap import Core, opened
from assistant.config import Config
from assistant.output import warn


@contextlib.asynccontextmanager
async def opened_core(config: Config, *, shared: bool = False, stored_chats: bool = False) -> AsyncIterator[Core]:
    """An open core (see Core.open); closed again, however the command ends."""
    async with opened(config, shared=shared, stored_chats=stored_chats) as core:
        for notice in core.notices[len(config.notices) :]:  # those of the settings were told before
            warn(notice)
        yield core
