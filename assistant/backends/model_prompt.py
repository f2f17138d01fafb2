"""How messages become a model's prompt: the chat template of its file, with the strings of its vocabulary."""

from __future__ import annotations

from typing import Protocol

from adapters.chat_prompt import ChatPrompt
from adapters.chat_template import ChatTemplate
from adapters.files.gguf_facts import GGUFFacts
from adapters.special_tokens import SpecialTokens


class Vocabulary(Protocol):
    """What has to be known of a tokenizer."""

    def begin_end_strings(self) -> tuple[str, str]:
        """The strings of the tokens that begin and end a text, "" where there is none."""

    def adds_begin(self) -> bool:
        """Whether the tokenizer puts the begin token before every text."""


def model_prompt(facts: GGUFFacts, vocabulary: Vocabulary, special: SpecialTokens) -> ChatPrompt:
    """The one way this model is asked; `special` are the control strings that are broken up in content."""
    begin, end = vocabulary.begin_end_strings()
    first = begin if not facts.chat_template and vocabulary.adds_begin() else ""
    return ChatPrompt(ChatTemplate(facts.chat_template, begin, end), special, first, end)
