"""Putting adapters on from any screen: an unproven one is asked about, and what is on afterwards is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.mix import parse_mix

if TYPE_CHECKING:
    from adapters.versions.registered import Adapter
    from assistant.bootstrap import Core
    from assistant.tui.app import AssistantApp

USABLE = ("proven", "loose")


async def put_on(app: AssistantApp, text: str, *, force: bool = False) -> bool:
    """Put a mix on for all chats; False if the user did not want an unproven one."""
    core: Core = app.core
    if await _is_model(core, text):
        adapter = await core.registry.get(text)
        info = await core.model.load(str(adapter.path))
        app.say(f"{info.name} answers from now on: {adapter.label} is a whole model. /model brings another back.")
        return True
    doubtful = [] if force else await unproven(core, text)
    if doubtful and not await app.confirmed(_question(doubtful), _why(doubtful)):
        return False
    app.say(on_now(app, await core.adapters.activate(text, force=force or bool(doubtful))))
    return True


async def roll_back(app: AssistantApp) -> None:
    """Put on what was on before, and say what that is."""
    app.say(f"Rolled back. {on_now(app, await app.core.adapters.rollback())}")


async def delete(app: AssistantApp, adapter: Adapter) -> None:
    """Take a version off where it is on, then delete its files."""
    core: Core = app.core
    if adapter.active:
        await core.adapters.forget(adapter)
        adapter = await core.registry.by_id(adapter.id)
    await core.registry.remove(adapter)
    app.say(f"{adapter.label} is gone.")


async def unproven(core: Core, text: str) -> list[Adapter]:
    """Those of a mix that are not proven and not on already."""
    known = [await core.registry.get(share.name) for share in parse_mix(text)]
    return [adapter for adapter in known if adapter.state not in USABLE and not adapter.active]


def on_now(app: AssistantApp, mix: str) -> str:
    """What is on, in a sentence; a chat with its own mix is named."""
    told = f"On now: {mix}." if mix else "No adapter is on now."
    session = app.chat.session
    conversation = session.conversation if session else None
    if conversation is not None and conversation.adapters is not None:
        told += f" This chat keeps its own: {conversation.adapters or 'none'}."
    return told


async def _is_model(core: Core, text: str) -> bool:
    shares = parse_mix(text)
    if len(shares) != 1:
        return False
    facts = (await core.registry.get(shares[0].name)).facts
    return facts is not None and facts.kind == "model"


def _question(doubtful: list[Adapter]) -> str:
    names = ", ".join(adapter.label for adapter in doubtful)
    what = {"trained": "not proven", "rejected": "rejected", "retired": "retired"}.get(doubtful[0].state, "not proven")
    return f"{names}: {what}. Use it all the same?"


def _why(doubtful: list[Adapter]) -> str:
    reason = next((adapter.reason for adapter in doubtful if adapter.reason), "")
    return f"{reason} {{app.roll-back}} takes it off again.".strip()
