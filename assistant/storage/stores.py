"""The stores of a home, each on its database: chats with what was said of them, and all that outlives them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.versions.base_records import BaseRecords
from adapters.versions.registry import Registry
from assistant.prompts.library import PromptLibrary
from assistant.storage.comparisons import Comparisons
from assistant.storage.conversations import Conversations
from assistant.storage.evaluations import Evaluations
from assistant.storage.judgements import Judgements
from assistant.storage.scores import Scores
from assistant.storage.teachings import Teachings

if TYPE_CHECKING:
    from assistant.bootstrap import Core
    from assistant.storage.database import Database


def join_stores(core: Core, chats: Database, documents: Database) -> None:
    """Give a core its stores, which is a part of bootstrap's work; `chats` may be a database in memory."""
    core.conversations = Conversations(chats)
    core.scores = Scores(chats)
    core.comparisons = Comparisons(chats)
    core.judgements = Judgements(chats)
    core.registry = Registry(documents, core.config.home / "adapters")
    core.bases = BaseRecords(documents)
    core.evaluations = Evaluations(documents)
    core.teachings = Teachings(documents)
    core.prompts = PromptLibrary(documents)
