"""Which questions does a file hold? JSON lines, JSON or CSV in the usual spellings; bad rows are listed, not fatal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.data.formats import BadRow, read_values
from adapters.data.messages import RowError, clean, kind_name, spoken
from adapters.errors import DatasetError
from adapters.rows import Turn
from assistant.errors import UsageError
from assistant.evaluation.question import Gold, Question

ANSWERS = ("answers", "answer", "references", "reference", "expected", "ground_truth")
GOLD = ("gold", "evidence", "contexts")
QUOTE = ("quote", "passage", "text")
UNANSWERABLE = "unanswerable"
LONGEST = 50_000  # characters of a question or an answer
HINT = (
    'A row is {"question": …, "answers": […], "gold": [{"document", "page", "quote"}], "tags": […]}; '
    'one that nothing answers has "unanswerable": true.'
)


@dataclass(frozen=True, slots=True)
class ReadQuestions:
    """What a file gave: its questions, and the rows that were left out."""

    name: str
    questions: tuple[Question, ...]
    bad: tuple[BadRow, ...] = ()


def read_questions(path: Path) -> ReadQuestions:
    """All questions of a file.

    Raises:
        UsageError: it cannot be read, or no row of it is a question; the first bad row is named.
    """
    try:
        values = list(read_values(path))
    except DatasetError as error:
        raise UsageError(str(error), HINT) from error
    found = parse_questions(values, path.name)
    if not found.questions:
        first = found.bad[0] if found.bad else BadRow(path.name, 1, "there are no rows in it")
        more = f" (and {len(found.bad) - 1:,} more)" if len(found.bad) > 1 else ""
        raise UsageError(f"No row of {path.name} is a question. {first}{more}.", HINT)
    return found


def parse_questions(values: Iterable[tuple[int, Any]], name: str) -> ReadQuestions:
    """The questions among JSON values with their line; a value that is a RowError says what is wrong with its line."""
    questions: dict[str, Question] = {}
    bad = []
    for line, value in values:
        try:
            if isinstance(value, RowError):
                raise value
            question = _question(value, line, name)
            if question.id in questions:
                raise RowError(f"the id “{question.id}” stands above already")
            if question.follows and question.follows not in questions:
                raise RowError(f"it follows “{question.follows}”, which is not above it")
        except RowError as error:
            bad.append(BadRow(name, line, str(error)))
        else:
            questions[question.id] = question
    return ReadQuestions(name, tuple(questions.values()), tuple(bad))


def _question(value: Any, line: int, name: str) -> Question:
    """The question of one row.

    Raises:
        RowError: it is none, in words.
    """
    if not isinstance(value, dict):
        raise RowError(f"it must be an object, not {kind_name(value)}")
    asked = _text(value.get("question"), "question").strip()
    if not asked:
        raise RowError("“question” is empty")
    answers, gold = _answers(value), _gold(value)
    unanswerable = _unanswerable(value, answers, gold)
    if unanswerable and answers:
        raise RowError("it is unanswerable, and has an answer")
    if not (answers or gold or unanswerable):
        raise RowError("it says nothing of what is right: give “answers”, “gold”, or “unanswerable”: true")
    return Question(
        id=_text(value.get("id", f"{Path(name).stem}:{line}"), "id").strip() or f"{Path(name).stem}:{line}",
        question=asked,
        answers=answers,
        gold=() if unanswerable else gold,
        unanswerable=unanswerable,
        tags=_tags(value),
        follows=_text(value.get("follows") or "", "follows").strip(),
        history=_history(value.get("history")),
        group=_text(value.get("group") or "", "group").strip(),
        source=_text(value.get("source") or f"{name}:{line}", "source"),
    )


def _answers(value: dict[str, Any]) -> tuple[str, ...]:
    key = next((key for key in ANSWERS if value.get(key) not in (None, "", [])), "")
    if not key:
        return ()
    entries = value[key] if isinstance(value[key], list) else [value[key]]
    answers = [_text(entry, key).strip() for entry in entries]
    return tuple(dict.fromkeys(answer for answer in answers if answer))


def _unanswerable(value: dict[str, Any], answers: tuple[str, ...], gold: tuple[Gold, ...]) -> bool:
    """Said outright, or by an answer that is there and is null."""
    said = value.get(UNANSWERABLE)
    if isinstance(said, str) and said.strip().lower() in ("true", "false", ""):  # a table's cell
        said = said.strip().lower() == "true"
    if said not in (None, True, False):
        raise RowError(f"“{UNANSWERABLE}” must be true or false, not {kind_name(said)}")
    named = any(value.get(key) == UNANSWERABLE for key in GOLD)
    null = said is None and not (answers or gold) and any(key in value and value[key] is None for key in ANSWERS)
    return bool(said) or named or null


def _gold(value: dict[str, Any]) -> tuple[Gold, ...]:
    """The places under “gold”, and those of a row that names its document beside the question."""
    key = next((key for key in GOLD if value.get(key) not in (None, UNANSWERABLE, "")), "")
    entries = value[key] if key and isinstance(value[key], list) else [value[key]] if key else []
    also = value.get("also") or []
    if not isinstance(also, list):
        raise RowError(f"“also” must be a list of places, not {kind_name(also)}")
    beside = [value] if value.get("document") else []
    return tuple(_place(entry) for entry in (*entries, *beside, *also))


def _place(entry: Any) -> Gold:
    if isinstance(entry, str):
        entry = {"document": entry}
    if not isinstance(entry, dict):
        raise RowError(f"a place must be a document's name or an object, not {kind_name(entry)}")
    document = _text(entry.get("document") or "", "document").strip()
    if not document:
        raise RowError("a place has no “document”")
    page = entry.get("page")
    page = int(page) if isinstance(page, str) and page.strip().isdecimal() and len(page) < 9 else page or None
    if page is not None and (not isinstance(page, int) or isinstance(page, bool) or page < 1):
        raise RowError("“page” must be a whole number from 1")
    quote = next((entry[key] for key in QUOTE if entry.get(key)), "")
    return Gold(document, page, _text(quote, "quote").strip())


def _tags(value: dict[str, Any]) -> tuple[str, ...]:
    tags = value.get("tags") or value.get("kind") or []
    entries = tags.split(",") if isinstance(tags, str) else tags
    if not isinstance(entries, list):
        raise RowError(f"“tags” must be a list of texts, not {kind_name(tags)}")
    return tuple(dict.fromkeys(tag for each in entries if (tag := " ".join(_text(each, "tags").split()))))


def _history(value: Any) -> tuple[Turn, ...]:
    """Whole turns of user and assistant."""
    if not value:
        return ()
    turns = spoken(value, "history", "role", "content")
    if len(turns) % 2 or any(turn.role != ("user", "assistant")[place % 2] for place, turn in enumerate(turns)):
        raise RowError("“history” must be turns of user and assistant, one after the other")
    return turns


def _text(value: Any, key: str) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise RowError(f"“{key}” must be a text, not {kind_name(value)}")
    if len(value) > LONGEST:
        raise RowError(f"“{key}” has more than {LONGEST:,} characters")
    return clean(value)
