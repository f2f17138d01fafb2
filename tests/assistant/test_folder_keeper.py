"""When linked folders are synced by themselves, and when that waits: power, other programs, the user."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from assistant import folder_keeper, machine
from assistant.bootstrap import Core, opened
from assistant.config import load_config
from assistant.folder_keeper import FolderKeeper
from assistant.machine import Machine
from assistant.tui.ingest_job import IngestJob
from assistant.tui.rebuild_job import RebuildJob
from ingest.progress import Summary


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A machine on mains, with a battery, and idle: what Machine reads of sysfs and proc."""
    for name, facts in (("AC", {"type": "Mains", "online": "1"}), ("BAT0", {"type": "Battery", "status": "Full"})):
        folder = tmp_path / "root" / "sys/class/power_supply" / name
        folder.mkdir(parents=True)
        for fact, value in facts.items():
            (folder / fact).write_text(f"{value}\n")
    (tmp_path / "root" / "proc").mkdir()
    use(tmp_path / "root", 0, 0, 0)
    return tmp_path / "root"


def use(root: Path, normal: int, nice: int, idle: int) -> None:
    """Clock ticks used so far."""
    (root / "proc/stat").write_text(f"cpu  {normal} {nice} 0 {idle} 0 0 0 0 0 0\ncpu0 1 2 3\n")


def unplug(root: Path, unplugged: bool = True) -> None:
    """Pull the plug, or put it back."""
    supplies = root / "sys/class/power_supply"
    (supplies / "AC" / "online").write_text("0" if unplugged else "1")
    (supplies / "BAT0" / "status").write_text("Discharging" if unplugged else "Charging")


def test_on_battery(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unplugged with a battery running down is a reason to rest, unless the settings say otherwise."""
    monkeypatch.setattr(machine, "LOOK_SECONDS", 0.0)
    careful, careless = Machine(True, 1.0, root), Machine(False, 1.0, root)
    assert careful.why_rest() == ""
    unplug(root)
    assert (careful.why_rest(), careless.why_rest()) == ("on battery", "")
    unplug(root, False)
    assert careful.why_rest() == ""
    assert Machine(True, 0.5, root / "nowhere").why_rest() == ""


def test_other_programs(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what programs of normal priority used over the whole span counts."""
    monkeypatch.setattr(machine, "LOOK_SECONDS", 0.0)
    now = 1000.0
    monkeypatch.setattr(machine.time, "monotonic", lambda: now)
    looks = Machine(True, 0.9, root)
    told = []
    for second, normal, nice, idle in (
        (0, 0, 0, 0), (15, 1500, 0, 0), (31, 3100, 0, 0), (60, 3200, 2800, 0), (95, 3300, 2800, 3400),
    ):  # fmt: skip
        now = 1000.0 + second
        use(root, normal, nice, idle)
        told.append(looks.why_rest())
    assert told == ["", "", "machine busy", "", ""]
    use(root, 9_000_000, 0, 0)
    now += 100
    assert Machine(True, 1.0, root).why_rest() == ""


class Kept:
    """A keeper at work on a linked folder; the counts of what its syncs added, moved, changed and removed."""

    def __init__(self, core: Core, folder: Path, root: Path) -> None:
        self.core, self.folder = core, folder
        self.keeper = FolderKeeper(core.folders, core.watcher, Machine(True, 1.0, root))
        self.done = [0, 0, 0, 0]
        self.running: object = None
        self._task = asyncio.create_task(self._keep())

    async def _keep(self) -> None:
        async for due in self.keeper.due():
            self.running = asyncio.create_task(self._sync(due))
            await asyncio.wait({self.running})
            self.running = None

    async def _sync(self, due: list) -> None:
        async with contextlib.aclosing(self.keeper.sync(due)) as items:
            async for item in items:
                if isinstance(item, Summary):
                    counts = (item.added, item.moved, item.changed, item.removed)
                    self.done = [before + count for before, count in zip(self.done, counts, strict=True)]

    def write(self, *numbers: int) -> None:
        for number in numbers:
            (self.folder / f"{number}.txt").write_text(f"Note {number} about the garden. " * 40)

    async def until(self, condition: object, seconds: float = 20.0) -> None:
        deadline = asyncio.get_running_loop().time() + seconds
        while not condition():
            assert asyncio.get_running_loop().time() < deadline, (self.done, self.keeper.resting)
            await asyncio.sleep(0.02)

    async def end(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


@pytest.fixture
async def kept(core: Core, tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Kept]:
    """A linked folder with two files, kept on a machine that notices at once."""
    monkeypatch.setattr(machine, "LOOK_SECONDS", 0.0)
    (tmp_path / "papers").mkdir()
    await core.folders.link(tmp_path / "papers")
    kept = Kept(core, tmp_path / "papers", root)
    kept.write(1, 2)
    yield kept
    await kept.end()


async def test_folders_are_synced_at_the_start_and_after_changes(kept: Kept) -> None:
    """Once all of them, then those that changed; a folder linked meanwhile too."""
    await kept.until(lambda: kept.done[0] == 2)
    assert kept.keeper.watching and kept.keeper.polled == {}
    kept.write(3)
    (kept.folder / "1.txt").unlink()
    await kept.until(lambda: kept.done == [3, 0, 0, 1])
    other = kept.folder.with_name("other")
    other.mkdir()
    (other / "a.txt").write_text("Another folder.")
    await kept.core.folders.link(other)
    kept.keeper.links_changed()
    await kept.until(lambda: kept.done[0] == 4)
    (other / "b.txt").write_text("And one more.")
    await kept.until(lambda: kept.done[0] == 5)


async def test_on_battery_a_sync_waits_and_goes_on_later(kept: Kept, root: Path) -> None:
    """One under way is broken off; what it did stays, and the rest follows when the plug is back."""
    await kept.until(lambda: kept.done[0] == 2)
    kept.write(*range(10, 400))
    await kept.until(lambda: kept.running)
    unplug(root)
    await kept.until(lambda: kept.keeper.resting == "on battery")
    assert kept.running is None
    held = (await kept.core.library.counts()).documents
    kept.write(500)
    await asyncio.sleep(1.0)
    assert (await kept.core.library.counts()).documents == held < 393
    unplug(root, False)
    async with asyncio.timeout(30):
        while (await kept.core.library.counts()).documents < 393:
            await asyncio.sleep(0.05)
    await kept.until(lambda: kept.keeper.resting == "")


async def test_stopped_by_the_user_nothing_is_synced_until_it_goes_on(kept: Kept) -> None:
    """A cancelled sync is due again, and starts when the user says so."""
    await kept.until(lambda: kept.done[0] == 2)
    kept.write(*range(10, 200))
    await kept.until(lambda: kept.running)
    kept.keeper.stopped = True
    kept.running.cancel()  # type: ignore[attr-defined]  # a task by now
    await kept.until(lambda: kept.keeper.resting == "stopped")
    held = (await kept.core.library.counts()).documents
    await asyncio.sleep(0.7)
    assert (await kept.core.library.counts()).documents == held
    kept.keeper.resume()
    async with asyncio.timeout(30):
        while (await kept.core.library.counts()).documents < 192:
            await asyncio.sleep(0.05)


async def test_a_watching_child_that_is_killed_is_started_again(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    """What changed while nobody watched is found then."""
    monkeypatch.setattr(folder_keeper, "RESTART_SECONDS", 0.5)
    await kept.until(lambda: kept.done[0] == 2)
    process = kept.core.watcher._process
    assert process is not None
    process.kill()
    await process.wait()
    kept.write(3)
    await kept.until(lambda: kept.done[0] == 3)
    assert kept.core.watcher.pid != process.pid


async def test_on_battery_new_passages_wait_and_go_on_later(
    home: Path, tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rebuild under way is broken off; what is prepared stays, and the rest follows when the plug is back."""
    monkeypatch.setattr(machine, "LOOK_SECONDS", 0.0)
    settings = '[model]\nname = "scripted"\n[documents]\nembedder = "hashed"\nchunk_overlap = 0\nchunk_tokens = '
    (tmp_path / "papers").mkdir()
    for number in range(300):
        (tmp_path / "papers" / f"{number}.txt").write_text(f"Note {number} about the garden. " * 40)
    (home / "config.toml").write_text(f"{settings}200\n")
    async with opened(load_config(home)) as core:
        [item async for item in core.pipeline.ingest([tmp_path / "papers"])]
    (home / "config.toml").write_text(f"{settings}40\n")
    async with opened(load_config(home)) as core:
        told: list[str] = []
        failed: list[Exception] = []
        ingest = IngestJob(core.pipeline, lambda summary: None, failed.append)
        job = RebuildJob(core, ingest, Machine(True, 1.0, root), lambda text, severity: told.append(text))
        assert job.start()
        async with asyncio.timeout(60):
            while (await core.generations.standing()).staged < 20:
                await asyncio.sleep(0.02)
            unplug(root)
            while job.resting != "on battery" or ingest.running:
                await asyncio.sleep(0.02)
            staged = (await core.generations.standing()).staged
            await asyncio.sleep(0.5)
            assert (await core.generations.standing()).staged == staged < 300 and core.generations.behind
            unplug(root, False)
            while core.generations.behind or ingest.running:
                await asyncio.sleep(0.02)
        await job.close()
        assert (job.resting, failed) == ("", []) and told == ["The new passages of 300 documents serve from now on."]
