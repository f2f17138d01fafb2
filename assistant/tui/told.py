"""How an error of ours is put to the user: what happened, then what to do."""

from __future__ import annotations

from adapters.errors import GGUFError, TrainingError
from assistant.errors import AssistantError
from ingest.errors import IngestError

USER_ERRORS = (AssistantError, IngestError, GGUFError, TrainingError)  # all a user can cause; the rest are defects


def told(error: Exception) -> str:
    """Both lines of an error in one."""
    hint = getattr(error, "hint", "")
    return f"{getattr(error, 'message', str(error))} {hint}".strip()
