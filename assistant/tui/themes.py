"""Which themes there are: Textual's, two of high contrast, and the user's own, one TOML file each in HOME/themes."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.color import Color, ColorParseError
from textual.theme import BUILTIN_THEMES, Theme

from assistant.safe_text import safe_line

if TYPE_CHECKING:
    from textual.app import App

FOLDER = "themes"
LARGEST = 64_000  # bytes of a file
SIXTEEN_COLOURS = "ansi-dark"  # the theme made of the terminal's own sixteen
COLOURS = frozenset(
    {"primary", "secondary", "warning", "error", "success", "accent", "foreground", "background", "surface", "panel"}
)
NUMBERS = frozenset({"luminosity_spread", "text_alpha"})
KNOWN = COLOURS | NUMBERS | {"dark", "boost", "variables"}

# Text on these backgrounds has a contrast of at least 7:1, as WCAG 2.1 asks for level AAA (1.4.6).
HIGH_CONTRAST = (
    Theme(
        "high-contrast-dark", primary="#66ccff", secondary="#ffff66", accent="#ffff00", warning="#ffcc00",
        error="#ff9999", success="#66ff66", foreground="#ffffff", background="#000000", surface="#000000",
        panel="#1a1a1a", dark=True, text_alpha=1.0,
        variables={"text-muted": "#e0e0e0", "block-cursor-text-style": "bold reverse", "border": "#ffffff"},
    ),
    Theme(
        "high-contrast-light", primary="#00308f", secondary="#4b0082", accent="#7a0000", warning="#5c3a00",
        error="#8b0000", success="#004d00", foreground="#000000", background="#ffffff", surface="#ffffff",
        panel="#eeeeee", dark=False, text_alpha=1.0,
        variables={"text-muted": "#202020", "block-cursor-text-style": "bold reverse", "border": "#000000"},
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FoundThemes:
    """The user's own themes, and a line for each file that is none."""

    themes: tuple[Theme, ...]
    problems: tuple[str, ...]


def user_themes(home: Path) -> FoundThemes:
    """Those in HOME/themes, by the names of their files."""
    themes, problems = [], []
    folder = home / FOLDER
    for path in sorted(folder.glob("*.toml")) if folder.is_dir() else ():
        try:
            themes.append(_read(path))
        except ValueError as error:
            problems.append(f"{path}: {error} The theme is left out.")
        except OSError as error:
            problems.append(f"{path}: it cannot be read ({error.strerror}). The theme is left out.")
    return FoundThemes(tuple(themes), tuple(problems))


def names(home: Path) -> dict[str, str]:
    """Every theme that can be chosen, and whose it is: "textual", "assistant" or "yours"."""
    found = dict.fromkeys(sorted(BUILTIN_THEMES), "textual")
    found |= {each.name: "assistant" for each in HIGH_CONTRAST}
    return found | {each.name: "yours" for each in user_themes(home).themes}


def use_themes(app: App[Any], home: Path, wanted: str, default: str) -> list[str]:
    """Make all of them known and put the wanted one on; gives what is to be told.

    On a terminal of sixteen colours the shipped theme gives way to the one that is made of these.
    """
    found = user_themes(home)
    for theme in (*HIGH_CONTRAST, *found.themes):
        app.register_theme(theme)
    told = list(found.problems)
    if wanted not in app.available_themes:
        told.append(f"There is no theme {safe_line(wanted)}; /theme lists them.")
    elif wanted == default and app.console.color_system == "standard" and not app.is_headless:
        app.theme = SIXTEEN_COLOURS
    else:
        app.theme = wanted
    return told


def _read(path: Path) -> Theme:
    """A theme from its file.

    Raises:
        ValueError: it is none; the message is for the user. OSError: it cannot be read.
    """
    if path.stat().st_size > LARGEST:
        raise ValueError("it is too large for a theme.")
    try:
        entries = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"it is no TOML ({safe_line(str(error))}).") from error
    if unknown := sorted(entries.keys() - KNOWN):
        raise ValueError(f"{safe_line(unknown[0])} is not known. Known: {', '.join(sorted(KNOWN))}.")
    if "primary" not in entries:
        raise ValueError("primary is missing, the one colour every theme needs.")
    for key, value in entries.items():
        _check(key, value)
    known = {each.name for each in fields(Theme)}
    return Theme(name=path.stem, **{key: value for key, value in entries.items() if key in known})


def _check(key: str, value: Any) -> None:
    if key == "dark" and not isinstance(value, bool):
        raise ValueError("dark must be true or false.")
    if key in NUMBERS and not (isinstance(value, (int, float)) and 0 <= value <= 1):
        raise ValueError(f"{key} must be a number from 0 to 1.")
    if key == "variables" and not (isinstance(value, dict) and all(isinstance(each, str) for each in value.values())):
        raise ValueError("variables must be a table of texts.")
    if key in COLOURS | {"boost"}:
        try:
            Color.parse(value)
        except (ColorParseError, TypeError, AttributeError):
            raise ValueError(f"{key} must be a colour such as #3355ff, not {safe_line(str(value))!r}.") from None
