"""The one way messages become the text a model reads: in the chat, in training and in evaluation."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.chat_template import ChatTemplate
from adapters.rows import Speech, Turn
from adapters.special_tokens import SpecialTokens


class ChatPrompt:
    """A model's chat template, applied to content whose control strings are broken up."""

    def __init__(self, template: ChatTemplate, special: SpecialTokens, begin: str, end: str) -> None:
        """`begin` stands before every prompt ("" where the template writes it); `end` ends an answer."""
        self._template = template
        self._special = special
        self._begin = begin
        self._end = end

    def said(self, written: str) -> str:
        """An answer as the user sees it: without the control token that ends it."""
        return written.partition(self._end)[0].strip() if self._end else written.strip()

    @property
    def notice(self) -> str:
        """What the user should know of the template, "" for nothing."""
        return self._template.notice

    def prompt(self, messages: Sequence[Speech]) -> str:
        """What the model reads before it answers the last message."""
        return self._begin + self._template.render(self._safe(messages))

    def parts(self, messages: Sequence[Speech], *, only_last: bool = False) -> list[tuple[str, bool]]:
        """A conversation as the model reads and writes it: (text, whether the model writes it) in turns.

        Each answer's prompt is what the chat would have sent, so learned text stands exactly where the
        model will have to write it, with the control token that ends it.
        """
        safe = self._safe(messages)
        answers = [place for place, message in enumerate(safe) if message.role == "assistant"]
        parts: list[tuple[str, bool]] = []
        written = ""  # what the parts hold so far
        for place in answers[-1:] if only_last else answers:
            prompt = self._begin + self._template.render(safe[:place])
            if not prompt.startswith(written):  # the template rewrites the past: only this answer can be learned
                parts, written = [], ""
            answer = self._answer(prompt, safe[: place + 1])
            parts += [(prompt[len(written) :], False), (answer, True)]
            written = prompt + answer
        return parts

    def _answer(self, prompt: str, messages: Sequence[Speech]) -> str:
        """The last message as the model would write it after `prompt`, with its end."""
        whole = self._begin + self._template.render(messages, answer_next=False)
        content = messages[-1].content
        written = whole[len(prompt) :] if whole.startswith(prompt) else content
        before, end, _ = written.partition(self._end) if self._end else (written, "", "")
        return before + (end or self._end)

    def _safe(self, messages: Sequence[Speech]) -> list[Turn]:
        return [Turn(message.role, self._special.break_up(message.content)) for message in messages]
