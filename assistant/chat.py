"""ChatEngine.ask(): store, retrieve, prompt, stream, cite, store again. One turn at a time."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from assistant import citations
from assistant.adapter_scopes import BeforeAnswer, Chosen, wordings
from assistant.answer_notes import NOT_FROM_DOCUMENTS, ONE_BY_ONE, closest, trace_line, usage_of
from assistant.attribution import Evidence, passage_sentences
from assistant.backends.base import Done, NullAnswer
from assistant.config import AnswerSettings
from assistant.conversation import Citation, Message, Sampling, State, Usage
from assistant.errors import AssistantError, UsageError
from assistant.events import Cancelled, Completed, Event, Failed, Retrieved, Started, Token
from assistant.given_passages import given_passages
from assistant.mentions import Searching
from assistant.model import Model
from assistant.passage_reading import most_certain
from assistant.prompt_fitting import fitted
from assistant.prompting import NOT_FOUND, Prompt, system_prompt, usable_history
from assistant.storage.conversations import Conversations
from assistant.worker_process import WorkerProcess
from ingest.document import Passage, SearchResult
from ingest.library import Library

SAVE_SECONDS = 0.5  # how much of a streaming answer a crash may cost


@dataclass(slots=True)
class Turn:
    """The state of the answer under way."""

    answer: Message
    mix: str | None = None  # the adapters for this answer alone
    text: str = ""
    passages: tuple[Passage, ...] = ()
    notices: list[str] = field(default_factory=list)
    usage: Usage | None = None
    reading_seconds: float = 0.0  # that passed before the model was asked for the answer
    saved_at: float = field(default_factory=time.monotonic)


class ChatEngine:
    """Answers questions in chats, from documents where they fit."""

    def __init__(
        self,
        conversations: Conversations,
        model: Model,
        retriever: Searching,
        index: WorkerProcess,
        settings: AnswerSettings,
        sampling: Sampling,
    ) -> None:
        self.settings = settings
        self.sampling = sampling
        self.library: Library | None = None  # where files and collections that a question names are looked up
        self.before_answer: BeforeAnswer | None = None  # see AdapterUse
        self.answering: Callable[[bool], None] = lambda busy: None  # told when an answer begins and when it has ended
        self._conversations = conversations
        self._model = model
        self._retriever = retriever
        self._index = index
        self._stopping: asyncio.Event | None = None

    @property
    def busy(self) -> bool:
        """Whether an answer is under way."""
        return self._stopping is not None

    def stop(self) -> None:
        """End the answer under way; what was streamed is kept."""
        if self._stopping is not None:
            self._stopping.set()

    async def ask(
        self,
        conversation_id: int,
        text: str,
        *,
        sampling: Sampling | None = None,
        use_documents: bool = True,
        mix: str | None = None,
        instead_of: int | None = None,
    ) -> AsyncGenerator[Event, None]:
        """Answer `text` as the next turn of a chat, or `instead_of` a question of it, which stays as its sibling;
        `mix` as in `regenerate`.

        The question is on disk before anything else happens, the answer grows on disk as it streams.

        Raises:
            UsageError: the text is empty, another answer is under way, or `instead_of` is no question of this chat.
            StorageError: the question could not be stored; nothing was asked.
        """
        if not text.strip():
            raise UsageError("There is no question.", "Type one, or pipe it in.")
        chosen = sampling or self.sampling
        with self._one_at_a_time():
            thread = await self._before(conversation_id, instead_of)
            parent = thread[-1].id if thread else None
            question, answer = await self._conversations.begin_turn(conversation_id, parent, text, chosen)
            turn = Turn(answer, mix=mix)
            async with contextlib.aclosing(self._answer(turn, thread, question, chosen, use_documents)) as events:
                async for event in events:
                    yield event

    async def regenerate(
        self, message_id: int, *, sampling: Sampling | None = None, use_documents: bool = True, mix: str | None = None
    ) -> AsyncGenerator[Event, None]:
        """Answer the question of an answer again; the new answer is its sibling, the old one stays.

        `mix` are the adapters for this answer alone, whatever their scopes, "" the base; None is what the chat
        answers with.

        Raises:
            UsageError: the message is no answer, or another answer is under way.
        """
        chosen = sampling or self.sampling
        with self._one_at_a_time():
            old = await self._conversations.message(message_id)
            if old.role != "assistant" or old.parent_id is None:
                raise UsageError("Only an answer can be generated again.")
            thread = await self._conversations.thread(old.conversation_id, old.parent_id)
            answer = await self._conversations.begin_answer(old.conversation_id, old.parent_id, chosen)
            turn = Turn(answer, mix=mix)
            async with contextlib.aclosing(
                self._answer(turn, thread[:-1], thread[-1], chosen, use_documents)
            ) as events:
                async for event in events:
                    yield event

    async def _before(self, conversation_id: int, instead_of: int | None) -> list[Message]:
        """What a new question follows."""
        if instead_of is None:
            return await self._conversations.thread(conversation_id)
        old = await self._conversations.message(instead_of)
        if old.role != "user" or old.conversation_id != conversation_id:
            raise UsageError("Only a question of this chat can be asked in another way.")
        return await self._conversations.thread(conversation_id, old.parent_id) if old.parent_id else []

    @contextlib.contextmanager
    def _one_at_a_time(self) -> Iterator[asyncio.Event]:
        if self._stopping is not None:
            raise UsageError("Another answer is under way.", "Stop it first, or wait.")
        mine = self._stopping = asyncio.Event()
        self.answering(True)
        try:
            yield mine
        finally:
            self.answering(False)
            if self._stopping is mine:
                self._stopping = None

    async def _answer(
        self, turn: Turn, thread: Sequence[Message], question: Message, sampling: Sampling, use_documents: bool
    ) -> AsyncGenerator[Event, None]:
        """The turn after its question is stored. However it ends, the end is stored."""
        answer, ended = turn.answer, False
        try:
            yield Started(question, answer)
            async with contextlib.aclosing(self._steps(turn, thread, question, sampling, use_documents)) as events:
                async for event in events:
                    yield event
            ended = True
            event = await self._end(turn)
            self._stopping = None  # the turn is over before the caller hears of it
            yield event
        except AssistantError as error:
            ended = True
            message = await self._finish(turn, "error", notices=[str(error)])
            self._stopping = None
            yield Failed(answer.id, message, error)
        finally:
            if not ended:  # the caller left: the app quits, or the task was cancelled
                await asyncio.shield(self._finish(turn, "stopped"))

    async def _steps(
        self, turn: Turn, thread: Sequence[Message], question: Message, sampling: Sampling, use_documents: bool
    ) -> AsyncGenerator[Event, None]:
        history = usable_history(thread)
        result = await self._retrieve(turn, history, question, use_documents)
        passages = result.passages if result else ()
        chosen = await self._put_adapters_on(turn, history, question, bool(result and result.searched_chunks))
        taught = chosen.wording
        asked = question.text if passages or not taught else taught
        trace = trace_line(result, "" if passages else taught)
        system = system_prompt(await self._conversations.persona(question) or self.settings.system_prompt)
        await self._conversations.note_prompt(turn.answer.id, system, passages, trace)
        if result is not None and result.trace is not None:
            await self._conversations.searches.remember(turn.answer.id, result.trace)
        yield Retrieved(turn.answer.id, passages, trace)
        if result is not None and not result.passages and result.searched_chunks:
            if not self.settings.without_documents:
                turn.text = NOT_FOUND
                yield Token(turn.answer.id, turn.text)
                return
            turn.notices += [] if taught else [NOT_FROM_DOCUMENTS]
        fit = partial(fitted, self._model, system, history, asked, max_tokens=sampling.max_tokens)
        prompt = await fit(passages=passages)
        reads = passages and chosen.null_threshold and not self._model.is_remote  # servers tell no scores
        null = NullAnswer(NOT_FOUND, chosen.null_threshold) if reads else None
        if null and len(prompt.passages) > 1 and self._stopping is not None:
            began = time.monotonic()
            alone = [await fit(passages=[passage]) for passage in prompt.passages]
            prompt = await most_certain(self._model, alone, null, self._stopping)
            await self._conversations.note_prompt(turn.answer.id, system, prompt.passages, f"{trace} · {ONE_BY_ONE}")
            turn.reading_seconds = time.monotonic() - began
        turn.passages, turn.notices = prompt.passages, [*turn.notices, *prompt.notices]
        async with contextlib.aclosing(self._stream(turn, prompt, sampling, null)) as events:
            async for event in events:
                yield event

    async def _put_adapters_on(
        self, turn: Turn, history: Sequence[Message], question: Message, documents: bool
    ) -> Chosen:
        """The adapters of this chat, or of this turn."""
        if self.before_answer is None:
            return Chosen()
        chat = await self._conversations.get(question.conversation_id)
        if turn.mix is not None:
            return await self.before_answer(replace(chat, adapters=turn.mix), (), documents)
        return await self.before_answer(chat, wordings(history, question.text), documents)

    async def _retrieve(
        self, turn: Turn, history: Sequence[Message], question: Message, use_documents: bool
    ) -> SearchResult | None:
        """What the documents hold; None when they are not to be asked, or cannot be."""
        scope = (await self._conversations.get(question.conversation_id)).collections
        if not use_documents or scope == ():
            return None
        before = next((each.text for each in reversed(history) if each.role == "user"), "")
        found, notices = await given_passages(
            self._model, self._retriever, self.library, self.settings, question.text, before, scope
        )
        turn.notices += notices
        return found

    async def _stream(
        self, turn: Turn, prompt: Prompt, sampling: Sampling, null: NullAnswer | None
    ) -> AsyncGenerator[Event, None]:
        """Pass on what the model writes until it ends or the user stops it."""
        assert self._stopping is not None
        stopping = asyncio.create_task(self._stopping.wait())
        pieces = self._model.complete(prompt.messages, replace(sampling, max_tokens=prompt.max_tokens), null=null)
        following: asyncio.Future[str | Done | None] | None = None
        try:
            while True:
                following = asyncio.ensure_future(anext(pieces, None))
                await asyncio.wait({following, stopping}, return_when=asyncio.FIRST_COMPLETED)
                piece = following.result() if following.done() else None
                if piece is None:
                    return
                if isinstance(piece, Done):
                    self._note_end(turn, piece)
                else:
                    turn.text += piece
                    yield Token(turn.answer.id, piece)
                    await self._save_now_and_then(turn)
        finally:
            stopping.cancel()
            if following is not None and not following.done():
                following.cancel()
                await asyncio.wait({following})
            await pieces.aclose()

    async def _save_now_and_then(self, turn: Turn) -> None:
        if time.monotonic() - turn.saved_at >= SAVE_SECONDS:
            turn.saved_at = time.monotonic()
            await self._conversations.grow_answer(turn.answer.id, turn.text)

    async def _end(self, turn: Turn) -> Event:
        if self._stopping is not None and self._stopping.is_set():
            return Cancelled(turn.answer.id, await self._finish(turn, "stopped"))
        return Completed(turn.answer.id, await self._finish(turn, "done"))

    async def _finish(self, turn: Turn, state: State, notices: Sequence[str] = ()) -> Message:
        turn.text, found = citations.bound(turn.text, turn.passages)
        if state == "done" and self.settings.attribute:
            found = await self._attributed(turn, found)
        turn.notices += [*notices, *self._model.notices]
        self._model.notices.clear()
        info = self._model.info
        return await self._conversations.finish_answer(
            turn.answer.id, state, turn.text, model=info.name if info else "", adapter=self._model.adapter,
            usage=turn.usage, citations=found, notices=turn.notices,
        )  # fmt: skip

    async def _attributed(self, turn: Turn, found: list[Citation]) -> list[Citation]:
        """The model's own marks with sharper quotes, and passages for the sentences it left unmarked."""
        places = passage_sentences(turn.passages)
        spans = citations.sentences(turn.text)
        if not (places and spans):
            return found
        question = (await self._conversations.message(turn.answer.parent_id or 0)).text
        asked = [question, *(f"{question} {turn.text[span.start : span.end]}" for span in spans)]
        said = [place.text for place in places]
        try:
            similarity = (await self._index.call("similarity", left=asked, right=said)).data
        except AssistantError as error:
            turn.notices.append(f"Unmarked sentences could not be attributed: {error.message}")
            return found
        evidence = Evidence(turn.text, turn.passages, places, dict(zip(spans, similarity[1:], strict=True)))
        found = evidence.citations(found)
        if not found:
            told = closest(turn.passages, places, similarity[0])
            declined = turn.text.strip() == NOT_FOUND
            turn.notices.append(told if declined else f"No passage supports this answer. {told}")
        return found

    def _note_end(self, turn: Turn, done: Done) -> None:
        context = self._model.info.context if self._model.info else 0
        turn.usage = usage_of(done, context, turn.reading_seconds)
        if done.finish == "length":
            turn.notices.append("The answer reached its longest length and stops here.")
