"""kill -9 of the whole program, children included, while it ingests and chats: nothing acknowledged is lost."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from assistant.bootstrap import opened
from assistant.config import load_config

PROGRAM = """
import asyncio, sys
from pathlib import Path
from assistant.bootstrap import opened
from assistant.config import load_config
from assistant.events import Started
from ingest.progress import Summary

async def ingest(core, folder):
    async for event in core.pipeline.ingest([folder]):
        if isinstance(event, Summary):
            print("INGESTED", event.added + event.changed, flush=True)

async def chat(core):
    number = 0
    while True:
        chat = (await core.conversations.create()).id
        for _ in range(3):
            number += 1
            async for event in core.engine.ask(chat, f"question {number} of this run"):
                if isinstance(event, Started):
                    print("ACK", event.question.id, flush=True)

async def main(home, folder):
    async with opened(load_config(home)) as core:
        await asyncio.gather(ingest(core, folder), chat(core))

asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
"""
SCRIPT = json.dumps({"text": "word " * 30, "tokens_per_second": 200})


def make_documents(folder: Path, numbers: range, version: int) -> None:
    folder.mkdir(exist_ok=True)
    for number in numbers:
        paragraphs = [
            f"Paragraph {n} of file {number} says that item {version} is kept in room {n}." for n in range(40)
        ]
        (folder / f"file-{number:03}.txt").write_text("\n\n".join(paragraphs))


async def inspect(home: Path) -> tuple[set[int], int]:
    """Open as the next start would; returns the ids of user messages and the number of whole documents."""
    async with opened(load_config(home)) as core:
        messages = await core.database.read(
            lambda db: {row["id"] for row in db.query("SELECT id FROM messages WHERE role = 'user'")}
        )
        states = await core.database.read(lambda db: {row["state"] for row in db.query("SELECT state FROM messages")})
        assert "partial" not in states
        checks = await core.database.read(
            lambda db: [
                db.execute("PRAGMA integrity_check").fetchone()[0],
                list(db.query("PRAGMA foreign_key_check")),
                db.execute("INSERT INTO chunks_fts(chunks_fts) VALUES ('integrity-check')").fetchall(),
                db.execute(
                    "SELECT COUNT(*) FROM chunks WHERE id NOT IN (SELECT chunk_id FROM vectors)"
                ).fetchone()[0],
                db.execute(
                    "SELECT COUNT(*) FROM chunks c JOIN document_texts t USING (document_id)"
                    ' WHERE c.text != substr(t.text, c.start + 1, c."end" - c.start)'
                ).fetchone()[0],
                db.execute(
                    "SELECT COUNT(*) FROM documents WHERE state = 'ready'"
                    " AND id NOT IN (SELECT document_id FROM chunks)"
                ).fetchone()[0],
            ]
        )  # fmt: skip
        assert checks == ["ok", [], [], 0, 0, 0]
        documents = await core.library.documents()
        if documents:
            found = await core.retriever.search("item room paragraph file", 3, floor=0.0)
            assert found.passages
        return messages, len(documents)


def run_until_killed(home: Path, folder: Path, seconds: float) -> set[int]:
    """Run the program and kill its whole process tree after `seconds`; returns the acknowledged messages."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(home), str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    time.sleep(seconds)
    os.kill(process.pid, signal.SIGKILL)  # its children follow: they are told to die with their parent
    output, _ = process.communicate()
    return {int(line.split()[1]) for line in output.splitlines() if line.startswith("ACK ")}


def torture(home: Path, folder: Path, kills: int) -> None:
    (home / "config.toml").write_text(
        f"[model]\nname = {json.dumps('scripted:' + SCRIPT)}\n[documents]\nembedder = 'hashed'\n"
    )
    make_documents(folder, range(300), 0)
    chance = random.Random(20261121)
    acknowledged: set[int] = set()
    whole = 0
    for kill in range(1, kills + 1):
        make_documents(folder, range(kill % 3, 300, 3), kill)
        acknowledged |= run_until_killed(home, folder, chance.uniform(0.8, 4.0))
        stored, documents = asyncio.run(inspect(home))
        assert acknowledged <= stored
        assert documents >= whole, "a document that was committed is gone"
        whole = documents
    print(f"P1 kills={kills} acknowledged={len(acknowledged)} lost=0 documents={whole}")
    assert acknowledged and whole


def test_eight_kills_lose_nothing(home, tmp_path):
    """After each kill the next start needs no repair, keeps every acknowledged message and only whole documents."""
    torture(home, tmp_path / "docs", 8)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_fifty_kills_lose_nothing(home, tmp_path):
    """The same at full length."""
    torture(home, tmp_path / "docs", 50)
