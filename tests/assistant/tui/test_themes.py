"""Are all themes there, the user's own among them, and is the end of long work told outside the terminal?"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.color import Color

from assistant.tui.notify import sequences
from assistant.tui.themes import HIGH_CONTRAST, names, user_themes
from ingest.progress import Summary

from .conftest import configure, running, until

OWN = 'primary = "#3355ff"\nbackground = "black"\ndark = true\n[variables]\nborder = "#ffffff"\n'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("primary = ", "it is no TOML"),
        ("dark = true", "primary is missing"),
        ('primary = "bluish"', "primary must be a colour such as #3355ff"),
        ('primary = "red"\ncolour = "red"', "colour is not known. Known: accent"),
        ('primary = "red"\ndark = 1', "dark must be true or false"),
        ('primary = "red"\ntext_alpha = 3', "text_alpha must be a number from 0 to 1"),
        ('primary = "red"\nvariables = 3', "variables must be a table of texts"),
    ],
)
def test_a_file_that_is_no_theme_is_named_with_its_reason(tmp_path: Path, text: str, told: str) -> None:
    """And the others stay."""
    folder = tmp_path / "themes"
    folder.mkdir()
    (folder / "bad.toml").write_text(text)
    (folder / "mine.toml").write_text(OWN)
    found = user_themes(tmp_path)
    assert [each.name for each in found.themes] == ["mine"] and names(tmp_path)["mine"] == "yours"
    assert len(found.problems) == 1 and told in found.problems[0] and "bad.toml" in found.problems[0]


def test_high_contrast_is_what_wcag_calls_so() -> None:
    """Text and every signal colour stand at least 7:1 against the backgrounds they stand on."""
    for theme in HIGH_CONTRAST:
        colours = theme.to_color_system().generate()
        for ground in ("background", "surface", "panel"):
            for text in ("foreground", "text-muted", "text-error", "text-warning", "text-success", "text-accent"):
                below, above = Color.parse(colours[ground]), colours[text]
                if above.startswith("auto"):
                    continue  # Textual chooses black or white
                assert contrast(Color.parse(above), below) >= 7, (theme.name, text, ground)


def contrast(one: Color, other: Color) -> float:
    """The contrast ratio of WCAG 2.1, which the relative luminance gives."""

    def luminance(colour: Color) -> float:
        parts = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in colour.normalized]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_what_is_sent_to_the_terminal_is_one_line_of_ours() -> None:
    """Control characters and separators of what is told cannot end the sequence; tmux is asked to pass it on."""
    hostile = "done\x1b]52;c;eA==\x07; rm\nnow"
    for way, in_tmux in (("desktop", False), ("desktop", True), ("bell", False)):
        sent = "".join(sequences(hostile, way, in_tmux=in_tmux))
        assert "]52;" not in sent and "\n" not in sent and sent.count("\x07") == (way == "bell")
    title, nine, seven = sequences("trained; proven", "desktop", in_tmux=False)
    assert title == "\x1b]2;* trained, proven\x1b\\"
    assert nine == "\x1b]9;trained, proven\x1b\\"
    assert seven == "\x1b]777;notify;Assistant;trained, proven\x1b\\"
    assert sequences("x", "desktop", in_tmux=True)[1] == "\x1bPtmux;\x1b\x1b]9;x\x1b\x1b\\\x1b\\"


async def test_own_themes_are_chosen_and_long_work_is_told_outside(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The theme of the settings is on; /theme changes it; the title tells of the end until the next key."""
    configure(home)
    (home / "themes").mkdir()
    (home / "themes" / "mine.toml").write_text(OWN)
    with (home / "config.toml").open("a") as file:
        file.write('[interface]\ntheme = "mine"\nnotify = "bell"\n')
    async with running(home, size=(80, 24)) as run:
        assert run.app.theme == "mine"
        await run.send("/theme high-contrast-light")
        await until(lambda: run.app.theme == "high-contrast-light")
        sent: list[str] = []
        monkeypatch.setattr(run.app._driver, "write", sent.append)
        run.app.ends.ingested(Summary(1, 0, 0, 0, (), 4, seconds=3.0))
        assert not sent, "what was short is told in the app alone"
        run.app.ends.ingested(Summary(1, 0, 0, 0, (), 4, seconds=60.0))
        assert "\x1b]2;* Indexing: " in sent[-1] and sent[-1].endswith("\x07")
        await run.pilot.press("x")
        assert sent[-1] == "\x1b]2;Assistant\x1b\\"


def test_the_shell_lists_them(run: Callable[..., tuple[int, str, str]], home: Path) -> None:
    """With whose they are, the chosen one marked; a broken file is one line."""
    (home / "themes").mkdir(parents=True)
    (home / "themes" / "mine.toml").write_text(OWN)
    (home / "themes" / "bad.toml").write_text("x = 1")
    code, out, err = run("themes", "--json")
    rows = {each["name"]: each for each in json.loads(out)}
    assert code == 0 and rows["mine"] == {"name": "mine", "of": "yours", "chosen": False}
    assert rows["textual-dark"]["chosen"] and rows["high-contrast-dark"]["of"] == "assistant"
    assert err.count("\n") == 1 and "x is not known" in err
    assert "* textual-dark" in run("themes")[1]
