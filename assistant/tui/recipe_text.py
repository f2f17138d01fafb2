"""How do typed fields become a recipe, and how is what it needs told: a table of all methods, and advice?"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from textual.content import Content

from adapters.errors import RecipeError
from adapters.training.recipe import Method, Recipe, recipe_from_json
from assistant.safe_text import safe_line
from assistant.tui.training_watch import duration

if TYPE_CHECKING:
    from adapters.training.estimate import Estimate
    from assistant.training_plan import Plan

METHOD_NAMES: dict[Method, str] = {
    "lora": "LoRA", "qlora": "QLoRA", "full": "full", "partial": "last block", "prompt": "soft prompt",
}  # fmt: skip
FIELDS = {  # the knobs with a field of their own, in order, with what each is called
    "rank": "Rank", "epochs": "Epochs", "learning_rate": "Learning rate", "replay": "Replay", "pull": "Pull",
}  # fmt: skip


def parse_recipe(method: str, fields: Mapping[str, str], more: str) -> tuple[Recipe, str, str]:
    """The recipe of typed fields (empty ones keep their default) and of `more`, key=value words; the base and the
    adapter to go on from that it names.

    Raises:
        RecipeError: a field that is no number, an unknown key, or a value outside its range.
    """
    given: dict[str, Any] = {"method": method}
    texts = {name: text for name, text in fields.items() if text.strip()}
    for word in more.split():
        name, equals, text = word.partition("=")
        if not equals or not text:
            raise RecipeError(f"{word} is no setting.", "Write KEY=VALUE, such as seed=7 or targets=q_proj,v_proj.")
        texts[name.strip()] = text
    base, begin = texts.pop("base", ""), texts.pop("from", "")
    default = Recipe()
    for name, text in texts.items():
        if not hasattr(default, name) or name.startswith("_"):
            recipe_from_json({name: text})  # refuses, and names those there are
        given[name] = _value(name, text.strip(), getattr(default, name))
    return recipe_from_json(given), base, begin


def _value(name: str, text: str, default: Any) -> Any:
    if isinstance(default, tuple):
        return tuple(filter(None, text.split(",")))
    if isinstance(default, str):
        return text
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = None
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise RecipeError(f"{name} must be true or false, not {text}.")
    elif isinstance(value, bool) or not isinstance(value, int if isinstance(default, int) else int | float):
        what = "a whole number" if isinstance(default, int) else "a number"
        raise RecipeError(f"{name} must be {what}, not {text}.")
    return value


def plan_content(plan: Plan) -> Content:
    """What a training needs: the advice, each method in a line with the margin to what is free, warnings."""
    advice = plan.advice
    lines = [Content.styled(safe_line(sentence), "$text-accent") for sentence in (plan.learns, *advice.sentences[:2])]
    lines = [line for line in lines if line.plain]
    if advice.tool == "retrieval":
        lines.insert(0, Content.styled("Retrieval is the better tool for these rows.", "bold $text-warning"))
    head = f"  {'method':<12}{'trained':>9}{'memory':>9}{'time':>12}   margin of {gigabytes(plan.free)} free"
    lines.append(Content.styled(head, "$text-muted"))
    lines += [_method_line(entry, entry.method == plan.recipe.method, plan.free) for entry in plan.table]
    lines += [Content.styled(f"! {safe_line(warning)}", "$text-warning") for warning in plan.warnings]
    return Content("\n").join(lines)


def _method_line(entry: Estimate, chosen: bool, free: int) -> Content:
    figures = (
        f"{'▸' if chosen else ' '} {METHOD_NAMES[entry.method]:<12}{count(entry.trainable):>9}"
        f"{gigabytes(entry.memory):>9}{duration(entry.seconds):>12}"
    )
    told = f"✘ {entry.refusal}" if entry.refusal else f"✔ {gigabytes(free - entry.memory)} left"
    style = "$text-error" if entry.refusal else "$text-success"
    return Content.assemble((figures, "bold" if chosen else ""), (f"   {safe_line(told)}", style))


def count(number: int) -> str:
    """`134.5 M`, `9.8 k`."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return str(number)


def gigabytes(number: int) -> str:
    """`1.2 GB`, `640 MB`."""
    return f"{number / 1e9:.1f} GB" if abs(number) >= 10**9 else f"{number / 1e6:.0f} MB"
