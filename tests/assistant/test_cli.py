"""The shell commands as a user types them: real processes, pipes, wrong arguments, JSON."""

import json
import os
import sqlite3
import subprocess
import sys
import time

import pytest

LEASE = "The rent is 950 pounds a month. It is due on the first day of the month."


@pytest.fixture
def run(home):
    def run(*arguments, stdin="", **environment):
        return subprocess.run(
            [sys.executable, "-m", "assistant", "--home", str(home), *arguments],
            input=stdin, capture_output=True, text=True, timeout=120, env={**os.environ, **environment},
        )  # fmt: skip

    return run


@pytest.fixture
def documents(tmp_path):
    folder = tmp_path / "papers"
    folder.mkdir()
    (folder / "lease.txt").write_text(LEASE)
    (folder / "recipe.md").write_text("# Plum cake\n\nWhisk the eggs with the sugar.")
    (folder / "empty.txt").write_text("")
    return folder


def test_ingest_search_documents_and_ask_as_json(run, documents):
    """The whole way through the shell, with the documented shapes."""
    summary = json.loads(run("ingest", str(documents), "--json").stdout)
    assert (summary["added"], summary["changed"], summary["unchanged"], summary["removed"]) == (2, 0, 0, 0)
    assert summary["passages"] == 2 and summary["seconds"] > 0
    assert summary["failed"] == [{"path": str(documents / "empty.txt"), "reason": "the file is empty"}]
    assert json.loads(run("ingest", str(documents), "--json").stdout)["unchanged"] == 2

    [best, *_] = json.loads(run("search", "rent a month", "-k", "3", "--json").stdout)
    assert (best["document"], best["page"], best["text"]) == ("lease.txt", None, LEASE)
    assert all(isinstance(best[key], float) for key in ("score", "similarity", "bm25"))

    listed = json.loads(run("documents", "--json").stdout)
    assert sorted(entry["state"] for entry in listed) == ["failed", "ready", "ready"]

    answer = json.loads(run("ask", "What is the rent a month?", "--json", "--seed", "3").stdout)
    assert set(answer) >= {"answer", "citations", "retrieved", "model", "adapter", "usage"}
    assert answer["citations"][0]["document"] == "lease.txt"
    assert LEASE[answer["citations"][0]["start"] : answer["citations"][0]["end"]] == answer["citations"][0]["quote"]
    assert {
        "prompt_tokens",
        "cached_tokens",
        "completion_tokens",
        "tokens_per_second",
        "seconds_to_first_token",
    } <= set(answer["usage"])


def test_removed_and_changed_files(run, documents):
    """Changes and deletions in a folder are followed; documents can be removed without touching the files."""
    run("ingest", str(documents))
    (documents / "lease.txt").write_text("The rent is 990 pounds now.")
    (documents / "recipe.md").unlink()
    summary = json.loads(run("ingest", str(documents), "--json").stdout)
    assert (summary["changed"], summary["removed"]) == (1, 1)
    assert "990" in run("search", "rent").stdout
    assert json.loads(run("documents", "remove", str(documents / "lease.txt"), "--json").stdout) == {"removed": 1}
    assert (documents / "lease.txt").exists()
    assert run("search", "rent", "--json").stdout.strip() == "[]"


def test_ask_streams_text_and_cites_below(run, documents):
    """For a person: the answer, its sources, and the retrieval line."""
    run("ingest", str(documents))
    result = run("ask", "What is the rent a month?")
    assert result.returncode == 0
    assert "[1] lease.txt: “" in result.stdout.replace("[~1]", "[1]")
    assert "passage" in result.stdout.splitlines()[-1]


def test_the_text_of_a_document_is_printed_and_a_failed_one_has_none(run, documents):
    """`documents text` prints what citations count in; a file that could not be read says why there is nothing."""
    run("ingest", str(documents))
    assert run("documents", "text", str(documents / "lease.txt")).stdout == LEASE + "\n"
    failed = run("documents", "text", str(documents / "empty.txt"))
    assert failed.returncode == 3 and "the file is empty" in failed.stderr


def test_the_question_can_be_piped_in(run):
    """Stdin alone, or below the words; a missing question is an error with a hint."""
    assert "weather" in run("ask", "--no-docs", stdin="tell me of the weather").stdout
    assert "weather" in run("ask", "--no-docs", "sum up:", stdin="the weather is fine").stdout
    empty = run("ask", stdin="")
    assert (empty.returncode, empty.stdout) == (2, "")
    assert "There is no question." in empty.stderr and "pipe it in" in empty.stderr


def test_a_silent_pipe_does_not_hang_a_question(home):
    """With a question on the command line, an open pipe that says nothing is not waited for."""
    reader, writer = os.pipe()
    begun = time.monotonic()
    try:
        result = subprocess.run(
            [sys.executable, "-m", "assistant", "--home", str(home), "ask", "--no-docs", "hello"],
            stdin=reader, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
    finally:
        os.close(writer)
        os.close(reader)
    assert result.returncode == 0 and "hello" in result.stdout
    assert time.monotonic() - begun < 30


def test_chats_are_listed_shown_searched_exported_deleted_and_restored(run):
    """A chat's whole life in the shell."""
    run("ask", "--no-docs", "Where do penguins live?")
    [chat] = json.loads(run("chats", "--json").stdout)
    identifier = str(chat["id"])
    assert chat["title"] == "Where do penguins live?"
    assert "penguins" in run("chats", "show", identifier).stdout
    assert json.loads(run("chats", "search", "penguin", "--json").stdout)[0]["conversation_id"] == chat["id"]
    assert run("chats", "export", identifier).stdout.startswith("# Where do penguins live?\n\n## You\n")
    assert len(json.loads(run("chats", "export", identifier, "--json").stdout)["messages"]) == 2
    run("ask", "--no-docs", "--chat", identifier, "And where do bears?")
    assert json.loads(run("chats", "--json").stdout)[0]["messages"] == 4
    run("chats", "delete", identifier)
    assert run("chats").stdout == "No chats yet.\n"
    run("chats", "restore", identifier)
    run("chats", "delete", identifier, "--for-good")
    missing = run("chats", "show", identifier)
    assert (missing.returncode, missing.stdout) == (3, "")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["frobnicate"], 2, "There is no command 'frobnicate'"),
        (["scores", "leaderboard", "--by", "luck"], 2, "--by cannot be 'luck'"),
        (["eval", "runs", "nothing"], 3, "There is no evaluation set nothing"),
        (["aks", "x"], 2, "Did you mean ask?"),
        (["ask", "x", "--temperature", "hot"], 2, "invalid float value"),
        (["ask", "x", "--temperature", "9"], 2, "sampling.temperature must be from 0 to 5"),
        (["ask", "x", "--collection", "nope"], 2, "There is no collection nope"),
        (["ask", "x", "--chat", "99"], 3, "There is no chat 99"),
        (["--model", "/no/such.gguf", "ask", "x"], 4, "/no/such.gguf"),
        (["ask", "x", "--adapter", "nope", "--no-docs"], 4, "no adapter nope"),
        (["--adapter", "nope", "ask", "x", "--no-docs"], 4, "no adapter nope"),
        (["ingest", "/no/such/file"], 5, ""),
        (["ingest", "/etc/hostname", "--collection", "../x"], 2, "cannot name a collection"),
        (["search", "x", "-k", "0"], 2, "at least 1"),
        (["documents", "remove", "77"], 3, "There is no document 77"),
        ([], 2, "needs a terminal"),
    ],
)  # fmt: skip
def test_wrong_use_gives_one_line_a_hint_and_a_code(run, arguments, code, says):
    """Errors go to stderr, name what is wrong, and are never a traceback."""
    result = run(*arguments)
    assert result.returncode == code, result.stderr
    assert says in result.stderr
    assert "Traceback" not in result.stderr + result.stdout
    assert len(result.stderr.splitlines()) <= 4


def test_a_text_file_named_gguf_is_refused_in_words(run, tmp_path):
    """The classic mistake names the file and what it is."""
    fake = tmp_path / "model.gguf"
    fake.write_text("Dear model, please load.")
    result = run("--model", str(fake), "ask", "--no-docs", "x")
    assert result.returncode == 4
    assert "model.gguf" in result.stderr and "GGUF" in result.stderr


def test_a_home_that_cannot_be_written_is_read(run, home, documents):
    """On a read-only disk, chats and documents can still be listed, searched and asked; storing is refused in words."""
    run("ingest", str(documents))
    run("ask", "--no-docs", "hello there")
    code = (
        "import errno, sys\n"
        "from assistant.storage.lock import InstanceLock\n"
        "def acquire(self): raise OSError(errno.EROFS, 'Read-only file system')\n"
        "InstanceLock.acquire = acquire\n"
        "from assistant.cli import main; main()"
    )

    def read_only(*arguments):
        program = [sys.executable, "-c", code, "--home", str(home), *arguments]
        return subprocess.run(program, capture_output=True, text=True, stdin=subprocess.DEVNULL)

    assert "hello there" in read_only("chats").stdout
    assert "rent" in read_only("search", "rent a month").stdout
    asked = read_only("ask", "What is the rent a month?")
    assert (
        asked.returncode == 0 and "cannot be written: Read-only file system. Nothing is stored there." in asked.stderr
    )
    refused = read_only("ingest", str(documents))
    assert refused.returncode == 6 and "Read-only" in refused.stderr
    assert len(json.loads(run("chats", "--json").stdout)) == 1


def test_a_home_that_is_not_ours_or_not_writable_is_refused(run, tmp_path):
    """A file where the home should be: one line, exit code 6."""
    (tmp_path / "file").write_text("x")
    result = run("--home", str(tmp_path / "file"), "chats")
    assert result.returncode == 6 and "cannot be used" in result.stderr


def test_a_second_assistant_reads_and_says_what_it_cannot_do(home, run, documents):
    """While one assistant holds the home, ask and search work without saving; ingest is refused with the pid."""
    run("ingest", str(documents))
    code = (
        "import sys, time; from pathlib import Path; from assistant.storage.lock import InstanceLock\n"
        "lock = InstanceLock(Path(sys.argv[1])); lock.acquire(); print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, str(home)], stdout=subprocess.PIPE, text=True)
    try:
        holder.stdout.readline()
        assert "rent" in run("search", "rent").stdout
        asked = run("ask", "What is the rent a month?")
        assert asked.returncode == 0 and "not saved" in asked.stderr
        refused = run("ingest", str(documents))
        assert refused.returncode == 6 and str(holder.pid) in refused.stderr
    finally:
        holder.kill()
        holder.wait()
    assert json.loads(run("chats", "--json").stdout) == []


def test_names_that_steer_a_terminal_are_neutralised(run, tmp_path):
    """Control characters, markup and bidi marks in file names and texts reach stdout as U+FFFD."""
    folder = tmp_path / "evil"
    folder.mkdir()
    (folder / "a\x1b]0;pwned\x07[b]\u202e.txt").write_text("The code word is \x1b[2Jzanzibar\u202e.")
    for output in (
        run("ingest", str(folder)),
        run("documents"),
        run("search", "code word"),
        run("ask", "the code word?"),
    ):
        shown = output.stdout + output.stderr
        assert output.returncode == 0, shown
        assert not any((ord(c) < 32 and c not in "\n\t") or 0x7F <= ord(c) < 0xA0 or c == "\u202e" for c in shown)
    assert "zanzibar" in run("search", "code word").stdout


def test_everything_in_the_home_is_private(home, run, documents):
    """Even under umask 000, files are 0600 and folders 0700."""
    os.umask(0o000)
    try:
        run("ingest", str(documents))
        run("ask", "What is the rent?")
    finally:
        os.umask(0o022)
    (home / "config.toml").chmod(0o600)
    for path in home.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_doctor_is_content_with_a_good_home_and_exits_1_for_a_bad_one(run, home):
    """Versions, paths, index and model are reported; a damaged database is found."""
    (home / "config.toml").chmod(0o600)
    good = run("doctor", "--json")
    assert good.returncode == 0, good.stdout
    names = {finding["name"] for finding in json.loads(good.stdout)["findings"]}
    assert {"assistant", "SQLite", "home", "database", "documents", "index", "model", "free memory"} <= names
    (home / "assistant.db").write_bytes(b"garbage" * 1000)
    bad = run("doctor")
    assert bad.returncode == 1 and "damaged" in bad.stdout and "Traceback" not in bad.stderr


@pytest.mark.parametrize(
    ("defect", "told"),
    [
        ("DELETE FROM vectors WHERE chunk_id = 1", "1 without a vector"),
        ("DELETE FROM chunks_fts_docsize WHERE id = 1", "1 that the word index misses"),
        ("DELETE FROM document_texts WHERE document_id = 1", "1 documents without text"),
    ],
    ids=["vectors", "words", "texts"],
)
def test_doctor_finds_what_does_not_agree(run, home, documents, defect, told):
    """Rows, vectors and words are held against each other; each planted defect is named."""
    (home / "config.toml").chmod(0o600)
    run("ingest", str(documents / "lease.txt"), str(documents / "recipe.md"))
    good = run("doctor")
    assert good.returncode == 0 and "2, each with its vector and its words" in good.stdout
    with sqlite3.connect(home / "assistant.db") as database:
        database.execute(defect)
    bad = run("doctor")
    assert bad.returncode == 1 and told in bad.stdout and "Traceback" not in bad.stderr
    if "word" in told:
        assert "built anew" in bad.stdout and run("doctor").returncode == 0


def test_data_of_a_newer_version_is_read_and_said_to_be_read_only(run, home):
    """After a downgrade, lists still work, and every command says why nothing is stored."""
    run("ask", "--no-docs", "hello")
    with sqlite3.connect(home / "assistant.db") as database:
        database.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('assistant', 'later_one', '')"
        )
    listed = run("chats")
    assert listed.returncode == 0 and "hello" in listed.stdout and "newer version" in listed.stderr
    refused = run("ask", "--no-docs", "again")
    assert refused.returncode == 6 and "Traceback" not in refused.stderr


def test_a_config_typo_is_said_and_not_fatal(run, home):
    """The line and the nearest key are named; the command runs on."""
    with (home / "config.toml").open("a") as file:
        file.write("[sampling]\ntempratur = 1\n")
    result = run("ask", "--no-docs", "hello")
    assert result.returncode == 0
    assert "config.toml:6: there is no setting tempratur. Did you mean temperature?" in result.stderr


def test_a_closed_pipe_ends_quietly(home, run):
    """`assistant chats | head -0` gives no traceback."""
    command = f"{sys.executable} -m assistant --home {home} doctor | head -c 1"
    result = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=60)
    assert "Traceback" not in result.stderr and "BrokenPipe" not in result.stderr


def test_an_unexpected_error_is_one_line_and_its_place_is_logged_without_content(home):
    """A defect prints no traceback; type and frames go to the log, what was asked does not."""
    code = (
        "import assistant.commands.ask as ask, sys\n"
        "from assistant.cli import main\n"
        "async def broken(core, question, arguments): raise RuntimeError(question)\n"
        "ask._ask = broken\n"
        "main(['--home', sys.argv[1], 'ask', 'my canary secret'])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, str(home)], capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    assert result.returncode == 1
    assert "Unexpected error (RuntimeError)" in result.stderr and "Traceback" not in result.stderr
    log = (home / "logs" / "assistant.log").read_text()
    assert "in broken" in log and "canary" not in log + result.stderr
