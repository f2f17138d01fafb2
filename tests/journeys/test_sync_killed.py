"""kill -9 in the middle of syncing a linked folder: the next start goes on, and nothing is embedded twice."""

import json
import random
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

AUDIT = """
CREATE TABLE audit (text TEXT NOT NULL);
CREATE TRIGGER audited AFTER INSERT ON chunks BEGIN INSERT INTO audit VALUES (new.text); END;
"""


def assistant(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "assistant", "--home", str(home), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


class Notes:
    """Files with one passage each; no text is ever written twice."""

    def __init__(self, folder: Path, count: int) -> None:
        self.folder, self.chance, self.written = folder, random.Random(20261121), 0
        self.texts: dict[Path, str] = {}
        for number in range(count):
            self.write(folder / f"{number}.txt")

    def write(self, path: Path) -> None:
        self.written += 1
        self.texts[path] = f"Note {self.written} says that item {self.chance.random()} is kept in the cellar."
        path.write_text(self.texts[path])

    def stir(self) -> None:
        """Write every fifth anew, move as many, delete a few and add as many."""
        paths = self.chance.sample(sorted(self.texts), len(self.texts) * 2 // 5)
        half, few = len(paths) // 2, len(paths) // 20
        for path in paths[:half]:
            self.write(path)
        for path in paths[half:-few]:
            target = path.with_name(f"moved-{self.chance.randrange(10**12)}.txt")
            path.rename(target)
            self.texts[target] = self.texts.pop(path)
        for path in paths[-few:]:
            path.unlink()
            del self.texts[path]
            self.write(path.with_name(f"new-{self.chance.randrange(10**12)}.txt"))


def passages_stored(home: Path) -> int:
    with closing(sqlite3.connect(f"file:{home}/assistant.db?mode=ro", uri=True)) as db:
        return int(db.execute("SELECT count(*) FROM audit").fetchone()[0])


def killed_in_the_middle(home: Path, seconds: float, begun: bool) -> bool:
    """Start a sync, kill it so long after its start or (`begun`) its first commit; whether it was still at work."""
    before = passages_stored(home)
    command = [sys.executable, "-m", "assistant", "--home", str(home), "folders", "sync", "--json"]
    run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while begun and run.poll() is None and passages_stored(home) == before:
        time.sleep(0.01)
    time.sleep(seconds)
    at_work = run.poll() is None
    run.kill()  # its children are told to die with it
    run.wait()
    return at_work


def stored(home: Path) -> tuple[dict[Path, str], list[str]]:
    """The text of each document by its path, and every passage that was ever stored."""
    with closing(sqlite3.connect(home / "assistant.db")) as db:
        assert db.execute("PRAGMA quick_check").fetchone() == ("ok",)
        rows = db.execute(
            "SELECT d.path, t.text FROM documents d LEFT JOIN document_texts t ON t.document_id = d.id"
        ).fetchall()
        return {Path(path.decode()): text for path, text in rows}, [row[0] for row in db.execute("SELECT * FROM audit")]


def torture(home: Path, folder: Path, files: int, kills: int) -> None:
    (home / "config.toml").chmod(0o600)
    folder.mkdir()
    assert assistant(home, "folders", "link", str(folder)).returncode == 0
    with closing(sqlite3.connect(home / "assistant.db")) as db:
        db.executescript(AUDIT)
    notes = Notes(folder, files)
    hit = 0
    for kill in range(kills):
        begun = kill % 4 != 3
        hit += killed_in_the_middle(home, notes.chance.uniform(0.0, 0.6 if begun else 2.4), begun)
        held, audited = stored(home)
        assert len(audited) == len(set(audited)), "a passage was embedded and stored twice"
        assert None not in held.values(), "a document without its text"
        if kill % 5 == 4:
            doctor = json.loads(assistant(home, "doctor", "--json").stdout)
            bad = [finding for finding in doctor["findings"] if not finding["ok"]]
            assert not [finding for finding in bad if finding["name"] != "linked folder"], bad
        if kill % 2:
            notes.stir()
    done = assistant(home, "folders", "sync", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    held, audited = stored(home)
    assert held == notes.texts
    assert len(audited) == len(set(audited)) <= notes.written
    doctor = assistant(home, "doctor", "--json")
    assert doctor.returncode == 0, doctor.stdout
    told = {finding["name"]: finding["value"] for finding in json.loads(doctor.stdout)["findings"]}
    assert told["passages"] == f"{files:,}, each with its vector and its words"
    assert told["index"].startswith(f"{files:,} vectors")
    assert told["linked folder"].endswith("in step")
    again = json.loads(assistant(home, "folders", "sync", "--json").stdout)
    assert (again["unchanged"], again["passages"]) == (files, 0)
    print(f"kills={kills} in the middle={hit} files={files} written={notes.written} stored={len(audited)} twice=0")
    assert hit >= kills // 2, "most kills came too late to mean anything"


def test_a_sync_that_is_killed_goes_on(home, tmp_path):
    """Four kills among four hundred files; doctor holds rows, vectors and words against each other."""
    torture(home, tmp_path / "papers", 400, 4)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_sync_that_is_killed_fifty_times_goes_on(home, tmp_path):
    """The same with two thousand files, stirred between the kills."""
    torture(home, tmp_path / "papers", 2000, 50)
