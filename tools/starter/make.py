"""Make the starter adapter: rows, dataset, training, proof, and the files that ship. Run again, it goes on.

    python tools/starter/make.py --data DIR [--work DIR] [--scale 0.4]

Everything is done by the product's own commands, in a home of its own below the work folder.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from adapters.durable import sha256_of  # noqa: E402 - the repository has to be importable first
from adapters.versions import version_folder  # noqa: E402

FOLDER = ROOT / "adapters" / "starter"
NAME = "starter"
TRAINED = "reader"  # what it is called where it is trained: that home has the one that ships as well
SHIPPED = ("adapter.gguf", "recipe.json", "result.json", "scores.json")  # the PEFT weights stay behind: they are large
SCALE = 0.4  # of the full mixture: about 6,400 rows, 80 minutes on two idle cores


def run(*command: str | Path) -> None:
    """A command of the repository, its output as it comes; ends with it if it fails."""
    print("$", *command, flush=True)
    subprocess.run([sys.executable, *map(str, command)], cwd=ROOT, check=True)


def ship(exported: Path) -> None:
    """Put what ships of an exported adapter where the product brings it along."""
    facts = version_folder.read_manifest(exported).facts
    with tempfile.TemporaryDirectory() as made:
        version_folder.fill(Path(made), {name: exported / name for name in SHIPPED}, NAME, 1, facts)
        for file in Path(made).iterdir():
            shutil.copyfile(file, FOLDER / file.name)
    print(f"{FOLDER / 'adapter.gguf'}: SHA-256 {sha256_of(FOLDER / 'adapter.gguf')}")


def main() -> int:
    """Build, train, prove, ship; what is there already is not made again."""
    parser = argparse.ArgumentParser(description="Make the starter adapter.")
    parser.add_argument("--data", type=Path, default=os.environ.get("ASSISTANT_DATA"), metavar="DIR")
    parser.add_argument("--work", type=Path, default=ROOT / ".build" / NAME, metavar="DIR")
    parser.add_argument("--scale", type=float, default=SCALE, help=f"of the full mixture of rows (default {SCALE})")
    options = parser.parse_args()
    if options.data is None or not (Path(options.data) / "train").is_dir():
        parser.error("name the folder with train/: --data DIR or ASSISTANT_DATA")
    rows, home = options.work / "rows.jsonl", options.work / "home"
    options.work.mkdir(parents=True, exist_ok=True)
    assistant = ("-m", "assistant", "--home", home)
    if not rows.exists():
        run("tools/starter/build.py", "--data", options.data, "--out", rows, "--scale", str(options.scale))
    if not (home / "training" / "datasets" / NAME).exists():
        run(*assistant, "dataset", "build", NAME, rows, "--wordings", "1", "--max-tokens", "768", "--seed", "1")
    begun = [path.name for path in (home / "training" / "runs").glob(f"{TRAINED}-*")]
    if not (home / "adapters" / TRAINED).exists():
        fresh = (TRAINED, "--data", NAME, "--recipe", str(FOLDER / "recipe.json"))
        wanted = ("--resume", *begun) if begun else fresh
        run(*assistant, "train", *wanted)
    exported = options.work / "exported"
    shutil.rmtree(exported, ignore_errors=True)
    run(*assistant, "adapters", "export", TRAINED, exported)
    ship(exported)
    return 0


if __name__ == "__main__":
    sys.exit(main())
