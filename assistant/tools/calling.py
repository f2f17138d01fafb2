"""How a model is offered tools: they are told in the system prompt, and a call is held to their grammar."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from typing import Any

from assistant.backends.base import ChatMessage, Done
from assistant.conversation import Sampling
from assistant.errors import ModelError, UsageError
from assistant.model import Model
from assistant.prompting import QUOTED_DATA, marker_for
from assistant.tools.call_grammar import call_grammar
from assistant.tools.tool import Said, Tool, ToolCall

AUTO, NONE, REQUIRED = "auto", "none", "required"  # else the name of the tool that is to be called
CALL_TOKENS = 1024  # at least so many for a call: cut off it would not parse
OFFER = "You can call these functions:\n{tools}\nTo call one, write JSON and nothing else, such as: {example}"


async def respond(
    model: Model, messages: Sequence[Said], tools: Sequence[Tool], choice: str, sampling: Sampling
) -> AsyncGenerator[str | ToolCall | Done, None]:
    """Answer in pieces of text, or call one of the tools; the last item is Done. Leaving the loop cancels it.

    Raises:
        UsageError: `choice` is no tool, or a schema is not understood; ModelError: the model failed.
    """
    offered = _offered(tools, choice)
    shape = call_grammar(offered, text=choice == AUTO) if offered else ""
    if offered:
        stop = sampling.stop if choice == AUTO else ()
        sampling = replace(sampling, max_tokens=max(sampling.max_tokens, CALL_TOKENS), stop=stop)
    text, told = "", 0
    async with contextlib.aclosing(model.complete(as_chat(messages, offered), sampling, shape)) as pieces:
        async for piece in pieces:
            if isinstance(piece, str):
                text += piece
            calls = bool(offered) and text.startswith("{")
            if isinstance(piece, Done) and calls:
                yield _read(text, offered)
            if isinstance(piece, Done):
                yield piece
            elif not calls:
                yield text[told:]
                told = len(text)


def as_chat(messages: Sequence[Said], tools: Sequence[Tool] = ()) -> list[ChatMessage]:
    """The messages as a chat template takes them: one system message first, then turn by turn.

    What a tool gave back is quoted, as the user's turn.
    """
    system = [message.text for message in messages if message.role == "system" and message.text.strip()]
    if tools:
        example = json.dumps({"name": tools[0].name, "arguments": _example(tools[0])})
        listed = "\n".join(f"- {tool.name}{_signature(tool)}: {tool.description}" for tool in tools)
        offer = OFFER.format(tools=listed, example=example).encode("utf-8", "replace").decode()
        system += [offer, QUOTED_DATA]
    chat: list[ChatMessage] = [ChatMessage("system", "\n\n".join(system))] if system else []
    for message in messages:
        if message.role == "system":
            continue
        role, text = ("assistant" if message.role == "assistant" else "user"), _text(message)
        if chat and chat[-1].role == role:
            chat[-1] = ChatMessage(chat[-1].role, f"{chat[-1].content}\n\n{text}")
        else:
            chat.append(ChatMessage("assistant" if role == "assistant" else "user", text))
    return chat


def call_json(call: ToolCall) -> str:
    """A call as a model writes it."""
    text = json.dumps({"name": call.name, "arguments": call.arguments}, ensure_ascii=False)
    return text.encode("utf-8", "replace").decode()  # half a surrogate pair is no text


def _text(message: Said) -> str:
    if message.call is not None:
        return "\n".join(filter(None, (message.text, call_json(message.call))))
    if message.role == "tool":
        marker = marker_for(message.tool, message.text)
        return f"Result of {message.tool or 'the function'}:\n<<<{marker}\n{message.text}\n{marker}>>>"
    return message.text


def _offered(tools: Sequence[Tool], choice: str) -> list[Tool]:
    if choice in (AUTO, REQUIRED):
        return list(tools)
    if choice == NONE:
        return []
    named = [tool for tool in tools if tool.name == choice]
    if not named:
        raise UsageError(f"There is no tool {choice[:60]}.", f"Offered: {', '.join(tool.name for tool in tools)}.")
    return named


def _signature(tool: Tool) -> str:
    """The names of the parameters with their types."""
    properties = tool.parameters.get("properties", {})
    return f"({', '.join(f'{name}: {_kind(part)}' for name, part in properties.items())})"


def _kind(schema: Any) -> str:
    return str(schema.get("type") or "value") if isinstance(schema, dict) else "value"


def _example(tool: Tool) -> dict[str, Any]:
    values = {"integer": 1, "number": 1, "boolean": True}
    return {name: values.get(_kind(part), "…") for name, part in tool.parameters.get("properties", {}).items()}


def _read(text: str, tools: Sequence[Tool]) -> ToolCall:
    """The call that a model wrote. It always parses, unless the context had no room for its end."""
    try:
        said = json.loads(text)
        if said["name"] in [tool.name for tool in tools] and isinstance(said["arguments"], dict):
            return ToolCall(said["name"], said["arguments"])
    except (ValueError, KeyError, TypeError):
        pass
    raise ModelError("The model's call of a tool was cut off.", "Shorten the messages, or raise the context setting.")
