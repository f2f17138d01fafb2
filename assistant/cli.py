"""The `assistant` command: global options, then a command; without one, the terminal interface.

Exit codes: 0 done, 1 something is wrong (doctor), worse (eval --strict) or an unexpected error, 2 wrong usage or
setting, 3 not found, 4 model or adapter, 5 documents, 6 storage, 7 a child process died, 8 training, 130 stopped by
Ctrl-C.
"""

from __future__ import annotations

import argparse
import asyncio
import difflib
import os
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from adapters.errors import GGUFError, TrainingError
from assistant import __version__, offline
from assistant.activity import count_connections
from assistant.commands import (
    activity,
    adapters,
    agent,
    ask,
    chats,
    compare,
    context,
    dataset,
    decode,
    doctor,
    documents,
    evaluate,
    folders,
    keys,
    learn,
    library,
    models,
    prompts,
    remote,
    safety,
    score,
    serve,
    settings,
    teach,
    themes,
    tokens,
    train,
    why,
)
from assistant.config import Config, load_config
from assistant.crash import record
from assistant.errors import AssistantError, LibraryError, StorageError, UsageError, error_from_name
from assistant.keymap import Action
from assistant.output import fail, say, warn
from ingest.errors import IngestError

Command = Callable[[argparse.Namespace, Config], Coroutine[Any, Any, int]]
INTERRUPTED = 130
MODULES = (  # of commands, in the order of the help
    ask, agent, why, context, documents, library, folders, chats, score, safety, compare, evaluate, dataset, teach,
    train, learn, adapters, models, tokens, decode, prompts, remote, serve, settings, activity, doctor,
)  # fmt: skip
WEB = "'private-assistant[web]'"
FRAMES = "120"  # a second at most, read by Textual when it is imported: what is typed is shown with the next one


class Parser(argparse.ArgumentParser):
    """A parser whose errors are ours: one line what, one line what to do."""

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing the whole usage."""
        raise UsageError(_capitalised(message), f"`{self.prog} --help` shows how.")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            known = [str(choice) for choice in action.choices]
            near = difflib.get_close_matches(str(value), known, 1)
            hint = f"Did you mean {near[0]}?" if near else f"Known here: {', '.join(known)}."
            what = f"{action.option_strings[-1]} cannot be" if action.option_strings else f"There is no {action.dest}"
            raise UsageError(f"{what} {value!r}.", hint)


def build_parser() -> Parser:
    """The whole command line."""
    parser = Parser(
        prog="assistant",
        description="A private chat assistant: local models, your own documents with citations, your own adapters.",
        epilog="Without a command the terminal interface opens. Nothing leaves this machine unless you say so.",
    )
    parser.add_argument("--version", action="version", version=f"assistant {__version__}")
    parser.add_argument(
        "--home", metavar="DIR", help="folder that holds all state (default: $ASSISTANT_HOME or XDG data)"
    )
    parser.add_argument(
        "--model", metavar="NAME", help="`starter`, a GGUF file, a model folder, transformers:…, remote"
    )
    parser.add_argument(
        "--offline",
        action="store_true",
        help="make every connection to another machine impossible, here and in children",
    )
    parser.add_argument("--adapter", metavar="NAME", help="a GGUF LoRA: a path, or a name in HOME/adapters")
    parser.add_argument(
        "--web", type=int, nargs="?", const=8643, metavar="PORT", help="show the interface in a browser on this machine"
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)
    for module in MODULES:
        module.add_parsers(commands)
    keys.add_parsers(commands, _actions)
    themes.add_parsers(commands, _themes)
    return parser


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run one command and exit with its code."""
    os.umask(0o077)
    offline.enforce()
    count_connections()
    try:
        code = _run(sys.argv[1:] if argv is None else list(argv))
        if sys.stdout is not None:  # None when it was closed before we began
            sys.stdout.flush()
    except AssistantError as error:
        code = fail(error)
    except IngestError as error:
        code = fail(LibraryError(str(error), error.hint))
    except (GGUFError, TrainingError) as error:
        code = fail(error_from_name(error.error_name, str(error), error.hint))
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BrokenPipeError:  # `assistant … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    sys.exit(code)


def _run(argv: list[str]) -> int:
    arguments = build_parser().parse_args(argv)
    config = _overridden(load_config(home_folder(arguments.home)), arguments)
    if arguments.offline or config.network.offline:
        offline.go_offline()
    if arguments.command is None:
        return _open_interface(config) if arguments.web is None else _serve_interface(arguments, config)
    for notice in config.notices:
        warn(notice)
    if getattr(arguments, "inline", False):
        return _ask_inline(config, arguments)
    command: Command = arguments.run
    try:
        return asyncio.run(command(arguments, config))
    except (AssistantError, IngestError, GGUFError, TrainingError, BrokenPipeError):
        raise
    except OSError as error:
        what = f"{error.filename or 'The output, or a file of the assistant'}: {error.strerror or error}."
        raise StorageError(what, "Check the disk's free space and the permissions.") from error
    except Exception as error:
        log = record(error, config.home / "logs")
        raise AssistantError(
            f"Unexpected error ({type(error).__name__}).", f"Where it happened is in {log}."
        ) from error


def home_folder(given: str | None) -> Path:
    """--home, else ASSISTANT_HOME, else XDG_DATA_HOME/assistant, else ~/.local/share/assistant."""
    if chosen := given or os.environ.get("ASSISTANT_HOME"):
        return Path(chosen).expanduser().absolute()
    data = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(data).expanduser().absolute() / "assistant"


def _overridden(config: Config, arguments: argparse.Namespace) -> Config:
    """The settings with what the command line says; --adapter may stand before or after the command."""
    for key, value in (("name", arguments.model), ("adapter", arguments.adapter)):
        if value is not None:
            config = config.with_value("model", key, value)
    return config


def _actions() -> Sequence[Action]:
    """What keys can do in the interface, which is imported only for this."""
    from assistant.tui.keys import catalogue

    return catalogue()


def _themes(home: Path) -> tuple[Mapping[str, str], Sequence[str]]:
    """The colours of the interface, which is imported only for this."""
    from assistant.tui.themes import names, user_themes

    return names(home), user_themes(home).problems


def _ask_inline(config: Config, arguments: argparse.Namespace) -> int:
    if not (sys.stdin.isatty() and sys.stdout.isatty()) or arguments.json:
        raise UsageError("--inline needs a terminal, and prints no JSON.", "Leave it out: `assistant ask TEXT --json`.")
    from assistant.bootstrap import opened
    from assistant.tui.inline import ask_inline

    async def ask_it() -> bool:
        async with opened(config, shared=True) as core:
            if arguments.collection:
                await ask.check_collections(core, arguments.collection)
            text = " ".join(arguments.text)
            return await ask_inline(core, text, arguments.collection, documents=not arguments.no_docs)

    wanted = asyncio.run(ask_it())
    return _open_interface(config.with_value("interface", "resume", True)) if wanted else 0


def _open_interface(config: Config) -> int:
    if not (sys.stdin.isatty() and sys.stdout.isatty()) and "TEXTUAL_DRIVER" not in os.environ:
        raise UsageError("The interface needs a terminal.", "In a pipe, use `assistant ask TEXT`.")
    os.environ.setdefault("TEXTUAL_FPS", FRAMES)
    from assistant.bootstrap import Core
    from assistant.tui.app import AssistantApp

    app = AssistantApp(Core(config))
    app.run()
    return app.return_code or 0


def _serve_interface(arguments: argparse.Namespace, config: Config) -> int:
    try:
        from assistant.web import serve_web
    except ImportError as error:
        raise UsageError("The interface for browsers is not installed.", f"`pip install {WEB}` adds it.") from error
    options = ["--home", str(config.home)]
    for name in ("model", "adapter"):
        options += [f"--{name}", value] if (value := getattr(arguments, name)) is not None else []
    return asyncio.run(serve_web(options, arguments.web, say))


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")
