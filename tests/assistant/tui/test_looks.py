"""Does each screen look as it was approved? (`pytest --snapshot-update` after looking at a change.)"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from assistant.bootstrap import Core
from assistant.config import load_config
from assistant.tui.app import AssistantApp

from .conftest import configure, until

ANSWER = """The lease says three things:

1. The **deposit** is 1,290 pounds.
2. It is paid back within *ten days*.

```python
deposit = 1290
```
"""


def prepared(home: Path, *keys: str, ask: str = "") -> tuple[AssistantApp, Callable[[Pilot[None]], Any]]:
    """An app, and what is done with it before the picture: a question, then keys."""
    configure(home, text=ANSWER)
    app = AssistantApp(Core(load_config(home)))
    app.animation_level = "none"

    async def before(pilot: Pilot[None]) -> None:
        app.chat.prompt.cursor_blink = False
        await until(lambda: app.chat.session is not None and app.core.model.state == "ready")
        if ask:
            app.chat.prompt.replace_text(ask)
            await pilot.press("enter")
            await until(lambda: app.chat.transcript.answers() and not app.chat.answering)
            assert app.chat.session is not None
            app.chat.session.last_usage = None  # its rate differs from run to run
        await pilot.press(*keys)
        await pilot.pause(0.6)

    return app, before


@pytest.mark.parametrize(
    ("size", "keys", "ask"),
    [
        pytest.param((80, 24), (), "", id="welcome"),
        pytest.param((80, 24), (), "What does the lease say?", id="answer"),
        pytest.param((160, 48), ("slash", "s"), "What does the lease say?", id="wide"),
        pytest.param((80, 24), ("f1",), "", id="help"),
        pytest.param((80, 24), ("ctrl+l",), "", id="library"),
    ],
)
def test_looks(size: tuple[int, int], keys: tuple[str, ...], ask: str, home: Path, snap_compare: Any) -> None:
    """The picture is the same as the approved one."""
    app, before = prepared(home, *keys, ask=ask)
    assert snap_compare(app, terminal_size=size, run_before=before)
