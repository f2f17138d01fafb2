"""What filled the context window for an answer: its prompt, part by part in tokens, and what it cost to read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assistant.answer_notes import taught_wording
from assistant.backends.base import ChatMessage
from assistant.conversation import Usage
from assistant.sent_prompt import sent_prompt

if TYPE_CHECKING:
    from assistant.bootstrap import Core


@dataclass(frozen=True, slots=True)
class ContextUse:
    """Tokens of each part, as the model that is loaded now counts them; `usage` is what was measured at the time.

    `template` is what the chat template and the joins of the parts add; `free` is what is left of `size`.
    """

    system: int
    history: int
    passages: int
    question: int
    template: int
    answer: int
    size: int
    usage: Usage
    left_out: tuple[str, ...]
    messages: tuple[ChatMessage, ...]

    @property
    def parts(self) -> dict[str, int]:
        """The parts by name, in the order in which they are sent; then the answer, and what is free."""
        named = {
            "system prompt": self.system, "earlier messages": self.history, "passages": self.passages,
            "question": self.question, "chat template": self.template, "answer": self.answer,
        }  # fmt: skip
        return {**named, "free": max(self.size - sum(named.values()), 0)}


async def context_use(core: Core, answer_id: int) -> ContextUse:
    """The context of an answer.

    Raises:
        UsageError: the message is no answer; NotFoundError: there is none; ModelError: the model cannot be loaded.
    """
    prompt = await sent_prompt(core, answer_id)
    answer = await core.conversations.message(answer_id)
    question = (await core.conversations.message(answer.parent_id or 0)).text
    asked = question if prompt.passages else taught_wording(answer.trace) or question
    texts = [message.content for message in prompt.messages]
    first, *history, last, words, said = await core.model.count([*texts, asked, answer.text])
    usage, info = answer.usage or Usage(), await core.model.ready()
    total = first + sum(history) + last
    return ContextUse(
        system=first, history=sum(history), passages=max(last - words, 0), question=words,
        template=max(usage.prompt_tokens - total, 0) if usage.prompt_tokens else info.message_overhead * len(texts),
        answer=usage.completion_tokens or said, size=usage.context_size or info.context, usage=usage,
        left_out=prompt.notices, messages=prompt.messages,
    )  # fmt: skip


def told(use: ContextUse, width: int = 40) -> Iterator[str]:
    """Lines for people: a bar for each part, what was left out, what it cost. `width` of the bars in characters."""
    used = use.size - use.parts["free"]
    yield f"{used:,} of {use.size:,} tokens ({used / max(use.size, 1):.0%})"
    for name, tokens in use.parts.items():
        share = tokens / max(use.size, 1)
        bar = "█" * max(round(share * width), 1 if tokens else 0)
        yield f"  {name:<17}{tokens:>7,}  {share:>4.0%}  {bar}"
    for line in use.left_out:
        yield f"Left out: {line}"
    usage = use.usage
    if usage.prompt_tokens:
        new = usage.prompt_tokens - usage.cached_tokens
        yield f"Read: {usage.cached_tokens:,} tokens from the cache, {new:,} new ones"
        first, rate = usage.seconds_to_first_token, usage.tokens_per_second
        yield f"First token after {first:.2f} s, then {rate:.1f} tokens a second"
