"""How clear must it be to the starter adapter that a passage holds no answer? Found on rows it was not trained on.

The chat gives it one passage at a time (see assistant.passage_reading); so does this.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from adapters.files.gguf import read_gguf
from adapters.rows import Row
from adapters.special_tokens import SpecialTokens
from assistant.backends.base import ChatMessage
from assistant.backends.llama_engine import LlamaEngine
from assistant.backends.model_prompt import model_prompt
from assistant.models.location import starter_path
from assistant.prompting import NOT_FOUND, question_with_passages
from ingest.document import Passage

WRONGLY = 0.01  # share of the questions with an answer that may be declined; of strangers' harder ones about 3 % are
CONTEXT = 2048
QUOTED = re.compile(r"<<<\w+\n(?P<blocks>.*?)\n?\w+>>>.*\nQuestion: (?P<question>.*)", re.DOTALL)
BLOCK = re.compile(r"^\[\d+\] (?P<place>.*)\n", re.MULTILINE)


def null_threshold(adapter: Path, rows: Iterable[Row], system: str) -> float:
    """The threshold in logits (see backends.base.NullAnswer) at which `WRONGLY` of the rows with an answer decline.

    Rows without passages are left out. Prints how many of the others decline with it.
    """
    quoting = [row for row in rows if row.question.startswith("<<<")]
    leads = list(_leads(adapter, quoting, system))
    answered = [lead for row, lead in zip(quoting, leads, strict=True) if not row.answer.startswith(NOT_FOUND)]
    declined = [lead for row, lead in zip(quoting, leads, strict=True) if row.answer.startswith(NOT_FOUND)]
    threshold = max(0.0, round(float(np.quantile(answered, 1 - WRONGLY)), 2))
    right = sum(lead > threshold for lead in declined)
    print(f"threshold {threshold}: of {len(answered)} with an answer {WRONGLY:.0%} decline,", end=" ")
    print(f"of {len(declined)} without one {right / len(declined):.0%}")
    return threshold


def alone(asked: str) -> list[str]:
    """The last message of a row, with each of its passages alone."""
    quoted = QUOTED.fullmatch(asked)
    assert quoted is not None, asked
    _, *parts = BLOCK.split(quoted["blocks"])
    pieces = zip(parts[::2], parts[1::2], strict=True)
    passages = [Passage(1, 1, place, "", text, 0, len(text)) for place, text in pieces]
    return [question_with_passages(quoted["question"], [passage]) for passage in passages]


def _leads(adapter: Path, rows: Iterable[Row], system: str) -> Iterator[float]:
    """By how many logits declining leads over whatever else the answer could begin with, for each row: from the passage
    where it leads least."""
    facts = read_gguf(starter_path())
    engine = LlamaEngine(facts.path, CONTEXT, threads=1, batch_threads=1)
    prompt = model_prompt(facts, engine, SpecialTokens(engine.special_strings()))
    engine.load_adapter(adapter, adapter)
    engine.wear([(adapter, 1.0)])
    null = engine.tokenize(NOT_FOUND.encode(), special=False)[0]
    for row in rows:
        before = [ChatMessage("system", system), *(ChatMessage(turn.role, turn.content) for turn in row.turns[:-2])]
        leads = []
        for question in alone(row.question):
            asked = [*before, ChatMessage("user", question)]
            engine.keep(0)
            engine.evaluate(engine.tokenize(prompt.prompt(asked).encode(), special=True))
            scores = engine.last_scores()
            lead, scores[null] = scores[null], -np.inf
            leads.append(float(lead - scores.max()))
        yield min(leads)
    engine.close()
