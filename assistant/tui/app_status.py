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
        remote=app.core.leaving.host if model and model.is_remote else "",
        model=model.info.name if model and model.info else app.core.config.model.name,
        state=model.state if model else "idle",
        adapter=app.core.adapters.shown if model else "",
        context_used=usage.prompt_tokens + usage.completion_tokens if usage else 0,
        context_size=usage.context_size if usage else (model.info.context if model and model.info else 0),
        tokens_per_second=usage.tokens_per_second if usage else 0.0,
        activity=session.answering.line if session and session.answering else "",
        ingest=(app.ingest.line or app.folders.line) if app.ingest and app.folders else "",
        training=_jobs(app),
    )


def _jobs(app: AssistantApp) -> str:
    """What is being trained, asked, fetched or made; the first of them."""
    lines = (job.line for job in (app.training, app.evaluation, app.pulls, app.making) if job is not None)
    return next((line for line in lines if line), "")
