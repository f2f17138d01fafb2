"""Which adapters answer: activation, rollback, and the mix that one chat has for itself.

Only proven adapters (and loose files, which are the user's own) go on without force; each file is held
against its manifest and each version against the base model it was trained for. The new mix
is put on and tried first, then committed to the log: after a crash the old or the new one is in force.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from adapters.adapter_files import find_adapter
from adapters.errors import GGUFError
from adapters.mix import Share, checked, mix_text, parse_mix
from adapters.versions.activation_log import Part
from adapters.versions.base_records import BaseRecords
from adapters.versions.registered import Adapter
from adapters.versions.registry import Registry
from assistant.adapter_scopes import AdapterScopes, Chosen
from assistant.adapter_trials import AdapterTrials
from assistant.conversation import Conversation
from assistant.errors import AdapterError, AssistantError, StorageError
from assistant.model import Model
from assistant.models.choice import is_remote
from assistant.models.location import is_starter

T = TypeVar("T")


def _translated(work: Callable[..., Awaitable[T]]) -> Callable[..., Awaitable[T]]:
    """Errors of adapters leave as ours."""

    @functools.wraps(work)
    async def run(*arguments: Any, **options: Any) -> T:
        try:
            return await work(*arguments, **options)
        except GGUFError as error:
            raise AdapterError(str(error), error.hint) from error

    return run


class AdapterUse:
    """Puts adapters on the chat's model and remembers them over sessions."""

    def __init__(
        self, registry: Registry, bases: BaseRecords, model: Model, trials: AdapterTrials, scopes: AdapterScopes
    ) -> None:
        self.resting: tuple[Share, ...] = ()  # in force, but not for the question that was asked last
        self._registry = registry
        self._bases = bases
        self._model = model
        self._trials = trials
        self._scopes = scopes
        self._outside: tuple[Share, ...] | None = None  # what is in force where an answer needed another mix than that

    async def file(self, name: str) -> Path:
        """The adapter's file, after its SHA-256 and its base were compared (see Model's Resolver).

        Raises:
            AdapterFitError: there is none, it has changed, or it belongs to another model.
        """
        try:
            adapter = await self._registry.get(name)
        except StorageError:  # an older home on a read-only disk has no registry, but may have files
            return find_adapter(name, self._registry.folder)
        await self._registry.verify(adapter)
        await self._check_base(adapter)
        return adapter.path.resolve()

    @property
    def shown(self) -> str:
        """The mix that is on as text, and in brackets what is in force but not for the question asked last."""
        return " ".join(filter(None, (self._model.adapter, f"({mix_text(self.resting)})" if self.resting else "")))

    @property
    def in_force(self) -> tuple[Share, ...]:
        """What answers in chats without a mix of their own, whether or not it is on for the question asked last."""
        return self._model.wanted if self._outside is None else self._outside

    async def mix(self) -> tuple[Share, ...]:
        """The mix that is in force for chats without their own, by exact names."""
        return tuple(await self._shares(await self._registry.log.active()))

    @_translated
    async def activate(self, text: str, *, force: bool = False) -> str:
        """Put a mix on (`style`, `style@v2:0.7 work:0.3`, a path) and keep it on; returns it as text.

        Raises:
            AdapterError: unknown, unproven (without `force`), changed, for another base, or the model
                refuses it; what was on stays on.
        """
        shares, parts = await self._checked(parse_mix(text), force)
        return await self._put_on(shares, parts)

    @_translated
    async def deactivate(self, name: str = "") -> str:
        """Take one adapter out of the mix, or all off; returns what is left as text.

        Raises:
            AdapterError: that one is not on.
        """
        parts = await self._registry.log.active() if name else []
        if name:
            adapter = await self._registry.get(name)
            reference = adapter.id or str(adapter.path)
            if reference not in [part for part, _ in parts]:
                raise AdapterError(f"{adapter.label} is not on.", "`assistant adapters` marks what is.")
            parts = [part for part in parts if part[0] != reference]
        return await self._put_on(await self._shares(parts), parts)

    async def forget(self, adapter: Adapter) -> None:
        """Take an adapter that is to be removed out of the mix, also if the model cannot be loaded."""
        parts = [part for part in await self._registry.log.active() if part[0] != adapter.id]
        shares = tuple(await self._shares(parts))
        if self._model.info is not None:
            await self._model.use_adapters(shares)
        self._model.wanted, self._outside, self.resting = shares, None, ()
        await self._registry.log.add(parts, "")

    @_translated
    async def rollback(self) -> str:
        """Put on what was on before, as far as it still exists; a second rollback undoes the first.

        Raises:
            AdapterError: nothing was on before, or the model refuses it.
        """
        current, *before = await self._registry.log.history() or [[]]
        for parts in before or ([[]] if current else []):
            if parts == current:
                continue
            try:
                shares = await self._shares(parts)
            except GGUFError:
                continue  # an adapter that was removed
            return await self._put_on(shares, parts)
        raise AdapterError("No other adapters were on before.", "`assistant adapters` lists them.")

    async def restore(self) -> None:
        """At the start: let the model put on what was active, unless the settings name an adapter.

        What was being tried when the assistant ended is not put on again (the model names it). What was on the
        embedded model is nothing for others, and the other way round.
        """
        if self._model.wanted:
            return
        try:
            base, name = await self._registry.log.base(), self._model.name
            if (is_starter(base), is_remote(base)) != (is_starter(name), is_remote(name)):
                return
            shares = await self.mix()
            if {share.name for share in shares} & set(self._trials.suspects):
                await self._registry.log.add([], "")
                shares = ()
        except StorageError:  # as above: nothing was active
            return
        except (GGUFError, AssistantError) as error:
            self._model.notices.append(f"The model answers without an adapter: {error}")
            return
        self._model.wanted = shares

    @_translated
    async def checked_mix(self, text: str, *, force: bool = False) -> str:
        """A mix for a chat of its own: by exact names, refused as `activate` refuses; "" is the base alone."""
        shares, _ = await self._checked(parse_mix(text), force)
        return mix_text(shares)

    async def before_answer(
        self, conversation: Conversation, asked: Sequence[str] = (), documents: bool = True
    ) -> Chosen:
        """Put on what this chat answers with: its own mix or the one in force, and of that what is for the question.

        `asked` are wordings of the question, for which `documents` were searched or not; without any, no adapter is
        left out. Returns what was chosen, nothing where it could not be put on.
        """
        if self._outside is None:
            await self._model.ready()  # so that `wanted` is what could be put on
        in_force = self.in_force
        try:
            mix = in_force if conversation.adapters is None else tuple(parse_mix(conversation.adapters))
            chosen = await self._scopes.chosen(mix, asked, documents)
        except GGUFError as error:  # a chat stored elsewhere, or a damaged scope
            self._model.notices.append(f"The adapters of this chat are not used: {error}")
            return Chosen()
        self.resting = tuple(share for share in mix if share not in chosen.shares)
        self._outside = None if chosen.shares == in_force else in_force
        if await self._try(chosen.shares):
            return chosen
        if conversation.adapters is None:
            self._outside = None  # it cannot be put on: not tried again with each answer
        return Chosen()

    async def _try(self, shares: tuple[Share, ...]) -> bool:
        """Put a mix on; where that fails the base answers, and the reason is told."""
        if shares == self._model.wanted:
            return True
        try:
            await self._model.use_adapters(shares)
        except AdapterError as error:
            self._model.notices.append(f"The model answers without an adapter: {error}")
            await self._model.use_adapters(())
            return False
        return True

    async def _put_on(self, shares: Sequence[Share], parts: Sequence[Part]) -> str:
        info = await self._model.ready()
        text = await self._model.use_adapters(tuple(shares))
        self._outside, self.resting = None, ()
        if list(parts) != await self._registry.log.active():
            await self._registry.log.add(parts, info.name)
        return text

    async def _checked(self, shares: Sequence[Share], force: bool) -> tuple[tuple[Share, ...], list[Part]]:
        """The mix by exact names and as the log has it."""
        exact: list[Share] = []
        parts: list[Part] = []
        for share in shares:
            try:
                adapter = await self._registry.get(share.name)
            except GGUFError:
                if not self._model.is_remote:
                    raise
                exact.append(share)  # one that the server may have
                parts.append((share.name, share.scale))
                continue
            kind = adapter.facts.kind if adapter.facts else "lora"
            _check_usable(adapter, force, (await self._model.ready()).engine if kind == "prompt" else "")
            exact.append(Share(adapter.label if adapter.id else str(adapter.path), share.scale))
            parts.append((adapter.id or str(adapter.path), share.scale))
        return checked(exact), parts

    async def _shares(self, parts: Sequence[Part]) -> list[Share]:
        return [
            Share((await self._registry.by_id(part)).label if isinstance(part, int) else part, scale)
            for part, scale in parts
        ]

    async def _check_base(self, adapter: Adapter) -> None:
        """Raise AdapterError unless the adapter was trained for the model that is loaded."""
        info, facts = self._model.info, adapter.facts
        if info is None or facts is None or not facts.base_sha256:
            return
        held = await self._bases.sha256(Path(info.path))
        if held and held != facts.base_sha256:
            raise AdapterError(
                f"{adapter.label} was trained for {facts.base_name}, the model is {info.name}: their weights differ.",
                "Load its own model, or train it for this one.",
            )


def _check_usable(adapter: Adapter, force: bool, engine: str) -> None:
    if adapter.facts is not None and adapter.facts.kind == "model":
        raise AdapterError(f"{adapter.label} is a whole model, not an adapter.", f"Load it with /model {adapter.path}")
    if adapter.facts is not None and adapter.facts.kind == "prompt" and engine != "transformers":
        raise AdapterError(
            f"{adapter.label} is a soft prompt; it runs on the transformers engine only.",
            "Load it with that: /model transformers:starter, or the model it was trained for.",
        )
    if force or adapter.state in ("proven", "loose"):
        return
    why = {
        "trained": "has not been proven", "rejected": "was rejected", "retired": "was put aside",
    }[adapter.state]  # fmt: skip
    reason = f": {adapter.reason}" if adapter.reason and adapter.state != "retired" else "."
    raise AdapterError(
        f"{adapter.label} {why}{reason}",
        f"`assistant adapters prove {adapter.label}`, or --force to use it all the same.",
    )
