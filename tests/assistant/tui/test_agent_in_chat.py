"""Can an agent be asked in the chat, watched, and stopped?"""

from __future__ import annotations

import json
from pathlib import Path

from .conftest import running, until

CALL = json.dumps({"name": "calculate", "arguments": {"expression": "950 * 12"}})
DONE = json.dumps({"name": "answer", "arguments": {}})


async def test_an_agent_answers_in_the_chat(home: Path, tmp_path: Path) -> None:
    """/agent shows its steps below the answer and cites the sum; Esc stops it; one at a time."""
    (tmp_path / "lease.txt").write_text("The rent is 950 pounds a month.")
    answer = "It is 11400 pounds a year [1]."
    script = {"turns": [answer, CALL], "text": DONE, "tokens_per_second": 8}
    async with running(home, size=(80, 24), **script) as run:
        await run.ingest(tmp_path / "lease.txt")
        await run.send("/agent What is the rent a month?")
        await until(lambda: run.session.answering is not None)
        await run.send("/agent And another?")
        await until(lambda: "An answer is under way." in run.screen_text())
        assert run.prompt.text == "/agent And another?"
        await until(lambda: run.app.chat.transcript.answers() and not run.app.chat.answering)
        message = run.app.chat.transcript.answers()[-1].message
        assert message.text == answer and message.citations[0].document == "calculator"
        await until(lambda: "calculated 950 * 12: 11400" in run.screen_text())
        await run.pilot.press("ctrl+o")
        await until(lambda: "Worked out by the calculator." in run.screen_text())


async def test_an_agent_is_stopped_with_esc(home: Path) -> None:
    """In the middle of its steps, and the chat answers the next question."""
    endless = [json.dumps({"name": "calculate", "arguments": {"expression": f"{number} + 1"}}) for number in range(9)]
    async with running(home, turns=["Hello.", *endless], tokens_per_second=4) as run:
        await run.send("/agent Go on and on.")
        await until(lambda: run.session.answering is not None and run.session.answering.message is not None)
        await run.pilot.press("escape")
        await until(lambda: not run.app.chat.answering)
        assert run.app.chat.transcript.answers()[-1].message.state == "stopped"
        await run.ask("Hello?")
