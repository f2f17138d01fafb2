"""A linked folder under a storm of changes: the library agrees with the disk, and nothing is embedded twice."""

import asyncio
import contextlib
import random
import re
import time
from collections import Counter
from pathlib import Path

import pytest

from assistant.bootstrap import opened
from assistant.config import load_config
from ingest.progress import Summary

AGREE_SECONDS = 10.0


class Storm:
    """Creates, edits, moves and deletes files of a folder at random, and remembers every text there ever was."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.chance = folder, random.Random(seed)
        self.files: dict[Path, str] = {}
        self.texts = 0

    def new_text(self) -> str:
        self.texts += 1
        return f"Note {self.texts} of the storm tells of the garden and of nothing else."

    def place(self) -> Path:
        while True:
            path = self.folder / self.chance.choice(("", "a", "a/b", "c")) / f"{self.chance.randrange(10**9)}.txt"
            if path not in self.files:
                path.parent.mkdir(parents=True, exist_ok=True)
                return path

    def step(self) -> None:
        kind = self.chance.choice(("create", "edit", "move", "delete", "touch", "swap"))
        if kind == "create" or len(self.files) < 4:
            self.write(self.place(), self.new_text())
            return
        path, other = self.chance.sample(sorted(self.files), 2)
        if kind == "edit":
            self.write(path, self.new_text())
        elif kind == "move":
            target = self.place()
            path.rename(target)
            self.files[target] = self.files.pop(path)
        elif kind == "delete":
            path.unlink()
            del self.files[path]
        elif kind == "touch":
            path.touch()
        else:
            spare = path.with_suffix(".spare")
            path.rename(spare)
            other.rename(path)
            spare.rename(other)
            self.files[path], self.files[other] = self.files[other], self.files[path]

    def write(self, path: Path, text: str) -> None:
        path.write_text(text)
        self.files[path] = text


async def library(core) -> dict[Path, str]:
    """What the library says lies where."""
    rows = await core.database.read(
        lambda db: db.conn.execute(
            "SELECT d.path, t.text FROM documents d JOIN document_texts t ON t.document_id = d.id"
        ).fetchall()
    )
    return {Path(path.decode()): text for path, text in rows}


class Embedded:
    """Looks at what the index child is asked to embed, and passes it on."""

    def __init__(self, core) -> None:
        self.notes: list[int] = []
        self._call = core.index.call
        core.index.call = self.call

    async def call(self, method, /, **arguments):
        """Note the number of each note."""
        if method == "embed":
            for text in arguments["texts"]:
                self.notes.append(int(re.search(r"Note (\d+) of", text)[1]))
        return await self._call(method, **arguments)


async def keep(core) -> None:
    """As the interface does it."""
    keeper = core.folder_keeper()
    async for due in keeper.due():
        async for item in keeper.sync(due):
            assert not isinstance(item, Summary) or all(each.reason == "the file is empty" for each in item.failed)


async def agree(core, storm: Storm) -> float:
    """Wait until library and disk agree; gives the seconds it took."""
    begun = time.monotonic()
    while (held := await library(core)) != storm.files:
        assert time.monotonic() - begun < AGREE_SECONDS, f"{len(held)} held, {len(storm.files)} on disk"
        await asyncio.sleep(0.1)
    return time.monotonic() - begun


async def storm_over(home: Path, folder: Path, files: int, bursts: int) -> None:
    (home / "config.toml").write_text(
        '[model]\nname = "scripted"\n[documents]\nembedder = "hashed"\nrest_on_battery = false\nrest_above = 1.0\n'
    )
    folder.mkdir()
    storm = Storm(folder, 20261121)
    for _ in range(files):
        storm.write(storm.place(), storm.new_text())
    async with opened(load_config(home)) as core:
        await core.folders.link(folder)
        embedded = Embedded(core)
        keeping = asyncio.create_task(keep(core))
        slowest = 0.0
        for _ in range(bursts):
            slowest = max(slowest, await agree(core, storm))
            for _ in range(files // bursts):
                storm.step()
                if storm.chance.random() < 0.05:
                    await asyncio.sleep(storm.chance.uniform(0.0, 0.3))
        slowest = max(slowest, await agree(core, storm))
        keeping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await keeping
        twice = [note for note, times in Counter(embedded.notes).items() if times > 1]
        assert not twice, f"embedded again: {twice}"
        checks = await core.database.read(
            lambda db: (
                db.execute("SELECT count(*) FROM chunks WHERE id NOT IN (SELECT chunk_id FROM vectors)").fetchone()[0],
                db.execute("SELECT count(*) FROM chunks").fetchone()[0]
                - db.execute("SELECT count(*) FROM chunks_fts_docsize").fetchone()[0],
            )
        )
        assert checks == (0, 0)
        facts = (await core.index.call("refresh")).data
        assert (facts["vectors"], facts["added"], facts["removed"]) == (len(storm.files), 0, 0)
    print(f"storm files={files} texts={storm.texts} embedded={len(embedded.notes)} slowest={slowest:.1f} s")


async def test_three_hundred_files_under_a_storm(home, tmp_path):
    """Created, edited, moved, swapped, touched and deleted at random: agreed within ten seconds after each burst."""
    await storm_over(home, tmp_path / "papers", 300, 3)


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_a_thousand_files_under_a_storm(home, tmp_path):
    """The same with a thousand."""
    await storm_over(home, tmp_path / "papers", 1000, 10)
