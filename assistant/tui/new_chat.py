"""A chat in which nothing was said yet: stored with the first draft or question in it, whichever comes first."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from assistant.conversation import Conversation
    from assistant.storage.conversations import Conversations


class NewChat:
    """Becomes one conversation, also where a draft is saved in the moment in which the question is sent."""

    def __init__(self, conversations: Conversations) -> None:
        self._conversations = conversations
        self._storing = asyncio.Lock()
        self._stored: Conversation | None = None

    async def stored(self) -> Conversation:
        """The conversation, which is made when it is first needed.

        Raises:
            StorageError: it could not be stored.
        """
        async with self._storing:
            if self._stored is None:
                self._stored = await self._conversations.create()
            return self._stored
