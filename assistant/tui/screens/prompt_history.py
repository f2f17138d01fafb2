"""Everything that was ever asked, searched as one types; the chosen question goes into the prompt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType

from assistant.safe_text import safe_line
from assistant.storage.conversations import Conversations
from assistant.tui.screens.search_as_you_type import SearchAsYouType


class PromptHistory(SearchAsYouType[str]):
    """Questions, the newest first."""

    BINDING_GROUP_TITLE = "What you asked before"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Back", key_display="esc", id="screen.back"),
        Binding("down", "list", "List", show=False, id="search.hits"),
        Binding("enter", "first", "Into the prompt", key_display="enter", id="search.first"),
    ]
    PLACEHOLDER = "part of a question"

    def __init__(self, conversations: Conversations, words: str) -> None:
        super().__init__(words)
        self._conversations = conversations

    async def found(self, words: str) -> Sequence[str]:
        """All of them, where nothing is typed."""
        return await self._conversations.asked(words)

    def label(self, one: str) -> str:
        """Its beginning."""
        return safe_line(one)[:300]

    def told(self, words: str, found: Sequence[str]) -> str:
        """How many."""
        return f"{len(found)} questions, the newest first" if found else "You asked nothing like this."
