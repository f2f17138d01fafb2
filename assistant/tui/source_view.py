"""Where an answer's sources are shown: beside the conversation if there is room, else on their own screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.screen import Screen

    from assistant.bootstrap import Core
    from assistant.conversation import Message
    from assistant.tui.widgets.sources_panel import SourcesPanel

TWO_COLUMNS = 120  # columns of the terminal from which on there is room


class SourceView:
    """Opens and closes the sources panel of one screen."""

    def __init__(self, screen: Screen[None]) -> None:
        self._screen = screen
        self._panel: SourcesPanel | None = None

    @property
    def is_open(self) -> bool:
        """Whether the panel stands beside the conversation."""
        return self._panel is not None

    async def show(self, core: Core, message: Message, mark: int = 0) -> None:
        """Show what an answer stands on, beginning with one of its marks (0: the first)."""
        from assistant.tui.sources import sources_of
        from assistant.tui.widgets.sources_panel import SourcesPanel

        passages = await core.conversations.passages(message.id)
        panel = SourcesPanel(core.library, sources_of(message.citations, passages), mark)
        await self.close()
        if self._screen.size.width < TWO_COLUMNS:
            from assistant.tui.screens.sources import SourcesScreen

            self._screen.app.push_screen(SourcesScreen(panel))
        else:
            self._panel = panel
            await self._screen.query_one("#body").mount(panel)
            panel.focus_list()

    async def close(self) -> None:
        """Take the panel away."""
        panel, self._panel = self._panel, None
        if panel is not None:
            await panel.remove()
