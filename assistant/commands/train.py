"""`assistant train`: plan, train, prove; list, resume, pause, cancel and remove runs."""

from __future__ import annotations

import argparse
import contextlib
import json
from collections.abc import AsyncGenerator
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from adapters.training.recipe import METHODS, Recipe, recipe_from_json
from adapters.training.runs import Wish
from assistant.commands.following import ended, follow
from assistant.commands.opening import opened_core
from assistant.commands.train_report import Report, say_plan, say_run
from assistant.config import Config
from assistant.errors import UsageError
from assistant.output import emit, say

if TYPE_CHECKING:
    from assistant.bootstrap import Core

KNOBS = {entry.name: str(entry.type) for entry in fields(Recipe)}


def add_parsers(commands: Any) -> None:
    """Add `train`."""
    parser = commands.add_parser("train", help="train an adapter on a dataset, prove it, and list it")
    parser.set_defaults(run=run_train)
    parser.add_argument("name", nargs="?", default="", metavar="NAME", help="what the adapter is called")
    parser.add_argument("--data", default="", metavar="DATASET|FILE", help="a dataset, or a file of rows to build one")
    parser.add_argument(
        "--base", default="", metavar="PATH", help="GGUF or safetensors folder; the chat's model if none"
    )
    parser.add_argument("--from", dest="begin", default="", metavar="ADAPTER", help="go on from this adapter's weights")
    parser.add_argument("--method", choices=METHODS, help="lora (default), qlora, full, partial or prompt")
    _add_knobs(parser)
    parser.add_argument("--recipe", default="", metavar="FILE", help="a recipe.json, such as an adapter's own")
    parser.add_argument("--no-replay", action="store_true", help="train without general prompts, to compare")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="any knob of the recipe")
    parser.add_argument("--plan", action="store_true", help="print what each method needs, and stop there")
    parser.add_argument("--no-prove", action="store_true", help="do not compare with the base afterwards")
    parser.add_argument("--activate", action="store_true", help="put it on if it is proven")
    parser.add_argument("--json", action="store_true", help="progress as JSON lines; the last line is the result")
    runs = parser.add_mutually_exclusive_group()
    runs.add_argument("--list", action="store_true", help="all runs")
    for name, what in (
        ("resume", "go on with a run"), ("pause", "let a run stop at a checkpoint"),
        ("finish", "end a run now, and keep what it has learned"), ("cancel", "stop a run within seconds"),
        ("remove", "delete a run with its rows and checkpoints"),
    ):  # fmt: skip
        runs.add_argument(f"--{name}", default="", metavar="RUN", help=what)


def _add_knobs(parser: argparse.ArgumentParser) -> None:
    for name, kind, what in (
        ("rank", int, "of the LoRA (16)"), ("alpha", float, "of the LoRA (32)"), ("epochs", float, "over all rows"),
        ("learning-rate", float, "of the optimizer"), ("batch-tokens", int, "tokens for one step"),
        ("max-tokens", int, "of the longest row"), ("replay", float, "general rows for each row (0.5)"),
        ("pull", float, "towards the base on those (3, for preferences 1)"),
        ("patience", int, "validations without progress"),
        ("virtual-tokens", int, "of a soft prompt"), ("processes", int, "to train with (1)"),
        ("beta", float, "of preferences: the price of a change (0.1)"),
        ("chosen-weight", float, "of the chosen answer's own loss in them (1)"),
        ("threads", int, "of each process (all cores)"), ("seed", int, "of all that is drawn (0)"),
    ):  # fmt: skip
        parser.add_argument(f"--{name}", type=kind, metavar="N", help=what)
    parser.add_argument("--bits", choices=("nf4", "int8"), help="of the base in qlora")
    parser.add_argument("--precision", choices=("auto", "bf16", "fp32"), help="of the arithmetic")


def recipe_of(arguments: argparse.Namespace) -> Recipe:
    """The recipe that the command line describes: a file, then the knobs; --set has the last word.

    Raises:
        UsageError: a setting without a value, or a file that is no recipe; RecipeError: an unknown setting,
            or a value that cannot be.
    """
    values = _recipe_file(arguments.recipe) if arguments.recipe else {}
    values |= {name: value for name in KNOBS if (value := getattr(arguments, name, None)) is not None}
    if arguments.no_replay:
        values["replay"] = 0.0
    for entry in arguments.set:
        name, separator, text = entry.partition("=")
        if not separator:
            raise UsageError(f"--set {entry[:80]!r} has no value.", "Write it as KEY=VALUE, such as --set rank=8.")
        values[name.strip().replace("-", "_")] = _value(name.strip(), text.strip())
    return recipe_from_json(values)


def _value(name: str, text: str) -> Any:
    if name == "targets":
        return [part.strip() for part in text.split(",") if part.strip()]
    for read in (json.loads, float):
        with contextlib.suppress(ValueError):
            return read(text)
    return text


def _recipe_file(name: str) -> dict[str, Any]:
    try:
        value = json.loads(Path(name).expanduser().read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {error.strerror}.", "Name a recipe.json.") from error
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise UsageError(f"{name} is no recipe.", "It should hold one JSON object, such as an adapter's recipe.json.")
    return value


async def run_train(arguments: argparse.Namespace, config: Config) -> int:
    """Whatever was asked for."""
    if arguments.list:
        return await _list(arguments, config)
    if arguments.remove:
        return await _remove(arguments, config)
    for wish in get_args(Wish):
        if getattr(arguments, wish):
            return await _stop(arguments, config, wish)
    if arguments.activate and arguments.no_prove:
        raise UsageError("--activate puts on what is proven; --no-prove leaves that out.", "Leave one of them out.")
    if arguments.resume:
        async with opened_core(config) as core:
            events = core.training.resume(arguments.resume, prove=not arguments.no_prove)
            return await _followed(core, events, arguments, arguments.resume)
    if not arguments.name or not arguments.data:
        raise UsageError("What is to be trained, on which data?", "assistant train NAME --data DATASET")
    return await _train(arguments, config)


async def _train(arguments: argparse.Namespace, config: Config) -> int:
    from assistant.training import TrainRequest

    request = TrainRequest(arguments.name, arguments.data, recipe_of(arguments), arguments.base, arguments.begin)
    async with opened_core(config, shared=arguments.plan) as core:
        if not arguments.json or arguments.plan:
            plan = await core.training.plan(request)
            if arguments.json:
                emit(plan.as_json())
            else:
                say_plan(plan)
            if arguments.plan:
                return 0
        return await _followed(core, core.training.train(request, prove=not arguments.no_prove), arguments, "")


async def _followed(
    core: Core, events: AsyncGenerator[dict[str, Any], None], arguments: argparse.Namespace, run_id: str
) -> int:
    """Show a stream of events to its end, and put on what is proven where that was asked for."""
    report = Report(arguments.json, run_id)
    if await follow(core, events, report) and arguments.activate:
        await _activate(core, report)
    return ended(report)


async def _activate(core: Core, report: Report) -> None:
    if report.decision == "proven":
        mix = await core.adapters.activate(report.adapter)
        report.result["active"] = mix
        report.told(f"On: {mix}")
    elif report.adapter:
        report.told(f"{report.adapter} is not put on: it is not proven.")


async def _list(arguments: argparse.Namespace, config: Config) -> int:
    async with opened_core(config, shared=True) as core:
        runs = await core.training.runs()
    if arguments.json:
        emit([{**run.facts, "state": run.state, "folder": str(run.folder), "last": run.last} for run in runs])
        return 0
    for run in runs:
        say_run(run)
    if not runs:
        say("No runs yet: assistant train NAME --data DATASET")
    return 0


async def _stop(arguments: argparse.Namespace, config: Config, wish: Wish) -> int:
    """Ask a run that another process of ours follows to end."""
    run_id = getattr(arguments, wish)
    async with opened_core(config, shared=True) as core:
        await core.training.stop(run_id, wish)
    return _told(arguments, {"run": run_id, "asked": wish}, f"{run_id} was asked to {wish}.")


async def _remove(arguments: argparse.Namespace, config: Config) -> int:
    async with opened_core(config, shared=True) as core:
        await core.training.remove(arguments.remove)
    return _told(arguments, {"removed": arguments.remove}, f"{arguments.remove} is gone.")


def _told(arguments: argparse.Namespace, value: dict[str, Any], text: str) -> int:
    if arguments.json:
        emit(value)
    else:
        say(text)
    return 0
