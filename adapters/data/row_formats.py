"""How others write a training example (prompt/completion, chat messages, Alpaca, ShareGPT, text): each -> a row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from adapters.rows import Origin, Role, Row, Split, Turn

MAX_CHARACTERS = 100_000  # of a row of turns: more than any context here reads
ROLES: dict[str, Role] = {
    "system": "system", "user": "user", "human": "user", "assistant": "assistant", "gpt": "assistant",
    "model": "assistant", "bot": "assistant", "chatgpt": "assistant",
}  # fmt: skip
SPLIT_NAMES: dict[str, Split] = {
    "train": "train", "training": "train", "validation": "validation", "valid": "validation", "val": "validation",
    "dev": "validation", "eval": "validation", "test": "test",
}  # fmt: skip
PAIRS = (("prompt", "completion"), ("prompt", "response"), ("question", "answer"), ("query", "response"))
FOLLOWS: dict[str, tuple[Role, ...]] = {
    "": ("system", "user"), "system": ("user",), "user": ("assistant",), "assistant": ("user",)
}  # fmt: skip
EXPECTED = "messages, conversations, prompt and completion, instruction and output, or text"


class RowError(Exception):
    """What is wrong with one row, in words."""


@dataclass(frozen=True, slots=True)
class Given:
    """A row as it was given: `placed` where it names its split itself, so that it is not dealt out."""

    row: Row
    placed: bool = False


@dataclass(frozen=True, slots=True)
class Read:
    """What a format's reader finds: turns or text."""

    format: str
    turns: tuple[Turn, ...] = ()
    text: str = ""


def read_row(value: Any, origin: Origin) -> tuple[str, Given]:
    """The name of a row's format and the row, from one JSON value. Its own split, group and origin are kept.

    Raises:
        RowError: it is none of the known formats, or nothing in it can be learned.
    """
    if not isinstance(value, dict):
        raise RowError(f"a row must be an object {{…}}, not {_kind(value)}")
    read = _reader(value)(value)
    turns = _checked(read.turns) if read.turns else ()
    if not turns and not read.text.strip():
        raise RowError("the text is empty")
    split = _split(value)
    only_last = value.get("only_last") is True
    row = Row(turns, "" if turns else read.text, _origin(value, origin), split or "train", only_last)
    return read.format, Given(row, split is not None)


def _reader(value: dict[str, Any]) -> Callable[[dict[str, Any]], Read]:
    keys = set(value)
    if "messages" in keys:
        return _messages
    if "conversations" in keys or "conversation" in keys:
        return _sharegpt
    if "instruction" in keys:
        return _alpaca
    for question, answer in PAIRS:
        if question in keys and answer in keys:
            return lambda row: _pair(row, question, answer)
    if "chosen" in keys:
        raise RowError("a preference pair cannot be learned here: give the chosen answer as “completion”")
    for question, answer in PAIRS:
        if question in keys or answer in keys:
            missing = answer if question in keys else question
            raise RowError(f"“{missing}” is missing")
    if "text" in keys:
        return lambda row: Read("text", text=_text(row, "text"))
    shown = ", ".join(sorted(keys)[:6])[:80]
    raise RowError(f"the keys are {shown or 'none'}; expected {EXPECTED}")


def _messages(value: dict[str, Any]) -> Read:
    return Read("messages", _system(value) + _spoken(value["messages"], "messages", "role", "content"))


def _sharegpt(value: dict[str, Any]) -> Read:
    key = "conversations" if "conversations" in value else "conversation"
    turns = _spoken(value[key], key, "from", "value")
    first = next((place for place, turn in enumerate(turns) if turn.role != "assistant"), 0)
    return Read("ShareGPT", _system(value) + turns[first:])  # many begin with an answer to nothing


def _alpaca(value: dict[str, Any]) -> Read:
    if "output" not in value and "response" not in value:
        raise RowError("“output” is missing")
    history: list[Turn] = []
    for pair in value.get("history") or ():
        if not (isinstance(pair, list) and len(pair) == 2 and all(isinstance(part, str) for part in pair)):
            raise RowError("“history” must be a list of [question, answer]")
        history += [Turn("user", clean(pair[0])), Turn("assistant", clean(pair[1]))]
    given = _text(value, "input") if value.get("input") else ""
    question = "\n\n".join(part for part in (_text(value, "instruction").strip(), given.strip()) if part)
    answer = _text(value, "output" if "output" in value else "response")
    return Read("Alpaca", (*_system(value), *history, Turn("user", question), Turn("assistant", answer)))


def _pair(value: dict[str, Any], question: str, answer: str) -> Read:
    turns = _system(value)
    for key, role in ((question, "user"), (answer, "assistant")):
        if isinstance(value[key], list):  # TRL: prompt and completion may be lists of messages
            turns += _spoken(value[key], key, "role", "content")
        else:
            turns += (Turn(ROLES[role], _text(value, key)),)
    return Read(f"{question}/{answer}", turns)


def _spoken(messages: Any, key: str, who: str, what: str) -> tuple[Turn, ...]:
    if not isinstance(messages, list) or not messages:
        raise RowError(f"“{key}” must be a list of messages, not {_kind(messages)}")
    return tuple(_turn(message, number, who, what) for number, message in enumerate(messages, 1))


def _turn(message: Any, number: int, who: str, what: str) -> Turn:
    if not isinstance(message, dict):
        raise RowError(f"message {number} must be an object, not {_kind(message)}")
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
        raise RowError(f"message {number} has no text in “{what}”, but {_kind(content)}")
    return Turn(role, clean(content))


def _checked(turns: tuple[Turn, ...]) -> tuple[Turn, ...]:
    """The turns up to the last answer, in an order a chat can have."""
    while turns and turns[-1].role != "assistant":
        turns = turns[:-1]  # a question nobody answered teaches nothing
    if not turns:
        raise RowError("there is no answer in it")
    length = sum(len(turn.content) for turn in turns)
    if length > MAX_CHARACTERS:
        raise RowError(f"it has {length:,} characters; at most {MAX_CHARACTERS:,} fit into a row")
    before = ""
    for place, turn in enumerate(turns, 1):
        if turn.role not in FOLLOWS[before]:
            raise RowError(f"message {place} ({turn.role}) cannot stand {f'after the {before}' if before else 'first'}")
        if not turn.content.strip() and turn.role != "system":
            raise RowError(f"the {'answer' if turn.role == 'assistant' else 'question'} is empty")
        before = turn.role
    return turns


def _system(value: dict[str, Any]) -> tuple[Turn, ...]:
    said = value.get("system") or value.get("system_prompt")
    return (Turn("system", clean(said)),) if isinstance(said, str) and said.strip() else ()


def _text(value: dict[str, Any], key: str) -> str:
    content = value.get(key)
    if not isinstance(content, str):
        raise RowError(f"“{key}” must be a text, not {_kind(content)}")
    return clean(content)


def _origin(value: dict[str, Any], given: Origin) -> Origin:
    """A row of our own keeps where it came from; any row may name its group."""
    own = value.get("origin")
    if isinstance(own, dict) and own.get("source") in ("file", "chat", "teach", "document", "replay"):
        names = {entry.name for entry in fields(Origin)}
        told: dict[str, Any] = {key: clean(str(entry)) for key, entry in own.items() if key in names}
        return Origin(**told)
    group = value.get("group")
    if isinstance(group, bool) or not isinstance(group, str | int):
        return given
    return Origin(given.source, given.name, given.id, f"{given.name}/{clean(str(group))}")


def _split(value: dict[str, Any]) -> Split | None:
    """The split a row names itself."""
    name = value.get("split")
    if name in (None, ""):
        return None
    if not isinstance(name, str) or name.casefold() not in SPLIT_NAMES:
        raise RowError(f"the split {str(name)[:40]!r} is not train, validation or test")
    return SPLIT_NAMES[name.casefold()]


def clean(text: str) -> str:
    """`text` as UTF-8 can hold it: halves of surrogate pairs joined or replaced, no NUL, plain line ends."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text.replace("\x00", "").replace("\r\n", "\n").replace("\r", "\n")


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "nothing"}
    return names.get(type(value), "a number")
