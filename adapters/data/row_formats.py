"""How others write a training example (prompt/completion, chat messages, Alpaca, ShareGPT, text): each -> a row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from adapters.data.messages import ROLES, RowError, clean, kind_name, spoken, system_turns, text_of
from adapters.data.pair_formats import has_pair, read_pair
from adapters.rows import Origin, Role, Row, Split, Turn

MAX_CHARACTERS = 100_000  # of a row of turns: more than any context here reads
SPLIT_NAMES: dict[str, Split] = {
    "train": "train", "training": "train", "validation": "validation", "valid": "validation", "val": "validation",
    "dev": "validation", "eval": "validation", "test": "test",
}  # fmt: skip
PAIRS = (("prompt", "completion"), ("prompt", "response"), ("question", "answer"), ("query", "response"))
FOLLOWS: dict[str, tuple[Role, ...]] = {
    "": ("system", "user"), "system": ("user",), "user": ("assistant",), "assistant": ("user",)
}  # fmt: skip
EXPECTED = (
    "messages, conversations, prompt and completion, prompt, chosen and rejected, instruction and output, or text"
)


@dataclass(frozen=True, slots=True)
class Given:
    """A row as it was given: `placed` where it names its split itself, so that it is not dealt out."""

    row: Row
    placed: bool = False


@dataclass(frozen=True, slots=True)
class Read:
    """What a format's reader finds: turns or text, and of a pair the rejected answer."""

    format: str
    turns: tuple[Turn, ...] = ()
    text: str = ""
    rejected: str = ""


def read_row(value: Any, origin: Origin) -> tuple[str, Given]:
    """The name of a row's format and the row, from one JSON value. Its own split, group and origin are kept.

    Raises:
        RowError: it is none of the known formats, or nothing in it can be learned.
    """
    if not isinstance(value, dict):
        raise RowError(f"a row must be an object {{…}}, not {kind_name(value)}")
    read = _reader(value)(value)
    turns = _checked(read.turns) if read.turns else ()
    if not turns and not read.text.strip():
        raise RowError("the text is empty")
    split = _split(value)
    label = value.get("label")  # TRL's unpaired preferences
    desirable = label if isinstance(label, bool) and turns and not read.rejected else None
    only_last = value.get("only_last") is True or bool(read.rejected) or desirable is not None
    text = "" if turns else read.text
    row = Row(turns, text, _origin(value, origin), split or "train", only_last, read.rejected, desirable)
    return read.format if desirable is None else "ratings", Given(row, split is not None)


def _reader(value: dict[str, Any]) -> Callable[[dict[str, Any]], Read]:
    keys = set(value)
    if has_pair(value):
        return _preference
    if "messages" in keys:
        return _messages
    if "conversations" in keys or "conversation" in keys:
        return _sharegpt
    if "instruction" in keys:
        return _alpaca
    for question, answer in PAIRS:
        if question in keys and answer in keys:
            return lambda row: _pair(row, question, answer)
    for question, answer in PAIRS:
        if question in keys or answer in keys:
            missing = answer if question in keys else question
            raise RowError(f"“{missing}” is missing")
    if "text" in keys:
        return lambda row: Read("text", text=text_of(row, "text"))
    shown = ", ".join(sorted(keys)[:6])[:80]
    raise RowError(f"the keys are {shown or 'none'}; expected {EXPECTED}")


def _preference(value: dict[str, Any]) -> Read:
    pair = read_pair(value)
    return Read("pairs", pair.turns, rejected=pair.rejected)


def _messages(value: dict[str, Any]) -> Read:
    return Read("messages", system_turns(value) + spoken(value["messages"], "messages", "role", "content"))


def _sharegpt(value: dict[str, Any]) -> Read:
    key = "conversations" if "conversations" in value else "conversation"
    turns = spoken(value[key], key, "from", "value")
    first = next((place for place, turn in enumerate(turns) if turn.role != "assistant"), 0)
    return Read("ShareGPT", system_turns(value) + turns[first:])  # many begin with an answer to nothing


def _alpaca(value: dict[str, Any]) -> Read:
    if "output" not in value and "response" not in value:
        raise RowError("“output” is missing")
    history: list[Turn] = []
    for pair in value.get("history") or ():
        if not (isinstance(pair, list) and len(pair) == 2 and all(isinstance(part, str) for part in pair)):
            raise RowError("“history” must be a list of [question, answer]")
        history += [Turn("user", clean(pair[0])), Turn("assistant", clean(pair[1]))]
    given = text_of(value, "input") if value.get("input") else ""
    question = "\n\n".join(part for part in (text_of(value, "instruction").strip(), given.strip()) if part)
    answer = text_of(value, "output" if "output" in value else "response")
    return Read("Alpaca", (*system_turns(value), *history, Turn("user", question), Turn("assistant", answer)))


def _pair(value: dict[str, Any], question: str, answer: str) -> Read:
    turns = system_turns(value)
    for key, role in ((question, "user"), (answer, "assistant")):
        if isinstance(value[key], list):  # TRL: prompt and completion may be lists of messages
            turns += spoken(value[key], key, "role", "content")
        else:
            turns += (Turn(ROLES[role], text_of(value, key)),)
    return Read(f"{question}/{answer}", turns)


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
