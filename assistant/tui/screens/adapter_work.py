"""What is done to one adapter of the list: used in one chat, proven, retired, deleted, exported, renamed, imported."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from adapters.mix import Share, mix_text, parse_mix
from assistant.tui.adapter_actions import USABLE, delete
from assistant.tui.path_completion import expanded
from assistant.tui.screens.dialogs import AskLine

if TYPE_CHECKING:
    from adapters.versions.registered import Adapter
    from assistant.bootstrap import Core
    from assistant.tui.app import AssistantApp
    from assistant.tui.training_job import TrainingJob


class AdapterWork:
    """Asks where something has to be asked, does it, says what was done; only from within a worker."""

    def __init__(self, app: AssistantApp, core: Core, job: TrainingJob) -> None:
        self._app, self._core, self._job = app, core, job

    async def for_chat(self, adapter: Adapter) -> None:
        """Let it answer in the open chat alone, or let the chat follow the others again."""
        session = self._app.chat.session
        if session is None:
            return
        mix = await self._core.adapters.checked_mix(mix_text([Share(reference(adapter))]), force=True)
        conversation = session.conversation or await self._core.conversations.create()
        before = [share.name for share in parse_mix(conversation.adapters or "")]
        own = None if before == [share.name for share in parse_mix(mix)] else mix
        question = f"{adapter.label} is not proven. Use it in this chat all the same?"
        doubtful = own is not None and adapter.state not in USABLE
        if doubtful and not await self._app.confirmed(question, adapter.reason):
            return
        await self._core.conversations.set_adapters(conversation.id, own)
        session.conversation = conversation
        await self._app.chat.session_changed()
        told = "This chat answers with what is on for all." if own is None else f"This chat answers with {own}."
        self._app.say(told)

    async def prove(self, adapter: Adapter) -> None:
        """Compare it with its base again, in the background."""
        self._job.prove(adapter)
        self._app.say(f"{adapter.label} is being proven. You can go on; the status line shows it.")

    async def retire(self, adapter: Adapter) -> None:
        """Put it aside."""
        await self._core.registry.retire(adapter)
        self._app.say(f"{adapter.label} is put aside; proving it again brings it back.")

    async def remove(self, adapter: Adapter) -> None:
        """Ask, then delete it."""
        taken = "It is on, and is taken off first. " if adapter.active else ""
        consequence = f"{taken}Its files are deleted; the dataset it learned from stays."
        if await self._app.confirmed(f"Delete {adapter.label}?", consequence):
            await delete(self._app, adapter)

    async def bring(self) -> None:
        """Take one in; it has to be proven here before it is used."""
        from assistant.adapter_exchange import import_adapter

        note = "An exported folder or .zip, or a GGUF LoRA file. Nothing in it is run."
        typed = await self._app.push_screen_wait(AskLine("Import an adapter", "~/", note, path=True))
        if typed is not None:
            adapter = await import_adapter(self._core, expanded(typed).absolute())
            self._app.say(f"{adapter.label} is here. p proves it.")

    async def export(self, adapter: Adapter) -> None:
        """Write it to a folder, or a .zip."""
        from assistant.adapter_exchange import export_adapter

        value = str(Path.cwd() / f"{adapter.label.replace('@', '-')}.zip")
        note = "A new folder, or a file that ends in .zip. The rows it learned from are not in it."
        typed = await self._app.push_screen_wait(AskLine(f"Export {adapter.label}", value, note, path=True))
        if typed is not None:
            path = await export_adapter(adapter, expanded(typed).absolute())
            self._app.say(f"{adapter.label} is in {path}.")

    async def rename(self, adapter: Adapter) -> None:
        """Call all its versions something else."""
        note = "All its versions are called so."
        typed = await self._app.push_screen_wait(AskLine(f"Rename {adapter.name}", adapter.name, note, path=False))
        if typed is not None and typed != adapter.name:
            await self._core.registry.rename(adapter.name, typed)
            self._app.say(f"{adapter.name} is called {typed} from now on.")


def reference(adapter: Adapter) -> str:
    """What names this very version, or file."""
    return adapter.label if adapter.id else str(adapter.path)
