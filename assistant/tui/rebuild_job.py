"""Passages made anew in the background, a while at a time, so that changed documents need not wait for the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from assistant.passage_generations import rebuilt_line

if TYPE_CHECKING:
    from assistant.bootstrap import Core
    from assistant.tui.ingest_job import IngestJob
    from ingest.rebuilding import Rebuilt

SECONDS = 60.0  # at a time; then come files and folders that wait


class RebuildJob:
    """Goes on with the rebuild of a library whose passages were made with other settings."""

    def __init__(self, core: Core, ingest: IngestJob, tell: Callable[[str, str], None]) -> None:
        self._core, self._ingest, self._tell = core, ingest, tell
        self._staged = -1

    def start(self) -> bool:
        """Go on in the background; False where there is nothing to do, or nothing can be written."""
        if not self._core.generations.behind or self._core.read_only:
            return False
        self._ingest.run(lambda: self._core.generations.rebuild(SECONDS), self._stands)
        return True

    def _stands(self, rebuilt: Rebuilt) -> None:
        if rebuilt.complete:
            self._tell(rebuilt_line(rebuilt), "information")
        elif rebuilt.staged > self._staged:
            self._staged = rebuilt.staged
            self.start()
        else:
            self._tell(f"{rebuilt_line(rebuilt)} /rebuild goes on.", "warning")
