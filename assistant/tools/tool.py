"""The nouns: a tool, a call of it, and the messages of a conversation in which tools are called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Speaker = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that a model may ask for. `parameters` is a JSON schema of an object (see call_grammar)."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """What a model asks for; the arguments are of the tool's schema."""

    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Said:
    """A message. An assistant's may hold a call; a tool's is the result of the one that `tool` names."""

    role: Speaker
    text: str
    call: ToolCall | None = None
    tool: str = ""
