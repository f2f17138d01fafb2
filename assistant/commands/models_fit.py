"""`assistant models fit`: does a model fit into this machine, to run and to train?"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from typing import Any

from assistant.config import Config
from assistant.local_models import LocalModels
from assistant.models.fit import fit
from assistant.models.fit_text import fit_lines
from assistant.models.location import resolve_model
from assistant.models.memory import CACHE, CACHE_TYPES
from assistant.output import emit, say
from assistant.safe_text import safe_line


def add_parsers(actions: Any) -> None:
    """Add `fit` to the actions of `models`."""
    parser = actions.add_parser(
        "fit",
        help="does a model fit into memory, to run and to train?",
        description="Estimates, from the file's header alone, what running takes with several contexts and what each "
        "method of training takes, beside what is free. Running is within a tenth of what is measured.",
    )
    parser.add_argument("name", nargs="?", metavar="MODEL", help="a name in `assistant models`, or a path; the chat's")
    parser.add_argument(
        "--context", type=int, default=0, metavar="N", help="tokens (default: the file's, at most 8192)"
    )
    parser.add_argument(
        "--cache",
        default=CACHE,
        choices=list(CACHE_TYPES),
        help="type of keys and values (the chat's own: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON; sizes in bytes", default=argparse.SUPPRESS)
    parser.set_defaults(run=run_fit)


async def run_fit(arguments: argparse.Namespace, config: Config) -> int:
    """Print the tables; exit code 0 whether it fits or not."""
    path = await model_file(config, arguments.name)
    found = await asyncio.to_thread(fit, path, arguments.context, arguments.cache)
    if arguments.json:
        emit(found.as_json())
        return 0
    for line in fit_lines(found):
        say(safe_line(line))
    return 0


async def model_file(config: Config, name: str | None) -> Path:
    """The file or folder of a model that is named, of the chat's own where none is.

    Raises:
        ModelError: there is none, or several.
    """
    models = LocalModels(config)
    try:
        return resolve_model(await models.path(name or config.model.name))
    finally:
        await models.worker.stop()
