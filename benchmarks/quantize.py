"""What does quantising the embedded model cost? Size, perplexity on a text, and speed, by type.

    nice python benchmarks/quantize.py --data FOLDER [--types F16,Q8_0,Q5_K_M,Q4_K_M] [--windows 20]

SmolLM2-135M-Instruct is packaged in Q4_1: it is dequantised to F16 first, and every type is made from that by
`assistant models quantize`. The text is the beginning of FOLDER/text/encyclopedia-60MB.txt.xz. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import asyncio
import lzma
import tempfile
from pathlib import Path

from assistant import offline
from assistant.config import load_config
from assistant.model_making import ModelMaking
from assistant.models.location import starter_path
from assistant.models.made_model import Made, Measured

TEXT = "text/encyclopedia-60MB.txt.xz"
SEPARATOR = "<|endoftext|>"


def row(each: Measured, first: Measured) -> str:
    """One line of the table."""
    change = 100 * (each.perplexity / first.perplexity - 1)
    return (
        f"| {each.quantization} | {each.size / 1e6:,.0f} | {each.bits:.2f} | "
        f"{each.perplexity:.2f} ± {each.error:.2f} | {change:+.1f} % | {each.reads:.0f} | {each.writes:.0f} |"
    )


async def run(options: argparse.Namespace, folder: Path) -> None:
    """Make all, then measure all on the same text."""
    text = folder / "text.txt"
    with lzma.open(options.data / TEXT, "rt", encoding="utf-8") as packed:
        text.write_text(packed.read(options.windows * 512 * 16).replace(SEPARATOR, ""), encoding="utf-8")
    making = ModelMaking(load_config(folder))
    try:
        paths = [starter_path()]
        whole = paths[0]
        for kind in options.types.split(","):
            target = folder / f"smollm2.{kind}.gguf"
            made = [event async for event in making.quantize(whole, kind, target)][-1]
            assert isinstance(made, Made)
            whole = made.path if kind == "F16" else whole
            paths.append(made.path)
        paths = [*paths[1:], paths[0]]
        found = [event async for event in making.compare(paths, text, options.windows) if isinstance(event, Measured)]
    finally:
        await making.worker.stop()
    print("| type | size, MB | bits a weight | perplexity | change | tokens/s read | tokens/s written |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for each in found:
        print(row(each, found[0]))


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
        asyncio.run(run(options, Path(temporary)))


if __name__ == "__main__":
    main()
