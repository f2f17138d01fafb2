"""Can training go on from an adapter, and what does it bring along?"""

from __future__ import annotations

from dataclasses import replace

from adapters.errors import TrainingError
from adapters.training.recipe import Recipe, recipe_from_json
from adapters.training.runs import Beginning
from adapters.versions.registered import Adapter, Facts

WEIGHTS = "peft/adapter_model.safetensors"
SHAPE = ("rank", "alpha", "rslora", "targets")  # the knobs of a recipe that are an adapter's shape


def learned_from(facts: Facts) -> tuple[str, ...]:
    """The SHA-256 of every dataset an adapter has learned from: its own, and those of the adapter it began from."""
    begun = facts.training.get("begun_from")
    earlier = begun.get("datasets", ()) if isinstance(begun, dict) else ()
    return tuple(dict.fromkeys(str(each) for each in (facts.dataset_sha256, *earlier) if each))


def continued(adapter: Adapter, recipe: Recipe, base_sha256: str) -> tuple[Recipe, Beginning]:
    """The recipe in the shape of an adapter, and that adapter as the beginning of a run on the base with this hash.

    Raises:
        TrainingError: it is no LoRA, was made for another base, or its PEFT weights are not here.
    """
    facts, weights = adapter.facts, adapter.folder / WEIGHTS
    if facts is None or facts.kind != "lora" or recipe.method not in ("lora", "qlora"):
        raise TrainingError(f"Training cannot go on from {adapter.label}: that takes a LoRA.", "Train from the start.")
    if facts.base_sha256 != base_sha256:
        raise TrainingError(f"{adapter.label} was made for another model ({facts.base_name}).", "Load that model.")
    if not weights.is_file():
        raise TrainingError(
            f"{adapter.label} came without the weights that training goes on from.", "Train from the start."
        )
    own = recipe_from_json(facts.recipe)
    shaped = replace(recipe, **{name: getattr(own, name) for name in SHAPE})
    return shaped, Beginning(adapter.label, weights, learned_from(facts))
