"""Errors of ingest; `error_name` names the assistant's error they become at its border."""

from __future__ import annotations


class IngestError(Exception):
    """A document that cannot be indexed, or an index that cannot be searched."""

    error_name = "LibraryError"

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class UnreadableError(IngestError):
    """A file that yields no text; the message is the reason shown in the library."""


class PasswordError(UnreadableError):
    """A file that needs a password."""


class StoreError(IngestError):
    """A vector store on a server that cannot be used now; words can still be searched."""

    error_name = "VectorStoreError"
