"""`assistant folders` as a user types it: link, sync, list, failures, unlink, with JSON, exit codes and dry runs."""

import json
import os
import shutil
import signal
import subprocess
import sys

import pytest


@pytest.fixture
def run(home):
    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "assistant", "--home", str(home), *arguments],
            capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    return run


@pytest.fixture
def papers(tmp_path):
    folder = tmp_path / "papers"
    (folder / "drafts").mkdir(parents=True)
    for number in range(30):
        (folder / f"note-{number}.txt").write_text(f"Note {number} is about the garden.")
    (folder / "empty.txt").write_text("")
    (folder / "drafts" / "unfinished.txt").write_text("Not for the library.")
    (folder / ".assistantignore").write_text("drafts/\n")
    return folder


def test_the_whole_life_of_a_linked_folder(run, papers):
    """Linked, listed, synced after changes, with failures and their retry, unlinked: the documented shapes."""
    planned = json.loads(run("folders", "link", str(papers), "--dry-run", "--json").stdout)
    assert [(plan["collection"], len(plan["add"]), plan["remove"]) for plan in planned] == [("documents", 31, [])]
    assert run("folders", "list").stdout.startswith("No folder is linked.")

    linked = json.loads(run("folders", "link", str(papers), "--json").stdout)
    assert (linked["added"], len(linked["failed"])) == (30, 1)
    [folder] = json.loads(run("folders", "--json").stdout or "[]") or json.loads(
        run("folders", "list", "--json").stdout
    )
    assert folder["path"] == str(papers) and folder["state"] == "in step"
    assert (folder["documents"], folder["failed"], folder["withheld"]) == (31, 1, 0)

    (papers / "note-0.txt").rename(papers / "moved.txt")
    (papers / "note-1.txt").unlink()
    (papers / "note-2.txt").write_text("Now it is about the cellar.")
    told = run("folders", "sync", "--dry-run").stdout
    assert f"  > {papers / 'note-0.txt'} → {papers / 'moved.txt'}\n" in told and told.endswith("Nothing was changed.\n")
    assert f"  - {papers / 'note-1.txt'}\n" in told and f"  ~ {papers / 'note-2.txt'}\n" in told
    synced = json.loads(run("folders", "sync", str(papers), "--json").stdout)
    assert (synced["moved"], synced["removed"], synced["changed"], synced["unchanged"]) == (1, 1, 1, 27)

    assert json.loads(run("folders", "failures", "--json").stdout) == [
        {"path": str(papers / "empty.txt"), "reason": "the file is empty"}
    ]
    removed = run("documents", "remove", str(papers / "note-5.txt"))
    assert removed.returncode == 0 and "its next sync brings it back" in removed.stderr
    (papers / "empty.txt").write_text("Not empty.")
    assert json.loads(run("folders", "sync", "--retry", "--json").stdout)["failed"] == []
    gone = json.loads(run("folders", "unlink", str(papers), "--remove", "--json").stdout)
    assert gone == {"unlinked": str(papers), "removed": 30, "kept": 0}
    assert json.loads(run("documents", "--json").stdout) == []
    assert (papers / "empty.txt").exists()


def test_removals_wait_for_a_yes_and_a_missing_folder_keeps_its_documents(run, papers):
    """Exit code 5 says that something waits; --yes does it. `ingest` asks in the same way."""
    run("folders", "link", str(papers))
    for number in range(25):
        (papers / f"note-{number}.txt").unlink()
    asked = run("folders", "sync")
    assert asked.returncode == 5 and "25 of 31 documents" in asked.stdout and "--yes" in asked.stdout
    assert "25 vanished documents wait" in run("folders").stdout
    asked = run("ingest", str(papers))
    assert asked.returncode == 5 and "--yes removes them" in asked.stdout
    confirmed = run("ingest", str(papers), "--yes", "--json")
    assert (confirmed.returncode, json.loads(confirmed.stdout)["removed"]) == (0, 25)
    assert run("folders", "sync").returncode == 0

    shutil.move(papers, papers.with_name("away"))
    missing = run("folders", "sync", "--yes")
    assert missing.returncode == 5 and "does not exist" in missing.stdout
    assert "cannot be reached: does not exist; its documents are kept" in run("folders").stdout
    assert len(json.loads(run("documents", "--json").stdout)) == 6


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("link", "nowhere"), 5, "is no folder"),
        (("link", ".", "--collection", "../x"), 5, "cannot be the name of a collection"),
        (("sync", "nowhere"), 3, "nowhere is not linked"),
        (("unlink", "nowhere"), 3, "nowhere is not linked"),
        (("unlink",), 2, "PATH"),
        (("frobnicate",), 2, "There is no action 'frobnicate'"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_a_hint(run, arguments, code, says):
    """Nothing on stdout, no traceback."""
    result = run("folders", *arguments)
    assert (result.returncode, result.stdout) == (code, "")
    assert says in result.stderr and len(result.stderr.splitlines()) == 2


def test_names_that_are_no_utf8_are_followed_too(run, tmp_path):
    """A folder and a file whose names are bytes: linked, listed, moved, removed."""
    folder = os.fsencode(tmp_path) + b"/p\xff"
    os.mkdir(folder)
    with open(folder + b"/a\xfe.txt", "wb") as file:
        file.write(b"A note about nothing else.")
    assert run("folders", "link", os.fsdecode(folder)).returncode == 0
    os.rename(folder + b"/a\xfe.txt", folder + b"/b\xfe.txt")
    assert json.loads(run("folders", "sync", "--json").stdout)["moved"] == 1
    assert run("folders", "unlink", os.fsdecode(folder), "--remove").returncode == 0
    assert json.loads(run("documents", "--json").stdout) == []


def test_watching_follows_changes_until_it_is_interrupted(home, papers):
    """A JSON line for each sync; Ctrl-C ends it with 130, and the links stay."""
    program = [sys.executable, "-m", "assistant", "--home", str(home)]
    subprocess.run([*program, "folders", "link", str(papers)], check=True, capture_output=True)
    watch = subprocess.Popen(
        [*program, "folders", "watch", "--json"], stdout=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background job ignores it
    )  # fmt: skip
    try:
        assert json.loads(watch.stdout.readline())["unchanged"] == 30
        (papers / "new.txt").write_text("A new note.")
        (papers / "note-3.txt").unlink()
        changed = json.loads(watch.stdout.readline())
        assert (changed["added"], changed["removed"]) == (1, 1)
        watch.send_signal(signal.SIGINT)
        assert watch.wait(60) == 130
    finally:
        watch.kill()
        watch.stdout.close()


def test_watching_needs_a_linked_folder(run):
    """With none there is nothing to wait for."""
    result = run("folders", "watch")
    assert (result.returncode, result.stdout) == (3, "") and "folders link PATH" in result.stderr
