"""A title for a chat, by the model that answers in it; until then the chat is called by its first question."""

from __future__ import annotations

import contextlib
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from assistant.backends.base import ChatMessage
from assistant.chat_rows import ChosenAnswer, answer_row
from assistant.errors import UsageError
from assistant.prompting import NOT_FOUND
from assistant.titles import TITLE_LENGTH, title_of

if TYPE_CHECKING:
    from assistant.bootstrap import Core

ASK = "Give this conversation a title of two to six words. Write the title only."
TITLE_TOKENS = 24
LABEL = re.compile(r"^(?:the )?title(?: is)?\s*:\s*", re.IGNORECASE)


async def written_title(core: Core, conversation_id: int) -> str:
    """What the model calls a chat after its first answer: 1 to 60 characters on one line.

    It is asked behind the very messages of that turn, so it reads little anew.

    Raises:
        UsageError: nothing was answered yet, an answer is under way, or what the model wrote is no title.
        ContextOverflowError: the first turn fills its context; NotFoundError, ModelError, WorkerError.
    """
    thread = await core.conversations.thread(conversation_id)
    answer = next((each for each in thread if each.role == "assistant" and each.text.strip()), None)
    if answer is None or core.engine.busy:
        raise UsageError("There is no finished answer in this chat.", "Ask something, or wait.")
    given = [passage.document_id for passage in await core.conversations.passages(answer.id)]
    await core.leaving.check_documents(await core.model.ready(), given)
    row = await answer_row(core, ChosenAnswer(answer.id))
    system = [ChatMessage("system", answer.system)] if answer.system else []
    asked = [*system, *(ChatMessage(turn.role, turn.content) for turn in row.turns), ChatMessage("user", ASK)]
    greedy = replace(core.engine.sampling, temperature=0.0, seed=0, max_tokens=TITLE_TOKENS)
    text = ""
    async with contextlib.aclosing(core.model.complete(asked, greedy)) as pieces:
        async for piece in pieces:
            text += piece if isinstance(piece, str) else ""
    title = title_in(text)
    if not title:
        raise UsageError("The model wrote nothing that could be a title.", "Give one: /rename TITLE.")
    return title


def title_in(text: str) -> str:
    """The title in what a model wrote, "" where there is none: the first line, without quotes, label and full stop."""
    line = next((" ".join(each.split()) for each in text.splitlines() if each.strip()), "")
    title = LABEL.sub("", line.strip("#*_ ")).strip("\"'“”„‘’«»*_ ").rstrip(".")
    return "" if NOT_FOUND.startswith(title) or len(title) > TITLE_LENGTH else title


def is_untouched(title: str, question: str) -> bool:
    """Whether a chat is still called by its first question, so that nobody named it."""
    return title == title_of(question)
