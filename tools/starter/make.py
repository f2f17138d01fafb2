"""Make the starter adapter: rows, datasets, trainings, its threshold, and the files that ship. Run again, it goes on.

    python tools/starter/make.py --data DIR [--work DIR]

Everything is done by the product's own commands, in a home of its own below the work folder.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from adapters.durable import sha256_of  # noqa: E402 - the repository has to be importable first
from adapters.rows import row_from_json  # noqa: E402
from adapters.versions import version_folder  # noqa: E402
from assistant.config import load_config  # noqa: E402
from assistant.prompting import system_prompt  # noqa: E402
from tools.starter.threshold import null_threshold  # noqa: E402

FOLDER = ROOT / "adapters" / "starter"
SHIPPED = ("adapter.gguf", "recipe.json", "result.json", "scores.json")  # the PEFT weights stay behind: they are large


@dataclass(frozen=True, slots=True)
class Stage:
    """One training: the name of its rows and its adapter, how to build the rows, and how to train on them."""

    name: str
    build: tuple[str, ...]
    train: tuple[str, ...]


COMMON = ("--batch-tokens", "3072", "--max-tokens", "768", "--pull", "1", "--patience", "0", "--no-prove")
STAGES = (  # two hours and one hour on two cores
    Stage(
        "reader-first", ("--scale", "0.4"),
        ("--rank", "32", "--alpha", "64", "--learning-rate", "0.001", "--epochs", "0.74", "--replay", "0.15",
         "--seed", "1", "--set", "warmup=0.05"),
    ),
    Stage(
        "reader", ("--scale", "1", "--seed", "31", "--rows", "2700"),
        ("--learning-rate", "0.0006", "--epochs", "1", "--replay", "0.1", "--seed", "2", "--set", "warmup=0.03"),
    ),
)  # fmt: skip


def run(*command: str | Path) -> None:
    """A command of the repository, its output as it comes; ends with it if it fails."""
    print("$", *command, flush=True)
    subprocess.run([sys.executable, *map(str, command)], cwd=ROOT, check=True)


def learn(stage: Stage, before: Stage | None, data: Path, work: Path) -> None:
    """Build the rows of a stage and train on them, from where the stage before ended, unless that was done before."""
    rows, home = work / f"{stage.name}.jsonl", work / "home"
    assistant = ("-m", "assistant", "--home", home)
    if not rows.exists():
        without = ("--without", work / f"{before.name}.jsonl") if before else ()
        run("tools/starter/build.py", "--data", data, "--out", rows, *stage.build, *without)
    if not (home / "training" / "datasets" / stage.name).exists():
        run(*assistant, "dataset", "build", stage.name, rows, "--wordings", "1", "--max-tokens", "768", "--seed", "1")
    if (home / "adapters" / stage.name).exists():
        return
    begun = [path.name for path in (home / "training" / "runs").glob(f"{stage.name}-2*")]  # its date follows
    fresh = (stage.name, "--data", stage.name, *COMMON, *stage.train, *(("--from", before.name) if before else ()))
    run(*assistant, "train", *(("--resume", begun[0], "--no-prove") if begun else fresh))


def ship(exported: Path, rows: Path) -> None:
    """Put what ships of an exported adapter where the product brings it along, with its threshold."""
    known_rows = [row_from_json(json.loads(line)) for line in rows.read_text("utf-8").splitlines()]
    system = system_prompt(load_config(Path("/nonexistent")).answer.system_prompt)
    threshold = null_threshold(exported / "adapter.gguf", [row for row in known_rows if row.split != "train"], system)
    known = version_folder.read_manifest(exported).facts
    facts = replace(known, for_documents=True, null_threshold=threshold)
    with tempfile.TemporaryDirectory() as made:
        files: dict[str, Path | bytes] = {name: exported / name for name in SHIPPED if (exported / name).exists()}
        version_folder.fill(Path(made), files, "starter", 1, facts)
        for file in Path(made).iterdir():
            shutil.copyfile(file, FOLDER / file.name)
    print(f"{FOLDER / 'adapter.gguf'}: SHA-256 {sha256_of(FOLDER / 'adapter.gguf')}")


def main() -> int:
    """Build, train, ship; what is there already is not made again."""
    parser = argparse.ArgumentParser(description="Make the starter adapter.")
    parser.add_argument("--data", type=Path, default=os.environ.get("ASSISTANT_DATA"), metavar="DIR")
    parser.add_argument("--work", type=Path, default=ROOT / ".build" / "starter", metavar="DIR")
    options = parser.parse_args()
    if options.data is None or not (Path(options.data) / "train").is_dir():
        parser.error("name the folder with train/: --data DIR or ASSISTANT_DATA")
    options.work.mkdir(parents=True, exist_ok=True)
    for before, stage in zip((None, *STAGES), STAGES, strict=False):
        learn(stage, before, options.data, options.work)
    exported = options.work / "exported"
    shutil.rmtree(exported, ignore_errors=True)
    run("-m", "assistant", "--home", options.work / "home", "adapters", "export", STAGES[-1].name, exported)
    ship(exported, options.work / f"{STAGES[-1].name}.jsonl")
    return 0


if __name__ == "__main__":
    sys.exit(main())
