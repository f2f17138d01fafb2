"""`assistant adapters`: list, show, prove, activate, mix, roll back, export, import and remove adapters."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adapters.mix import Share, mix_text
from adapters.versions.registered import Adapter
from assistant.commands.opening import opened_core
from assistant.config import Config
from assistant.errors import UsageError
from assistant.output import emit, say
from assistant.safe_text import safe_line

if TYPE_CHECKING:
    from adapters.proof.evaluation import Evaluation
    from adapters.proof.intervals import Figure
    from assistant.questioning import Progress

PHASES = {
    "loading": "loading the model", "base": "the base answers", "parity": "comparing engines",
    "adapter": "the adapter answers", "judging": "comparing",
}  # fmt: skip


def add_parsers(commands: Any) -> None:
    """Add `adapters` and its actions."""
    adapters = commands.add_parser("adapters", help="list, prove, activate, mix, export and import adapters")
    adapters.add_argument("--json", action="store_true", help="print JSON")
    adapters.set_defaults(run=run_list)
    actions = adapters.add_subparsers(dest="action", metavar="ACTION")
    listing = actions.add_parser("list", help="all versions with state and scores")
    show = actions.add_parser("show", help="facts, figures and the answers that got worse")
    prove = actions.add_parser("prove", help="compare with the base on held-out rows and the general probe")
    prove.add_argument("--data", metavar="DATASET", help="ask the test rows of this dataset instead of its own")
    prove.add_argument("--tolerance", type=float, metavar="POINTS", help="what the general probe may lose (default 2)")
    activate = actions.add_parser("activate", help="put one adapter on: NAME [STRENGTH]")
    deactivate = actions.add_parser("deactivate", help="take one off, or all")
    rollback = actions.add_parser("rollback", help="put on what was on before")
    mix = actions.add_parser("mix", help="put several on: style:0.7 work:0.3; without names, print what is on")
    export = actions.add_parser("export", help="write to a folder or .zip that can be passed on, without its rows")
    bring = actions.add_parser("import", help="take in an exported folder or .zip, or a GGUF LoRA")
    remove = actions.add_parser("remove", help="delete a version with its files")
    retire = actions.add_parser("retire", help="put a version aside; its files stay")
    rename = actions.add_parser("rename", help="call all versions something else")
    for parser in (show, prove, activate, export, remove, retire, rename):
        parser.add_argument("name", metavar="NAME[@vN]")
    activate.add_argument("strength", type=float, nargs="?", default=1.0, metavar="STRENGTH")
    mix.add_argument("mix", nargs="*", metavar="NAME:STRENGTH")
    export.add_argument("target", metavar="PATH")
    bring.add_argument("source", metavar="PATH")
    bring.add_argument("--name", default="", help="call it so (default: its own name)")
    rename.add_argument("new", metavar="NEW")
    deactivate.add_argument("name", nargs="?", default="", metavar="NAME")
    for parser, what in (
        (activate, "also if it is not proven"), (mix, "also if not proven"), (bring, "also for another base model"),
        (remove, "take it off first if it is active"),
    ):  # fmt: skip
        parser.add_argument("--force", action="store_true", help=what)
    runs = {
        listing: run_list, show: run_show, prove: run_prove, activate: run_activate, deactivate: run_deactivate,
        rollback: run_rollback, mix: run_mix, export: run_export, bring: run_import, remove: run_remove,
        retire: run_retire, rename: run_rename,
    }  # fmt: skip
    for parser, run in runs.items():
        parser.set_defaults(run=run)
        parser.add_argument("--json", action="store_true", help="print JSON", default=argparse.SUPPRESS)


async def run_list(arguments: argparse.Namespace, config: Config) -> int:
    """One line a version; * marks what is on."""
    async with opened_core(config, shared=True) as core:
        known = await core.registry.all()
    if arguments.json:
        emit([adapter.as_json() for adapter in known])
        return 0
    for adapter in known:
        mark = f"* {adapter.strength:g}" if adapter.strength is not None else ""
        say(f"{mark:<6}{safe_line(adapter.label):<28} {adapter.state:<9} {_megabytes(adapter):>9}  {_summary(adapter)}")
    if not known:
        say("No adapters yet. `assistant train` makes one, `assistant adapters import` takes one in.")
    return 0


async def run_show(arguments: argparse.Namespace, config: Config) -> int:
    """All that is known of one."""
    async with opened_core(config, shared=True) as core:
        adapter = await core.registry.get(arguments.name)
        reports = await core.registry.evaluations(adapter)
    if arguments.json:
        emit({**adapter.as_json(), "evaluations": reports})
        return 0
    say(f"{adapter.label}: {adapter.state}{', active' if adapter.active else ''}")
    facts = adapter.facts
    if facts is not None:
        weights = facts.base_sha256[:12] or "unknown weights"
        say(f"  {facts.method}, rank {facts.rank}, for {safe_line(facts.base_name)} ({weights})")
        say(f"  learned from {facts.dataset or 'unknown data'}, {facts.origin} {facts.created[:10]}")
    say(f"  {adapter.path} ({_megabytes(adapter)})")
    if adapter.claims:
        say(f"  its maker claims: {safe_line(str(adapter.claims)[:500])}")
    if reports:
        from adapters.proof.evaluation import evaluation_from_json

        say_report(evaluation_from_json(reports[0]))
    elif adapter.reason:
        say(f"  {adapter.reason}")
    return 0


async def run_prove(arguments: argparse.Namespace, config: Config) -> int:
    """Compare with the base; the exit code is 0 whatever the verdict is."""
    from adapters.data.dataset import ROWS_FILE, check_name
    from adapters.proof.evaluation import TOLERANCE
    from assistant.proving import prove

    rows = None
    if arguments.data:
        check_name(arguments.data)
        rows = config.home / "training" / "datasets" / arguments.data / ROWS_FILE
    tolerance = TOLERANCE if arguments.tolerance is None else arguments.tolerance
    if not 0 <= tolerance <= 100:
        raise UsageError(f"A tolerance of {tolerance:g} points is not possible.", "Choose 0 to 100.")
    async with opened_core(config) as core:
        adapter = await core.registry.get(arguments.name)
        told = None if arguments.json else _told
        result = await prove(core, adapter, told, rows=rows, tolerance=tolerance)
    if arguments.json:
        emit(result.as_json())
    else:
        say_report(result)
    return 0


async def run_activate(arguments: argparse.Namespace, config: Config) -> int:
    """Put one on, in place of all others."""
    async with opened_core(config) as core:
        mix = mix_text([Share(arguments.name, arguments.strength)])
        return _on(await core.adapters.activate(mix, force=arguments.force), arguments)


async def run_mix(arguments: argparse.Namespace, config: Config) -> int:
    """Put several on, or say what is on."""
    async with opened_core(config, shared=not arguments.mix) as core:
        if not arguments.mix:
            return _on(mix_text(await core.adapters.mix()), arguments)
        return _on(await core.adapters.activate(" ".join(arguments.mix), force=arguments.force), arguments)


async def run_deactivate(arguments: argparse.Namespace, config: Config) -> int:
    """Take one off, or all."""
    async with opened_core(config) as core:
        return _on(await core.adapters.deactivate(arguments.name), arguments)


async def run_rollback(arguments: argparse.Namespace, config: Config) -> int:
    """Put on what was on before."""
    async with opened_core(config) as core:
        return _on(await core.adapters.rollback(), arguments)


async def run_export(arguments: argparse.Namespace, config: Config) -> int:
    """Write one to a folder or .zip."""
    from assistant.adapter_exchange import export_adapter

    async with opened_core(config, shared=True) as core:
        adapter = await core.registry.get(arguments.name)
        path = await export_adapter(adapter, Path(arguments.target).expanduser().absolute())
    value = {"exported": adapter.label, "path": str(path)}
    return _done(arguments, value, f"{adapter.label} is in {path}, without its rows.")


async def run_import(arguments: argparse.Namespace, config: Config) -> int:
    """Take one in; it stays unproven until it is proven here."""
    from assistant.adapter_exchange import import_adapter

    async with opened_core(config) as core:
        source = Path(arguments.source).expanduser().absolute()
        adapter = await import_adapter(core, source, arguments.name, force=arguments.force)
    hint = f"{adapter.label} is here. Prove it: assistant adapters prove {adapter.label} --data DATASET"
    return _done(arguments, adapter.as_json(), hint)


async def run_remove(arguments: argparse.Namespace, config: Config) -> int:
    """Delete one version."""
    async with opened_core(config) as core:
        adapter = await core.registry.get(arguments.name)
        if adapter.active and arguments.force:
            await core.adapters.forget(adapter)
            adapter = await core.registry.by_id(adapter.id)
        await core.registry.remove(adapter)
    return _done(arguments, {"removed": adapter.label}, f"{adapter.label} is gone; the dataset it learned from stays.")


async def run_retire(arguments: argparse.Namespace, config: Config) -> int:
    """Put one version aside."""
    async with opened_core(config) as core:
        adapter = await core.registry.retire(await core.registry.get(arguments.name))
    return _done(arguments, adapter.as_json(), f"{adapter.label} is put aside; proving it again brings it back.")


async def run_rename(arguments: argparse.Namespace, config: Config) -> int:
    """Call all versions something else."""
    async with opened_core(config) as core:
        await core.registry.rename(arguments.name, arguments.new)
    names = {"renamed": arguments.name, "name": arguments.new}
    return _done(arguments, names, f"{arguments.name} is called {arguments.new} from now on.")


def _on(mix: str, arguments: argparse.Namespace) -> int:
    return _done(arguments, {"mix": mix}, f"On: {mix}" if mix else "No adapter is on.")


def _done(arguments: argparse.Namespace, value: dict[str, Any], text: str) -> int:
    if arguments.json:
        emit(value)
    else:
        say(text)
    return 0


def _told(progress: Progress) -> None:
    """How far a proof is, on one line of a terminal that is looked at."""
    if not sys.stderr.isatty():
        return
    left = f", {progress.seconds_left:.0f} s left" if progress.seconds_left else ""
    line = f"{PHASES[progress.phase]}: {progress.done} of {progress.total}{left}"
    print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)
    if progress.phase == "judging":
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def say_report(result: Evaluation) -> None:
    """The verdict with its figures, and the answers that got worse."""
    say(f"{result.verdict.decision}: {result.verdict.reason}")
    if result.scope:
        say(f"  {result.scope}")
    if result.parity:
        say(f"  {result.parity.get('text', '')}")
    say(f"  {result.rows} held-out rows of {result.dataset or 'its data'}, base {result.base}; base -> adapter:")
    for figure in (*result.figures, result.probe, *result.categories):
        say(_figure_line(figure))
    for example in result.worst:
        say(f"  worse ({example.source}): {safe_line(example.question)[:200]}")
        if example.expected:
            say(f"    expected: {safe_line(example.expected)[:200]}")
        say(f"    base:     {safe_line(example.base)[:200]}")
        say(f"    adapter:  {safe_line(example.adapter)[:200]}")


def _figure_line(figure: Figure) -> str:
    factor = 1 if figure.name == "loss" else 100
    before, after, low, high = (factor * value for value in (figure.base, figure.adapter, figure.low, figure.high))
    bounds = f"95 % interval of the difference {low:+.2f} to {high:+.2f}"
    return f"  {figure.name:<14}{before:>8.2f} -> {after:>7.2f}   {bounds}   n={figure.count}"


def _summary(adapter: Adapter) -> str:
    scores = adapter.scores
    if not scores:
        return safe_line(adapter.reason)[:60]
    primary = scores.get(scores.get("primary", ""), [0, 0])
    probe = scores.get("probe", [0, 0])
    task = f"{scores.get('primary')} {100 * primary[0]:.0f} -> {100 * primary[1]:.0f}"
    return f"{task}, probe {100 * probe[0]:.0f} -> {100 * probe[1]:.0f}"


def _megabytes(adapter: Adapter) -> str:
    return f"{adapter.size / 1e6:.1f} MB"
