"""The assistant's model and library as parts of LangChain: a BaseChatModel and a BaseRetriever. [H] langchain_core.

    with opened() as local:
        chain = prompt | local.chat_model("starter+style") | StrOutputParser()
        found = local.retriever("work", k=3).invoke("the rent")

Needs `pip install 'private-assistant[langchain]'`. The model is called as in the API (see serving.served_name), and a
home that is open in the assistant can be used at the same time. Async calls of LangChain work, too.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from langchain_core.callbacks import CallbackManagerForLLMRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, convert_to_openai_messages
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import tool_call, tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import ConfigDict, Field

from assistant import offline
from assistant.bootstrap import Core
from assistant.bootstrap import opened as opened_core
from assistant.cli import home_folder
from assistant.config import load_config
from assistant.serving.answers import Answers, Item, opened_answers
from assistant.serving.replies import Ended
from assistant.serving.requests import ChatRequest, read_chat
from assistant.tools.tool import ToolCall
from ingest.document import Passage

T = TypeVar("T")
Items = Generator[Item, None, None]
ANY = ("any", "required", True)  # how LangChain says that some tool must be called


class Local:
    """An open home, for code that is not asynchronous: its loop runs in a thread of its own."""

    def __init__(self, core: Core, answers: Answers, loop: asyncio.AbstractEventLoop) -> None:
        self.core, self._answers, self._loop = core, answers, loop

    def chat_model(self, model: str = "", **options: Any) -> LocalChatModel:
        """A chat model called as in the API ("": the home's own); `options` are fields of LocalChatModel."""
        return LocalChatModel(local=self, model=model or self._answers.base, **options)

    def retriever(self, *scope: str, k: int = 4) -> LibraryRetriever:
        """A retriever of the k best passages, from all documents or from collections and filters such as type:pdf."""
        return LibraryRetriever(local=self, scope=scope or None, k=k)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of `work`, which is cancelled when the wait for it is interrupted."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def items(self, request: ChatRequest) -> Items:
        """The answer to a request, piece by piece; leaving the loop cancels it."""
        found: AsyncGenerator[Item, None] = self._answers.answer(request)
        try:
            while (item := self.run(_next(found))) is not None:
                yield item
        finally:
            self.run(found.aclose())


@contextlib.contextmanager
def opened(home: Path | str | None = None) -> Iterator[Local]:
    """A home as the `assistant` command opens it; None: the usual one.

    Raises:
        StorageError: it cannot be used.
    """
    offline.enforce()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="assistant", daemon=True)
    thread.start()
    stack = contextlib.AsyncExitStack()

    def run(work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, loop).result()

    try:
        config = load_config(home_folder(str(home) if home is not None else None))
        core = run(stack.enter_async_context(opened_core(config, shared=True)))
        answers = run(stack.enter_async_context(opened_answers(core)))
        yield Local(core, answers, loop)
    finally:
        run(stack.aclose())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


class LocalChatModel(BaseChatModel):
    """The model of a home, with adapters and documents by name. What is None is as in the settings.

    Citations stand in `response_metadata` of an answer from documents. Calls of tools are held to their schemas.
    """

    local: Local = Field(exclude=True, repr=False)
    model: str
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    seed: int | None = None

    model_config = ConfigDict(arbitrary_types_allowed=True)

    @property
    def _llm_type(self) -> str:
        return "private-assistant"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model": self.model, "temperature": self.temperature, "top_p": self.top_p}

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | bool | dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """The same model with tools to call; `tool_choice`: auto, none, any, or the name of one."""
        choice: Any = tool_choice
        if tool_choice in ANY:
            choice = "required"
        elif isinstance(tool_choice, str) and tool_choice not in ("auto", "none"):
            choice = {"type": "function", "function": {"name": tool_choice}}
        kept = {"tool_choice": choice} if choice else {}
        return self.bind(tools=[convert_to_openai_tool(tool) for tool in tools], **kept, **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        text, calls, ended = "", [], Ended("stop")
        with contextlib.closing(self._items(messages, stop, kwargs)) as items:
            for item in items:
                if isinstance(item, ToolCall):
                    calls.append(tool_call(name=item.name, args=item.arguments, id=f"call_{len(messages)}"))
                elif isinstance(item, Ended):
                    ended = item
                else:
                    text += item
        message = AIMessage(
            ended.text or text, tool_calls=calls, usage_metadata=_usage(ended), response_metadata=_metadata(self, ended)
        )
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        with contextlib.closing(self._items(messages, stop, kwargs)) as items:
            for item in items:
                chunk = ChatGenerationChunk(message=self._chunk(item, len(messages)))
                if run_manager and isinstance(item, str):
                    run_manager.on_llm_new_token(item, chunk=chunk)
                yield chunk

    def _chunk(self, item: Item, turn: int) -> AIMessageChunk:
        if isinstance(item, Ended):
            return AIMessageChunk(content="", usage_metadata=_usage(item), response_metadata=_metadata(self, item))
        if isinstance(item, str):
            return AIMessageChunk(content=item)
        part = tool_call_chunk(name=item.name, args=json.dumps(item.arguments), id=f"call_{turn}", index=0)
        return AIMessageChunk(content="", tool_call_chunks=[part])

    def _items(self, messages: list[BaseMessage], stop: list[str] | None, options: dict[str, Any]) -> Items:
        own = {name: getattr(self, name) for name in ("model", "temperature", "top_p", "max_tokens", "seed")}
        known = {name: value for name, value in options.items() if name in (*own, "tools", "tool_choice")}
        asked = {**own, **known, "messages": convert_to_openai_messages(messages), "stop": stop}
        return self.local.items(read_chat(asked, self.local.core.config.sampling.sampling()))


class LibraryRetriever(BaseRetriever):
    """The library's own search: by words and by meaning, nothing below the relevance floor."""

    local: Local = Field(exclude=True, repr=False)
    scope: tuple[str, ...] | None = None
    k: int = 4

    model_config = ConfigDict(arbitrary_types_allowed=True)

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        found = self.local.run(self.local.core.retriever.search(query, self.k, self.scope))
        return [_document(passage) for passage in found.passages]


def _document(passage: Passage) -> Document:
    """A passage; `start` and `end` are character offsets into the text of the file at `source`."""
    keys = ("document", "page", "place", "start", "end", "score", "similarity", "bm25")
    values = {"source": passage.path, "headings": list(passage.headings)}
    return Document(
        page_content=passage.text, id=str(passage.chunk_id),
        metadata=values | {key: getattr(passage, key) for key in keys},
    )  # fmt: skip


def _usage(ended: Ended) -> UsageMetadata:
    total = ended.prompt_tokens + ended.completion_tokens
    return UsageMetadata(
        input_tokens=ended.prompt_tokens, output_tokens=ended.completion_tokens, total_tokens=total
    )  # fmt: skip


def _metadata(model: LocalChatModel, ended: Ended) -> dict[str, Any]:
    return {"model_name": model.model, "finish_reason": ended.finish, **ended.ours}


async def _next(items: AsyncGenerator[Item, None]) -> Item | None:
    return await anext(items, None)
