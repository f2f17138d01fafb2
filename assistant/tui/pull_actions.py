"""Fetching a model from the screen: what it would be, a yes that knows host, size and free space, and the start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assistant.safe_text import safe_line

if TYPE_CHECKING:
    from assistant.tui.app import AssistantApp
    from assistant.tui.pull_job import PullJob

NOTE = "A name of the catalogue, ORGANISATION/REPOSITORY/FILE.gguf on huggingface.co, or an https address."


async def pull(app: AssistantApp, job: PullJob, text: str = "") -> None:
    """Fetch what a text means, or what the user types; nobody is asked before a yes. Only from within a worker.

    Raises:
        UsageError, ModelError: it means nothing, the assistant is offline, or the host refuses.
    """
    if job.running:
        app.say("One model is being fetched. Stop it first (x), or wait.", "warning")
        return
    if not text:
        from assistant.tui.screens.dialogs import AskLine

        typed = await app.push_screen_wait(AskLine("Fetch a model", "", NOTE, path=False))
        if typed is None:
            return
        text = typed
    plan = app.core.pulls.plan(text)
    if not plan.size:
        question = f"Ask {plan.source.host} for the size of {safe_line(plan.source.name)}?"
        if not await app.confirmed(question, plan.source.path):
            return
        plan = await app.core.pulls.ask(plan)
    if await app.confirmed("Fetch this model from the internet?", "\n".join(safe_line(line) for line in plan.lines)):
        job.start(plan)
