"""The screens that are opened over the chat, by name: each when it is first asked for, and none twice."""

from __future__ import annotations

import contextlib
import functools
import importlib
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, ParamSpec

from textual.css.query import NoMatches

if TYPE_CHECKING:
    from textual.screen import Screen

    from assistant.conversation import Message
    from assistant.tui.app import AssistantApp

Arguments = ParamSpec("Arguments")

# name -> module, class, and what it is made with beside the core
SCREENS: dict[str, tuple[str, str, Callable[[AssistantApp, str], tuple[Any, ...]]]] = {
    "library": ("library", "LibraryScreen", lambda app, _: (app.ingest, app.folders)),
    "adapters": ("adapters", "AdaptersScreen", lambda app, _: (app.training,)),
    "scores": ("scores", "ScoresScreen", lambda app, _: ()),
    "evaluation": ("evaluation", "EvaluationScreen", lambda app, name: (app.evaluation, name)),
    "train": ("train", "TrainScreen", lambda app, name: (app.training, name)),
    "tokens": ("tokens", "TokensScreen", lambda app, text: (text or _draft(app), _chosen(app))),
    "playground": ("playground", "PlaygroundScreen", lambda app, text: (text or app.chat.prompt.text or _asked(app),)),
    "safety": ("safety", "SafetyScreen", lambda app, _: ()),
    "prompts": ("prompts", "PromptsScreen", lambda app, name: (name,)),
    "models": ("models", "ModelsScreen", lambda app, _: (app.pulls,)),
    "fit": ("model_fit", "ModelFitScreen", lambda app, name: (app.making, name)),
    "serve": ("serve", "ServeScreen", lambda app, _: (app.serving,)),
    "activity": ("activity", "ActivityScreen", lambda app, _: ()),
    "trash": ("trash", "TrashScreen", lambda app, _: ()),
    "settings": ("settings", "SettingsScreen", lambda app, page: (page == "keys",)),
    "context": ("context", "ContextScreen", lambda app, _: (_answer(app),)),
    "why": ("why", "WhyScreen", lambda app, _: (_answer(app),)),
}


def open_screen(app: AssistantApp, name: str, argument: str = "") -> None:
    """Open a screen unless it is open; `argument` is what follows its command."""
    if app.training is None:  # it comes last: whatever a screen needs is there with it
        app.say("One moment: the assistant is being opened.", "warning")
        return
    module, kind, made_with = SCREENS[name]
    screen: type[Any] = getattr(importlib.import_module(f"assistant.tui.screens.{module}"), kind)
    if not isinstance(app.screen, screen):
        app.push_screen(screen(app.core, *made_with(app, argument)))


def is_open(screen: Screen[Any]) -> bool:
    """Whether a screen is still there, so that what comes late can be shown on it."""
    return screen in screen.app.screen_stack


def may_be_left(method: Callable[Arguments, Awaitable[None]]) -> Callable[Arguments, Coroutine[Any, Any, None]]:
    """For a worker of a screen that may be left meanwhile: what finds no widget to be shown on is not shown."""

    @functools.wraps(method)
    async def run(*arguments: Arguments.args, **options: Arguments.kwargs) -> None:
        with contextlib.suppress(NoMatches):
            await method(*arguments, **options)

    return run


def _answer(app: AssistantApp) -> Message | None:
    """The chosen answer, else the last one."""
    answer = app.chat.transcript.chosen(app.chat.focused)
    return answer.message if answer is not None else None


def _asked(app: AssistantApp) -> str:
    """The last question of the chat, "" for none."""
    return next((each.text for each in reversed(app.chat.transcript.messages) if each.role == "user"), "")


def _draft(app: AssistantApp) -> str:
    """What is typed in the chat, unless a message has the focus."""
    return "" if getattr(app.chat.focused, "message", None) else app.chat.prompt.text


def _chosen(app: AssistantApp) -> Message | None:
    """The message that has the focus in the chat, else the last answer."""
    focused: Message | None = getattr(app.chat.focused, "message", None)
    return focused or _answer(app)
