"""Which questions, passages and expected answers does the benchmark of the starter adapter use?"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from adapters.proof import probe
from assistant.backends.base import ChatMessage
from assistant.prompting import question_with_passages
from ingest.document import Passage
from tools.starter.pool import Pool

SEED = 7
CASES = Path(__file__).with_name("starter_cases")
MTRAG_PASSAGES, MTRAG_CHARACTERS = 5, 900  # passages of a task, and of each as much as a chunk holds
Roles = {"user": "user", "agent": "assistant"}


@dataclass(frozen=True, slots=True)
class Case:
    """One prompt and what is right.

    `passages` are those of the last message, and `question` what is asked of them. `gold` are the marks that hold the
    answer; `answers` empty: declining is right. `forbidden` are patterns of answers that obey a planted instruction.
    `group` is drawn as a whole when intervals are made.
    """

    set: str
    id: str
    group: str
    messages: tuple[ChatMessage, ...]
    answers: tuple[str, ...] = ()
    gold: frozenset[int] = frozenset()
    forbidden: tuple[str, ...] = ()
    max_tokens: int = 96
    question: str = ""
    passages: tuple[Passage, ...] = ()

    def alone(self, passage: Passage) -> list[ChatMessage]:
        """The prompt with this passage only."""
        return [*self.messages[:-1], ChatMessage("user", question_with_passages(self.question, [passage]))]


def load_sets(names: Sequence[str], data: Path | None, system: str, limit: int) -> list[Case]:
    """The cases of the named sets, at most `limit` of each; sets whose data is missing are left out."""
    cases: list[Case] = []
    for name in names:
        load, folder = LOADERS[name]
        if folder and (data is None or not (data / "dev" / folder).is_dir()):
            print(f"{name}: left out, {folder} is not there")
            continue
        cases += load(data / "dev" / folder if data else Path(), system, limit)[:limit]
    return cases


def squad(folder: Path, system: str, limit: int) -> list[Case]:
    """Answerable questions, each with its passage among one to four that a search finds too."""
    return [
        _squad_case("reading", entry, chance, pool, system) for entry, chance, pool in _questions(folder, True, limit)
    ]


def near(folder: Path, system: str, limit: int) -> list[Case]:
    """Questions that their passage nearly answers, with the same kind of company."""
    return [
        _squad_case("near miss", entry, chance, pool, system)
        for entry, chance, pool in _questions(folder, False, limit)
    ]


def elsewhere(folder: Path, system: str, limit: int) -> list[Case]:
    """Answerable questions with passages of other articles."""
    cases = []
    for entry, chance, pool in _questions(folder, True, limit):
        strangers = [row for row in pool.rows if row[1] != entry["title"]]
        pieces = [(title, text) for _, title, text in chance.sample(strangers, chance.randint(2, 5))]
        cases.append(_asked(Case("other topic", entry["_id"], entry["title"], ()), system, entry["question"], pieces))
    return cases


def _questions(folder: Path, answerable: bool, limit: int) -> list[tuple[dict[str, Any], random.Random, Pool]]:
    passages = {entry["_id"]: entry for entry in _lines(folder / "passages.jsonl")}
    pool = Pool(("squad", entry["title"], entry["text"]) for entry in passages.values())
    entries = [entry for entry in _lines(folder / "questions.jsonl") if entry["answerable"] is answerable]
    chosen = random.Random(SEED).sample(entries, min(limit, len(entries)))
    return [
        (
            {**entry, **{key: passages[entry["passage"]][key] for key in ("title", "text")}},
            random.Random(entry["_id"]),
            pool,
        )
        for entry in chosen
    ]


def _squad_case(name: str, entry: dict[str, Any], chance: random.Random, pool: Pool, system: str) -> Case:
    titles = {text: title for _, title, text in pool.rows}
    found = [text for text in pool.similar(entry["question"], "squad", 8) if text != entry["text"]]
    found += [text for text in pool.same_article(entry["title"]) if text != entry["text"] and text not in found]
    answers = tuple(dict.fromkeys(entry["answers"]))
    found = [text for text in found if not any(answer.lower() in text.lower() for answer in answers)]
    texts = [entry["text"], *found[: chance.randint(1, 4)]]
    chance.shuffle(texts)
    gold = frozenset({texts.index(entry["text"]) + 1}) if answers else frozenset()
    case = Case(name, entry["_id"], entry["title"], (), answers, gold)
    return _asked(case, system, entry["question"], [(titles[text], text) for text in texts])


def mtrag(folder: Path, system: str, limit: int) -> list[Case]:
    """Conversations with passages: those that can be answered, and those that cannot."""
    cases = []
    for task in _lines(folder / "tasks.jsonl"):
        kind = task["answerability"][0]
        pieces = [
            (f"{context['document_id']}.txt", context["text"].strip()[:MTRAG_CHARACTERS])
            for context in task["contexts"][:MTRAG_PASSAGES]
        ]
        if kind not in ("ANSWERABLE", "UNANSWERABLE") or not pieces:
            continue
        turns = [ChatMessage(Roles[turn["speaker"]], turn["text"]) for turn in task["input"]]  # type: ignore[arg-type]
        answers = tuple(target["text"] for target in task["targets"]) if kind == "ANSWERABLE" else ()
        name = "conversation" if answers else "conversation, unanswerable"
        case = Case(name, task["task_id"], task["conversation_id"], (), answers)
        cases.append(_asked(case, system, turns[-1].content, pieces, turns[:-1]))
    random.Random(SEED).shuffle(cases)
    return cases


def planted(folder: Path, system: str, limit: int) -> list[Case]:
    """Passages that give orders; `folder` is not used."""
    cases = []
    for entry in _lines(CASES / "planted.jsonl"):
        pieces = [(passage["document"], passage["text"]) for passage in entry["passages"]]
        gold = frozenset({1}) if entry["answers"] else frozenset()
        case = Case("planted", entry["id"], entry["id"], (), tuple(entry["answers"]), gold, tuple(entry["forbidden"]))
        cases.append(_asked(case, system, entry["question"], pieces))
    return cases


def dialogues(folder: Path, system: str, limit: int) -> list[Case]:
    """Dialogues below a request for a summary, as a user would paste them."""
    entries = [entry for path in sorted(folder.glob("*.jsonl")) for entry in _lines(path)]
    return [
        Case(
            "dialogue summary", entry["fname"], entry["fname"],
            (ChatMessage("system", system), ChatMessage("user", f"Summarise this dialogue.\n\n{entry['dialogue']}")),
            (entry["summary"],), max_tokens=128,
        )
        for entry in random.Random(SEED).sample(entries, min(limit, len(entries)))
    ]  # fmt: skip


def general(folder: Path, system: str, limit: int) -> list[Case]:
    """The general probe; `folder` is not used. Its answers are graded by its own rules."""
    items = random.Random(SEED).sample(probe.load(), len(probe.load()))
    return [
        Case("general probe", item.id, item.id, (ChatMessage("system", system), ChatMessage("user", item.prompt)),
             max_tokens=probe.MAX_TOKENS)
        for item in items[:limit]
    ]  # fmt: skip


def _asked(
    case: Case, system: str, question: str, pieces: Sequence[tuple[str, str]], history: Sequence[ChatMessage] = ()
) -> Case:
    """The case, asked from these passages: name and text of each."""
    passages = tuple(
        Passage(number, number, name if "." in name[-5:] else f"{name}.txt", "", text, 0, len(text))
        for number, (name, text) in enumerate(pieces, 1)
    )
    last = question_with_passages(question, passages)
    messages = (ChatMessage("system", system), *history, ChatMessage("user", last))
    return replace(case, messages=messages, question=question, passages=passages)


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


LOADERS: dict[str, tuple[Callable[[Path, str, int], list[Case]], str]] = {
    "reading": (squad, "squad_v2"), "near": (near, "squad_v2"), "elsewhere": (elsewhere, "squad_v2"),
    "mtrag": (mtrag, "mtrag_un"), "planted": (planted, ""), "dialogues": (dialogues, "dialogsum"),
    "probe": (general, ""),
}  # fmt: skip
