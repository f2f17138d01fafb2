"""The library asked about itself: questions, figures, and settings that are offered only beyond chance."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.bootstrap import Core
from assistant.config import load_config
from assistant.errors import NotFoundError, UsageError
from assistant.library_check import CheckProgress, Cloze, LibraryReport, _report, _Run, check_library, made_questions
from assistant.library_text import report_lines
from assistant.settings_file import with_setting, write_settings
from ingest.fulltext import query_words

ASKED = [Cloze("a b c", "a b c d e f", "g.txt")] * 40
EXAMPLES = Path(__file__).parents[2] / "examples" / "library"


async def test_questions_come_from_sentences_without_their_rarest_word(core: Core) -> None:
    """Each question holds fewer words than its sentence, all of them from it; the same seed makes the same ones."""
    [item async for item in core.pipeline.ingest([EXAMPLES])]
    made = await core.database.read(lambda db: made_questions(db, 20, 1))
    assert len(made) == 20
    assert made == await core.database.read(lambda db: made_questions(db, 20, 1))
    assert made != await core.database.read(lambda db: made_questions(db, 20, 2))
    for cloze in made:
        words = query_words(cloze.sentence)
        assert set(cloze.question.split()) < set(words)
        assert 3 <= len(cloze.question.split()) <= len(words) // 2 + 1


async def test_the_check_reports_and_changes_nothing(core: Core) -> None:
    """An empty library is told; a real one is measured for each setting, and the search stays as it is."""
    with pytest.raises(NotFoundError):
        [item async for item in check_library(core)]
    [item async for item in core.pipeline.ingest([EXAMPLES])]
    before = (core.retriever.floor, core.retriever.weights)
    items = [item async for item in check_library(core, 12)]
    report = items[-1]
    assert isinstance(report, LibraryReport)
    assert isinstance(items[-2], CheckProgress) and items[-2].done == items[-2].total
    assert report.questions == 12 and report.general > 20
    assert report.now.recall[10] >= report.now.recall[4] >= report.now.recall[1] > 0.5
    assert report.now.mrr >= report.now.recall[1]
    assert len({figures.word_weight for figures in (report.now, *report.others)}) == 4
    assert (core.retriever.floor, core.retriever.weights) == before
    assert not core.config.user_file.read_text().count("word_weight")
    assert all(len(line) <= 80 or "“" in line for line in report_lines(report))


def run(weight: float, ranks: list[int], own: list[float], general: list[float]) -> _Run:
    return _Run(weight, tuple(ranks), tuple(own), tuple(general))


def test_better_settings_are_offered_only_beyond_chance() -> None:
    """Forty questions all better: offered. One better of forty: not. A floor that errs less on both halves: offered."""
    now = run(0.65, [2] * 40, [0.3] * 40, [0.05] * 40)
    better = run(0.5, [1] * 40, [0.3] * 40, [0.05] * 40)
    assert _report(ASKED, [now, better], 0.2).better == {"word_weight": 0.5}
    lucky = run(0.5, [1] + [2] * 39, [0.3] * 40, [0.05] * 40)
    assert _report(ASKED, [now, lucky], 0.2).better == {}
    strict = run(0.65, [1] * 40, [0.15] * 40, [0.05] * 40)
    offered = _report(ASKED, [strict], 0.2)
    assert 0.05 < offered.better["relevance_floor"] <= 0.15
    assert offered.now.refused == 1.0 and offered.others[-1].refused == 0.0


def test_settings_are_written_beside_what_stands_there(home: Path) -> None:
    """Other lines and comments stay; a broken file or a refused value changes nothing."""
    file = home / "config.toml"
    text = '# mine\n[model]\nname = "scripted"\n\n[documents]\nrelevance_floor = 0.3  # stricter\nembedder = "hashed"\n'
    file.write_text(text)
    config = load_config(home)
    write_settings(config, {("documents", "relevance_floor"): 0.18, ("documents", "word_weight"): 0.5})
    changed = file.read_text()
    assert "# mine\n" in changed and "relevance_floor = 0.18  # stricter\n" in changed
    again = load_config(home)
    assert (again.documents.relevance_floor, again.documents.word_weight) == (0.18, 0.5)
    assert again.documents.embedder == "hashed" and again.model.name == "scripted" and again.notices == ()
    with pytest.raises(UsageError):
        write_settings(config, {("documents", "word_weight"): 7.0})
    file.write_text("[documents\n")
    with pytest.raises(UsageError):
        write_settings(config, {("documents", "word_weight"): 0.5})
    assert file.read_text() == "[documents\n"
    file.unlink()
    write_settings(config, {("documents", "word_weight"): 0.5})
    assert tomllib.loads(file.read_text()) == {"documents": {"word_weight": 0.5}}


@given(st.dictionaries(st.sampled_from(["a", "b", "word_weight"]), st.integers(0, 9), max_size=3), st.integers(0, 9))
def test_a_setting_is_set_once_and_the_others_stay(values: dict[str, int], new: int) -> None:
    """Whatever stands in the section, afterwards the key has the new value and the rest its own."""
    text = "[documents]\n" + "".join(f"{key} = {value}\n" for key, value in values.items()) + "[other]\na = 1\n"
    read = tomllib.loads(with_setting(text, "documents", "word_weight", str(new)))
    assert read == {"documents": {**values, "word_weight": new}, "other": {"a": 1}}


def test_the_shell_checks_and_writes_only_when_asked(home: Path, tmp_path: Path) -> None:
    """No library: exit 3; a library: figures in words and JSON; config.toml as it was."""

    def shell(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "assistant", "--home", str(home), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=180, env=dict(os.environ))

    before = (home / "config.toml").read_text()
    assert shell("library", "check").returncode == 3
    assert shell("library", "check", "--questions", "3").returncode == 2
    (tmp_path / "lease.txt").write_text(
        "The monthly rent of the flat in Harbour Street is 950 pounds. "
        "The tenant keeps the stairs clean and the cellar dry during the whole winter. " * 2
    )
    assert shell("ingest", str(tmp_path / "lease.txt")).returncode == 0
    report = json.loads(shell("library", "check", "--questions", "10", "--json").stdout)
    assert report["questions"] >= 1 and report["now"]["mrr"] > 0 and report["better"] == {}
    assert "recall@1" in shell("library", "check", "--questions", "10", "--write").stdout
    assert (home / "config.toml").read_text() == before
