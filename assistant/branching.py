"""What is done with one message of a chat: an answer is rewritten, a chat is forked, a turn is taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assistant import citations
from assistant.errors import UsageError

if TYPE_CHECKING:
    from assistant.bootstrap import Core
    from assistant.conversation import Conversation, Message


async def rewrite_answer(core: Core, message_id: int, text: str) -> Message:
    """Put the user's own words beside an answer, with the marks that its passages bear out; the chat goes on from it.

    Raises:
        NotFoundError: there is no such message.
        UsageError: it is no answer, it is still being written, or the text is empty.
    """
    message = await core.conversations.message(message_id)
    if message.state == "partial":
        raise UsageError("This answer is under way.", "Stop it first, or wait.")
    text, found = citations.bound(text.strip(), await core.conversations.passages(message.id))
    return await core.conversations.message(await core.conversations.branches.edited_answer(message, text, found))


async def choose_branch(core: Core, message_id: int) -> Message:
    """Let the chat of a message go on from it, with what followed on it.

    Raises:
        NotFoundError: there is no such message, or its chat is in the trash.
    """
    message = await core.conversations.message(message_id)
    await core.conversations.get(message.conversation_id)
    await core.conversations.go_on_from(message)
    return message


async def fork(core: Core, message_id: int) -> Conversation:
    """A new chat with copies of a message and of all that stands above it; the old one stays as it is.

    Raises:
        NotFoundError: there is no such message, or its chat is in the trash.
    """
    message = await core.conversations.message(message_id)
    chat = await core.conversations.get(message.conversation_id)
    thread = await core.conversations.thread(chat.id, message.id)
    return await core.conversations.get(await core.conversations.branches.fork(thread, f"{chat.title} (fork)"))


async def undo(core: Core, conversation_id: int) -> Message:
    """Take the last question of a chat back, with its answer: the chat goes on from before it, and nothing is lost.

    Raises:
        NotFoundError: there is no such chat.
        UsageError: nothing stands before the last question, so there is nothing to go on from.
    """
    await core.conversations.get(conversation_id)
    taken = await core.conversations.branches.take_back(await core.conversations.thread(conversation_id))
    if taken is None:
        raise UsageError("Nothing stands before this question.", "Ask it in another way instead, or begin a new chat.")
    return taken


async def redo(core: Core, conversation_id: int) -> Message:
    """Bring back what was taken back; returns the last message that the chat goes on from.

    Raises:
        NotFoundError: there is no such chat.
        UsageError: nothing was taken back.
    """
    await core.conversations.get(conversation_id)
    thread = await core.conversations.thread(conversation_id)
    if not thread or not await core.conversations.branches.follows(thread[-1]):
        raise UsageError("Nothing was taken back in this chat.")
    await core.conversations.go_on_from(thread[-1])
    return (await core.conversations.thread(conversation_id))[-1]
