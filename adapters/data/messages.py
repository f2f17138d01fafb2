"""The words of a row from elsewhere: messages in their usual spellings, texts made storable."""

from __future__ import annotations

from typing import Any

from adapters.rows import Role, Turn

ROLES: dict[str, Role] = {
    "system": "system", "user": "user", "human": "user", "assistant": "assistant", "gpt": "assistant",
    "model": "assistant", "bot": "assistant", "chatgpt": "assistant",
}  # fmt: skip


class RowError(Exception):
    """What is wrong with one row, in words."""


def spoken(messages: Any, key: str, who: str, what: str) -> tuple[Turn, ...]:
    """The turns of a list of messages; `key` names the list, `who` and `what` the keys of speaker and text.

    Raises:
        RowError: it is no such list, with the number of the message that is wrong.
    """
    if not isinstance(messages, list) or not messages:
        raise RowError(f"“{key}” must be a list of messages, not {kind_name(messages)}")
    return tuple(_turn(message, number, who, what) for number, message in enumerate(messages, 1))


def _turn(message: Any, number: int, who: str, what: str) -> Turn:
    if not isinstance(message, dict):
        raise RowError(f"message {number} must be an object, not {kind_name(message)}")
    who, what = (who, what) if who in message else ("role" if "role" in message else "from", what)
    what = what if what in message else ("content" if "content" in message else "value")
    said = message.get(who)
    role = ROLES.get(said) if isinstance(said, str) else None
    if role is None:
        raise RowError(f"message {number} has the role {str(said)[:40]!r}; known are system, user and assistant")
    content = message.get(what)
    if isinstance(content, list):  # the parts of multimodal formats; pictures cannot be learned
        parts = [part.get("text") if isinstance(part, dict) else None for part in content]
        if not all(isinstance(part, str) for part in parts):
            raise RowError(f"message {number} holds more than text")
        content = "".join(str(part) for part in parts)
    if not isinstance(content, str):
        raise RowError(f"message {number} has no text in “{what}”, but {kind_name(content)}")
    return Turn(role, clean(content))


def system_turns(value: dict[str, Any]) -> tuple[Turn, ...]:
    """The system prompt that stands beside the messages, as the turn it is; none where there is none."""
    said = value.get("system") or value.get("system_prompt")
    return (Turn("system", clean(said)),) if isinstance(said, str) and said.strip() else ()


def text_of(value: dict[str, Any], key: str) -> str:
    """The text under a key.

    Raises:
        RowError: there is none, or it is something else.
    """
    content = value.get(key)
    if not isinstance(content, str):
        raise RowError(f"“{key}” must be a text, not {kind_name(content)}")
    return clean(content)


def clean(text: str) -> str:
    """`text` as UTF-8 can hold it: halves of surrogate pairs joined or replaced, no NUL, plain line ends."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text.replace("\x00", "").replace("\r\n", "\n").replace("\r", "\n")


def kind_name(value: Any) -> str:
    """What a JSON value is, in words."""
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "nothing"}
    return names.get(type(value), "a number")
