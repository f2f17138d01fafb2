"""Which `/` commands there are, and what a typed line means."""

from __future__ import annotations

import difflib
import re
import tomllib
from dataclasses import dataclass
from typing import Any

from assistant.errors import UsageError

LINE = re.compile(r"/([A-Za-z]*)(?:[ \t]+(.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Command:
    """A command: its name without the slash, what may follow it, and what it does."""

    name: str
    arguments: str
    help: str
    action: str = ""  # the id of the action whose keys do the same

    @property
    def usage(self) -> str:
        """As typed."""
        return f"/{self.name} {self.arguments}".rstrip()

    @property
    def needs_argument(self) -> bool:
        """Whether it does nothing when it stands alone."""
        return bool(self.arguments) and not self.arguments.startswith("[")


COMMANDS = (
    Command("help", "", "keys and commands", "app.help"),
    Command("new", "", "begin a new chat", "chat.new"),
    Command("chats", "", "show or hide the list of chats", "chat.chats"),
    Command("docs", "", "the library: documents, adding, removing, a test search", "app.library"),
    Command("add", "PATH [--yes]", "index a file, or a folder with all that is in it; --yes: remove what vanished"),
    Command("folders", "", "linked folders: how they stand, link, sync, failures, unlink"),
    Command("link", "PATH", "keep a folder in step: whatever changes in it follows"),
    Command("sources", "", "the cited passages of the last answer, in their pages", "chat.sources"),
    Command("why", "", "how the passages of the chosen or last answer were found", "app.why"),
    Command("scope", "NAMES|FILTERS|all|none", "what this chat searches: collections, type:pdf, path:x, since:2025"),
    Command("context", "", "what filled the context of the chosen or last answer, and its prompt", "chat.context"),
    Command("history", "[WORDS]", "questions you asked in any chat, to ask again", "chat.history"),
    Command("editor", "", "write the question in $EDITOR", "chat.editor"),
    Command("search", "[WORDS]", "find messages in all chats, on all branches", "chat.search"),
    Command("sync", "", "bring the linked folders in step now"),
    Command("collections", "[NAME [KEY VALUE]]", "what collections have of their own: chunk_tokens, ocr, watch …"),
    Command("rebuild", "", "go on making passages with changed settings; the old ones serve until all are made"),
    Command("regenerate", "", "another answer to the last question", "chat.regenerate"),
    Command("continue", "", "answer a question whose answer was interrupted"),
    Command("edit", "", "ask the last question in another way; the old branch stays"),
    Command("rewrite", "", "put your own words beside the last answer"),
    Command("undo", "", "take the last question back into the prompt; its branch stays", "chat.undo"),
    Command("redo", "", "bring back what was taken back"),
    Command("fork", "", "go on in a new chat with all that was said so far"),
    Command("copy", "[N|sources]", "copy the last answer, its code block N, or it with its sources", "chat.copy"),
    Command("export", "[FORM] [FILE]", "save this chat as markdown, json (all branches), openai or sharegpt lines"),
    Command("import", "FILE", "add chats: our JSON, ChatGPT's or Claude's conversations.json, JSON lines"),
    Command("rename", "[TITLE]", "give this chat a title; without one the model writes it"),
    Command("pin", "", "keep this chat at the top of the list, or no longer"),
    Command("group", "[NAME|off]", "list this chat in a group of your own, or by its day again"),
    Command("persona", "TEXT|NAME|off", "who answers in this chat: a text, or a prompt of the library that has one"),
    Command("trash", "", "deleted chats: bring one back, or remove it for good"),
    Command("delete", "", "move this chat to the trash, where it stays for 30 days"),
    Command("models", "", "the models on this machine: what each is; choose one, it is loaded", "app.models"),
    Command("fit", "[MODEL]", "does a model fit, to run and to train; quantise it, convert it, compare its copies"),
    Command("model", "NAME|PATH", "change the model: starter, one of /models, a path, transformers:…, remote"),
    Command(
        "adapters", "",
        "the list of adapters: scores, strength, mixing, proving, import and export", "app.adapters",
    ),
    Command("adapter", "NAME[:STRENGTH] …|off [--chat] [--force]", "put adapters on, for all chats or this one alone"),
    Command("rollback", "", "put the adapters on that were on before", "app.roll-back"),
    Command(
        "score", "[good|bad]",
        "score the chosen or last answer; alone: points, a note, the better answer", "chat.score",
    ),
    Command("scores", "", "all scores, which figures agree with them, and the leaderboard", "app.scores"),
    Command(
        "eval", "[SET]",
        "evaluation: questions with known answers, asked of models and adapters; reports", "app.evaluation",
    ),
    Command(
        "compare", "[MIX MIX …]",
        "choose blind between answers; with mixes such as base style:0.7, one from each", "chat.compare",
    ),
    Command(
        "tokens", "[TEXT]",
        "what a text, the chosen message or its whole prompt costs in tokens, and why", "app.tokens",
    ),
    Command("learn", "", "learn from new scores: trained, proven, and on if you say so"),
    Command("agent", "QUESTION", "an answer in steps: searching again and calculating, as the model chooses"),
    Command("best", "[N] [NAME]", "answer the question N times, and go on from the answer you would prefer"),
    Command(
        "playground", "[PROMPT]",
        "answer a prompt by up to four settings, and see why each token came", "app.playground",
    ),
    Command("revise", "", "hold the chosen or last answer against your principles (answer.principles)"),
    Command("safety", "", "what is checked for safety and what not, and probes of the model"),
    Command("prompt", "[NAME [KEY=VALUE …]]", "a prompt of the library, filled in; alone, the library", "app.prompts"),
    Command("teach", "[QUESTION => ANSWER]", "keep an answer to be learned; alone, list what was taught"),
    Command("train", "[NAME]", "data, recipe, progress and verdict of training an adapter", "app.train"),
    Command("set", "KEY VALUE", "change a setting until you quit, such as temperature 0"),
    Command("settings", "", "every setting with its meaning, changed and kept", "app.settings"),
    Command("keys", "", "every action with its keys, changed and kept"),
    Command("activity", "", "long jobs with their progress, processes, outbound connections so far", "app.activity"),
    Command("serve", "[PORT|off]", "an OpenAI-compatible API on this machine: your documents and adapters by name"),
    Command("remote", "", "a model on a server: use it, and say which collections it may read"),
    Command("theme", "[NAME]", "change the colours"),
    Command("quit", "", "close the assistant; what you typed is kept", "app.quit"),
)  # fmt: skip

BY_NAME = {command.name: command for command in COMMANDS}
SETTING_SECTIONS = ("sampling", "answer")  # what takes effect at the next answer


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A way to complete the typed line: the whole line it becomes, how it is listed, and its help."""

    line: str
    label: str
    help: str = ""
    action: str = ""  # as of a command


def is_command(text: str) -> bool:
    """Whether a typed text is a command: `/word`, alone or before a blank, on its first line only."""
    return "\n" not in text.strip() and LINE.fullmatch(text.strip()) is not None


def parse(text: str) -> tuple[Command, str]:
    """The command and what follows it.

    Raises:
        UsageError: no such command, or its argument is missing.
    """
    match = LINE.fullmatch(text.strip())
    name, rest = (match[1].lower(), (match[2] or "").strip()) if match else ("", "")
    command = BY_NAME.get(name)
    if command is None:
        raise UsageError(f"There is no command /{name}.", _nearest(name, list(BY_NAME), "/"))
    if command.needs_argument and not rest:
        raise UsageError(f"/{command.name} needs more: {command.usage}", f"({command.help})")
    return command, rest


def suggestions(text: str) -> list[Suggestion]:
    """Commands that a line with nothing but `/` and letters may become."""
    if not re.fullmatch(r"/[A-Za-z]*", text):
        return []
    start = text[1:].lower()
    return [
        Suggestion(f"/{command.name}{' ' if command.arguments else ''}", command.usage, command.help, command.action)
        for command in COMMANDS
        if command.name.startswith(start)
    ]


def setting_keys(config: Any) -> dict[str, tuple[str, Any]]:
    """Settings that /set can change, with their section and present value."""
    return {
        key: (section, getattr(getattr(config, section), key))
        for section in SETTING_SECTIONS
        for key in getattr(config, section).__slots__
    }


def parse_setting(rest: str, config: Any) -> tuple[str, str, Any]:
    """Section, key and value of `KEY VALUE` (or `KEY=VALUE`).

    Raises:
        UsageError: no such key, or no value.
    """
    key, _, value = rest.replace("=", " ", 1).strip().partition(" ")
    known = setting_keys(config)
    key = key.rpartition(".")[2]
    if key not in known:
        raise UsageError(f"There is no setting {key}.", _nearest(key, list(known), ""))
    if not value.strip():
        raise UsageError(f"{key} is {_shown(known[key][1])}.", f"To change it: /set {key} VALUE")
    return known[key][0], key, _value(value.strip())


def _value(text: str) -> Any:
    """A value as in the settings file; what is not one is a text."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _nearest(name: str, known: list[str], prefix: str) -> str:
    near = difflib.get_close_matches(name, known, 1, 0.5)
    if near:
        return f"Did you mean {prefix}{near[0]}?"
    return f"Known: {', '.join(prefix + entry for entry in known)}."
