"""Is what `assistant models fit` says true? Estimates beside the measured peak, for running and for training.

    nice python benchmarks/fit.py [--points starter@8192,made-50M-F16@4096,train:lora] [--keep DIR]

Running: the product's own model process loads the model, answers a prompt that fills a part of its context, and tells
its largest resident size (VmHWM of /proc). Training: an epoch of each method in the product's own child, as
`training_estimate.py` does it. One point after the other; made models (random weights, so what they say is nothing)
go into a temporary folder. Prints a Markdown table; the bound is 10 %.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from pathlib import Path

from gguf import GGMLQuantizationType
from made_models import Size, made_model
from training_estimate import compared, rows

from adapters.files.gguf import read_gguf
from adapters.training.recipe import Recipe
from assistant import offline
from assistant.config import load_config
from assistant.conversation import Sampling
from assistant.model_making import ModelMaking
from assistant.models.location import STARTER, resolve_model
from assistant.models.made_model import Made
from assistant.models.memory import need
from assistant.worker_process import WorkerProcess

FILLED = 600  # tokens of the prompt, at most: more than one batch
SIZES = {
    "50M": Size(6, 512, 1536, 8, 4, 32_000),
    "120M": Size(8, 768, 2048, 12, 12, 32_000),
    "370M": Size(6, 2048, 5632, 32, 8, 16_000),
}
POINTS = (
    "starter@512", "starter@8192", "made-50M-F16@2048", "made-50M-F16@16384", "made-50M-Q4_0@1024",
    "made-120M-F16@4096", "made-120M-Q8_0@1024", "made-370M-Q4_K_M@8192", "train:lora", "train:partial", "train:full",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Point:
    """What was said and what was, in bytes."""

    model: str
    context: str
    method: str
    said: int
    measured: int

    @property
    def row(self) -> str:
        """One line of the table."""
        error = 100 * (self.said / self.measured - 1)
        told = f"{self.said / 1e6:,.0f} | {self.measured / 1e6:,.0f} | {error:+.1f} %"
        return f"| {self.model} | {self.context} | {self.method} | {told} |"


async def model_of(name: str, folder: Path) -> Path:
    """The file of a point's model, made where it is not there yet."""
    if name == STARTER:
        return resolve_model(name)
    _, size, kind = name.split("-")
    whole = folder / f"made-{size}.F16.gguf"
    if not whole.exists():
        made_model(whole, SIZES[size], GGMLQuantizationType.F16)
    target = folder / f"{name}.gguf"
    if kind == "F16":
        return whole
    if not target.exists():
        making = ModelMaking(load_config(folder))
        try:
            assert [isinstance(event, Made) async for event in making.quantize(whole, kind, target)][-1]
        finally:
            await making.worker.stop()
    return target


def peak(pid: int) -> int:
    """The largest resident size of a process so far, in bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024


async def running(name: str, context: int, folder: Path) -> Point:
    """Load it, fill it, and look."""
    path = await model_of(name, folder)
    worker = WorkerProcess("model", {}, folder / "logs")
    try:
        await worker.call("load", model=str(path), context=context)
        [each] = (await worker.call("count", texts=["ferry " * 100])).data
        words = int(min(FILLED, context * 0.7) / each * 100)
        sampling = asdict(Sampling(temperature=0, max_tokens=4))
        messages = [{"role": "user", "content": "ferry " * words}]
        async for _ in worker.stream("complete", messages=messages, sampling=sampling):
            pass
        assert worker.pid is not None
        return Point(name, f"{context:,}", "running", need(read_gguf(path), context).total, peak(worker.pid))
    finally:
        await worker.stop()


async def training(method: str, folder: Path) -> Point:
    """One epoch of it on the embedded model."""
    recipe = Recipe(method=method, epochs=1, patience=0)  # type: ignore[arg-type]  # one of METHODS
    told, taken = await compared(resolve_model(STARTER), recipe, rows(80, 300), folder)
    return Point(STARTER, "rows of 30 to 300", f"training, {method}", told.memory, taken["memory_mb"] * 10**6)


async def points(names: list[str], folder: Path) -> AsyncIterator[Point]:
    """One after the other."""
    for name in names:
        kind, _, value = name.partition(":")
        model, _, context = name.partition("@")
        yield await (training(value, folder) if kind == "train" else running(model, int(context), folder))


async def run(options: argparse.Namespace, folder: Path) -> None:
    """Print the table as it grows."""
    print(
        "| model | context | method | estimate, MB | measured peak, MB | error |\n| --- | --- | --- | --- | --- | --- |"
    )
    async for point in points(options.points.split(","), folder):
        print(point.row, flush=True)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--points", default=",".join(POINTS), metavar="P,P", help="MODEL@CONTEXT or train:METHOD")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep made models and runs here")
    options = parser.parse_args()
    offline.enforce()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        asyncio.run(run(options, folder))


if __name__ == "__main__":
    main()
