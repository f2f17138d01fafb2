"""How passages were found is kept with each answer, told in the shell and on the screen, and leaves with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from assistant.bootstrap import Core
from assistant.given_passages import around_for
from assistant.search_text import told

LEASE = "The rent is 950 pounds a month. It is due on the first day of the month."


def shell(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "assistant", "--home", str(home), *arguments],
        capture_output=True, text=True, timeout=120, env=dict(os.environ), stdin=subprocess.DEVNULL,
    )  # fmt: skip


def test_the_shell_tells_how_passages_were_found(home: Path, tmp_path: Path) -> None:
    """search --why and why, in words and as JSON; filters narrow; what cannot be is told in one line and a hint."""
    (tmp_path / "lease.txt").write_text(LEASE)
    (tmp_path / "cake.md").write_text("Whisk the eggs with the sugar.")
    assert shell(home, "why").returncode == 3
    assert shell(home, "ingest", str(tmp_path / "lease.txt"), str(tmp_path / "cake.md")).returncode == 0
    lines = shell(home, "search", "--why", "rent a month").stdout
    assert "Searched for: “rent a month”" in lines and "the floor of" in lines and "given · lease.txt" in lines
    found = json.loads(shell(home, "search", "--why", "--json", "rent", "a", "month", "type:txt").stdout)
    assert found["trace"]["scope"] == ["type:txt"] and found["trace"]["searched"] == 1 and found["trace"]["passed"]
    assert [passage["document"] for passage in found["passages"]] == ["lease.txt"]
    assert json.loads(shell(home, "search", "--json", "rent a month type:md").stdout) == []
    wrong = shell(home, "search", "rent since:yesterday")
    assert wrong.returncode == 5 and "since:yesterday" in wrong.stderr and "Traceback" not in wrong.stderr
    assert shell(home, "ask", "--collection", "type:pdf", "What is the rent a month?").returncode == 0
    refused = shell(home, "why", "last")
    assert "In type:pdf: 0 passages" in refused.stdout and "Nothing was put into the prompt." in refused.stdout
    assert shell(home, "ask", "What is the rent a month?").returncode == 0
    why = json.loads(shell(home, "why", "--json").stdout)
    assert why["trace"]["wordings"][0]["text"] == "What is the rent a month?"
    assert why["prompt"][0]["document"] == "lease.txt"
    assert shell(home, "why", "999").returncode == 3


async def test_a_trace_leaves_with_its_answer(core: Core, tmp_path: Path) -> None:
    """The second question's trace has both wordings; deleting the chat for good deletes the traces."""
    (tmp_path / "lease.txt").write_text(LEASE)
    [item async for item in core.pipeline.ingest([tmp_path / "lease.txt"])]
    chat = await core.conversations.create()
    for question in ("What is the rent?", "And when is it due?"):
        [event async for event in core.engine.ask(chat.id, question)]
    answer = (await core.conversations.thread(chat.id))[-1]
    trace = await core.conversations.searches.of(answer.id)
    assert trace is not None
    assert [wording.text for wording in trace.wordings] == [
        "And when is it due?", "What is the rent?\nAnd when is it due?"
    ]  # fmt: skip
    assert "since a question went before" in "\n".join(told(trace, []))
    await core.conversations.delete_for_good(chat.id)
    assert await core.conversations.searches.of(answer.id) is None


async def test_passages_are_read_wide_where_there_is_room(core: Core, tmp_path: Path) -> None:
    """The setting widens what goes into the prompt and the trace says so; a short context, or 0, leaves it as found."""
    text = "\n\n".join(f"Clause {number}. " + "The tenant keeps the garden in order. " * 12 for number in range(30))
    (tmp_path / "lease.txt").write_text(text + "\n\n" + LEASE + "\n\n" + text)
    [item async for item in core.pipeline.ingest([tmp_path / "lease.txt"])]
    told_of = {}
    for tokens in (0, 300, 4000):
        core.engine.settings = replace(core.engine.settings, read_around=tokens, passages=1)
        chat = await core.conversations.create()
        [event async for event in core.engine.ask(chat.id, "What is the rent a month?")]
        answer = (await core.conversations.thread(chat.id))[-1]
        (passage,) = await core.conversations.passages(answer.id)
        trace = await core.conversations.searches.of(answer.id)
        assert trace is not None and passage.text in text + "\n\n" + LEASE + "\n\n" + text and LEASE in passage.text
        told_of[tokens] = len(passage.text), "characters around it" in "\n".join(told(trace, [passage]))
    assert not told_of[0][1] and told_of[300][1] and told_of[300][0] > told_of[0][0] + 500
    context = (await core.model.ready()).context
    assert told_of[4000][0] >= told_of[300][0] and told_of[4000][0] < 8 * context
    assert [around_for(model, -1) for model in ("starter", "/models/mistral.gguf")] == [0, 200]
    assert around_for("starter", 50) == 50
