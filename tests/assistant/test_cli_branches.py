"""The tree of a chat from the shell: asked anew, again, walked, forked, taken back, rewritten, named, pinned."""

import json
import os
import subprocess
import sys

import pytest


@pytest.fixture
def run(home):
    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "assistant", "--home", str(home), *arguments],
            input="", capture_output=True, text=True, timeout=120, env=os.environ,
        )  # fmt: skip

    return run


def test_a_chat_is_edited_walked_forked_and_taken_back(run):
    """Each step says what it did; `tree` shows all branches with the current one marked."""
    answer = json.loads(run("ask", "one", "--json").stdout)
    chat, question = str(answer["chat"]), str(answer["message"] - 1)
    edited = json.loads(run("ask", "--instead-of", question, "uno", "--json").stdout)
    assert edited["chat"] == answer["chat"] and edited["answer"] == "You asked: uno."
    again = json.loads(run("ask", "--again", str(edited["message"]), "--json").stdout)
    tree = run("chats", "tree", chat).stdout.splitlines()
    assert [line.split()[-1] for line in tree if line.startswith("*")] == ["uno", "uno."]
    assert len(tree) == 5 and "< 2/2 >  uno" in tree[2] and "< 2/2 >" in tree[4]
    assert json.loads(run("chats", "go", question, "--json").stdout) == {
        "chat": answer["chat"],
        "message": int(question),
    }
    assert "You asked: one." in run("chats", "show", chat).stdout
    forked = json.loads(run("chats", "fork", str(again["message"]), "--json").stdout)
    assert forked["title"] == "one (fork)" and "uno" in run("chats", "show", str(forked["chat"])).stdout
    run("ask", "--chat", chat, "two")
    assert run("chats", "undo", chat).stdout.startswith("Taken back: two\n")
    refused = run("chats", "undo", chat)
    assert refused.returncode == 2 and "Nothing stands before" in refused.stderr and refused.stdout == ""
    assert run("chats", "redo", chat).stdout == "It is back.\n"
    rewritten = json.loads(run("chats", "rewrite", "last", "My", "own.", "--json").stdout)
    assert rewritten["text"] == "My own."


def test_a_chat_is_named_and_pinned(run):
    """The list shows both; a chat that is not there is said, with exit code 3."""
    first, _ = run("ask", "one", "--json"), run("ask", "two")
    chat = str(json.loads(first.stdout)["chat"])
    assert run("chats", "rename", chat, "The", "first").stdout == f"Chat {chat} is called “The first”.\n"
    assert run("chats", "pin", chat).stdout == f"Chat {chat} stays at the top.\n"
    assert run("chats").stdout.splitlines()[0].endswith("pinned  The first")
    run("chats", "pin", chat, "--off")
    assert run("chats").stdout.splitlines()[0].endswith("two")
    missing = run("chats", "pin", "999")
    assert missing.returncode == 3 and "no chat 999" in missing.stderr
    assert run("ask", "--again", "999").returncode == 3


def test_chats_leave_and_come_in_as_files(run, tmp_path):
    """Every form is printed, a file is imported once, and what is wrong with one is said in a line."""
    chat = str(json.loads(run("ask", "one", "--json").stdout)["chat"])
    run("ask", "two")
    lines = run("chats", "export", "--all", "--format", "openai").stdout.splitlines()
    assert [json.loads(line)["messages"][1]["content"] for line in lines] == ["two", "one"]
    (tmp_path / "chat.json").write_text(run("chats", "export", chat, "--format", "json").stdout)
    assert run("chats", "import", str(tmp_path / "chat.json")).stdout == "Imported: 1 new with 2 messages.\n"
    assert json.loads(run("chats", "import", str(tmp_path / "chat.json"), "--json").stdout)["known"] == 1
    (tmp_path / "bad.json").write_text("{")
    refused = run("chats", "import", str(tmp_path / "bad.json"))
    assert refused.returncode == 2 and "is not JSON" in refused.stderr and "Traceback" not in refused.stderr
    assert run("chats", "export").returncode == 2
