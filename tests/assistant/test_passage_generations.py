"""Changed settings of passages: told, rebuilt from the shell, survived by a kill at any moment."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from assistant.bootstrap import opened
from assistant.config import load_config
from assistant.errors import StorageError

Run = Callable[..., tuple[int, str, str]]
SETTINGS = '[model]\nname = "scripted"\n[documents]\nembedder = "hashed"\nchunk_tokens = {}\nchunk_overlap = 0\n'


def letters(folder: Path, count: int) -> Path:
    folder.mkdir()
    for number in range(count):
        lines = (
            f"Letter {number}: part {part} says that the rent of house{number} is due in May." for part in range(20)
        )
        (folder / f"letter{number}.txt").write_text("\n\n".join(lines))
    return folder


def test_the_shell_serves_the_old_passages_and_makes_new_ones(home: Path, tmp_path: Path, run: Run) -> None:
    """A changed setting is told of and changes nothing until `library rebuild`; doctor knows it; a mistyped embedder
    costs nothing."""
    (home / "config.toml").write_text(SETTINGS.format(200))
    assert run("ingest", str(letters(tmp_path / "letters", 3)))[0] == 0
    before = json.loads(run("search", "--json", "rent of house2")[1])
    (home / "config.toml").write_text(SETTINGS.format(40))
    code, printed, warned = run("search", "--json", "rent of house2")
    assert code == 0 and json.loads(printed) == before
    assert "serve until they are made anew" in warned and "up to 40 tokens" in warned
    findings = {each["name"]: each for each in json.loads(run("doctor", "--json")[1])["findings"]}
    assert findings["new passages"]["value"].startswith("0 of 3 documents") and findings["passages"]["ok"]
    (home / "config.toml").write_text(SETTINGS.format(40).replace('"hashed"', '"/nowhere/model"'))
    code, _, warned = run("library", "rebuild")
    assert code == 5 and "There is no embedder" in warned and "Traceback" not in warned
    (home / "config.toml").write_text(SETTINGS.format(40))
    rebuilt = json.loads(run("library", "rebuild", "--json")[1])
    assert (rebuilt["complete"], rebuilt["staged"], rebuilt["total"], rebuilt["kept"]) == (True, 3, 3, 0)
    code, printed, warned = run("search", "--json", "rent of house2")
    after = json.loads(printed)
    assert code == 0 and warned == "" and after[0]["document"] == "letter2.txt" and after[0]["similarity"]
    assert len(after[0]["text"]) < len(before[0]["text"]) / 2
    checked = json.loads(run("doctor", "--json")[1])["findings"]
    findings = {each["name"]: each for each in checked}
    assert "new passages" not in findings and findings["passages"]["ok"] and findings["index"]["ok"]
    code, printed, _ = run("library", "rebuild")
    assert code == 0 and printed == "All passages are made with the settings as they are.\n"


async def test_a_home_that_is_read_only_is_not_rebuilt(home: Path, tmp_path: Path) -> None:
    """The second assistant on a home searches the old passages, and says what it cannot do."""
    (home / "config.toml").write_text(SETTINGS.format(200))
    async with opened(load_config(home)) as core:
        [item async for item in core.pipeline.ingest([letters(tmp_path / "letters", 1)])]
        (home / "config.toml").write_text(SETTINGS.format(40))
        async with opened(load_config(home), shared=True) as second:
            assert second.generations.behind
            assert (await second.retriever.search("rent of house0", 1)).passages
            with pytest.raises(StorageError, match="read-only"):
                [item async for item in second.generations.rebuild()]


@pytest.mark.slow
async def test_a_rebuild_survives_twenty_kills(home: Path, tmp_path: Path) -> None:
    """kill -9 at random moments: the old passages are whole or the new ones are, and the next run goes on."""
    (home / "config.toml").write_text(SETTINGS.format(200))
    async with opened(load_config(home)) as core:
        [item async for item in core.pipeline.ingest([letters(tmp_path / "letters", 300)])]
    (home / "config.toml").write_text(SETTINGS.format(40))
    command = [sys.executable, "-m", "assistant", "--home", str(home), "library", "rebuild"]
    chance, seen = random.Random(1), [0]
    for _ in range(20):
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        await asyncio.sleep(1.0 + chance.random() * 2.0)
        child.kill()
        child.wait()
        async with opened(load_config(home)) as core:
            embedder = str((await core.index.call("embed", texts=[])).data["embedder"])
            agreed = await core.library.agreement(embedder)
            stands = await core.generations.standing()
            assert agreed.whole
            assert not core.generations.behind or stands.staged >= seen[-1]  # nothing staged is lost
            seen.append(stands.staged if core.generations.behind else 300)
    assert subprocess.run(command, timeout=300, check=False).returncode == 0
    async with opened(load_config(home)) as core:
        assert not core.generations.behind
        assert (
            await core.database.read(lambda db: db.conn.execute("SELECT count(*) FROM staged_chunks").fetchone()[0])
            == 0
        )


def test_the_shell_gives_a_collection_settings_of_its_own(home: Path, tmp_path: Path, run: Run) -> None:
    """They are listed, changed, taken back; what cannot be is told in a line, with its exit code."""
    (home / "config.toml").write_text(SETTINGS.format(200))
    assert run("ingest", "--collection", "work", str(letters(tmp_path / "letters", 1)))[0] == 0
    code, printed, _ = run("collections", "set", "work", "chunk_tokens", "40")
    assert code == 0 and "work: 1 documents" in printed and "chunk_tokens 40" in printed and "folders sync" in printed
    (listed,) = json.loads(run("collections", "--json")[1])
    assert listed["name"] == "work" and listed["settings"] == {"chunk_tokens": 40}
    assert run("ingest", "--collection", "work", str(tmp_path / "letters"))[0] == 0
    assert json.loads(run("collections", "list", "work", "--json")[1])[0]["passages"] > 2 * listed["passages"]
    assert run("collections", "set", "work", "chunk_tokens", "default")[0] == 0
    assert "settings as everywhere" in run("collections")[1]
    for arguments, exit_code, told in (
        (("set", "work", "chunk_tokens", "7"), 5, "whole number from 32 to 2000"),
        (("set", "work", "colour", "red"), 5, "no setting colour"),
        (("set", "work", "watch"), 2, "NAME KEY VALUE"),
        (("list", "play"), 3, "no collection “play”"),
    ):
        code, _, warned = run("collections", *arguments)
        assert code == exit_code and told in warned and "Traceback" not in warned
