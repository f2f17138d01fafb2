"""The line that says which chat is open and which documents it searches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from assistant.safe_text import safe_line
from assistant.tui.widgets.plain import Plain

if TYPE_CHECKING:
    from assistant.conversation import Conversation


class ChatTitle(Plain):
    """A title, and the chat's scope where it has one."""

    def __init__(self) -> None:
        super().__init__(id="title")

    def show(self, conversation: Conversation | None) -> None:
        """Name this chat; None is one that nothing was asked in yet."""
        if conversation is None:
            self.update("New chat")
            return
        scope = conversation.collections
        told = "" if scope is None else f"in {', '.join(scope)}" if scope else "without documents"
        title = safe_line(conversation.title)
        if conversation.persona:
            told = f"{told}   persona: {conversation.persona[:40]}".strip()
        self.update(Content.assemble(title, (f"   {safe_line(told)}", "$foreground 60%") if told else ""))
