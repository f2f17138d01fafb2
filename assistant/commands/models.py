"""`assistant models`: which models there are, what each is, which one answers; other programs' are used in place."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from assistant.commands import models_fit, models_make, models_pull
from assistant.config import Config
from assistant.errors import ModelError
from assistant.home import prepare_home
from assistant.local_models import EMBEDDED, LocalModels
from assistant.models.choice import source_of
from assistant.models.found import FoundModel, counted, gigabytes
from assistant.models.location import STARTER
from assistant.output import emit, say
from assistant.safe_text import safe_line
from assistant.settings import change, find

COLUMNS = (34, 9, 9, 10)  # name, parameters, quantization, size


def add_parsers(commands: Any) -> None:
    """Add `models` and its actions."""
    models = commands.add_parser(
        "models",
        help="models on this machine: list, facts, the one that answers",
        description="Models are used where they lie: in HOME/models, in the folders of the setting model.folders, and "
        "in those of Hugging Face, LM Studio, llama.cpp and Ollama, where nothing is changed.",
    )
    models.add_argument("--json", action="store_true", help="print JSON")
    models.set_defaults(run=run_list)
    actions = models.add_subparsers(dest="action", metavar="ACTION")
    listing = actions.add_parser("list", help="every model that is found; * marks the one that answers")
    listing.set_defaults(run=run_list)
    scan = actions.add_parser("scan", help="the folders that are looked at, with what is in each, and what is damaged")
    scan.set_defaults(run=run_scan)
    show = actions.add_parser("show", help="what a model's own file says of it")
    show.set_defaults(run=run_show)
    use = actions.add_parser("use", help="let this model answer from the next start on (model.name in config.toml)")
    use.set_defaults(run=run_use)
    remove = actions.add_parser(
        "remove", help="delete a model that was fetched; those of other programs are left alone"
    )
    remove.add_argument("--yes", action="store_true", help="do it; without, only say what would be deleted")
    remove.set_defaults(run=run_remove)
    models_pull.add_parsers(actions)
    models_fit.add_parsers(actions)
    models_make.add_parsers(actions)
    for parser in (show, use, remove):
        parser.add_argument("name", metavar="NAME", help="a name in `assistant models`, or a path")
    for parser in (listing, scan, show, use, remove):
        parser.add_argument("--json", action="store_true", help="print JSON", default=argparse.SUPPRESS)


async def run_list(arguments: argparse.Namespace, config: Config) -> int:
    """One line a model."""
    found = await _with_models(config, LocalModels.all)
    if arguments.json:
        emit([asdict(each) for each in found])
        return 0
    for each in found:
        mark = "*" if _answers(config, each) else " "
        say(f"{mark} {row(each)}")
    return 0


async def run_scan(arguments: argparse.Namespace, config: Config) -> int:
    """One line a folder, then what in them cannot be used."""
    models = LocalModels(config)
    found = await _with_models(config, LocalModels.all)
    looked = [
        {
            "place": place.label,
            "folder": str(place.folder),
            "there": place.folder.is_dir(),
            "models": sum(each.path.startswith(f"{place.folder}/") and not each.problem for each in found),
        }
        for place in models.places
    ]
    problems = [{"path": each.path, "problem": each.problem} for each in found if each.problem]
    if arguments.json:
        emit({"folders": looked, "problems": problems})
        return 0
    for each in looked:
        told = f"{each['models']} models" if each["there"] else "not there"
        say(f"{each['place']:<13} {told:>10}   {safe_line(str(each['folder']))}")
    for problem in problems:
        say(f"cannot be used: {safe_line(problem['path'])}: {safe_line(problem['problem'])}")
    return 0


async def run_show(arguments: argparse.Namespace, config: Config) -> int:
    """All facts of one; what cannot be used is told as such, with the exit code of a model that cannot be loaded."""
    found = await _with_models(config, lambda models: models.find(arguments.name))
    if arguments.json:
        emit(asdict(found))
        return ModelError.exit_code if found.problem else 0
    say(safe_line(found.name))
    for line in facts_lines(found):
        say(f"  {line}")
    return ModelError.exit_code if found.problem else 0


async def run_use(arguments: argparse.Namespace, config: Config) -> int:
    """Write its path, or `starter`, into the settings."""
    path = await _with_models(config, lambda models: _usable(models, arguments.name))
    change(config, find(config, "model.name"), path)
    if arguments.json:
        emit({"model": path})
    else:
        say(f"{safe_line(path)} answers from the next start on.")
    return 0


async def run_remove(arguments: argparse.Namespace, config: Config) -> int:
    """Delete one of ours."""
    models = LocalModels(config)
    try:
        found = await models.find(arguments.name)
        if arguments.yes:
            models.remove(found)
    finally:
        await models.worker.stop()
    if arguments.json:
        emit({"path": found.path, "size": found.size, "removed": arguments.yes})
    elif arguments.yes:
        say(f"{safe_line(found.name)} is deleted; {gigabytes(found.size)} are free again.")
    else:
        say(f"{safe_line(found.path)} ({gigabytes(found.size)}) would be deleted; --yes does it.")
    return 0


def row(found: FoundModel) -> str:
    """One line of a list: name, parameters, quantization, size, place."""
    if found.problem:
        return safe_line(f"{found.name:<{COLUMNS[0]}} cannot be used: {found.problem}")
    cells = (found.name, counted(found.parameters), found.quantization, gigabytes(found.size))
    told = " ".join(
        f"{cell:>{width}}" if place else f"{cell:<{width}}"
        for place, (cell, width) in enumerate(zip(cells, COLUMNS, strict=True))
    )
    return safe_line(f"{told}  {found.place}")


def facts_lines(found: FoundModel) -> list[str]:
    """Everything known of a model, a line a fact."""
    context = f"{found.context:,} tokens" if found.context else "not said"
    facts = {
        "file": found.path + (f" and {found.files - 1} more" if found.files > 1 else ""),
        "place": found.place,
        "size": f"{found.size:,} bytes ({gigabytes(found.size)})",
        "architecture": found.architecture,
        "parameters": f"{found.parameters:,}",
        "quantization": found.quantization,
        "context": context,
        "chat template": "its own" if found.template else "none: ChatML is used",
        "tokenizer": found.tokenizer,
        "problem": found.problem,
    }
    if found.problem:
        facts = {name: facts[name] for name in ("file", "place", "size", "problem")}
    return [safe_line(f"{name:<14} {value}") for name, value in facts.items() if value]


async def _usable(models: LocalModels, name: str) -> str:
    """What a name means for `model.name`, once its file has been looked at.

    Raises:
        ModelError: there is none, or it cannot be used.
    """
    path = await models.path(name)
    file = Path(source_of(path)).expanduser()
    if file.exists() and (found := await models.read(str(file.absolute()))).problem:
        raise ModelError(f"{found.name} cannot be used: {found.problem}", "The setting was not changed.")
    return path


def _answers(config: Config, found: FoundModel) -> bool:
    """Whether the settings name this one."""
    name = config.model.name
    return name == (STARTER if found.place == EMBEDDED else found.path) or name == found.name


async def _with_models(config: Config, work: Any) -> Any:
    """What a coroutine of LocalModels gives; its child ends with it."""
    prepare_home(config.home)
    models = LocalModels(config)
    try:
        return await work(models)
    finally:
        await models.worker.stop()
