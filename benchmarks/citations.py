"""How often does the assistant find, answer from and cite the passage that holds the answer?

    python benchmarks/citations.py [--library DIR --questions FILE] [--model PATH] [--details FILE]

Ingests the folder into a temporary home, asks each question in a chat of its own (a follow-up in the chat of the
question it follows), through the same core as the app and with its shipped settings, and prints a Markdown table.
A questions file is a JSON list like `examples/questions.json`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import mean, median
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from assistant import offline  # noqa: E402 - the repository has to be importable first
from assistant.bootstrap import Core, opened  # noqa: E402
from assistant.config import load_config  # noqa: E402
from assistant.conversation import Citation, Message  # noqa: E402
from assistant.events import Completed, Failed, Retrieved, Token  # noqa: E402
from ingest.document import Passage  # noqa: E402
from ingest.progress import Summary  # noqa: E402

SEED = 1  # so that a second run gives the same answers
REFUSAL = re.compile(
    r"\bnot\b|n't\b|\bcannot\b|\bno (?:information|passage|mention)|\bnothing\b|\bun(?:able|known|clear)\b"
)

UNSUPPORTED = re.compile(r"^No passage supports this answer\b.*?(?:“(?P<closest>.*)”)?$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Question:
    """A question and what proves its answer; `evidence` is empty when the library does not answer it."""

    id: str
    kind: str
    text: str
    answers: tuple[str, ...]
    evidence: tuple[tuple[str, int | None, str], ...]  # document, page, quote; the first one is the main one
    follows: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a question. `supporting` says for each citation whether its passage holds the answer."""

    question: Question
    message: Message
    retrieved: tuple[bool, ...]  # for each passage, best first: does it hold the answer?
    supporting: tuple[bool, ...]
    quoted: tuple[bool, ...]  # the same for the cited sentence alone
    seconds_to_first_token: float


def load_questions(path: Path) -> list[Question]:
    """The questions of a JSON file, in its order."""
    return [_question(entry) for entry in json.loads(path.read_text(encoding="utf-8"))]


def _question(entry: dict[str, Any]) -> Question:
    answer = entry.get("answer") or ()
    evidence = (entry, *entry.get("also", ())) if entry.get("document") else ()
    return Question(
        id=entry["id"],
        kind=entry.get("kind", ""),
        text=entry["question"],
        answers=(answer,) if isinstance(answer, str) else tuple(answer),
        evidence=tuple((each["document"], each.get("page"), each.get("quote") or "") for each in evidence),
        follows=entry.get("follows", ""),
    )


def holds_answer(question: Question, path: str, page: int | None, text: str) -> bool:
    """Whether this piece of a document is evidence: the right file and page, with an answer or the main quote."""
    for number, (document, right_page, quote) in enumerate(question.evidence):
        if not f"/{path}".endswith(f"/{document}") or right_page not in (None, page):
            continue
        if says(text, question.answers) or (number == 0 and says(text, [quote])):
            return True
    return False


def says(text: str, phrases: Iterable[str]) -> bool:
    """Whether one of the phrases stands in the text as whole words, whatever the case and line breaks."""
    plain = _plain(text)
    return any(phrase and re.search(rf"(?<!\w){re.escape(_plain(phrase))}(?!\w)", plain) for phrase in phrases)


def _plain(text: str) -> str:
    return " ".join(text.replace("’", "'").replace("|", " ").lower().split())


async def ingest(core: Core, library: Path) -> Summary:
    """Put the folder into the library."""
    async for event in core.pipeline.ingest([library], "default"):
        if isinstance(event, Summary):
            return event
    raise RuntimeError("the run of ingest ended without a summary")


async def ask(core: Core, question: Question, chat: int) -> Outcome:
    """Ask one question and judge what was retrieved and cited."""
    sampling = replace(core.engine.sampling, seed=SEED)
    message: Message | None = None
    passages: tuple[Passage, ...] = ()
    start, first = time.monotonic(), 0.0
    async for event in core.engine.ask(chat, question.text, sampling=sampling):
        if isinstance(event, Retrieved):
            passages = event.passages
        elif isinstance(event, Token) and not first:
            first = time.monotonic() - start
        elif isinstance(event, Failed):
            raise event.error
        elif isinstance(event, Completed):
            message = event.message
    if message is None:
        raise RuntimeError(f"{question.id}: the answer did not end")
    return _outcome(question, message, passages, first)


def _outcome(question: Question, message: Message, passages: tuple[Passage, ...], first: float) -> Outcome:
    def judged(citation: Citation) -> bool:
        cited = (p for p in passages if p.document_id == citation.document_id and _covers(p, citation))
        return any(holds_answer(question, p.path, p.page, p.text) for p in cited)

    return Outcome(
        question=question,
        message=message,
        retrieved=tuple(holds_answer(question, p.path, p.page, p.text) for p in passages),
        supporting=tuple(judged(citation) for citation in message.citations),
        quoted=tuple(holds_answer(question, c.path, c.page, c.quote) for c in message.citations),
        seconds_to_first_token=first,
    )


def _covers(passage: Passage, citation: Citation) -> bool:
    return passage.start <= citation.start and citation.end <= passage.end


async def run(library: Path, questions: list[Question], model: str) -> tuple[Summary, list[Outcome]]:
    """Everything in one process and one temporary home."""
    with tempfile.TemporaryDirectory() as home:
        config = load_config(Path(home))
        config = config.with_value("model", "name", model) if model else config
        async with opened(config) as core:
            summary = await ingest(core, library)
            await core.warm()
            chats: dict[str, int] = {}
            outcomes = []
            for number, question in enumerate(questions, 1):
                print(f"\r{number}/{len(questions)}", end="", file=sys.stderr, flush=True)
                chats[question.id] = chats.get(question.follows) or (await core.conversations.create()).id
                outcomes.append(await ask(core, question, chats[question.id]))
            print(file=sys.stderr)
    return summary, outcomes


def rows(outcomes: list[Outcome]) -> list[tuple[str, str]]:
    """What is measured, and the figure."""
    can = [outcome for outcome in outcomes if outcome.question.evidence]
    cannot = [outcome for outcome in outcomes if not outcome.question.evidence]
    cited = [outcome for outcome in can if outcome.supporting]

    def share(label: str, among: list[Outcome], holds: Callable[[Outcome], object]) -> tuple[str, str]:
        return label, _share(sum(bool(holds(outcome)) for outcome in among), len(among))

    own, attributed = _marks(outcomes, False), _marks(outcomes, True)
    waits = [outcome.seconds_to_first_token for outcome in outcomes if outcome.seconds_to_first_token]
    return [
        share("a retrieved passage holds the answer", can, lambda o: any(o.retrieved)),
        share("the best retrieved passage holds it", can, lambda o: o.retrieved[:1] == (True,)),
        share("the answer carries a citation", can, lambda o: o.supporting),
        share("a cited passage holds the answer", can, lambda o: any(o.supporting)),
        share("the same, among answers with a citation", cited, lambda o: any(o.supporting)),
        share("the cited sentence alone holds the answer", can, lambda o: any(o.quoted)),
        share("a cited passage, or the sentence shown where none supports, holds it", can, _points_to_answer),
        share("the text of the answer says what was expected", can, lambda o: says(o.message.text, o.question.answers)),
        ("marks given by the model: point to the answer", _share(sum(own), len(own))),
        ("marks attributed by the assistant: point to the answer", _share(sum(attributed), len(attributed))),
        share("without an answer in the library: nothing retrieved", cannot, lambda o: not o.retrieved),
        share("the same, or a warning that no passage supports the answer", cannot, _warned),
        share("the same, or the model says that it does not know", cannot, lambda o: _warned(o) or _declined(o)),
        ("first token after, mean and median", f"{mean(waits):.2f} s, {median(waits):.2f} s" if waits else "-"),
    ]


def _marks(outcomes: list[Outcome], attributed: bool) -> list[bool]:
    """For each citation of answerable questions of this origin: does its passage hold the answer?"""
    pairs = (zip(o.message.citations, o.supporting, strict=True) for o in outcomes if o.question.evidence)
    return [right for pair in pairs for citation, right in pair if citation.attributed is attributed]


def _unsupported(outcome: Outcome) -> re.Match[str] | None:
    """The notice that no passage supports the answer, with the closest sentence."""
    return next((found for notice in outcome.message.notices if (found := UNSUPPORTED.match(notice))), None)


def _points_to_answer(outcome: Outcome) -> bool:
    notice, question = _unsupported(outcome), outcome.question
    closest = (notice["closest"] or "") if notice else ""
    return any(outcome.supporting) or says(closest, [*question.answers, question.evidence[0][2]])


def _warned(outcome: Outcome) -> bool:
    return not outcome.retrieved or _unsupported(outcome) is not None


def _declined(outcome: Outcome) -> bool:
    return bool(REFUSAL.search(outcome.message.text.lower()))


def _share(part: int, whole: int) -> str:
    return f"{part} of {whole} ({part / whole:.0%})" if whole else "0 of 0"


def details(outcome: Outcome) -> dict[str, Any]:
    """One question's outcome as plain data."""
    return {
        "id": outcome.question.id,
        "question": outcome.question.text,
        "expected": outcome.question.answers,
        "answer": outcome.message.text,
        "notices": outcome.message.notices,
        "trace": outcome.message.trace,
        "retrieved": outcome.retrieved,
        "citations": [asdict(citation) for citation in outcome.message.citations],
        "supporting": outcome.supporting,
        "seconds_to_first_token": outcome.seconds_to_first_token,
    }


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="How often is the right passage found and cited?")
    parser.add_argument("--library", type=Path, default=ROOT / "examples" / "library", metavar="DIR")
    parser.add_argument("--questions", type=Path, default=ROOT / "examples" / "questions.json", metavar="FILE")
    parser.add_argument("--model", default="", metavar="PATH", help="a GGUF file in place of the embedded model")
    parser.add_argument("--details", type=Path, metavar="FILE", help="write each question's outcome here as JSON")
    options = parser.parse_args()
    for path in (options.library, options.questions):
        if not path.exists():
            parser.error(f"{path} is not there")
    return options


def main() -> int:
    """Measure and print."""
    options = arguments()
    offline.enforce()
    start = time.monotonic()
    summary, outcomes = asyncio.run(run(options.library, load_questions(options.questions), options.model))
    model = outcomes[0].message.model if outcomes else "none"
    print(
        f"{summary.added} documents, {summary.passages} passages, ingested in {summary.seconds:.1f} s; model {model};"
    )
    print(f"{len(outcomes)} questions in {time.monotonic() - start:.0f} s altogether.\n")
    print("| measure | figure |\n| --- | --- |")
    for label, figure in rows(outcomes):
        print(f"| {label} | {figure} |")
    if options.details:
        text = json.dumps([details(outcome) for outcome in outcomes], indent=1, ensure_ascii=False)
        options.details.write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
