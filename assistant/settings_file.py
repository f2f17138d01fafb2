"""Settings written into the user's own file, and only those that were asked for: every other line stays as it is."""

from __future__ import annotations

import json
import re
import tomllib

from assistant.config import Config
from assistant.errors import StorageError, UsageError
from ingest.atomic_file import replace_file

_VALUE = r"""(?:"(?:\\.|[^"\\])*"|'[^']*'|\[(?:"(?:\\.|[^"\\])*"|[^"#])*\]|[^#]*?)"""  # a # may stand in a text


def write_settings(config: Config, values: dict[tuple[str, str], float | int | bool | str | list[str]]) -> None:
    """Put values, by section and key, into the user's config.toml; it is made if there is none.

    Raises:
        UsageError: the file cannot be read as TOML, or a value is refused; nothing was written.
        StorageError: the file cannot be written; it stays as it was.
    """
    try:
        text = config.user_file.read_text("utf-8-sig") if config.user_file.exists() else ""
        for (section, key), value in values.items():
            config.with_value(section, key, value)
            text = with_setting(text, section, key, _literal(value))
        tomllib.loads(text)
    except ValueError as error:  # TOMLDecodeError and UnicodeDecodeError among them
        raise UsageError(f"{config.user_file} was not changed: {error}", "Mend the file by hand first.") from error
    try:
        config.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(config.user_file, text.encode())
    except OSError as error:
        raise StorageError(f"{config.user_file} cannot be written: {error.strerror}.", "It stays as it was.") from error


def with_setting(text: str, section: str, key: str, literal: str) -> str:
    """The TOML text with one key of one section set; a comment behind the old value is kept."""
    lines = text.splitlines()
    header = next((at for at, line in enumerate(lines) if _header(line) == section), None)
    if header is None:
        return "\n".join([*lines, *([""] if lines else []), f"[{section}]", f"{key} = {literal}", ""])
    end = next((at for at in range(header + 1, len(lines)) if _header(lines[at]) is not None), len(lines))
    for at in range(header + 1, end):
        match = re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=\s*{_VALUE}(\s*#.*)?$", lines[at])
        if match:
            lines[at] = f"{key} = {literal}{match[1] or ''}"
            break
    else:
        lines.insert(header + 1, f"{key} = {literal}")
    return "\n".join([*lines, ""])


def _header(line: str) -> str | None:
    match = re.match(r"\s*\[\s*([\w.-]+)\s*\]\s*(#.*)?$", line)
    return match[1] if match else None


def _literal(value: float | int | bool | str | list[str]) -> str:
    """A value as TOML, whose texts are written as in JSON."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (str, list)):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return f"{value:g}" if isinstance(value, int) else repr(round(value, 6))
