"""Errors of adapters; `error_name` names the assistant's error they become at its border."""

from __future__ import annotations


class GGUFError(Exception):
    """A file that is not a GGUF, or a damaged one."""

    error_name = "ModelError"

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class AdapterFitError(GGUFError):
    """A file that is no LoRA adapter, or one made for another base model."""

    error_name = "AdapterError"


class TrainingError(Exception):
    """Training that cannot start or go on: too little memory or disk, a missing library, a foreign base."""

    error_name = "TrainingError"

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class DatasetError(TrainingError):
    """Data that cannot be learned from: unreadable, empty, too little, contradictory."""

    error_name = "DatasetError"


class RecipeError(TrainingError):
    """A recipe with a value that cannot be."""

    error_name = "UsageError"
