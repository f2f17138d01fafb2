"""A field for a path shows behind the cursor what it may become."""

from __future__ import annotations

from textual.suggester import Suggester

from assistant.tui.path_completion import completions


class PathSuggester(Suggester):
    """The first path a typed one may become."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """Shown behind what is typed; the right arrow takes it."""
        found = await completions(value, 1) if value else []
        return found[0] if found else None
