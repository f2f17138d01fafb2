"""Are prompts written, checked, kept and filled in as they say, and counted in tokens?"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.cli import main
from assistant.errors import NotFoundError, UsageError
from assistant.prompting import question_with_passages
from assistant.prompts.files import NEW, as_toml, parse_prompt, shipped_prompts
from assistant.prompts.prompt import KINDS, Example, Prompt, Variable, all_variables, picked, rendered
from assistant.prompts.using import costs, missing_adapter

SHOTS = Prompt(
    "mood", "demonstration", "Say the mood.\n\n{{examples}}\n\nInput: {{sentence}}\nOutput:",
    persona="You are terse.",
    variables=(Variable("sentence"),),
    examples=(Example("Sun.", "good"), Example("Rain.", "bad"), Example("Noon.", "neither")),
)  # fmt: skip


def test_every_kind_ships_and_every_shipped_prompt_can_be_used() -> None:
    """Filled in, nothing of a variable is left, and each is written as it is read."""
    prompts = shipped_prompts()
    assert {prompt.kind for prompt in prompts} == set(KINDS)
    for prompt in prompts:
        assert parse_prompt(as_toml(prompt)) == prompt and prompt.about
        values = {
            each.name: "2" if each.type == "number" else (*each.choices, "x")[0] for each in all_variables(prompt)
        }
        for examples in (prompt.examples, ()):
            assert "{{" not in rendered(prompt, values, examples)
    assert parse_prompt(NEW).name == "my-prompt"


def test_the_shipped_format_is_the_one_the_starter_adapter_was_taught() -> None:
    """It asks as the chat asks with passages, but for the digits that close the quotation."""
    prompt = next(each for each in shipped_prompts() if each.adapter == "starter")
    asked = question_with_passages("Who pays?", ())
    text = rendered(prompt, {"passage": "The tenant pays.", "question": "Who pays?"}, ())
    assert text.partition(">>>")[2] == asked.partition(">>>")[2]


@given(st.text(), st.text(min_size=1), st.lists(st.tuples(st.text(), st.text()), max_size=3))
def test_any_prompt_is_written_as_it_is_read(persona: str, text: str, examples: list[tuple[str, str]]) -> None:
    """Quotes, backslashes, line breaks and control characters survive the file."""
    try:
        text.encode(), persona.encode(), "".join(a + b for a, b in examples).encode()
    except UnicodeEncodeError:
        return
    prompt = replace(
        SHOTS, persona=persona, text="{{sentence}} " + text, examples=tuple(Example(*each) for each in examples)
    )
    prompt = replace(prompt, text=prompt.text.strip("\n"))
    assert parse_prompt(as_toml(prompt)) == prompt


def test_examples_are_picked_and_stand_in_their_place() -> None:
    """Zero-, one- and few-shot; without examples their place leaves no gap."""
    value = {"sentence": "Snow."}
    assert [each.output for each in picked(SHOTS, "1,3")] == ["good", "neither"]
    assert len(picked(SHOTS, None)) == 3 and picked(SHOTS, "none") == () and len(picked(SHOTS, "2")) == 2
    zero = rendered(SHOTS, value, ())
    assert zero == "You are terse.\n\nSay the mood.\n\nInput: Snow.\nOutput:"
    assert rendered(SHOTS, value, picked(SHOTS, "1")).count("Output:") == 2
    for wrong in ("4", "0,1", "x", "1,", "-1", "9" * 9):
        with pytest.raises(UsageError):
            picked(SHOTS, wrong)


def test_a_value_is_not_read_as_a_prompt() -> None:
    """What looks like a variable in a value stays as it is, and so do its line breaks."""
    text = rendered(SHOTS, {"sentence": "{{examples}} \\1 {{x}}"}, ())
    assert "{{examples}} \\1 {{x}}" in text


def test_variables_have_types() -> None:
    """Numbers, choices, defaults; what is missing or wrong is told with what can be given."""
    prompt = Prompt(
        "p", "instruction", "{{n}} {{c}} {{free}}",
        variables=(Variable("n", "number"), Variable("c", "choice", default="b", choices=("a", "b"))),
    )  # fmt: skip
    assert rendered(prompt, {"n": " 3.5 ", "free": "yes"}, ()) == "3.5 b yes"
    for values in (
        {},
        {"n": "many", "free": "x"},
        {"n": "1", "c": "z", "free": "x"},
        {"n": "1", "free": "x", "o": "1"},
    ):
        with pytest.raises(UsageError) as caught:
            rendered(prompt, values, ())
        assert caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "", "name = 3", 'name = "A b"\nkind = "instruction"\ntext = "x"', 'name = "a"\nkind = "poem"\ntext = "x"',
        'name = "a"\nkind = "instruction"\ntext = " "', 'name = "a"\nkind = "instruction"\ntext = "x"\ncolour = "red"',
        'name = "a"\nkind = "instruction"\ntext = "x"\n[variables.y]\n',
        'name = "a"\nkind = "instruction"\ntext = "x"\nexamples = 3',
        'name = "a"\nkind = "instruction"\ntext = "{{x}}"\n[variables.x]\ntype = "date"',
        'name = "a"\nkind = "instruction"\ntext = "{{x}}"\n[variables.x]\ntype = "number"\ndefault = "many"',
        'name = "a"\nkind = "instruction"\ntext = "x"\n[[examples]]\ninput = "only"', "name = ",
    ],
)  # fmt: skip
def test_what_is_no_prompt_is_told(text: str) -> None:
    """One line what is wrong, one what to do."""
    with pytest.raises(UsageError) as caught:
        parse_prompt(text)
    assert caught.value.hint and "\n" not in str(caught.value)


async def test_own_prompts_stand_before_shipped_ones(core) -> None:  # type: ignore[no-untyped-def]
    """An edited shipped prompt is your own; removed, the shipped one is there again; renaming moves it."""
    shipped = await core.prompts.get("classify")
    await core.prompts.save(replace(shipped, about="mine"), instead_of="classify")
    assert (await core.prompts.get("classify")).about == "mine"
    await core.prompts.remove("classify")
    assert await core.prompts.get("classify") == shipped
    with pytest.raises(UsageError, match="comes along"):
        await core.prompts.remove("classify")
    await core.prompts.save(SHOTS, new=True)
    with pytest.raises(UsageError, match="already"):
        await core.prompts.save(SHOTS, new=True)
    await core.prompts.save(replace(SHOTS, name="feeling"), instead_of="mood")
    with pytest.raises(NotFoundError):
        await core.prompts.get("mood")
    assert await core.prompts.get("feeling") == replace(SHOTS, name="feeling")


async def test_parts_are_counted_and_the_adapter_is_looked_for(core) -> None:  # type: ignore[no-untyped-def]
    """By the model's own tokenizer (the scripted one counts words)."""
    found = await costs(core.tokenizer(), SHOTS)
    assert (found.persona, found.examples, found.text) == (3, (4, 4, 4), 5)
    assert found.context == 4096 and "20 tokens" in found.line
    assert await missing_adapter(core, SHOTS) == ""
    assert "nobody" in await missing_adapter(core, replace(SHOTS, adapter="nobody"))


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(home: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command in this process: exit code, what it printed, what it warned of."""

    def run(*arguments: str, stdin: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        with pytest.raises(SystemExit) as ended:
            main(["--home", str(home), "prompts", *arguments])
        printed = capfd.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return run


def test_the_whole_life_of_a_prompt_in_the_shell(run: Run, tmp_path: Path) -> None:
    """new, add, show, use, edit, list, remove; what `show` prints can be added again."""
    code, new, _ = run("new")
    (tmp_path / "mine.toml").write_text(new)
    assert run("add", str(tmp_path / "mine.toml"))[0] == 0
    shown = json.loads(run("show", "my-prompt", "--json")[1])
    assert shown["kind"] == "instruction" and shown["tokens"]["text"] > 0
    assert run("use", "my-prompt", "topic=tides")[1] == "Explain tides to a child.\n"
    assert run("use", "my-prompt", "topic=-", "reader=an expert", stdin="ebb")[1] == "Explain ebb to an expert.\n"
    code, out, _ = run("edit", "my-prompt", "-", stdin=new.replace("my-prompt", "other"))
    assert code == 0 and "other is kept. Variables: topic, reader" in out
    names = [each["name"] for each in json.loads(run("list", "--json")[1])]
    assert "other" in names and "my-prompt" not in names
    assert json.loads(run("use", "classify", "sentence=Hm.", "--examples", "1", "--json")[1])["tokens"] > 10
    assert run("remove", "other")[0] == 0
    assert code == 0


def test_what_the_shell_refuses(run: Run) -> None:
    """Exit code 2 for wrong use, 3 for what is not there; two lines each."""
    for code, arguments in (
        (3, ("show", "clasify")), (3, ("remove", "nothing")), (2, ("remove", "classify")), (2, ("use", "classify")),
        (2, ("use", "classify", "word")), (2, ("use", "classify", "sentence=x", "--examples", "9")),
        (2, ("add", "missing.toml")), (2, ("edit", "classify")), (2, ("edit", "classify", "-")),
    ):  # fmt: skip
        ended, _, said = run(*arguments)
        assert (ended, len(said.splitlines())) == (code, 2), (arguments, said)
