"""How answers, lists and errors look in OpenAI's form; what is ours stands beside it, at the top."""

from __future__ import annotations

import base64
import json
import secrets
import time
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from assistant.conversation import Citation
from assistant.errors import (
    AdapterError,
    AssistantError,
    ContextOverflowError,
    LibraryError,
    NotFoundError,
    UsageError,
)
from assistant.serving.requests import RequestError
from assistant.tools.tool import ToolCall
from ingest.document import place_label
from ingest.errors import IngestError

OWNER = "private-assistant"
SOURCES = "\n\nSources:"
CITATION = ("mark", "document", "path", "page", "place", "start", "end", "quote", "score", "attributed")


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of an answer: why, at what cost in tokens, from which passages, and what is to be told of it."""

    finish: str  # stop, length or tool_calls
    text: str = ""  # the answer with its marks as they were checked; "" where the pieces are all of it
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    adapter: str = ""
    citations: tuple[Citation, ...] = ()
    trace: str = ""
    notices: tuple[str, ...] = ()

    @property
    def usage(self) -> dict[str, Any]:
        """As OpenAI counts."""
        return {
            "prompt_tokens": self.prompt_tokens, "completion_tokens": self.completion_tokens,
            "total_tokens": self.prompt_tokens + self.completion_tokens,
            "prompt_tokens_details": {"cached_tokens": self.cached_tokens},
        }  # fmt: skip

    @property
    def ours(self) -> dict[str, Any]:
        """The fields that OpenAI does not have."""
        cited = [{key: getattr(each, key) for key in CITATION} for each in self.citations]
        return {"adapter": self.adapter, "citations": cited, "trace": self.trace, "notices": list(self.notices)}


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer under way: what all its parts have in common."""

    model: str
    id: str = field(default_factory=lambda: f"chatcmpl-{secrets.token_hex(12)}")
    created: int = field(default_factory=lambda: int(time.time()))

    def whole(self, text: str, call: ToolCall | None, ended: Ended) -> dict[str, Any]:
        """The answer in one piece."""
        content = ended.text or text or (None if call else "")
        message: dict[str, Any] = {"role": "assistant", "content": content, "refusal": None}
        if call:
            message["tool_calls"] = [_call(call)]
        choice = {"index": 0, "message": message, "finish_reason": ended.finish, "logprobs": None}
        return self._frame("chat.completion", [choice]) | {"usage": ended.usage} | ended.ours

    def begin(self) -> str:
        """The first piece of a stream."""
        return self._event({"role": "assistant", "content": ""})

    def piece(self, item: str | ToolCall) -> str:
        """A piece of text, or a call."""
        if isinstance(item, str):
            return self._event({"content": item})
        return self._event({"tool_calls": [{"index": 0, **_call(item)}]})

    def end(self, ended: Ended, *, with_usage: bool) -> str:
        """The last pieces of a stream."""
        last = self._event({}, ended.finish, ended.ours)
        if with_usage:
            last += _sse(self._frame("chat.completion.chunk", []) | {"usage": ended.usage})
        return f"{last}data: [DONE]\n\n"

    def _event(self, delta: dict[str, Any], finish: str | None = None, more: dict[str, Any] | None = None) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
        return _sse(self._frame("chat.completion.chunk", [choice]) | (more or {}))

    def _frame(self, kind: str, choices: list[Any]) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model, "choices": choices}


def sources(citations: Sequence[Citation]) -> str:
    """The sources as lines below an answer, "" for none: a program that shows only text shows them, too."""
    lines = []
    for each in citations:
        label = place_label(each.page, each.place)
        place = f", {label}" if label else ""
        lines.append(f"[{'~' if each.attributed else ''}{each.mark}] {each.document}{place}: “{_line(each.quote)}”")
    return "\n".join([SOURCES, *lines]) if lines else ""


def without_sources(text: str) -> str:
    """An answer as it was before `sources` was put below it, as it comes back in the history of a chat."""
    return text.partition(f"{SOURCES}\n[")[0]


def embedding_list(model: str, vectors: bytes, dimension: int, tokens: int, as_base64: bool) -> dict[str, Any]:
    """Vectors, float32 and of this dimension, as numbers or in base64 (little-endian)."""
    size = 4 * dimension
    parts = [vectors[start : start + size] for start in range(0, len(vectors), size)]
    data = [
        {"object": "embedding", "index": place,
         "embedding": base64.b64encode(part).decode() if as_base64 else array("f", part).tolist()}
        for place, part in enumerate(parts)
    ]  # fmt: skip
    return {"object": "list", "data": data, "model": model, "usage": {"prompt_tokens": tokens, "total_tokens": tokens}}


def model_card(name: str) -> dict[str, Any]:
    """One model of the list."""
    return {"id": name, "object": "model", "created": 0, "owned_by": OWNER}


def error_body(message: str, kind: str, field: str | None = None, code: str | None = None) -> dict[str, Any]:
    """An error in OpenAI's form."""
    return {"error": {"message": message, "type": kind, "param": field, "code": code}}


def described(error: Exception) -> tuple[int, dict[str, Any]]:
    """The status and body for an error of ours."""
    message = str(error)
    if isinstance(error, IngestError):
        message = " ".join(filter(None, (message, error.hint)))
    field = error.field if isinstance(error, RequestError) else None
    if isinstance(error, ContextOverflowError):
        return 400, error_body(message, "invalid_request_error", "messages", "context_length_exceeded")
    if isinstance(error, (NotFoundError, AdapterError)):
        return 404, error_body(message, "invalid_request_error", "model", "model_not_found")
    if isinstance(error, (UsageError, IngestError)) and not isinstance(error, LibraryError):
        return 400, error_body(message, "invalid_request_error", field)
    return 500, error_body(message if isinstance(error, AssistantError) else "Unexpected error.", "server_error")


def error_event(error: Exception) -> str:
    """An error in the middle of a stream."""
    return _sse(described(error)[1])


def _call(call: ToolCall) -> dict[str, Any]:
    arguments = json.dumps(call.arguments, ensure_ascii=False)
    function = {"name": call.name, "arguments": arguments}
    return {"id": f"call_{secrets.token_hex(12)}", "type": "function", "function": function}


def _sse(value: Any) -> str:
    return f"data: {json.dumps(value)}\n\n"


def _line(text: str) -> str:
    return " ".join(text.split())
