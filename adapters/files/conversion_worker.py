"""The child that turns a run's result into the GGUF file the chat runs.

Started as `python -m adapters.files.conversion_worker RUN BASE`. The file appears under its name when it is whole.
[H] gguf, numpy (through export).
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from adapters.errors import GGUFError, TrainingError
from adapters.files.conversion import main_file, run_facts
from adapters.files.export import export_lora, export_model
from adapters.files.gguf import read_gguf
from adapters.offline_guard import obey_environment
from adapters.versions.registered import MAIN_FILES


def write(run: Path, base: Path) -> None:
    """Write the result's GGUF file beside it.

    Raises:
        TrainingError, GGUFError: as conversion.convert.
    """
    target, about = main_file(run), run_facts(run)
    temporary = target.with_name(f".unfinished-{target.name}")
    temporary.unlink(missing_ok=True)
    try:
        if target.name == MAIN_FILES["model"]:
            export_model(run / "result" / "model.safetensors", base, temporary, name=str(about.get("name", "")))
        else:
            origin = {key: str(about.get(key, "")) for key in ("name", "base_sha256", "dataset", "dataset_sha256")}
            export_lora(run / "result" / "peft", read_gguf(base), temporary, metadata=origin)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def main() -> int:
    """Entry point of the child; what goes wrong is its last line, in JSON."""
    os.umask(0o077)
    obey_environment()
    try:
        write(Path(sys.argv[1]), Path(sys.argv[2]))
    except (GGUFError, TrainingError) as error:
        print(json.dumps({"message": str(error), "hint": error.hint}))
        return 1
    except OSError as error:
        what = f"{error.filename or 'The file'} cannot be written: {error.strerror or error}."
        print(json.dumps({"message": what, "hint": "Check the disk's free space."}))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
