"""Write what the embedded model says to the general prompts, so that it ships: adapters/training/replayed/.

    python tools/replayed.py

Needed again whenever the prompts, the embedded model or the shipped system prompt change; about ten minutes.
"""

from __future__ import annotations

import lzma
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402 - the repository has to be importable first

from adapters.durable import sha256_of  # noqa: E402
from adapters.training import replay  # noqa: E402
from adapters.training.base_weights import load_tokenizer  # noqa: E402
from adapters.training.encoding import codec_from  # noqa: E402
from adapters.training.methods import prepare  # noqa: E402
from adapters.training.recipe import Recipe  # noqa: E402
from assistant.config import load_config  # noqa: E402
from assistant.models.location import starter_path  # noqa: E402
from assistant.prompting import system_prompt  # noqa: E402


def main() -> int:
    """Ask the model and write the file; files of other prompts are deleted."""
    base = starter_path()
    codec = codec_from(load_tokenizer(base), system_prompt(load_config(ROOT / "none").answer.system_prompt))
    model = prepare(base, Recipe(), torch.device("cpu")).model
    replay.SHIPPED.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as cache:
        replay.replay_rows(
            model, codec, Path(cache), sha256_of(base), lambda done, count: print(f"{done} of {count}"), lambda: False
        )
        for old in replay.SHIPPED.glob("*.xz"):
            old.unlink()
        for made in Path(cache).glob("*.json"):
            (replay.SHIPPED / f"{made.name}.xz").write_bytes(lzma.compress(made.read_bytes(), preset=9))
    return 0


if __name__ == "__main__":
    sys.exit(main())
