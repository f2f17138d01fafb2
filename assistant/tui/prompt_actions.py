"""`/prompt`: the library, or one prompt with what its variables are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from assistant.errors import UsageError
from assistant.prompts.prompt import all_variables, picked, rendered
from assistant.prompts.using import missing_adapter

if TYPE_CHECKING:
    from assistant.tui.app import AssistantApp

KEY = re.compile(r"(?:^|\s)([a-z][a-z0-9_]*)=")


def parse_values(text: str) -> dict[str, str]:
    """The values of `tone=plainer text=Dear all, …`: each goes on to the next key.

    Raises:
        UsageError: something stands before the first key.
    """
    keys = list(KEY.finditer(text))
    before = text[: keys[0].start()] if keys else text
    if before.strip():
        raise UsageError(f"{before.strip()[:40]!r} fills in nothing.", "Write KEY=VALUE, or the name alone.")
    ends = [each.start() for each in keys[1:]] + [len(text)] * bool(keys)
    return {each[1]: text[each.end() : end].strip() for each, end in zip(keys, ends, strict=True)}


async def use_prompt(app: AssistantApp, rest: str) -> None:
    """Open the library; with a name, fill that prompt into the chat, or ask for what is missing.

    Raises:
        NotFoundError: there is no such prompt; UsageError: a value cannot be.
    """
    name, _, values_text = rest.strip().partition(" ")
    if not name:
        app.action_open("prompts")
        return
    prompt = await app.core.prompts.get(name)
    values = parse_values(values_text)
    needed = [each.name for each in all_variables(prompt) if each.default is None and not values.get(each.name)]
    if needed or (prompt.examples and not values_text):
        from assistant.tui.screens.use_prompt import UsePrompt

        await app.push_screen_wait(UsePrompt(app.core, prompt, values))
        return
    app.chat.prompt.replace_text(rendered(prompt, values, picked(prompt, None)))
    if note := await missing_adapter(app.core, prompt):
        app.say(note, "warning")
