"""What the status line shows of an app, now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assistant.tui.widgets.status_line import Status

if TYPE_CHECKING:
    from assistant.tui.app import AssistantApp


def status_of(app: AssistantApp) -> Status:
    """Also before the core is open."""
    model = getattr(app.core, "model", None)
    session = app.chat.session
    usage = session.last_usage if session else None
    return Status(
        serving=app.serving.line if app.serving else "",
        model=model.info.name if model and model.info else app.core.config.model.name,
        state=model.state if model else "idle",
        adapter=app.core.adapters.shown if model else "",
        context_used=usage.prompt_tokens + usage.completion_tokens if usage else 0,
        context_size=usage.context_size if usage else (model.info.context if model and model.info else 0),
        tokens_per_second=usage.tokens_per_second if usage else 0.0,
        activity=session.answering.line if session and session.answering else "",
        ingest=(app.ingest.line or app.folders.line) if app.ingest and app.folders else "",
        training=(app.training.line or app.evaluation.line) if app.training and app.evaluation else "",
    )
