"""The watching child: which changes are news, how soon they are told, and what happens where watching fails."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ingest.network_drives import network_drive
from ingest.watch_worker import WatchWorker


class Watching:
    """A watch that runs in a thread; what it told so far."""

    def __init__(self, *folders: Path, exclude: tuple[Path, ...] = (), **seconds: float) -> None:
        self.told: list[dict[str, Any]] = []
        self._end = threading.Event()
        worker = WatchWorker([str(path) for path in exclude], **seconds)
        self._thread = threading.Thread(target=self._run, args=(worker, [str(folder) for folder in folders]))
        self._thread.start()
        self.until(lambda: self.told)

    def _run(self, worker: WatchWorker, folders: list[str]) -> None:
        for told in worker.watch(folders, self._end.is_set):
            self.told.append(told)

    def until(self, condition: Callable[[], Any], seconds: float = 10.0) -> None:
        """Wait until something holds."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, self.told
            time.sleep(0.02)

    @property
    def changed(self) -> list[str]:
        """The names of the folders that were told to have changed, in order."""
        return [Path(folder).name for told in self.told for folder in told.get("changed", [])]

    def end(self) -> None:
        """Cancel and wait."""
        self._end.set()
        self._thread.join(10)
        assert not self._thread.is_alive()


@pytest.fixture
def papers(tmp_path: Path) -> Path:
    """A folder with rules, a folder of a tool, and one more."""
    folder = tmp_path / "papers"
    for name in (".git", "node_modules", "build", "deep/deeper"):
        (folder / name).mkdir(parents=True)
    (folder / ".gitignore").write_text("build/\n*.log\n")
    return folder


@pytest.fixture
def watching(papers: Path) -> Iterator[Watching]:
    """A watch of that folder."""
    watching = Watching(papers, exclude=(papers / "own",))
    yield watching
    watching.end()


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "a.txt").write_text("x"),
        lambda folder: (folder / "deep" / "deeper" / "a.txt").write_text("x"),
        lambda folder: (folder / "deep" / "deeper").rename(folder / "elsewhere"),
        lambda folder: shutil.rmtree(folder / "deep"),
        lambda folder: (folder / ".gitignore").write_text("other rules\n"),
        lambda folder: (folder / "deep" / ".assistantignore").write_text("*\n"),
    ],
    ids=["file", "deep", "folder moved", "folder deleted", "rules", "new rules"],
)
def test_a_change_is_told_soon(watching: Watching, change: Callable[[Path], Any], papers: Path) -> None:
    """Files, folders and rules, at any depth; the folder is named once for a burst."""
    assert watching.told == [{"polled": {}}]
    change(papers)
    watching.until(lambda: watching.changed, 5.0)
    time.sleep(0.7)
    assert watching.changed == ["papers"]


def test_what_no_walk_comes_to_is_no_news(watching: Watching, papers: Path) -> None:
    """Hidden names, folders of tools, what the rules leave out, binaries, own data, and mere reading."""
    (papers / "own").mkdir()
    time.sleep(1.0)
    before = len(watching.told)
    for name in (
        ".git/index",
        "node_modules/a.js",
        "build/a.txt",
        "x.log",
        ".a.txt.swp",
        "clip.mp4",
        "own/index.faiss",
    ):
        (papers / name).write_text("x")
    (papers / ".gitignore").read_text()
    time.sleep(1.5)
    assert len(watching.told) == before


def test_a_folder_that_comes_back_is_watched_again(watching: Watching, papers: Path) -> None:
    """Away it is told and looked for; back it is told, and its changes are news again."""
    papers.rename(papers.with_name("away"))
    watching.until(lambda: {"polled": {str(papers): "it cannot be reached"}} in watching.told)
    count = len(watching.changed)
    papers.with_name("away").rename(papers)
    watching.until(lambda: watching.told[-1] == {"polled": {}} and len(watching.changed) > count)
    count = len(watching.changed)
    (papers / "a.txt").write_text("x")
    watching.until(lambda: len(watching.changed) > count, 5.0)


def test_of_several_folders_the_changed_one_is_named(tmp_path: Path) -> None:
    """Also where the name of one begins with that of the other."""
    for name in ("a", "ab"):
        (tmp_path / name).mkdir()
    watching = Watching(tmp_path / "a", tmp_path / "ab")
    (tmp_path / "ab" / "x.txt").write_text("x")
    watching.until(lambda: watching.changed)
    watching.end()
    assert watching.changed == ["ab"]


def test_what_the_kernel_does_not_tell_is_found_by_looking_again(papers: Path) -> None:
    """A watched folder is due from time to time, whatever was told."""
    watching = Watching(papers, recheck_seconds=0.5)
    watching.until(lambda: watching.changed, 3.0)
    watching.end()


LIMITED = """
import pathlib, sys, threading
sys.path.insert(0, {root!r})
pathlib.Path("/proc/sys/user/max_inotify_watches").write_text("20")
from ingest.watch_worker import WatchWorker
folder = pathlib.Path({folder!r})
for told in WatchWorker([], poll_seconds=0.3).watch([str(folder)]):
    print(told, flush=True)
    if "changed" in told:
        break
    threading.Timer(1.0, (folder / "99" / "a.txt").write_text, ["x"]).start()
"""


def test_where_the_kernel_refuses_to_watch_folders_are_looked_through(tmp_path: Path) -> None:
    """At the limit of watches (which a user namespace lets a test lower) the reason is told, changes are found."""
    if subprocess.run(["unshare", "-Ur", "true"], capture_output=True, check=False).returncode:
        pytest.skip("no user namespaces here")
    for number in range(100):
        (tmp_path / "many" / str(number)).mkdir(parents=True)
    script = LIMITED.format(root=str(Path(__file__).parents[2]), folder=str(tmp_path / "many"))
    run = subprocess.run(
        ["unshare", "-Ur", sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 0, run.stderr
    assert "limit" in run.stdout.splitlines()[0] and "changed" in run.stdout.splitlines()[-1]


MOUNTS = rb"""22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
40 27 0:44 / /mnt/my\040share rw - cifs //server/share rw
41 27 0:45 / /mnt/ntfs rw - fuseblk /dev/sdb1 rw
42 27 0:46 / /home/me/remote rw - fuse.sshfs me@host: rw
43 42 0:47 / /home/me/remote/cache rw - tmpfs tmpfs rw
broken line
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/me/papers", ""), ("/mnt/my share/a", "cifs"), ("/mnt/my shared", ""), ("/mnt/ntfs/x", ""),
        ("/home/me/remote", "fuse.sshfs"), ("/home/me/remote/cache/x", ""),
    ],
)  # fmt: skip
def test_network_drives_are_known_by_their_mount(tmp_path: Path, path: str, kind: str) -> None:
    """The innermost mount decides; names are unescaped; lines that are none are passed over."""
    (tmp_path / "mountinfo").write_bytes(MOUNTS)
    assert network_drive(path.encode(), tmp_path / "mountinfo") == kind
    assert network_drive(path.encode(), tmp_path / "nothing") == ""
