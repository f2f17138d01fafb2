"""The database and the chats in it."""

import asyncio
import sqlite3
import subprocess
import sys

import pytest
from sqlite_utils.migrations import Migrations

from assistant.conversation import Citation, Sampling, Usage
from assistant.errors import NotFoundError, StorageError
from assistant.storage import schema
from assistant.storage.conversations import Conversations
from assistant.storage.database import Database, wal_is_safe
from assistant.storage.lock import InstanceLock
from ingest import schema as ingest_schema
from ingest.document import Passage

SETS = [schema.migrations, ingest_schema.migrations]


@pytest.fixture
async def database(tmp_path):
    database = Database(tmp_path / "assistant.db")
    await database.open(SETS)
    yield database
    await database.close()


@pytest.fixture
def chats(database):
    return Conversations(database)


async def ask(chats, chat, text, parent=None, answer="Yes."):
    question, partial = await chats.begin_turn(chat, parent, text, Sampling())
    done = await chats.finish_answer(partial.id, "done", answer, model="m", adapter="a")
    return question, done


async def test_a_turn_comes_back_whole(chats):
    """Question, answer, usage, citations, passages, sampling and notices survive the database."""
    chat = await chats.create(collections=["letters"])
    question, partial = await chats.begin_turn(chat.id, None, "What is the rent?", Sampling(seed=7, stop=("x",)))
    citation = Citation(1, 3, "Lease", "/l.pdf", 2, 10, 20, "950 pounds", 0.9, True, 0, 5)
    passage = Passage(5, 3, "Lease", "/l.pdf", "950 pounds", 10, 20, 2, ("Rent",), 0.9, 0.7, None)
    await chats.note_prompt(partial.id, "Be brief.", [passage], "1 passage")
    done = await chats.finish_answer(
        partial.id,
        "done",
        "It is 950.",
        model="m",
        adapter="a",
        usage=Usage(3, 2, 1),
        citations=[citation],
        notices=["n"],
    )
    assert (await chats.thread(chat.id)) == [question, done] and done.system == "Be brief."
    assert (done.citations, done.usage, done.notices, done.trace) == ((citation,), Usage(3, 2, 1), ("n",), "1 passage")
    assert done.sampling == Sampling(seed=7, stop=("x",))
    assert await chats.passages(partial.id) == [passage]
    assert (await chats.get(chat.id)).title == "What is the rent?"


async def test_siblings_keep_both_answers_and_the_thread_follows_the_newest(chats):
    """Regenerating adds a sibling; either branch can be read."""
    chat = await chats.create()
    question, first = await ask(chats, chat.id, "Why?", answer="one")
    second = await chats.begin_answer(chat.id, question.id, Sampling())
    assert [message.id for message in await chats.thread(chat.id)] == [question.id, second.id]
    assert [message.id for message in await chats.thread(chat.id, first.id)] == [question.id, first.id]


async def test_what_a_crash_left_partial_is_shown_as_interrupted(chats):
    """At start, partial answers become interrupted and keep their text."""
    chat = await chats.create()
    _, partial = await chats.begin_turn(chat.id, None, "hello", Sampling())
    await chats.grow_answer(partial.id, "half an ans")
    assert await chats.mark_interrupted() == 1
    message = await chats.message(partial.id)
    assert (message.state, message.text) == ("interrupted", "half an ans")


async def test_search_finds_words_in_any_form_and_unfinished(chats):
    """Full-text search stems, ignores accents, takes an unfinished last word, and survives query syntax."""
    chat = await chats.create()
    await ask(chats, chat.id, "Is the café painted?", answer="The deposit is protected.")
    assert [hit.role for hit in await chats.search("cafe paint")] == ["user"]
    assert "«deposit»" in (await chats.search("deposits prot"))[0].snippet
    for hostile in ('"', "AND OR NOT", "a*b(c", "NEAR(", "col:x", "-", "'; DROP TABLE messages"):
        await chats.search(hostile)


async def test_the_trash_hides_and_gives_back_and_deleting_for_good_leaves_no_trace(chats, database, tmp_path):
    """A trashed chat is out of lists and search until restored; deleted for good, its words are gone from the file."""
    chat = await chats.create()
    await ask(chats, chat.id, "canaryword one", answer="canaryword two")
    await chats.trash(chat.id)
    assert await chats.recent() == [] and await chats.search("canaryword") == []
    with pytest.raises(NotFoundError):
        await chats.get(chat.id)
    await chats.restore(chat.id)
    assert [each.id for each in await chats.recent()] == [chat.id]
    await chats.delete_for_good(chat.id)
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or b"canaryword" not in path.read_bytes()


async def test_a_failed_write_changes_nothing(database):
    """An error inside a transaction rolls all of it back."""

    def work(db):
        db.execute("INSERT INTO state VALUES ('a', '1')")
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        await database.write(work)
    assert await database.read(lambda db: db["state"].count) == 0


async def test_a_full_disk_is_said_and_loses_nothing(database):
    """When SQLite can grow no further, the write fails in words, earlier rows stay, and it works again later."""
    await database.write(lambda db: db.execute("INSERT INTO state VALUES ('kept', '1')"))
    pages = await database.read(lambda db: db.execute("PRAGMA page_count").fetchone()[0])
    await database.read(lambda db: db.execute(f"PRAGMA max_page_count={pages}"))
    with pytest.raises(StorageError, match="disk is full"):
        await database.write(lambda db: db.execute("INSERT INTO state VALUES ('big', ?)", ["x" * 500_000]))
    await database.read(lambda db: db.execute("PRAGMA max_page_count=1073741823"))
    await database.write(lambda db: db.execute("INSERT INTO state VALUES ('later', '1')"))
    names = await database.read(lambda db: [row["name"] for row in db["state"].rows])
    assert names == ["kept", "later"]


async def test_the_file_is_private_and_durable(database, tmp_path):
    """0600, synchronous FULL, foreign keys on, secure delete on, a journal mode that this SQLite gets right."""
    assert (tmp_path / "assistant.db").stat().st_mode & 0o777 == 0o600
    pragma = lambda name: database.read(lambda db: db.execute(f"PRAGMA {name}").fetchone()[0])  # noqa: E731 - five uses below
    assert [await pragma(name) for name in ("synchronous", "foreign_keys", "secure_delete")] == [2, 1, 1]
    assert await pragma("journal_mode") == ("wal" if wal_is_safe() else "truncate")


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"SQLite format 3\0" + b"\xff" * 4096])
async def test_a_damaged_file_is_refused_and_left_alone(tmp_path, content):
    """Garbage where the database should be gives a StorageError; the bytes stay for a rescue."""
    path = tmp_path / "assistant.db"
    path.write_bytes(content)
    with pytest.raises(StorageError):
        await Database(path).open(SETS)
    assert path.read_bytes() == content


async def test_the_background_check_finds_a_flipped_page(tmp_path, chats, database):
    """A database that opens but has a damaged page is noticed without waiting for someone to read that page."""
    chat = await chats.create()
    for number in range(40):
        await ask(chats, chat.id, f"question {number} " + "words " * 200)
    assert await database.damage() == ""
    path = tmp_path / "assistant.db"
    with path.open("r+b") as file:
        file.seek(path.stat().st_size - 3 * 4096)
        file.write(b"\xa5" * 4096)
    assert await database.damage() != ""


async def test_a_migration_backs_up_first(tmp_path):
    """Before a new migration runs over existing data, a whole copy is made that opens."""
    path = tmp_path / "assistant.db"
    old = Database(path)
    await old.open(SETS)
    await old.write(lambda db: db.execute("INSERT INTO state VALUES ('kept', '1')"))
    await old.close()
    newer = Migrations("assistant")
    newer._migrations = [*schema.migrations._migrations]

    @newer()
    def a_later_change(db):
        db.execute("ALTER TABLE state ADD COLUMN note TEXT")

    for _ in range(5):
        database = Database(path)
        await database.open([newer])
        await database.close()
    backups = list((tmp_path / "backups").iterdir())
    assert len(backups) == 1
    assert sqlite3.connect(backups[0]).execute("SELECT name FROM state").fetchall() == [("kept",)]


async def test_a_failing_migration_leaves_the_old_data(tmp_path):
    """A migration that fails is rolled back; the old version opens as before."""
    path = tmp_path / "assistant.db"
    old = Database(path)
    await old.open(SETS)
    await old.close()
    broken = Migrations("assistant")
    broken._migrations = [*schema.migrations._migrations]

    @broken()
    def goes_wrong(db):
        db.execute("CREATE TABLE half (id)")
        db.execute("SELECT nonsense")

    with pytest.raises(StorageError):
        await Database(path).open([broken])
    again = Database(path)
    await again.open(SETS)
    assert not await again.read(lambda db: db["half"].exists())
    await again.close()


async def test_data_of_a_newer_version_opens_read_only(tmp_path):
    """An unknown migration means a newer version wrote here: reading works, writing is refused in words."""
    path = tmp_path / "assistant.db"
    newer = Migrations("assistant")
    newer._migrations = [*schema.migrations._migrations]

    @newer()
    def from_the_future(db):
        db.execute("CREATE TABLE future (id)")

    first = Database(path)
    await first.open([newer, ingest_schema.migrations])
    await first.close()
    database = Database(path)
    await database.open(SETS)
    assert "newer version" in database.notices[0]
    assert await Conversations(database).recent() == []
    with pytest.raises(StorageError):
        await Conversations(database).create()
    await database.close()


async def test_a_home_that_cannot_be_written_says_so(tmp_path):
    """A read-only file gives a StorageError that names it."""
    with pytest.raises(StorageError, match=r"assistant\.db"):
        await Database(tmp_path / "assistant.db", read_only=True).open(SETS)


def test_the_lock_names_its_holder_and_is_free_after_a_kill(tmp_path):
    """A second assistant learns who holds the home; after kill -9 the lock is free at once."""
    code = (
        "import sys, time; from pathlib import Path; from assistant.storage.lock import InstanceLock\n"
        "lock = InstanceLock(Path(sys.argv[1])); lock.acquire(); print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "held\n"
    second = InstanceLock(tmp_path)
    assert second.acquire() == holder.pid
    holder.kill()
    holder.wait()
    assert second.acquire() is None
    second.release()


async def test_many_writers_wait_their_turn(database):
    """Concurrent writes queue on the one connection; none is lost."""
    await asyncio.gather(
        *(database.write(lambda db, n=n: db.execute("INSERT INTO state VALUES (?, '')", [str(n)])) for n in range(50))
    )
    assert await database.read(lambda db: db["state"].count) == 50


async def test_half_a_character_is_stored_as_a_question_mark(core):
    """A question or a title with a lone surrogate, as a file name that is no UTF-8 has it, is kept but for that."""
    chat = await core.conversations.create("caf\udce9")
    question, _ = await core.conversations.begin_turn(chat.id, None, "who is caf\udce9?", Sampling())
    assert question.text == "who is caf??"
    assert (await core.conversations.get(chat.id)).title == "caf?"
    assert [hit.message_id for hit in await core.conversations.search("caf")] == [question.id]
