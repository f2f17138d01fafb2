"""The only place where parts are joined: Core builds each once, from Config."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.config import Config
from assistant.errors import AssistantError, LibraryError, StorageError, WorkerError
from assistant.home import prepare_home
from assistant.local_models import LocalModels
from assistant.pulling import Pulls
from assistant.storage.lock import InstanceLock
from assistant.worker_process import WorkerProcess
from ingest.atomic_file import sweep_temporaries

if TYPE_CHECKING:
    from adapters.versions.base_records import BaseRecords
    from adapters.versions.registry import Registry
    from assistant.adapter_scopes import AdapterScopes
    from assistant.adapter_trials import AdapterTrials
    from assistant.adapter_use import AdapterUse
    from assistant.chat import ChatEngine
    from assistant.folder_keeper import FolderKeeper
    from assistant.learning import Learning
    from assistant.leaving import Leaving
    from assistant.machine import Machine
    from assistant.model import Model
    from assistant.passage_generations import PassageGenerations
    from assistant.prompts.library import PromptLibrary
    from assistant.scoring.reward import Reward
    from assistant.scoring.toxicity import Toxicity
    from assistant.storage.comparisons import Comparisons
    from assistant.storage.conversations import Conversations
    from assistant.storage.database import Database
    from assistant.storage.evaluations import Evaluations
    from assistant.storage.judgements import Judgements
    from assistant.storage.scores import Scores
    from assistant.storage.teachings import Teachings
    from assistant.tokens.inspector import TokenInspector
    from assistant.training import Training
    from ingest.folders import LinkedFolders
    from ingest.library import Library
    from ingest.pipeline import Pipeline
    from ingest.retrieval import Retriever

SCHEMAS = (
    "assistant.storage.schema", "assistant.storage.evaluation_schema", "ingest.schema", "adapters.versions.schema",
)  # fmt: skip
PARTS = ("assistant.chat", "ingest.pipeline")  # with what they import, all that `open` joins


class Core:
    """The assistant without a face. Built without I/O; `open` connects it to its home."""

    conversations: Conversations
    scores: Scores
    comparisons: Comparisons
    evaluations: Evaluations
    judgements: Judgements
    reward: Reward
    toxicity: Toxicity
    teachings: Teachings
    prompts: PromptLibrary
    engine: ChatEngine
    model: Model
    trials: AdapterTrials
    library: Library
    leaving: Leaving
    generations: PassageGenerations
    pipeline: Pipeline
    folders: LinkedFolders
    watcher: WorkerProcess
    retriever: Retriever
    reader: WorkerProcess
    index: WorkerProcess
    importing: WorkerProcess  # reads files of chats; started when there is one
    measuring: WorkerProcess  # holds answers against references; started when it is asked
    database: Database
    registry: Registry
    bases: BaseRecords
    adapters: AdapterUse
    scopes: AdapterScopes
    training: Training
    learning: Learning

    def __init__(self, config: Config) -> None:
        self.config = config
        self.notices: list[str] = list(config.notices)
        self.other_instance: int | None = None  # process id of the assistant that holds this home
        self.read_only = False  # another one holds it, or the disk cannot be written
        self.lock = InstanceLock(config.home)
        self.models = LocalModels(config)
        self.pulls = Pulls(self.models, WorkerProcess("download", {}, config.home / "logs"))
        self.workers: tuple[WorkerProcess, ...] = (self.models.worker, self.pulls.worker)
        self._databases: list[Database] = []

    @property
    def database_path(self) -> Path:
        """Where chats and documents are kept."""
        return self.config.home / "assistant.db"

    @property
    def index_folder(self) -> Path:
        """Where the vector index is cached."""
        return self.config.home / "index"

    async def open(self, *, shared: bool = False, stored_chats: bool = False) -> None:
        """Take the home's lock, open its database, and join the parts.

        With `shared`, a home that another assistant holds (`other_instance`), or whose disk cannot be
        written, is read without changing it (`read_only`), and chats of this process are kept in memory
        only, unless `stored_chats` asks for the ones of that home, which then cannot be changed.

        Raises:
            StorageError: the home cannot be used, or another assistant holds it.
        """
        prepare_home(self.config.home)
        self._take_lock(shared)
        chats, documents = await self._open_databases(stored_chats)
        self.config = await self.models.with_path(self.config)
        await self._find_generation(documents)
        self._join(chats, documents)
        await self.trials.load()
        if not self.read_only and not chats.read_only:
            await self._tidy()
        await self.adapters.restore()

    def _take_lock(self, shared: bool) -> None:
        home = self.config.home
        try:
            self.other_instance = self.lock.acquire()
        except OSError as error:
            refusal = StorageError(f"{home} cannot be written: {error.strerror}.", "Nothing is stored there.")
        else:
            if self.other_instance is None:
                return
            refusal = StorageError(
                f"Another assistant (process {self.other_instance}) has {home} open.",
                "Close it first, or use another folder with --home.",
            )
        if not shared:
            raise refusal
        self.read_only = True
        if self.other_instance is None:
            self.notices.append(str(refusal))

    async def close(self) -> None:
        """Stop the children, close the database, give the lock back."""
        await asyncio.gather(*(worker.close() for worker in self.workers), return_exceptions=True)
        for database in self._databases:
            with contextlib.suppress(AssistantError):
                await database.close()
        self.lock.release()

    async def warm(self) -> None:
        """Load the model and the embedder, so that the first question need not wait for them."""
        _, _, damage = results = await asyncio.gather(
            self.model.ready(), self.index.call("warm"), self.database.damage(), return_exceptions=True
        )
        self.notices += [str(result) for result in results if isinstance(result, AssistantError)]
        if damage and isinstance(damage, str):
            self.notices.append(f"{self.database_path} is damaged ({damage}). Run `assistant doctor`.")

    async def _open_databases(self, stored_chats: bool) -> tuple[Database, Database]:
        # sqlite_utils pulls in numpy: 0.2 s that the first frame does not wait for; nor does it for the parts.
        module = await asyncio.to_thread(importlib.import_module, "assistant.storage.database")
        sets = await asyncio.to_thread(_migration_sets)
        for name in PARTS:
            await asyncio.to_thread(importlib.import_module, name)
        documents: Database = module.Database(self.database_path, read_only=self.read_only)
        chats: Database = module.Database(None) if self.read_only and not stored_chats else documents
        self._databases = [documents] if chats is documents else [documents, chats]
        for database in self._databases:
            await database.open(sets)
            self.notices += database.notices
        return chats, documents

    async def _find_generation(self, documents: Database) -> None:
        from assistant.passage_generations import PassageGenerations

        self.generations = PassageGenerations(self)
        await self.generations.load(documents)

    def _join(self, chats: Database, documents: Database) -> None:
        from assistant.adapter_scopes import AdapterScopes
        from assistant.adapter_trials import AdapterTrials
        from assistant.adapter_use import AdapterUse
        from assistant.chat import ChatEngine
        from assistant.learning import Learning
        from assistant.leaving import Leaving
        from assistant.model import Model
        from assistant.scoring.reward import Reward
        from assistant.scoring.toxicity import Toxicity
        from assistant.storage.stores import join_stores
        from assistant.training import Training
        from ingest.library import Library

        config, logs = self.config, self.config.home / "logs"
        self.database = documents
        model = WorkerProcess("model", {}, logs)
        self.reader = WorkerProcess("reader", self.generations.reader_settings(), logs)
        service = self.generations.store.service if self.generations.store else "index"
        self.index = WorkerProcess("index", self.generations.index_settings(), logs, service)
        self.measuring = WorkerProcess("measuring", {}, logs)
        self.importing = WorkerProcess("importing", {}, logs)
        exclude = [str(config.home), str(config.home.resolve())]
        self.watcher = WorkerProcess("watcher", {"exclude": exclude}, logs)
        self.workers = (model, *self.workers, self.reader, self.index, self.watcher, self.measuring, self.importing)
        join_stores(self, chats, documents)
        self.reward, self.toxicity = Reward(self), Toxicity(self)
        self.trials = AdapterTrials(None if documents.read_only else documents)
        self.library = Library(documents)
        self.leaving = Leaving(config.home, config.remote, self.library)
        self.model = Model(model, config.model, self._adapter_file, self.trials, self.leaving)
        self.scopes = AdapterScopes(self.registry, self.index, on=config.model.adapter_scopes)
        self.adapters = AdapterUse(self.registry, self.bases, self.model, self.trials, self.scopes)
        self._join_documents(documents)
        self.engine = ChatEngine(
            self.conversations, self.model, self.retriever, self.index, config.answer, config.sampling.sampling()
        )
        self.engine.before_answer, self.engine.library = self.adapters.before_answer, self.library
        self.training = Training(self)
        self.learning = Learning(self)
        self.engine.answering = self.training.yield_cores

    def _join_documents(self, documents: Database) -> None:
        from ingest.folders import LinkedFolders
        from ingest.fusion import Weights
        from ingest.pipeline import Pipeline
        from ingest.retrieval import Retriever

        settings = self.config.documents
        self.pipeline = Pipeline(
            documents, self.reader, self.index, unreadable=LibraryError, crashed=WorkerError,
            exclude=(self.config.home,), read_seconds=self.generations.read_seconds,
        )  # fmt: skip
        self.folders = LinkedFolders(documents, self.pipeline)
        self.retriever = Retriever(
            documents, self.index, floor=settings.relevance_floor, weights=Weights(words=settings.word_weight),
            crashed=WorkerError, unusable=LibraryError if settings.reranker else None,
        )  # fmt: skip

    def machine(self) -> Machine:
        """What says whether this is a good moment for work nobody waits for; one is enough."""
        from assistant.machine import Machine

        return Machine(self.config.documents.rest_on_battery, self.config.documents.rest_above)

    def folder_keeper(self, machine: Machine | None = None) -> FolderKeeper:
        """What says when linked folders are to be synced; one is enough."""
        from assistant.folder_keeper import FolderKeeper

        return FolderKeeper(self.folders, self.watcher, machine or self.machine())

    def encoding_worker(self) -> WorkerProcess:
        """A process that shows rows as the chat's model reads them; whoever asks for it stops it."""
        from assistant.models.location import resolve_model
        from assistant.prompting import system_prompt

        base, system = str(resolve_model(self.model.name)), system_prompt(self.config.answer.system_prompt)
        worker = WorkerProcess("encoding", {"base": base, "system_prompt": system}, self.config.home / "logs")
        self.workers = (*(worker for worker in self.workers if worker.name != "encoding"), worker)
        return worker

    def tokenizer(self, source: str = "") -> TokenInspector:
        """What cuts texts into tokens, as the chat's model or the file `source` does; whoever asks for it closes it."""
        from assistant.tokens.inspector import TokenInspector

        settings = {"source": source or self.model.name, "context": self.config.model.context}
        worker = WorkerProcess("tokenizer", settings, self.config.home / "logs")
        self.workers = (*self.workers, worker)
        return TokenInspector(worker)

    def trial_model(self, context: int = 2048) -> Model:
        """Another process with the chat's model and no adapter, to try and measure in while the chat goes on.

        It starts when it is first used; `Model.stop` frees its memory, `close` does so too.
        """
        from assistant.model import Model

        worker = WorkerProcess("trial", {}, self.config.home / "logs", service="model")
        self.workers = (*self.workers, worker)
        settings = replace(self.config.model, name=self.model.name, context=context, adapter="")
        return Model(worker, settings, self._adapter_file, self.trials, self.leaving)

    async def _adapter_file(self, name: str) -> Path:
        return await self.adapters.file(name)

    async def _tidy(self) -> None:
        """What a crash may have left behind, trash that is old enough, and the adapter of the embedded model."""
        from assistant import starter_adapter

        for folder in (self.config.home, self.index_folder):
            sweep_temporaries(folder)
        await self.registry.sweep()
        await starter_adapter.install(self)
        await self.conversations.mark_interrupted()
        await self.conversations.empty_old_trash()


def _migration_sets() -> list[Any]:
    return [importlib.import_module(name).migrations for name in SCHEMAS]


@contextlib.asynccontextmanager
async def opened(config: Config, *, shared: bool = False, stored_chats: bool = False) -> AsyncIterator[Core]:
    """An open Core that is closed again, however the work inside ends."""
    core = Core(config)
    try:
        await core.open(shared=shared, stored_chats=stored_chats)
        yield core
    finally:
        await core.close()
