"""The line of keys below the chat, which lives as long as the app."""

from __future__ import annotations

from textual.widgets import Footer


class KeyLine(Footer):
    """The keys that act now. Textual's own footer keeps every key that it has ever shown, for as long as it lives."""

    async def recompose(self) -> None:
        """Show the keys anew, and let go of those before, which watch `compact`: it drops them when it is told."""
        await super().recompose()
        self.mutate_reactive(Footer.compact)
