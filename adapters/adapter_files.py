"""Which file does an adapter's name mean, and what is an adapter file called?

HOME/adapters holds loose files (`style.gguf`) and versions (`style/v2/adapter.gguf`).
"""

from __future__ import annotations

import re
from pathlib import Path

from adapters.errors import AdapterFitError

WEIGHTS = "adapter.gguf"
PEFT_CONFIG = "adapter_config.json"  # names a folder of PEFT
VERSION = re.compile(r"v([0-9]{1,6})")


def find_adapter(name: str, folder: Path) -> Path:
    """The file that `name` means: a path, `NAME@vN`, the newest version of NAME, or `folder`/NAME.gguf.

    Of a folder of PEFT it is the adapter_config.json.

    Raises:
        AdapterFitError: there is none.
    """
    try:
        for path in (Path(name).expanduser(), *_named(name, folder)):
            if path.is_file():
                return path.resolve()
            if (path / PEFT_CONFIG).is_file():
                return (path / PEFT_CONFIG).resolve()
    except (OSError, ValueError, RuntimeError):  # a name too long, with a null byte, or of an unknown ~user
        pass
    raise AdapterFitError(f"There is no adapter {name}.", f"Give a path, or a name in {folder}.")


def adapter_label(path: Path) -> str:
    """What the file is called on screen and in stored messages: `style@v2`, or its name without ending."""
    if path.name == PEFT_CONFIG:  # of NAME/vN/peft, or of a folder that is called as the adapter
        path = path.parent.parent / WEIGHTS if VERSION.fullmatch(path.parent.parent.name) else path.parent
    if path.name == WEIGHTS and VERSION.fullmatch(path.parent.name):
        return f"{path.parent.parent.name}@{path.parent.name}"
    return path.stem


def _named(name: str, folder: Path) -> list[Path]:
    stem, _, version = name.rpartition("@")
    if stem and VERSION.fullmatch(version):
        return [folder / stem / version / WEIGHTS]
    home = folder / name
    found = [path for path in home.glob(f"v*/{WEIGHTS}") if VERSION.fullmatch(path.parent.name)]
    newest = sorted(found, key=lambda path: int(path.parent.name[1:]), reverse=True)
    return [*newest[:1], folder / f"{name}.gguf"]
