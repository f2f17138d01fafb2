"""What can be done with one message of the open chat: copy, edit, answer again, walk its versions, fork, take back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assistant import branching
from assistant.code_blocks import code_blocks
from assistant.errors import UsageError
from assistant.transcript import with_sources
from assistant.tui.told import USER_ERRORS, told
from assistant.tui.widgets.messages import MessageView

if TYPE_CHECKING:
    from assistant.conversation import Message
    from assistant.tui.screens.chat import ChatScreen
    from assistant.tui.session import ChatSession


class MessageActions:
    """Does what keys, the menu of a message and commands ask for; what goes wrong is told."""

    def __init__(self, screen: ChatScreen) -> None:
        self._screen = screen
        self._copied: tuple[int, int] = (0, 0)  # the answer and the number of the code block that was copied last

    # -- copying: only ever from a key or a command --------------------------------

    def copy(self, message: Message) -> None:
        """The text as the model wrote it."""
        self._screen.app.copy_to_clipboard(message.text)
        self._screen.app.say(f"The {'answer' if message.role == 'assistant' else 'question'} is in the clipboard.")

    def copy_with_sources(self, message: Message) -> None:
        """The text with all marks, and the sources they stand for below it."""
        self._screen.app.copy_to_clipboard(with_sources(message))
        self._screen.app.say(f"The answer and its {len(message.citations)} citations are in the clipboard.")

    def copy_block(self, message: Message, number: int = 0) -> None:
        """A code block by its number from 1; 0 is the first one, then the next with each time.

        Raises:
            UsageError: the answer has no such block.
        """
        blocks = code_blocks(message.text)
        before = self._copied[1] if self._copied[0] == message.id else 0
        number = number or before % max(len(blocks), 1) + 1
        if not 1 <= number <= len(blocks):
            hint = f"It has {len(blocks)}." if blocks else ""
            raise UsageError(f"This answer has no code block{f' {number}' if blocks else ''}.", hint)
        block, self._copied = blocks[number - 1], (message.id, number)
        self._screen.app.copy_to_clipboard(block.text)
        lines = block.text.count("\n") + 1
        kind = f"{block.language}, " if block.language else ""
        self._screen.app.say(f"Code block {number} of {len(blocks)} is in the clipboard ({kind}{lines} lines).")

    # -- the tree --------------------------------------------------------------------

    async def sibling(self, message: Message, step: int) -> None:
        """Show the version of a message before or after it, with what followed on it."""
        session = self._session
        self._refuse_while_answering()
        group = (await session.core.conversations.branches.siblings(message.conversation_id)).get(message.id, ())
        if not group:
            raise UsageError("There is no other version of this message.", "Edit or answer again makes one.")
        number = group[(group.index(message.id) + step) % len(group)]
        await branching.choose_branch(session.core, number)
        await session.reopen(number)

    async def fork(self, message: Message) -> None:
        """Go on in a new chat with a message and what stands above it."""
        self._refuse_while_answering()
        made = await branching.fork(self._session.core, message.id)
        await self._session.open(made)
        self._screen.composer.tell("A new chat with all that was said so far. The old one stays as it was.")

    async def edit(self, message: Message) -> None:
        """Type a question anew, or put one's own words in place of an answer."""
        self._refuse_while_answering()
        if message.role == "user":
            self._session.edit(message)
            return
        from assistant.tui.screens.rewrite import RewriteScreen

        text = await self._screen.app.push_screen_wait(RewriteScreen(message.text))
        if text is not None and text.strip() != message.text.strip():
            written = await branching.rewrite_answer(self._session.core, message.id, text)
            await self._session.reopen(written.id)

    async def undo(self) -> None:
        """Take the last question back into the prompt."""
        self._refuse_while_answering()
        session = self._session
        if session.conversation is None:
            raise UsageError("There is nothing to take back.")
        question = self._screen.transcript.last("user")
        if question is not None and question.parent_id is None:
            session.edit(question)
            return
        taken = await branching.undo(session.core, session.conversation.id)
        await session.reopen()
        self._screen.composer.give_back(taken.text)
        self._screen.composer.tell("Taken back. /redo brings question and answer back.")

    async def redo(self) -> None:
        """Bring back what was taken back."""
        self._refuse_while_answering()
        session = self._session
        if session.conversation is None:
            raise UsageError("Nothing was taken back.")
        last = await branching.redo(session.core, session.conversation.id)
        await session.reopen()
        asked = self._screen.transcript.last("user")
        if asked is not None and asked.id == last.parent_id and self._screen.prompt.text == asked.text:
            self._screen.prompt.replace_text("")

    # -- the menu ----------------------------------------------------------------------

    async def menu(self, view: MessageView) -> None:
        """Ask what to do with a message, and do it."""
        from assistant.tui.screens.message_menu import MessageMenu

        message = view.message
        chosen = await self._screen.app.push_screen_wait(MessageMenu(message))
        try:
            await self._do(chosen or "", message, view)
        except USER_ERRORS as error:
            self._screen.composer.tell(told(error), "error")

    async def _do(self, chosen: str, message: Message, view: MessageView) -> None:
        if chosen.isdecimal():
            self.copy_block(message, int(chosen))
        elif chosen == "copy":
            self.copy(message)
        elif chosen == "copy with sources":
            self.copy_with_sources(message)
        elif chosen == "edit":
            await self.edit(message)
        elif chosen == "fork":
            await self.fork(message)
        elif chosen in ("before", "after"):
            await self.sibling(message, -1 if chosen == "before" else 1)
        elif chosen == "again":
            await self._session.answer_again(message)
        elif chosen:
            view.focus()
            await self._screen.run_action(chosen)

    @property
    def _session(self) -> ChatSession:
        assert self._screen.session is not None
        return self._screen.session

    def _refuse_while_answering(self) -> None:
        if self._screen.answering:
            raise UsageError("An answer is under way.", "Stop it first (Esc), or wait.")
