"""The error tree: every error a user can cause, each with a hint and an exit code.

AssistantError                 exit  what
├── UsageError                   2   a wrong argument, command or value
├── NotFoundError                3   a chat, document, collection or file that is not there
├── ModelError                   4   a model that cannot be loaded or run
│   ├── AdapterError             4   an adapter that does not fit, or is no adapter
│   ├── MemoryShortError         4   a model for which there is not enough free memory
│   └── ContextOverflowError     4   a message longer than the model can read
├── LibraryError                 5   documents that cannot be indexed or searched
├── TrainingError                8   training that cannot start or go on
│   └── DatasetError             8   data that cannot be learned from
├── StorageError                 6   disk full, read-only, damaged or locked data
└── WorkerError                  7   a child process died, hung or broke its protocol
    └── VectorStoreError         6   a vector store on a server that cannot be used now
"""

from __future__ import annotations


class AssistantError(Exception):
    """Something the user can understand and act on: one line what, one line what to do."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        if not self.hint:
            return self.message
        return f"{self.message}{'' if self.message.endswith(('.', '!', '?')) else '.'} {self.hint}"


class UsageError(AssistantError):
    """A wrong argument, command or value."""

    exit_code = 2


class NotFoundError(AssistantError):
    """A chat, document, collection or file that is not there."""

    exit_code = 3


class ModelError(AssistantError):
    """A model that cannot be loaded or run."""

    exit_code = 4


class AdapterError(ModelError):
    """An adapter that does not fit the base model, or is no adapter at all."""


class MemoryShortError(ModelError):
    """A model for which there is not enough free memory; the hint says what would fit."""


class ContextOverflowError(ModelError):
    """A message longer than the model can read."""


class LibraryError(AssistantError):
    """Documents that cannot be indexed or searched."""

    exit_code = 5


class TrainingError(AssistantError):
    """Training that cannot start or go on."""

    exit_code = 8


class DatasetError(TrainingError):
    """Data that cannot be learned from."""


class StorageError(AssistantError):
    """Disk full, read-only, damaged or locked data."""

    exit_code = 6


class WorkerError(AssistantError):
    """A child process died, hung or broke its protocol."""

    exit_code = 7


class VectorStoreError(WorkerError):
    """A vector store on a server that cannot be used now; searches go on with words, as without an index process."""

    exit_code = 6


def error_from_name(name: str, message: str, hint: str) -> AssistantError:
    """The error of our tree called `name` (as a child process reports it); WorkerError if unknown."""
    known = {cls.__name__: cls for cls in _tree(AssistantError)}
    return known.get(name, WorkerError)(message, hint)


def _tree(root: type[AssistantError]) -> list[type[AssistantError]]:
    return [root, *(cls for child in root.__subclasses__() for cls in _tree(child))]
