"""Learning from scores in the interface: begun after a question, judged in the background, put on after another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assistant.errors import UsageError
from assistant.learning import LearnRequest
from assistant.scoring.feedback import WORTH_TELLING, Feedback
from assistant.tui.adapter_actions import on_now

if TYPE_CHECKING:
    from assistant.tui.app import AssistantApp

HINTED = "learning_hint"  # in the table `state`: after which adapter the user was told of new scores


async def learn(app: AssistantApp) -> None:
    """Go on where learning stands: put on what is judged, else begin or resume after asking. Only within a worker.

    Raises:
        AssistantError: too few scores, nothing new, or another training is under way.
    """
    job = app.training
    if job is None:
        raise UsageError("Training is not open yet.", "Try again in a moment.")
    judged = job.watch.judged if job.watch is not None and not job.running else {}
    if judged.get("promotable") and await promote(app, judged):
        return
    request = LearnRequest()
    step = await app.core.learning.next(request)
    if step.step == "begin":
        then = "It is trained and proven while you go on, and put on only if you say so."
        if not await app.confirmed(f"{step.feedback.heading}: learn from them?", f"{step.why} {then}"):
            return
    job.learn(request)
    app.say(f"{step.why} {{app.train}}, page 3, shows how far it is.")


async def promote(app: AssistantApp, judged: dict[str, Any]) -> bool:
    """Ask whether what is proven is to answer from now on; False where it is on already."""
    core = app.core
    adapter = await core.registry.get(judged["adapter"])
    if adapter.active or adapter.state != "proven":
        return False
    consequence = f"{judged['reason']} {judged['mix']} would answer. {{app.roll-back}} takes it off again."
    if await app.confirmed(f"{adapter.label} is proven. Put it on?", consequence):
        app.say(on_now(app, await core.learning.promote(adapter.label, judged["current"])))
        judged.clear()  # said yes: whoever rolls it back is not asked again
        await app.chat.session_changed()
    return True


async def hint(app: AssistantApp) -> None:
    """Tell of new scores, once for each adapter that learned from some: whoever wants to be asked again looks at F9."""
    core = app.core
    found = await core.learning.feedback()
    if not found.ready or found.new < WORTH_TELLING or core.read_only:
        return
    told = found.last or "-"
    known = await core.database.read(
        lambda db: db.execute("SELECT value FROM state WHERE name = ?", [HINTED]).fetchone()
    )
    if known and known[0] == told:
        return
    await core.database.write(
        lambda db: db.execute("INSERT OR REPLACE INTO state (name, value) VALUES (?, ?)", [HINTED, told])
    )
    app.say(f"{found.heading}: /learn learns from them.")


def feedback_line(found: Feedback) -> str:
    """One line above the scores: what is new, and whether it is enough."""
    way = found.way
    if found.ready:
        return f"{found.heading}: l learns from them."
    if way is None:
        return f"{found.heading}; {min(map(found.missing, found.counts)):,} more and they can be learned."
    return f"{found.heading}."
