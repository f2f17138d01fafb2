"""`assistant dataset` and `assistant teach` as typed in a shell."""

import io
import json

import pytest

from assistant.cli import main


@pytest.fixture
def run(home, capsys, monkeypatch):
    def run(*arguments, stdin=""):
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        with pytest.raises(SystemExit) as ended:
            main(["--home", str(home), *map(str, arguments)])
        captured = capsys.readouterr()
        return ended.value.code, captured.out, captured.err

    return run


@pytest.fixture
def facts(tmp_path):
    path = tmp_path / "facts.jsonl"
    rows = [{"prompt": f"Where does person {n} keep the key?", "completion": f"In box {n}."} for n in range(8)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + "{oops\n")
    return path


def test_the_whole_life_of_a_dataset(run, facts, home):
    """Build, list, show, check, find, forget, remove: for people and as JSON."""
    code, out, _ = run("dataset", "build", "keys", facts)
    assert code == 0 and "keys: 24 train, 8 validation, 8 test" in out and "facts.jsonl:9: wrong JSON" in out
    card = json.loads(run("dataset", "build", "keys", facts, "--json", "--seed", "3")[1])
    assert card["removed"]["bad"] == 1 and card["folder"].endswith("training/datasets/keys")
    assert [entry["sha256"] for entry in json.loads(run("dataset", "list", "--json")[1])] == [card["sha256"]]
    assert "keys  40 rows" in run("dataset")[1]
    assert json.loads(run("dataset", "show", "keys", "--json")[1])["preview"] == []
    assert "40 rows, messages" in run("dataset", "check", "keys")[1]
    assert "8 facts can be learned from" in run("dataset", "check", facts)[1]
    assert "dataset keys: 5 rows" in run("dataset", "find", "box", "3.")[1]
    code, _, err = run("dataset", "forget", "box 3.")
    assert code == 2 and "--yes" in err
    assert "Forgotten in" in run("dataset", "forget", "box 3.", "--yes")[1]
    assert "It stands in no dataset" in run("dataset", "find", "box 3.")[1]
    assert run("dataset", "remove", "keys")[0] == 0 and "No datasets yet" in run("dataset", "list")[1]


def test_a_dry_run_writes_nothing(run, facts, home):
    """What would be built is said; the disk stays as it is."""
    assert "24 train" in run("dataset", "build", "keys", facts, "--dry-run")[1]
    assert not (home / "training").exists()


def test_teach_lists_replaces_and_removes(run):
    """A question and its answer on the command line; later the whole list as a dataset."""
    assert "1: kept, 1 in all" in run("teach", "Who is it? => Tom.")[1]
    assert "was “Tom.” before" in run("teach", "who is it", "=>", "Tim.")[1]
    assert json.loads(run("teach", "--list", "--json")[1])[0]["answer"] == "Tim."
    assert run("teach", "--remove", 1)[0] == 0 and "Nothing was taught" in run("teach")[1]


def test_pairs_are_drafted_reviewed_and_built(run, tmp_path, home):
    """draft -> review with y, e and n typed -> build of what was kept."""
    script = json.dumps({"text": "Q: Who?\nA: Imogen.\nQ: Where?\nA: At home."})
    settings = f"[model]\nname = 'scripted:{script}'\n[documents]\nembedder = 'hashed'\n"
    (home / "config.toml").write_text(settings)
    path = tmp_path / "house.txt"
    path.write_text("Imogen lives at home.")
    run("ingest", path)
    assert "2 pairs from 1 passages" in run("dataset", "draft", "house", "--document", "house")[1]
    out = run("dataset", "review", "house", stdin="x\ne\nWho lives?\n\nq\n")[1]
    assert "1 kept, 0 dropped, 1 to review" in out
    assert "1 kept, 1 dropped, 0 to review" in run("dataset", "review", "house", stdin="n\n")[1]
    card = json.loads(run("dataset", "build", "d", "--drafts", "house", "--anyway", "--json")[1])
    assert card["rows"]["train"] == 1 and card["kind"] == "passages"


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["dataset", "build", "../x", "nope"], 8, "cannot be the name of a dataset"),
        (["dataset", "build", "x"], 8, "no rows to build a dataset from"),
        (["dataset", "build", "x", "/no/such.jsonl"], 8, "There is no file"),
        (["dataset", "build", "x", "--chat", "9"], 3, "There is no chat 9"),
        (["dataset", "build", "x", "--message", "a"], 2, "names no message"),
        (["dataset", "build", "x", "--test", "0.9"], 8, "must be from 0 to 0.5"),
        (["dataset", "build", "x", "--wordings", "99"], 8, "1 to 12 wordings"),
        (["dataset", "build", "x", "--drafts", "nope"], 8, "cannot be read"),
        (["dataset", "show", "nope"], 8, "There is no dataset nope"),
        (["dataset", "check", "nope"], 8, "There is no dataset nope"),
        (["dataset", "remove", "nope"], 3, "There is no dataset nope"),
        (["dataset", "find", "a"], 2, "too short"),
        (["dataset", "draft", "x"], 2, "no document to draft from"),
        (["teach", "no arrow"], 2, "QUESTION => ANSWER"),
        (["teach", "--remove", "4"], 3, "There is no teaching 4"),
    ],
)  # fmt: skip
def test_wrong_use_is_one_line_and_a_hint(run, arguments, code, says):
    """Each mistake has its own words and exit code, never a traceback."""
    ended, _, err = run(*arguments)
    assert ended == code and says in err and "Traceback" not in err and len(err.splitlines()) <= 3


@pytest.mark.slow
def test_the_preview_shows_the_very_tokens_of_the_embedded_model(run, facts, home):
    """In a pipe, learned tokens stand in brackets: the answer with the token that ends it, nothing else."""
    (home / "config.toml").write_text("")
    run("dataset", "build", "keys", facts)
    out = run("dataset", "show", "keys", "--preview", "1")[1]
    assert "<|im_start|>user\nWhere does person" in out and out.count("[[") == 1
    assert "[[In box " in out and "<|im_end|>]]" in out
