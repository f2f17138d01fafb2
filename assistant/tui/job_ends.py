"""What is told when something long has ended: in the app, and to the desktop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assistant.tui.keys import with_keys
from assistant.tui.notify import job_ended, title_back

if TYPE_CHECKING:
    from assistant.tui.app import AssistantApp
    from assistant.tui.training_watch import Watch
    from ingest.progress import Summary

LONG = 10.0  # seconds of indexing from which on its end is told outside the terminal


class JobEnds:
    """Called by the jobs, on the event loop."""

    def __init__(self, app: AssistantApp) -> None:
        self._app = app
        self._in_title = False

    def ingested(self, summary: Summary) -> None:
        """Documents were indexed."""
        from assistant.tui.ingest_job import kept_line, summary_line

        app = self._app
        app.last_summary = summary
        app.say(summary_line(summary), "warning" if summary.failed else "information")
        for failure in summary.failed[:3]:
            app.say(f"{failure.path}: {failure.reason}", "warning")
        for each in summary.withheld:
            app.say(kept_line(each, f"/add {each.folder} --yes"), "warning")
        if summary.seconds >= LONG:
            self._outside(f"Indexing: {summary_line(summary)}")

    def trained(self, watch: Watch) -> None:
        """A training ended, in whatever way."""
        from assistant.tui.training_job import ended_line

        told = with_keys(self._app, ended_line(watch))
        self._app.say(told, "error" if watch.state == "failed" else "information")
        self._outside(told)

    def evaluated(self, told: str) -> None:
        """A set was asked to its end."""
        self._app.say(told)
        self._outside(told)

    def seen(self) -> None:
        """A key was pressed: the title of the terminal is plain again."""
        if self._in_title:
            self._in_title = False
            title_back(self._app)

    def _outside(self, told: str) -> None:
        self._in_title = job_ended(self._app, told)
