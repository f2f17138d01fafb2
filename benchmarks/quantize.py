"""What does quantising the embedded model cost? Size, perplexity on a text, and speed, by type.

    nice python benchmarks/quantize.py --data FOLDER [--types F16,Q8_0,Q5_K_M,Q4_K_M] [--windows 20]

SmolLM2-135M-Instruct is packaged in Q4_1: it is dequantised to F16 first, and every type is made from that, as
`assistant models quantize` does. The text is the beginning of FOLDER/text/encyclopedia-60MB.txt.xz. Prints a Markdown
table.
"""

from __future__ import annotations

import argparse
import lzma
import os
import tempfile
from pathlib import Path

from adapters.files.gguf import read_gguf
from assistant import offline
from assistant.models.location import starter_path
from assistant.models.made_model import NUMBERS, Measured
from assistant.models.perplexity import perplexity
from assistant.models.quantizer import quantize

TEXT = "text/encyclopedia-60MB.txt.xz"
SEPARATOR = "<|endoftext|>"
PACKAGED = "Q4_1 as packaged"


def row(each: Measured, first: Measured) -> str:
    """One line of the table."""
    change = 100 * (each.perplexity / first.perplexity - 1)
    return (
        f"| {each.name} | {each.size / 1e6:,.0f} | {each.bits:.2f} | "
        f"{each.perplexity:.2f} ± {each.error:.2f} | {change:+.1f} % | {each.reads:.0f} | {each.writes:.0f} |"
    )


def run(options: argparse.Namespace, folder: Path) -> None:
    """Make all, then measure all on the same text, in this process."""
    with lzma.open(options.data / TEXT, "rt", encoding="utf-8") as packed:
        text = packed.read(options.windows * 512 * 16).replace(SEPARATOR, "")
    print("| type | size, MB | bits a weight | perplexity | change | tokens/s read | tokens/s written |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    first, whole = None, starter_path()
    for kind in (*options.types.split(","), PACKAGED):
        path = starter_path()
        if kind != PACKAGED:
            path = folder / f"smollm2.{kind}.gguf"
            quantize(whole, path, NUMBERS[kind], len(os.sched_getaffinity(0)), lambda done, total: None)
            whole = path if kind == "F16" else whole
        facts = read_gguf(path)
        found = perplexity(path, text, options.windows, 0, lambda done, total: None)
        each = Measured(kind, str(path), facts.quantization, facts.size, facts.parameters, 0, **found)
        first = first or each
        print(row(each, first), flush=True)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, metavar="FOLDER", help=f"holds {TEXT}")
    parser.add_argument(
        "--types", default="F16,Q8_0,Q5_K_M,Q4_K_M", metavar="T,T", help="F16 first: the others are made of it"
    )
    parser.add_argument("--windows", type=int, default=20, help="of 512 tokens")
    options = parser.parse_args()
    offline.enforce()
    with tempfile.TemporaryDirectory() as temporary:
        run(options, Path(temporary))


if __name__ == "__main__":
    main()
