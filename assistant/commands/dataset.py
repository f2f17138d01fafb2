"""`assistant dataset`: build, list, show, check and remove datasets; draft pairs; find and forget what is in them."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from adapters.data.building import HoldOut, Options
from adapters.data.splitting_rows import Shares
from assistant.chat_rows import ChosenAnswer
from assistant.commands import dataset_drafts, dataset_forget
from assistant.commands.dataset_report import say_card, say_preview
from assistant.commands.opening import opened_core
from assistant.config import Config
from assistant.curation import DatasetRequest, build_dataset, plan_dataset, preview_dataset
from assistant.errors import UsageError
from assistant.output import emit, say
from assistant.safe_text import safe_line
from assistant.storage.datasets import dataset_folder, list_datasets, load_dataset, remove_dataset
from assistant.storage.teachings import ARROW


def add_parsers(commands: Any) -> None:
    """Add `dataset` and its actions."""
    parser = commands.add_parser("dataset", help="make training data from files, chats, teachings and documents")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run_list)
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    build = actions.add_parser("build", help="build a dataset, and say what it is good for")
    _add_sources(build)
    build.set_defaults(run=run_build)
    actions.add_parser("list", help="all datasets").set_defaults(run=run_list)
    show = actions.add_parser("show", help="what is in a dataset")
    show.add_argument("--preview", type=int, nargs="?", const=3, default=0, metavar="N", help="N rows as tokens")
    show.set_defaults(run=run_show)
    check = actions.add_parser("check", help="check a dataset, or files before they become one")
    check.add_argument("names", nargs="+", metavar="NAME|FILE")
    check.set_defaults(run=run_check)
    remove = actions.add_parser("remove", help="delete a dataset; adapters trained on it stay")
    remove.set_defaults(run=run_remove)
    for action in (build, show, remove):
        action.add_argument("name", metavar="NAME")
    build.add_argument("files", nargs="*", type=Path, metavar="FILE", help="JSONL, JSON, CSV, or text")
    dataset_drafts.add_parsers(actions)
    dataset_forget.add_parsers(actions)
    for action in actions.choices.values():
        action.add_argument("--json", action="store_true", help="print JSON", default=argparse.SUPPRESS)


def _add_sources(build: argparse.ArgumentParser) -> None:
    build.add_argument("--chat", type=int, action="append", metavar="ID", help="all answers of a chat (repeatable)")
    build.add_argument(
        "--message",
        action="append",
        metavar="ID",
        help=f"one answer; 'ID {ARROW} TEXT' learns TEXT instead",
    )
    build.add_argument("--teachings", action="store_true", help="everything taught with `assistant teach` or /teach")
    build.add_argument("--scores", action="store_true", help="answers scored well, and better ones that were typed")
    build.add_argument("--pairs", action="store_true", help="what you preferred to what: comparisons, better answers")
    build.add_argument("--ratings", action="store_true", help="answers scored good, and answers scored bad")
    build.add_argument("--document", action="append", metavar="D", help="a document's text (id, path or title)")
    build.add_argument("--collection", action="append", metavar="C", help="the text of all documents of a collection")
    build.add_argument("--drafts", action="append", metavar="D", help="reviewed pairs (see `dataset draft`)")
    build.add_argument("--wordings", type=int, default=0, metavar="N", help="ways each training question is asked")
    build.add_argument("--hold-out", choices=("auto", "wordings", "rows"), default="auto", help="what the proof asks")
    build.add_argument("--validation", type=float, metavar="S", help="share held out (default 0.1)")
    build.add_argument("--test", type=float, metavar="S", help="share held out (default 0.1, of pairs and ratings 0.2)")
    build.add_argument("--max-tokens", type=int, default=Options().max_tokens, metavar="N", help="longest row learned")
    build.add_argument("--seed", type=int, default=0, metavar="N", help="the same seed gives the same dataset")
    build.add_argument("--licence", default="", metavar="TEXT", help="kept in the dataset's card")
    build.add_argument("--anyway", action="store_true", help="also with too few or contradictory rows")
    build.add_argument("--dry-run", action="store_true", help="say what would be built, and build nothing")


async def run_build(arguments: argparse.Namespace, config: Config) -> int:
    """Build, then print the card."""
    request = _request(arguments)
    async with opened_core(config, shared=True, stored_chats=True) as core:
        dataset = await (plan_dataset if arguments.dry_run else build_dataset)(core, request)
    folder = dataset_folder(config.home, request.name)
    if arguments.json:
        emit({**dataset.card.as_json(), "folder": "" if arguments.dry_run else str(folder)})
        return 0
    say_card(dataset.card)
    if not arguments.dry_run:
        say(f"Next: assistant train {request.name} --data {request.name}")
    return 0


def _request(arguments: argparse.Namespace) -> DatasetRequest:
    hold_out: HoldOut = arguments.hold_out
    options = Options(
        seed=arguments.seed, wordings=arguments.wordings, shares=_shares(arguments.validation, arguments.test),
        hold_out=hold_out, max_tokens=arguments.max_tokens, anyway=arguments.anyway, licence=arguments.licence,
    )  # fmt: skip
    return DatasetRequest(
        arguments.name, tuple(arguments.files), tuple(arguments.chat or ()),
        tuple(_chosen(text) for text in arguments.message or ()),
        arguments.teachings, arguments.scores, arguments.pairs, arguments.ratings,
        tuple(arguments.document or ()), tuple(arguments.collection or ()), tuple(arguments.drafts or ()), options,
    )  # fmt: skip


def _shares(validation: float | None, test: float | None) -> Shares | None:
    """What was asked for; None where nothing was, so that the default of the rows' kind holds."""
    if validation is None and test is None:
        return None
    usual = Shares()
    return Shares(usual.validation if validation is None else validation, usual.test if test is None else test)


def _chosen(text: str) -> ChosenAnswer:
    number, _, answer = (part.strip() for part in text.partition(ARROW))
    if not number.isdecimal():
        raise UsageError(f"{text[:60]!r} names no message.", f"Give its number, or 'ID {ARROW} TEXT'.")
    return ChosenAnswer(int(number), answer)


async def run_list(arguments: argparse.Namespace, config: Config) -> int:
    """One line a dataset."""
    cards = list_datasets(config.home)
    if arguments.json:
        emit([card.as_json() for card in cards])
        return 0
    for card in cards:
        rows = sum(card.rows.values())
        warnings = f", {len(card.warnings)} warnings" if card.warnings else ""
        created = card.created[:16].replace("T", " ")
        say(f"{card.name}  {rows:,} rows, {card.tokens:,} tokens, {card.kind}{warnings}  {created}")
    if not cards:
        say("No datasets yet: assistant dataset build NAME FILE")
    return 0


async def run_show(arguments: argparse.Namespace, config: Config) -> int:
    """The card, and rows as the model will read them."""
    card = load_dataset(config.home, arguments.name).card
    previews = []
    if arguments.preview > 0:
        async with opened_core(config, shared=True) as core:
            previews = await preview_dataset(core, arguments.name, arguments.preview)
    if arguments.json:
        emit({**card.as_json(), "preview": [{**asdict(entry), "learned": entry.learned} for entry in previews]})
        return 0
    say_card(card)
    for entry in previews:
        say_preview(entry)
    return 0


async def run_check(arguments: argparse.Namespace, config: Config) -> int:
    """What building from these rows would say; refusals are errors."""
    files = tuple(_rows_file(name, config) for name in arguments.names)
    async with opened_core(config, shared=True) as core:
        card = (await plan_dataset(core, DatasetRequest("check", files, options=Options(wordings=1)))).card
    if arguments.json:
        emit(card.as_json())
    else:
        say_card(card)
    return 0


def _rows_file(name: str, config: Config) -> Path:
    """A file as it is named; a dataset's rows after its hash was checked."""
    path = Path(name).expanduser()
    if path.is_file() or "/" in name:
        return path
    load_dataset(config.home, name)
    return dataset_folder(config.home, name) / "rows.jsonl"


async def run_remove(arguments: argparse.Namespace, config: Config) -> int:
    """Delete the dataset's folder."""
    remove_dataset(config.home, arguments.name)
    if arguments.json:
        emit({"removed": arguments.name})
    else:
        say(f"The dataset {safe_line(arguments.name)} is gone; what it was built from, and adapters, stay.")
    return 0
