"""Which rows are in a chat? Only answers the user chose, with the prompt that the model saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.rows import Origin, Row, Turn
from assistant.conversation import Conversation, Message
from assistant.errors import UsageError
from assistant.prompting import question_with_passages, usable_history

if TYPE_CHECKING:
    from assistant.bootstrap import Core


@dataclass(frozen=True, slots=True)
class ChosenAnswer:
    """An answer to learn: its message, and what it should have said where that is not what it said."""

    message: int
    answer: str = ""
    rating: str = ""  # how it was scored, where it was


async def chat_rows(core: Core, chat: int) -> list[Row]:
    """A chat as one row of all its turns; where documents were used, one row for each answer.

    An answer from documents is only right beside them, so it is learned with the passages it had.

    Raises:
        NotFoundError: there is no such chat; UsageError: nothing in it was answered.
    """
    conversation = await core.conversations.get(chat)
    thread = usable_history(await core.conversations.thread(chat))
    answers = [message for message in thread if message.role == "assistant" and message.state == "done"]
    if not answers:
        raise UsageError(f"Nothing in chat {chat} was answered.", "`assistant chats show ID` shows a chat.")
    if len(answers) * 2 == len(thread) and not any(message.trace and message.citations for message in answers):
        turns = tuple(Turn(message.role, message.text) for message in thread)
        return [Row(turns, origin=_origin(conversation, answers, "chosen"))]
    return [await answer_row(core, ChosenAnswer(message.id)) for message in answers]


async def answer_row(core: Core, chosen: ChosenAnswer) -> Row:
    """One answer with all that was said before it; only the answer is learned.

    Raises:
        NotFoundError: there is no such message; UsageError: it is no answer, or has no text.
    """
    message = await core.conversations.message(chosen.message)
    if message.role != "assistant":
        raise UsageError(f"Message {message.id} is a question.", "Choose the answer to it: the next message.")
    text = chosen.answer.strip() or message.text.strip()
    if not text:
        raise UsageError(f"The answer {message.id} is empty.", "Give the right one: --message 'ID => ANSWER'.")
    conversation = await core.conversations.get(message.conversation_id)
    thread = await core.conversations.thread(message.conversation_id, message.id)
    before = [entry for entry in thread if entry.id < message.id]
    if not before:
        raise UsageError(f"The answer {message.id} has no question.", "Choose another one.")
    question = Turn("user", await _question(core, before[-1], message))
    turns = (
        *(Turn(entry.role, entry.text) for entry in usable_history(before[:-1])),
        question,
        Turn("assistant", text),
    )
    edited = bool(chosen.answer.strip())
    origin = _origin(conversation, [message], chosen.rating or ("edited" if edited else "chosen"), edited=edited)
    return Row(turns, origin=origin, only_last=True)


async def _question(core: Core, question: Message, answer: Message) -> str:
    """The question as the model saw it: below the passages the answer was made from."""
    passages = await core.conversations.passages(answer.id)
    return question_with_passages(question.text, passages) if passages else question.text


def _origin(conversation: Conversation, answers: Sequence[Message], rating: str, *, edited: bool = False) -> Origin:
    writers = [" + ".join(filter(None, (answer.model, answer.adapter))) for answer in answers]
    writer = "" if edited else ", ".join(dict.fromkeys(filter(None, writers)))
    number = str(answers[0].id) if len(answers) == 1 else ""
    return Origin("chat", conversation.title, number, f"chat:{conversation.id}", rating, writer)
