"""`assistant models quantize`, `convert` and `compare`: smaller files, GGUF from a folder, and what either costs."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import AsyncGenerator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from assistant.commands.models_fit import model_file
from assistant.config import Config
from assistant.home import prepare_home
from assistant.model_making import WINDOWS, ModelMaking
from assistant.models.comparison_text import comparison_lines
from assistant.models.made_model import CONVERTED, OFFERED, Made, Making, Measured
from assistant.output import emit, say, warn
from assistant.safe_text import safe_line


def add_parsers(actions: Any) -> None:
    """Add them to the actions of `models`."""
    quantize = actions.add_parser(
        "quantize",
        help="make a smaller copy of a model",
        description="Writes a copy whose weights take fewer bits, with llama.cpp's own quantiser, into HOME/models. "
        "Q8_0 loses next to nothing, Q5_K_M and Q4_K_M little; `models compare` tells it on a text of yours.",
    )
    quantize.add_argument("name", metavar="MODEL", help="a name in `assistant models`, or a path")
    quantize.add_argument("--to", required=True, metavar="TYPE", help=", ".join(OFFERED))
    quantize.set_defaults(run=run_quantize)
    convert = actions.add_parser(
        "convert",
        help="make a GGUF file of a folder of safetensors",
        description="Converts a Llama or Mistral model with its tokenizer and chat template into HOME/models. Then "
        "transformers and llama.cpp read the same texts, and the difference is told; a file that does not say what "
        "the folder says is not kept.",
    )
    convert.add_argument("folder", metavar="DIR", help="a folder with config.json, tokenizer.json and safetensors")
    convert.add_argument("--to", default=CONVERTED[0], metavar="TYPE", help=f"{', '.join(CONVERTED)} (%(default)s)")
    convert.set_defaults(run=run_convert)
    compare = actions.add_parser(
        "compare",
        help="size, perplexity and speed of models on a text",
        description="Every model reads the text in windows of 512 tokens; perplexity is how many tokens it would have "
        "been torn between at each. Changes are against the first.",
    )
    compare.add_argument("names", nargs="+", metavar="MODEL", help="names in `assistant models`, or paths")
    compare.add_argument("--text", required=True, metavar="FILE", help="a text, best one like those you will ask about")
    compare.add_argument("--windows", type=int, default=WINDOWS, metavar="N", help="of 512 tokens (%(default)s)")
    compare.set_defaults(run=run_compare)
    for parser in (quantize, convert):
        parser.add_argument("--out", metavar="FILE", help="where to write it (default: in HOME/models)")
    for parser in (quantize, convert, compare):
        parser.add_argument("--json", action="store_true", help="print JSON", default=argparse.SUPPRESS)


async def run_quantize(arguments: argparse.Namespace, config: Config) -> int:
    """Quantise, and say what came of it."""
    source = await model_file(config, arguments.name)
    out = Path(arguments.out) if arguments.out else None
    return await _told(config, arguments, lambda making: making.quantize(source, arguments.to, out))


async def run_convert(arguments: argparse.Namespace, config: Config) -> int:
    """Convert, compare, and say what came of it."""
    folder = Path(arguments.folder).expanduser()
    out = Path(arguments.out) if arguments.out else None
    return await _told(config, arguments, lambda making: making.convert(folder, arguments.to, out))


async def run_compare(arguments: argparse.Namespace, config: Config) -> int:
    """Measure each, then print table and plot."""
    paths = [await model_file(config, name) for name in arguments.names]
    measured: list[Measured] = []
    async with _opened(config) as making:
        async for event in _shown(making.compare(paths, Path(arguments.text), arguments.windows)):
            measured.append(event)
    if arguments.json:
        emit([{**asdict(each), "bits": each.bits} for each in measured])
        return 0
    for line in comparison_lines(measured):
        say(safe_line(line))
    return 0


async def _told(config: Config, arguments: argparse.Namespace, work: Any) -> int:
    async with _opened(config) as making:
        async for made in _shown(work(making)):
            _say_made(made, arguments.json)
    return 0


def _say_made(made: Made, as_json: bool) -> None:
    if as_json:
        emit(made.as_json())
        return
    say(safe_line(made.line))
    if made.parity:
        say(made.parity.line)
    if made.notice:
        warn(made.notice)


@contextlib.asynccontextmanager
async def _opened(config: Config) -> AsyncGenerator[ModelMaking, None]:
    prepare_home(config.home)
    making = ModelMaking(config)
    try:
        yield making
    finally:
        await making.worker.stop()


async def _shown(events: AsyncGenerator[Any, None]) -> AsyncGenerator[Any, None]:
    """Pass on what is no progress, which is shown on a terminal."""
    live = sys.stderr.isatty()
    async with contextlib.aclosing(events) as stream:
        async for event in stream:
            if isinstance(event, Making):
                if live:
                    print(f"\r\x1b[K{safe_line(event.line)}", end="", file=sys.stderr, flush=True)
                continue
            if live:
                print("\r\x1b[K", end="", file=sys.stderr, flush=True)
            yield event
