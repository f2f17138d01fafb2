"""Both engines on the embedded model, the same prompts in one run: speed, first token, memory, and whether they agree.

The model is dequantised to a GGUF in 32-bit floats, which llama.cpp runs with a 32-bit cache and transformers in fp32,
so that what differs is the order of the sums alone. Each engine has a process of its own; prompts are the questions of
the general probe, answered greedily without a repeat penalty. A token agrees if both engines chose it at that place;
after a first difference the texts go on as they like, so everything behind it counts as different where it differs.
The file as it is shipped (llama.cpp) and bfloat16 (transformers) follow with fewer prompts, for their speed.

    python benchmarks/engines.py [--prompts 50] [--tokens 32] [--quick 8] [--threads 1]
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]

from adapters.files.gguf import read_gguf  # noqa: E402 - the repository has to be importable first
from adapters.proof.probe import load as load_probe  # noqa: E402
from assistant import offline  # noqa: E402
from assistant.backends.base import ChatMessage, Done  # noqa: E402
from assistant.conversation import Sampling  # noqa: E402
from assistant.models.location import starter_path  # noqa: E402

SYSTEM = "You answer in one sentence."
CONTEXT = 1024
ENGINES = {  # name -> file, engine, precision
    "llama.cpp, F32": ("f32", "llama.cpp", "auto"),
    "transformers, fp32": ("f32", "transformers", "fp32"),
    "llama.cpp, Q4_1 as shipped": ("starter", "llama.cpp", "auto"),
    "transformers, bf16": ("f32", "transformers", "bf16"),
}


def dequantised(target: Path) -> Path:
    """The embedded model with all weights as 32-bit floats."""
    import numpy as np
    from gguf import GGMLQuantizationType, GGUFReader, GGUFWriter
    from gguf.quants import dequantize

    from adapters.files.gguf_file import Planned, write_gguf
    from adapters.files.model_export import _copy_metadata

    reader = GGUFReader(starter_path())
    writer = GGUFWriter(target, "llama")
    _copy_metadata(reader, writer, 0, "")

    def planned(tensor: Any) -> Planned:
        shape = tuple(int(length) for length in tensor.shape[::-1])

        def values() -> Any:
            return dequantize(tensor.data, tensor.tensor_type).astype(np.float32).reshape(shape)

        return Planned(tensor.name, shape, GGMLQuantizationType.F32, values)

    write_gguf(target, writer, [planned(tensor) for tensor in reader.tensors])
    return target


def prompts(count: int) -> list[list[ChatMessage]]:
    """The first questions of the general probe, each as a chat."""
    return [[ChatMessage("system", SYSTEM), ChatMessage("user", item.prompt)] for item in load_probe()[:count]]


def one_engine(path: Path, engine: str, precision: Any, count: int, tokens: int, threads: int) -> dict[str, Any]:
    """In a child: the tokens of each answer with the gap between the two best scores at each, and what it took."""
    facts = read_gguf(path)
    began = time.monotonic()
    if engine == "llama.cpp":
        from assistant.backends.llamacpp import LlamaCppBackend

        backend: Any = LlamaCppBackend(facts, "", CONTEXT, threads, threads, exact=path != starter_path())
    else:
        from assistant.backends.transformers_backend import TransformersBackend

        backend = TransformersBackend(facts, "", CONTEXT, threads, threads, precision)
    loaded = time.monotonic() - began
    sampling = Sampling(temperature=0, repeat_penalty=1.0, max_tokens=tokens)
    answers, gaps, rates, firsts = [], [], [], []
    for number, chat in enumerate(prompts(count)):
        said, near = [], []
        for item in backend.decode(chat, sampling, lambda: False):
            if isinstance(item, Done):
                rates.append(item.tokens_per_second)
                firsts.append(item.seconds_to_first_token)
            else:
                best = sorted(backend._engine.last_scores().tolist())[-2:]
                said.append(item.token)
                near.append(best[1] - best[0])
        answers.append(said)
        gaps.append(near)
        print(f"{engine} {precision} {number + 1}/{count}", file=sys.stderr, flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {
        "answers": answers, "gaps": gaps, "loaded": loaded, "rate": median(rates), "first": median(firsts), "peak": peak
    }  # fmt: skip


def compared(one: dict[str, Any], other: dict[str, Any]) -> tuple[float, int, list[tuple[int, int, float]]]:
    """The share of places with the same token, answers that are the same throughout, and of the others the first
    different place with the gap of the two best scores there."""
    same = total = whole = 0
    first = []
    for number, (mine, theirs) in enumerate(zip(one["answers"], other["answers"], strict=True)):
        length = max(len(mine), len(theirs))
        agree = [a == b for a, b in zip(mine, theirs, strict=False)]
        same, total = same + sum(agree), total + length
        if all(agree) and len(mine) == len(theirs):
            whole += 1
        else:
            place = agree.index(False) if False in agree else len(agree)
            first.append((number + 1, place + 1, other["gaps"][number][min(place, len(theirs) - 1)]))
    return same / total, whole, first


def report(found: dict[str, dict[str, Any]], tokens: int) -> None:
    """The tables of RESULTS.md."""
    print("| engine | tokens/s | first token | peak memory | loading |\n| --- | ---: | ---: | ---: | ---: |")
    for name, each in found.items():
        print(
            f"| {name} | {each['rate']:.1f} | {each['first'] * 1000:,.0f} ms | {each['peak'] / 1e6:,.0f} MB "
            f"| {each['loaded']:.1f} s |"
        )
    one, other = list(found.values())[:2]
    share, whole, first = compared(one, other)
    print(
        f"\nThe same token at {share:.1%} of the places ({tokens} a prompt at most); {whole} of {len(one['answers'])}"
    )
    print("answers are the same throughout. First differences (prompt, token, gap of the two best scores there):")
    print(", ".join(f"{number}: token {place}, gap {gap:.5f}" for number, place, gap in first) or "none")


def main() -> None:
    """One child after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=int, default=50)
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--quick", type=int, default=8, help="prompts for the other two")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    offline.enforce()
    if options.child:
        path, engine, precision, count = options.child
        print(json.dumps(one_engine(Path(path), engine, precision, int(count), options.tokens, options.threads)))
        return
    with tempfile.TemporaryDirectory() as folder:
        files = {"f32": dequantised(Path(folder) / "f32.gguf"), "starter": starter_path()}
        found = {}
        for place, (name, (file, engine, precision)) in enumerate(ENGINES.items()):
            count = options.prompts if place < 2 else options.quick
            words = ["--child", str(files[file]), engine, precision, str(count)]
            numbers = ["--tokens", str(options.tokens), "--threads", str(options.threads)]
            child = subprocess.run(
                [sys.executable, __file__, *words, *numbers], stdout=subprocess.PIPE, text=True, check=True
            )
            found[name] = json.loads(child.stdout.splitlines()[-1])
    report(found, options.tokens)


if __name__ == "__main__":
    main()
