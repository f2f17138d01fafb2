"""What a training set is made of: a row of turns or of plain text, and where it comes from."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, Protocol

Role = Literal["system", "user", "assistant"]
Split = Literal["train", "validation", "test"]
Source = Literal["file", "chat", "teach", "document", "replay"]


class Speech(Protocol):
    """Anything with a role and content: a turn here, a message of the chat elsewhere."""

    @property
    def role(self) -> Role:
        """Who speaks."""

    @property
    def content(self) -> str:
        """What is said."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a row."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a row comes from, so that it can be found, shown and forgotten again.

    `group` is what must not be torn apart by a split: a conversation, a document, the wordings of one fact.
    """

    source: Source
    name: str = ""  # the file's, document's or chat's name
    id: str = ""  # line, message or passage number
    group: str = ""
    rating: str = ""  # how the answer was scored, where it was
    adapter: str = ""  # the adapter that wrote the answer, where one did


@dataclass(frozen=True, slots=True)
class Row:
    """One example: turns whose assistant messages are learned, or `text` to be continued (then no turns).

    A row without a system message gets the chat's own when it is encoded. `only_last` learns the last
    answer alone: earlier ones are context. A row with `rejected` is a pair: its last answer is preferred to that one.
    `desirable` says of its last answer alone whether it is to be learned or to be stayed away from.
    """

    turns: tuple[Turn, ...] = ()
    text: str = ""
    origin: Origin = field(default_factory=lambda: Origin("file"))
    split: Split = "train"
    only_last: bool = False
    rejected: str = ""
    desirable: bool | None = None

    @property
    def is_pair(self) -> bool:
        """Whether it says which of two answers is preferred."""
        return bool(self.rejected)

    @property
    def other(self) -> Row:
        """A pair with the rejected answer in place of the chosen one, as a row of one answer."""
        return replace(self, turns=(*self.turns[:-1], Turn("assistant", self.rejected)), rejected="")

    @property
    def longest(self) -> Row:
        """The row with the longer of its answers: what has to fit into the context."""
        return self.other if len(self.rejected) > len(self.answer) else self

    @property
    def question(self) -> str:
        """The last question, "" in plain text."""
        return next((turn.content for turn in reversed(self.turns) if turn.role == "user"), "")

    @property
    def answer(self) -> str:
        """The last answer; of plain text all of it."""
        return next((turn.content for turn in reversed(self.turns) if turn.role == "assistant"), self.text)

    def as_json(self) -> dict[str, Any]:
        """The row as one line of `rows.jsonl`; `row_from_json` reads it back."""
        origin = {name: value for name, value in asdict(self.origin).items() if value}
        content = {"messages": [asdict(turn) for turn in self.turns]} if self.turns else {"text": self.text}
        flags = {"only_last": True} if self.only_last else {}
        judged: dict[str, Any] = {"rejected": self.rejected} if self.rejected else {}
        judged |= {} if self.desirable is None else {"label": self.desirable}
        return {**content, **judged, **flags, "split": self.split, "origin": origin}


def row_from_json(value: dict[str, Any]) -> Row:
    """A row of our own writing (files from elsewhere go through `formats`)."""
    turns = tuple(Turn(turn["role"], turn["content"]) for turn in value.get("messages", ()))
    origin = Origin(**value.get("origin", {"source": "file"}))
    split, only_last = value.get("split", "train"), value.get("only_last", False)
    return Row(
        turns, value.get("text", ""), origin, split, only_last, value.get("rejected", ""), value.get("label")
    )  # fmt: skip
