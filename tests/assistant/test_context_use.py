"""Is it said what filled the context for an answer, and what had to stay out?"""

from __future__ import annotations

from pathlib import Path

import pytest

from assistant.bootstrap import Core
from assistant.context_use import context_use, told
from assistant.errors import UsageError
from assistant.events import Completed


async def asked(core: Core, chat: int, text: str) -> int:
    events = [event async for event in core.engine.ask(chat, text)]
    assert isinstance(events[-1], Completed)
    return events[-1].message.id


async def test_the_parts_are_those_of_the_prompt_and_add_up_to_what_was_read(core: Core, tmp_path: Path) -> None:
    """System prompt, history, passages and question are counted as sent; with the answer they fill the size."""
    (tmp_path / "lease.txt").write_text("The rent is 950 pounds a month.")
    [event async for event in core.pipeline.ingest([tmp_path / "lease.txt"])]
    chat = (await core.conversations.create()).id
    await asked(core, chat, "Hello there")
    use = await context_use(core, await asked(core, chat, "What is the rent a month?"))
    assert [message.role for message in use.messages] == ["system", "user", "assistant", "user"]
    assert "950 pounds" in use.messages[-1].content and min(use.system, use.history, use.passages, use.question) > 0
    assert sum(use.parts.values()) == use.size and use.parts["free"] > 0
    assert use.usage.prompt_tokens <= use.system + use.history + use.passages + use.question + use.template
    lines = list(told(use, 20))
    assert lines[0].endswith("%)") and any(line.strip().startswith("passages") for line in lines)
    assert any(line.startswith("Read: ") for line in lines)


async def test_what_was_left_out_is_told(core: Core) -> None:
    """A long chat loses its first messages, and the meter says how many."""
    chat = (await core.conversations.create()).id
    number = 0
    for turn in range(12):
        number = await asked(core, chat, f"{turn} " + "word " * 300)
    use = await context_use(core, number)
    assert any("messages of this chat did not fit" in line for line in told(use))


async def test_only_an_answer_has_a_context(core: Core) -> None:
    """A question is refused in words."""
    chat = (await core.conversations.create()).id
    answer = await asked(core, chat, "one")
    with pytest.raises(UsageError, match="is no answer"):
        await context_use(core, answer - 1)
