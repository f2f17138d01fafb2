"""One line that always says: model, adapter, context used, speed, and what is being trained or indexed."""

from __future__ import annotations

from dataclasses import dataclass

from textual.content import Content

from assistant.safe_text import safe_line
from assistant.tui.widgets.plain import Plain

REFRESH_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Status:
    """What the line shows; empty parts are left out."""

    model: str = ""
    state: str = "idle"  # of the model: idle, loading, ready or failed
    adapter: str = ""
    context_used: int = 0
    context_size: int = 0
    tokens_per_second: float = 0.0
    activity: str = ""  # the answer under way
    ingest: str = ""
    training: str = ""
    serving: str = ""  # where other programs are answered
    remote: str = ""  # the server that the chat goes to

    @property
    def parts(self) -> list[tuple[str, str]]:
        """Each part with its style, in order."""
        parts = [(self.serving, "bold $text-warning")] if self.serving else []
        if self.remote:
            parts.append((f"remote: {safe_line(self.remote)}", "bold reverse $text-warning"))
        parts.append((self._model(), "$text-error" if self.state == "failed" else ""))
        if self.adapter:
            parts.append((safe_line(self.adapter), "$text-accent"))
        else:
            parts.append(("no adapter", ""))
        if self.context_size:
            parts.append((f"{self.context_used:,} / {self.context_size:,} tokens", self._fill()))
        if self.tokens_per_second:
            parts.append((f"{self.tokens_per_second:.0f} tok/s", ""))
        jobs = (self.activity, safe_line(self.training), safe_line(self.ingest))
        parts += [(text, "$text-accent") for text in jobs if text]
        return parts

    def _model(self) -> str:
        told = {"idle": "", "loading": " · loading…", "ready": "", "failed": " · could not be loaded"}
        return f"{safe_line(self.model)}{told.get(self.state, '')}"

    def _fill(self) -> str:
        return "$text-warning" if self.context_used > 0.9 * self.context_size else ""


class StatusLine(Plain):
    """Draws a Status, and asks the app for it four times a second."""

    def __init__(self) -> None:
        super().__init__(classes="status-line")
        self._shown: Status | None = None

    def on_mount(self) -> None:
        """Start looking."""
        self._look()
        self.set_interval(REFRESH_SECONDS, self._look)

    def _look(self) -> None:
        status = getattr(self.app, "status", None)
        if isinstance(status, Status) and status != self._shown:
            self._shown = status
            self.update(Content(" · ").join(Content.styled(text, style) for text, style in status.parts))
