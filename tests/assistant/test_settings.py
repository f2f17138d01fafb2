"""Is every setting told with its meaning, changed at once, and written without touching anything else?"""

from __future__ import annotations

from pathlib import Path

import pytest

from assistant.bootstrap import Core
from assistant.config import load_config
from assistant.errors import UsageError
from assistant.settings import all_settings, apply, change, find, parsed

OWN = """# mine, and to stay
[sampling]
temperature = 0.7   # lively # and "quoted"
stop = ["a # b"]    # two

[interface]
resume = false
"""


def test_every_setting_has_a_meaning(tmp_path: Path) -> None:
    """The comment behind it in the shipped file, except where the key says all."""
    without = [each.name for each in all_settings(load_config(tmp_path)) if not each.meaning]
    assert set(without) <= {"answer.system_prompt"}


@pytest.mark.parametrize(
    ("name", "typed", "line"),
    [
        ("temperature", "0", 'temperature = 0.0   # lively # and "quoted"'),
        ("sampling.stop", '["END", "#"]', 'stop = ["END", "#"]    # two'),
        ("resume", "true", "resume = true"),
        ("theme", "nord", 'theme = "nord"'),
        ("answer.system_prompt", 'Say "no" # never', 'system_prompt = "Say \\"no\\" # never"'),
        ("documents.relevance_floor", "0.25", "relevance_floor = 0.25"),
    ],
)
def test_one_line_is_written_and_all_others_stay(tmp_path: Path, name: str, typed: str, line: str) -> None:
    """Comments, order and other sections are as they were; the file says what was asked for."""
    path = tmp_path / "config.toml"
    path.write_text(OWN)
    config = load_config(tmp_path)
    setting = find(config, name)
    changed = change(config, setting, parsed(setting, typed))
    lines = path.read_text().splitlines()
    assert line in lines and "# mine, and to stay" in lines
    kept = [each for each in OWN.splitlines() if each and not each.startswith(setting.key)]
    assert [each for each in lines if each in kept] == kept
    assert not load_config(tmp_path).notices and find(load_config(tmp_path), name).value == find(changed, name).value


def test_what_is_refused_changes_nothing(tmp_path: Path) -> None:
    """A value out of range, of a wrong type, an unknown name, a broken file: one line each, the file untouched."""
    path = tmp_path / "config.toml"
    path.write_text(OWN)
    config = load_config(tmp_path)
    for name, typed in (("temperature", "9"), ("temperature", "warm"), ("resume", "1"), ("stop", "[1]")):
        setting = find(config, name)
        with pytest.raises(UsageError):
            change(config, setting, parsed(setting, typed))
    with pytest.raises(UsageError, match="no setting temprature") as caught:
        find(config, "temprature")
    assert "temperature" in caught.value.hint
    with pytest.raises(UsageError, match="Several settings"):
        find(config, "threads")
    assert path.read_text() == OWN
    path.write_text("[sampling\n")
    with pytest.raises(UsageError, match="was not changed"):
        change(load_config(tmp_path), find(config, "temperature"), 0.5)
    assert path.read_text() == "[sampling\n"


async def test_a_change_acts_on_the_next_answer(core: Core) -> None:
    """Sampling, answers and the relevance floor need no new start."""
    config = change(core.config, find(core.config, "temperature"), 1.5)
    apply(core, change(config, find(config, "relevance_floor"), 0.4))
    assert core.engine.sampling.temperature == 1.5 and core.retriever.floor == 0.4
