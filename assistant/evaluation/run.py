"""A run of an evaluation set: who answers, what was answered, and what it is worth."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from assistant.conversation import Citation
from assistant.evaluation.question import QuestionSet
from ingest.document import Passage

RunState = Literal["unfinished", "done"]
Why = Literal["", "not retrieved", "not used", "used but wrong", "should have declined", "wrong"]


@dataclass(frozen=True, slots=True)
class Arm:
    """What answers: a model as it is named, with a mix of adapters by exact names ("": the base alone).

    `as_chat` marks the mix that was in force in the chat. A mix with scopes answers as it would in the chat.
    """

    model: str
    mix: str
    label: str
    as_chat: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered, and what it was made from. `adapter` is what was on in fact; `seconds` until its end.

    `error` says why there is no answer, "" where there is one. `cached` says that it was given in an earlier run.
    """

    text: str
    passages: tuple[Passage, ...] = ()
    citations: tuple[Citation, ...] = ()
    model: str = ""
    adapter: str = ""
    trace: str = ""
    notices: tuple[str, ...] = ()
    system: str = ""
    seconds: float = 0.0
    tokens: int = 0
    error: str = ""
    cached: bool = False

    def as_json(self) -> dict[str, Any]:
        """All fields as plain values; `answer_from_json` reads them back."""
        return asdict(self)


def answer_from_json(value: dict[str, Any]) -> Answer:
    """An answer that was stored."""
    passages = tuple(Passage(**{**entry, "headings": tuple(entry["headings"])}) for entry in value["passages"])
    citations = tuple(Citation(**entry) for entry in value["citations"])
    return replace(
        Answer(**{**value, "passages": (), "citations": (), "notices": tuple(value["notices"])}),
        passages=passages, citations=citations,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Graded:
    """An answer with its figures by name (shares from 0 to 1; `seconds` and `words` as they are), and why it is wrong:
    "" where it is right.
    """

    answer: Answer
    values: dict[str, float]
    why: Why = ""


@dataclass(frozen=True, slots=True)
class Run:
    """A set as it was asked. `answers` holds for each arm, by its place, the graded answers by question.

    `options` says how it was asked: `documents`, `passages`, `sampling`, `system`.
    """

    id: int
    questions: QuestionSet
    set_sha256: str
    arms: tuple[Arm, ...]
    options: dict[str, Any]
    state: RunState
    created: str  # ISO 8601, UTC
    seconds: float = 0.0
    done: int = 0  # answers there are
    answers: tuple[dict[str, Graded], ...] = ()

    @property
    def total(self) -> int:
        """Answers there are to be."""
        return len(self.arms) * len(self.questions.questions)

    @property
    def line(self) -> str:
        """When, what, and who answered."""
        state = "" if self.state == "done" else f", {self.done:,} of {self.total:,} answers (unfinished)"
        documents = "" if self.options.get("documents") else ", without documents"
        labels = ", ".join(arm.label for arm in self.arms)
        return f"{self.created[:16]}  {self.questions.name}: {labels}{documents}{state}"
