"""Search in all chats as one types; choosing a hit opens its chat at the message, on its branch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content

from assistant.safe_text import safe_line
from assistant.storage.conversations import Conversations, SearchHit
from assistant.tui.screens.search_as_you_type import SearchAsYouType

MOST = 100  # hits that are listed


class SearchScreen(SearchAsYouType[SearchHit]):
    """Messages that hold all the words, the best first."""

    BINDING_GROUP_TITLE = "Search in all chats"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Back", key_display="esc", id="screen.back"),
        Binding("down", "list", "Hits", show=False, id="search.hits"),
        Binding("enter", "first", "Open", key_display="enter", id="search.first"),
    ]
    PLACEHOLDER = "words in any chat; the last one may be unfinished"

    def __init__(self, conversations: Conversations, words: str) -> None:
        super().__init__(words)
        self._conversations = conversations

    async def found(self, words: str) -> Sequence[SearchHit]:
        """None, where nothing is typed."""
        return await self._conversations.search(words, MOST)

    def label(self, one: SearchHit) -> Content:
        """Its chat, who said it, and the words where they stand."""
        who = "you" if one.role == "user" else "answer"
        parts = safe_line(one.snippet).replace("»", "«").split("«")
        marked = [(part, "bold $text-warning" if index % 2 else "") for index, part in enumerate(parts)]
        return Content.assemble((safe_line(one.title), "bold"), (f" · {who}\n  ", "$foreground 60%"), *marked)

    def told(self, words: str, found: Sequence[SearchHit]) -> str:
        """How many messages in how many chats."""
        if not words.strip():
            return ""
        if not found:
            return f"No message in any chat has “{safe_line(words)}”."
        chats, more = len({hit.conversation_id for hit in found}), " or more" if len(found) == MOST else ""
        return f"{len(found)}{more} messages, {chats} {'chat' if chats == 1 else 'chats'}"
