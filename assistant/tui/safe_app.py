"""What every app of ours does: no control character reaches the terminal, and a crash prints no local variables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from rich.text import Text
from textual.app import App
from textual.filter import LineFilter
from textual.worker import WorkerFailed

from assistant.crash import record
from assistant.safe_text import safe_text
from assistant.tui.safe_filter import SafeFilter

Result = TypeVar("Result")


class SafeApp(App[Result]):
    """An app that shows what comes from outside."""

    def __init__(self, logs: Path, **options: Any) -> None:
        """`logs` is the folder for what a defect leaves behind."""
        super().__init__(**options)
        self._logs = logs
        self._safe_filter = SafeFilter()

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Every line passes the safe filter last."""
        return [*super().get_line_filters(), self._safe_filter]

    def copy_to_clipboard(self, text: str) -> None:
        """Copy, without characters that could steer the terminal the text is pasted into."""
        super().copy_to_clipboard(safe_text(text))

    def _handle_exception(self, error: Exception) -> None:
        # Textual's own would print the local variables of every frame: questions, documents, settings.
        cause = error.error if isinstance(error, WorkerFailed) else error
        self._return_code = 1
        path = record(cause, self._logs)
        if self._exception is None:
            self._exception = error
            self._exception_event.set()
        told = f"The assistant met an unexpected error ({type(cause).__name__}) and closed. What happened is in {path}"
        self._exit_renderables.append(Text(safe_text(told)))
        self._close_messages_no_wait()
