"""Which documents, questions and evidence does the retrieval benchmark use?"""

from __future__ import annotations

import csv
import hashlib
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

QUICK_QUERIES, QUICK_DOCUMENTS = 40, 300


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a question's answer stands in: a whole document, or its characters from `start` to `end`."""

    document: str
    start: int = 0
    end: int = -1


@dataclass(frozen=True, slots=True)
class Query:
    """A question with all its evidence; `before` is the question the same person asked before it."""

    text: str
    evidence: tuple[Evidence, ...]
    before: str = ""

    @property
    def joined(self) -> str:
        """Both questions, the way to search that peers are given."""
        return f"{self.before}\n{self.text}".strip()


@dataclass(frozen=True, slots=True)
class RetrievalSet:
    """Documents by id, and questions. `spans`: evidence is characters of long documents, not whole ones."""

    name: str
    documents: dict[str, str]
    queries: list[Query]
    spans: bool = False

    def fingerprint(self) -> str:
        """Changes with the documents and with their order."""
        return hashlib.sha256(json.dumps(list(self.documents.items())).encode()).hexdigest()[:12]

    def shortened(self) -> RetrievalSet:
        """The first questions, and their documents among a few hundred others."""
        queries = self.queries[:: max(1, len(self.queries) // QUICK_QUERIES)][:QUICK_QUERIES]
        wanted = {evidence.document for query in queries for evidence in query.evidence}
        names = list(dict.fromkeys([*wanted, *self.documents]))[: max(QUICK_DOCUMENTS, len(wanted))]
        return RetrievalSet(self.name, {name: self.documents[name] for name in names}, queries, self.spans)


def load_sets(data: Path) -> list[RetrievalSet]:
    """All sets that are below the folder; what is missing is said."""
    sets = []
    for folder, load in LOADERS.items():
        if (data / "dev" / folder).is_dir():
            sets.append(load(data / "dev" / folder))
        else:
            print(f"There is no {data / 'dev' / folder}: it is left out.")
    return sets


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def _cranfield(folder: Path) -> RetrievalSet:
    relevant: dict[str, list[Evidence]] = {}
    for line in (folder / "qrels.tsv").read_text("utf-8").splitlines()[1:]:
        query, document, score = line.split("\t")[:3]
        if int(score) > 0:
            relevant.setdefault(query, []).append(Evidence(document))
    queries = [
        Query(entry["text"], tuple(relevant[entry["_id"]]))
        for entry in _lines(folder / "queries.jsonl")
        if entry["_id"] in relevant
    ]
    return RetrievalSet(
        "cranfield", {entry["_id"]: entry["text"] for entry in _lines(folder / "corpus.jsonl")}, queries
    )


def _squad(folder: Path) -> RetrievalSet:
    documents = {entry["_id"]: entry["text"] for entry in _lines(folder / "passages.jsonl")}
    queries = [
        Query(entry["question"], (Evidence(entry["passage"]),))
        for entry in _lines(folder / "questions.jsonl")
        if entry["answerable"]
    ]
    return RetrievalSet("squad_v2", documents, queries)


def _mtrag(folder: Path) -> RetrievalSet:
    """The last turn of the user is the question, the one before it stands before; the passages of all tasks are
    the pool."""
    documents: dict[str, str] = {}
    queries = []
    for task in _lines(folder / "tasks.jsonl"):
        documents |= {context["document_id"]: context["text"] for context in task["contexts"]}
        turns = [turn["text"] for turn in task["input"] if turn["speaker"] == "user"]
        names = dict.fromkeys(context["document_id"] for context in task["contexts"])
        if names:
            queries.append(Query(turns[-1], tuple(Evidence(name) for name in names), "".join(turns[-2:-1])))
    return RetrievalSet("mtrag_un", documents, queries)


def _chunking(folder: Path) -> RetrievalSet:
    documents = {path.stem: path.read_bytes().decode("utf-8") for path in sorted((folder / "corpora").glob("*.md"))}
    with (folder / "questions_df.csv").open(encoding="utf-8", newline="") as file:
        queries = [
            Query(
                row["question"],
                tuple(
                    Evidence(row["corpus_id"], reference["start_index"], reference["end_index"])
                    for reference in json.loads(row["references"])
                ),
            )
            for row in csv.DictReader(file)
        ]
    return RetrievalSet("chunking", documents, queries, spans=True)


def interrupted(data: RetrievalSet) -> RetrievalSet:
    """The same questions, each asked right after one about something else."""
    other = random.Random(0)
    queries = [Query(query.text, query.evidence, other.choice(data.queries).text) for query in data.queries]
    return RetrievalSet(f"{data.name}, subject changed", data.documents, queries, data.spans)


LOADERS: dict[str, Callable[[Path], RetrievalSet]] = {
    "cranfield": _cranfield,
    "squad_v2": _squad,
    "mtrag_un": _mtrag,
    "chunking": _chunking,
}

SMALL_TALK = """hello
hi there
who are you?
what can you do?
thank you, that helped
good morning
how are you today?
tell me a joke
tell me more
are you sure?
what time is it?
what's the weather like?
write a poem about the sea
can you translate this into French?
what is 17 times 23?
where did I park the car?
when is my sister's birthday?
how old is my dog?
what did Anna write in her last email?
when does my train to Hamburg leave?"""
