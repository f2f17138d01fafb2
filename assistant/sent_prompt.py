"""What was sent for an answer that is there? Made again from what is stored with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assistant.answer_notes import taught_wording
from assistant.errors import UsageError
from assistant.prompt_fitting import fitted
from assistant.prompting import Prompt, usable_history

if TYPE_CHECKING:
    from assistant.bootstrap import Core


async def sent_prompt(core: Core, answer_id: int) -> Prompt:
    """System prompt, what fitted of history and passages, and the question, for the model that is loaded now.

    Raises:
        UsageError: the message is no answer; NotFoundError: there is none; ModelError: the model cannot be loaded.
    """
    answer = await core.conversations.message(answer_id)
    if answer.role != "assistant" or answer.parent_id is None:
        raise UsageError(f"Message {answer_id} is no answer.", "Choose the answer to it: the next message.")
    *before, question = await core.conversations.thread(answer.conversation_id, answer.parent_id)
    passages = await core.conversations.passages(answer.id)
    sampling = answer.sampling or core.engine.sampling
    asked = taught_wording(answer.trace) or question.text
    return await fitted(core.model, answer.system, usable_history(before), asked, passages, sampling.max_tokens)
