"""What a request asks for: JSON in OpenAI's form, checked (https://platform.openai.com/docs/api-reference/chat/create)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from assistant.conversation import Sampling
from assistant.errors import UsageError
from assistant.tools.calling import AUTO, NONE, REQUIRED
from assistant.tools.tool import Said, Tool, ToolCall

MOST_MESSAGES, MOST_INPUTS, MOST_STOPS = 2000, 2048, 16
SPEAKERS = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant", "tool": "tool"}
FLOATS = {"temperature": (0.0, 5.0), "top_p": (0.0, 1.0), "min_p": (0.0, 1.0), "repeat_penalty": (0.5, 2.0)}
INTEGERS = {
    "top_k": (0, 1_000_000), "seed": (0, 2**31 - 1), "max_tokens": (1, 1_000_000),
    "max_completion_tokens": (1, 1_000_000),
}  # fmt: skip
PENALTIES = ("presence_penalty", "frequency_penalty")  # llama.cpp's repeat_penalty stands in their place


class RequestError(UsageError):
    """A request that cannot be done; `field` names what is wrong in it."""

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What /v1/chat/completions is asked."""

    model: str
    messages: tuple[Said, ...]
    sampling: Sampling
    tools: tuple[Tool, ...] = ()
    choice: str = AUTO
    stream: bool = False
    stream_usage: bool = False
    store: bool = False
    notices: tuple[str, ...] = ()


def read_json(body: bytes) -> dict[str, Any]:
    """The object in a body.

    Raises:
        RequestError: it is none.
    """
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RequestError("The body is no JSON.") from error
    if not isinstance(value, dict):
        raise RequestError("The body must be a JSON object.")
    return value


def read_chat(asked: Mapping[str, Any], sampling: Sampling) -> ChatRequest:
    """A checked request; what it does not say is as in `sampling`.

    Raises:
        RequestError: something in it is wrong, or cannot be done here.
    """
    for field, usual in (("n", 1), ("logprobs", False), ("top_logprobs", 0)):
        if asked.get(field) not in (None, usual):
            raise RequestError(f"{field} = {str(asked[field])[:20]} is not supported here.", field)
    kind = _object(asked, "response_format").get("type", "text")
    if kind != "text":
        raise RequestError("Only text is answered; for JSON offer one tool and require it.", "response_format")
    tools = tuple(_tool(entry) for entry in _list(asked, "tools"))
    ignored = [name for name in PENALTIES if asked.get(name)]
    return ChatRequest(
        _text(asked, "model"), _messages(asked), _sampling(asked, sampling), tools, _choice(asked, tools),
        stream=_flag(asked, "stream"), stream_usage=_flag(_object(asked, "stream_options"), "include_usage"),
        store=_flag(asked, "store"), notices=tuple(f"{name} is not used; repeat_penalty is." for name in ignored),
    )  # fmt: skip


def read_inputs(asked: Mapping[str, Any]) -> list[str]:
    """The texts that /v1/embeddings is to embed.

    Raises:
        RequestError: they are no texts, or too many.
    """
    given = asked.get("input")
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not 0 < len(texts) <= MOST_INPUTS:
        raise RequestError(f"input must be a text, or a list of 1 to {MOST_INPUTS} texts.", "input")
    if not all(isinstance(text, str) and text for text in texts):
        raise RequestError("Every input must be a text that is not empty; tokens are not taken.", "input")
    if asked.get("dimensions") is not None:
        raise RequestError("The embedder has one size; leave dimensions out.", "dimensions")
    return [_clean(text) for text in texts]


def _messages(asked: Mapping[str, Any]) -> tuple[Said, ...]:
    entries = _list(asked, "messages")
    if not 0 < len(entries) <= MOST_MESSAGES:
        raise RequestError(f"messages must hold 1 to {MOST_MESSAGES} messages.", "messages")
    names: dict[str, str] = {}
    messages: list[Said] = []
    for place, entry in enumerate(entries):
        messages += _said(entry, f"messages[{place}]", names)
    if messages[-1].role not in ("user", "tool"):
        raise RequestError("The last message must be the user's, or the result of a tool.", "messages")
    return tuple(messages)


def _said(entry: Any, field: str, names: dict[str, str]) -> list[Said]:
    """A message; `names` remembers which tool each call was of. Several calls become several messages."""
    role = SPEAKERS.get(str(entry.get("role"))) if isinstance(entry, dict) else None
    if role is None:
        raise RequestError(f"{field} must have one of the roles {', '.join(SPEAKERS)}.", field)
    text = _content(entry.get("content"), field)
    if role == "tool":
        return [Said("tool", text, tool=names.get(str(entry.get("tool_call_id")), ""))]
    calls = entry.get("tool_calls") if role == "assistant" else None
    if not calls:
        return [Said(role, text)]  # type: ignore[arg-type]  # one of the four
    found = []
    try:
        for call in calls:
            name = names[str(call["id"])] = _clean(str(call["function"]["name"]))
            arguments = json.loads(call["function"].get("arguments") or "{}")
            found.append(Said("assistant", text, ToolCall(name, dict(arguments))))
            text = ""
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise RequestError(f"{field}.tool_calls cannot be read.", field) from error
    return found


def _content(content: Any, field: str) -> str:
    if content is None:
        return ""
    if isinstance(content, str):
        return _clean(content)
    texts = []
    for part in content if isinstance(content, list) else [None]:
        if not isinstance(part, dict) or part.get("type") != "text" or not isinstance(part.get("text"), str):
            raise RequestError("Only text is understood: no pictures, sounds or files.", field)
        texts.append(_clean(part["text"]))
    return "\n".join(texts)


def _sampling(asked: Mapping[str, Any], sampling: Sampling) -> Sampling:
    values: dict[str, Any] = {name: float(_number(asked, name, FLOATS[name], float)) for name in FLOATS
                              if asked.get(name) is not None}  # fmt: skip
    values |= {name: int(_number(asked, name, INTEGERS[name], int)) for name in INTEGERS if asked.get(name) is not None}
    if "max_completion_tokens" in values:
        values["max_tokens"] = values.pop("max_completion_tokens")
    stop = asked.get("stop")
    if stop is not None:
        stops = [stop] if isinstance(stop, str) else stop
        if not isinstance(stops, list) or len(stops) > MOST_STOPS or not all(isinstance(s, str) and s for s in stops):
            raise RequestError(f"stop must be a text, or up to {MOST_STOPS} texts.", "stop")
        values["stop"] = tuple(_clean(each) for each in stops)
    return replace(sampling, **values)


def _number(asked: Mapping[str, Any], name: str, bounds: tuple[float, float], kind: type) -> float:
    value = asked[name]
    low, high = bounds
    right = isinstance(value, int) if kind is int else isinstance(value, (int, float)) and math.isfinite(value)
    if isinstance(value, bool) or not right or not low <= value <= high:
        raise RequestError(f"{name} must be from {low:g} to {high:g}.", name)
    return float(value) if kind is float else int(value)


def _tool(entry: Any) -> Tool:
    function = entry.get("function") if isinstance(entry, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str) or not function["name"]:
        raise RequestError("Each tool must be a function with a name.", "tools")
    parameters = function.get("parameters") or {}
    if not isinstance(parameters, dict) or not isinstance(parameters.get("properties", {}), dict):
        raise RequestError(f"The parameters of {function['name'][:60]} must be a JSON schema of an object.", "tools")
    return Tool(_clean(function["name"]), _clean(str(function.get("description") or "")), parameters)


def _choice(asked: Mapping[str, Any], tools: tuple[Tool, ...]) -> str:
    choice = asked.get("tool_choice")
    if choice is None:
        return AUTO if tools else NONE
    if isinstance(choice, dict) and isinstance(choice.get("function"), dict):
        choice = choice["function"].get("name")
        if choice in [tool.name for tool in tools]:
            return str(choice)
    elif choice in (AUTO, NONE, REQUIRED) and (tools or choice != REQUIRED):
        return str(choice) if tools else NONE
    raise RequestError("tool_choice must be auto, none, required, or one of the tools.", "tool_choice")


def _text(asked: Mapping[str, Any], name: str) -> str:
    if not isinstance(asked.get(name), str) or not asked[name]:
        raise RequestError(f"{name} must be a text.", name)
    return _clean(asked[name])


def _flag(asked: Mapping[str, Any], name: str) -> bool:
    if asked.get(name) not in (None, True, False):
        raise RequestError(f"{name} must be true or false.", name)
    return bool(asked.get(name))


def _list(asked: Mapping[str, Any], name: str) -> list[Any]:
    value = asked.get(name)
    if value is not None and not isinstance(value, list):
        raise RequestError(f"{name} must be a list.", name)
    return value or []


def _object(asked: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = asked.get(name)
    if value is not None and not isinstance(value, dict):
        raise RequestError(f"{name} must be an object.", name)
    return value or {}


def _clean(text: str) -> str:
    """Without lone halves of surrogate pairs, which no file and no tokenizer takes."""
    return text.encode("utf-8", "replace").decode()
