"""The child that converts a folder and lets both engines read the same texts. [H] torch, transformers, llama_cpp.

Started as `python -m assistant.models.conversion_worker FOLDER TARGET KIND COMPARE`; it prints a JSON object a line:
{"done", "total"}, then {"parity": fields of Parity} where COMPARE is 1; what goes wrong is its last line. It is no
worker of worker_host, whose children must give a sign of life while a library of this size is being loaded.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from adapters.errors import GGUFError, TrainingError
from adapters.offline_guard import forbid_connections
from assistant import offline
from assistant.errors import AssistantError
from assistant.worker_host import limit_process


def main() -> int:
    """Entry point of the child."""
    os.umask(0o077)
    limit_process(None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the assistant hears Ctrl-C, and ends this process
    offline.enforce()
    forbid_connections(loopback=False)
    folder, target, kind, compare = sys.argv[1:]
    lines = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever libraries print goes to the log

    def tell(value: dict[str, Any]) -> None:
        lines.write(json.dumps(value) + "\n")
        lines.flush()

    try:
        from adapters.files.folder_conversion import convert_folder, read_config

        read_config(Path(folder))  # what cannot be converted is refused before torch is loaded
        from assistant.models.conversion_parity import parity, special_ids

        special = special_ids(Path(folder))
        convert_folder(
            Path(folder), Path(target), kind, special, lambda done, total: tell({"done": done, "total": total})
        )
        if compare == "1":
            tell({"parity": parity(Path(folder), Path(target), kind)})
    except (GGUFError, TrainingError, AssistantError) as error:
        name = getattr(error, "error_name", type(error).__name__)
        tell({"error": name, "message": getattr(error, "message", str(error)), "hint": error.hint})
        return 1
    except MemoryError:
        hint = "Close other programs, or convert it on a larger machine."
        tell({"error": "ModelError", "message": "There was not enough memory.", "hint": hint})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
