"""Every knob of a training run, frozen, with its JSON round trip. Defaults are the measured ones."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from adapters.errors import RecipeError

Method = Literal["lora", "qlora", "full", "partial", "prompt"]
METHODS: tuple[Method, ...] = ("lora", "qlora", "full", "partial", "prompt")
Objective = Literal["answers", "preferences", "ratings"]
LINEARS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
PACK_TOKENS = 512  # of the rows that are evaluated at once: more need more memory and are no faster


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train. Learning rate and epochs of 0, and a pull of None, mean: the default of method and objective."""

    method: Method = "lora"
    objective: Objective = "answers"  # likelier answers; chosen over rejected ones (DPO); good over bad ones (KTO)
    beta: float = (
        0.1  # of DPO and KTO: how much a change from the base must gain (Rafailov et al. 2023, arXiv 2305.18290)
    )
    chosen_weight: float = 1.0  # of the chosen answer's own loss beside it (Pang et al. 2024, arXiv 2404.19733)
    rank: int = 16
    alpha: float = 32.0
    rslora: bool = False  # scale by alpha / sqrt(rank) instead of alpha / rank (arXiv 2312.03732)
    targets: tuple[str, ...] = LINEARS
    bits: Literal["nf4", "int8"] = "nf4"  # of the base weights in qlora
    virtual_tokens: int = 20  # of a soft prompt
    learning_rate: float = 0.0
    epochs: float = 0.0
    batch_tokens: int = 768  # tokens evaluated for one step of the optimizer
    warmup: float = 0.1  # share of the steps in which the learning rate rises; then it falls as a cosine
    weight_decay: float = 0.0
    clip: float = 1.0  # largest norm of a step's gradient
    max_tokens: int = 1024  # longest row; what is longer is cut
    replay: float = 0.5  # general rows, made by the base itself, for each row of the data
    pull: float | None = None  # weight of the distance (KL divergence) to the base's own distribution on those rows
    patience: int = 3  # validations without improvement before training stops; 0 = never stop early
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    threads: int = 0  # 0 = all cores; while a chat is answered it is one
    processes: int = 1  # more than one starts through `accelerate launch`
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be trained.

        Raises:
            RecipeError: a value outside its range.
        """
        for name, low, high in RANGES:
            value = getattr(self, name)
            if value is None and name == "pull":
                continue
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                raise RecipeError(f"{name} must be a number, not {value!r}.")
            if not low <= value <= high:
                raise RecipeError(f"{name} must be from {low:g} to {high:g}, not {value:g}.")
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise RecipeError(f"{name} must be one of {', '.join(choices)}, not {getattr(self, name)!r}.")
        if unknown := sorted(set(self.targets) - set(LINEARS)):
            raise RecipeError(f"There is no layer {unknown[0]} to train.", f"Known: {', '.join(LINEARS)}.")
        if self.method in ("lora", "qlora") and not self.targets:
            raise RecipeError("A LoRA needs at least one layer to change.", f"Known: {', '.join(LINEARS)}.")

        if self.objective != "answers" and self.method == "prompt":
            raise RecipeError("A soft prompt cannot learn preferences.", "Choose lora or qlora.")

    def as_json(self) -> dict[str, Any]:
        """All knobs as plain values."""
        return {**asdict(self), "targets": list(self.targets)}

    @property
    def rate(self) -> float:
        """The learning rate in force."""
        usual = {"lora": 1e-3, "qlora": 1e-3, "full": 2e-5, "partial": 1e-4, "prompt": 3e-2}[self.method]
        return self.learning_rate or usual * {"answers": 1.0, "preferences": 0.3, "ratings": 0.2}[self.objective]

    @property
    def passes(self) -> float:
        """The epochs in force."""
        return self.epochs or {"answers": 4.0, "preferences": 1.0, "ratings": 3.0}[self.objective]

    @property
    def distance_weight(self) -> float:
        """The pull in force. For preferences: with the rate and epochs above, what benchmarks/RESULTS.md measured."""
        if self.pull is not None:
            return self.pull
        return 2.0 if self.objective == "preferences" else 3.0


RANGES = (
    ("rank", 1, 512), ("alpha", 0.1, 4096), ("virtual_tokens", 1, 100), ("learning_rate", 0, 1), ("epochs", 0, 1000),
    ("batch_tokens", 16, 1_000_000), ("warmup", 0, 1), ("weight_decay", 0, 1), ("clip", 0, 1000),
    ("max_tokens", 16, 131_072), ("replay", 0, 100), ("pull", 0, 100), ("patience", 0, 1000), ("threads", 0, 1024),
    ("processes", 1, 64), ("seed", 0, 2**31 - 1), ("beta", 0.001, 10), ("chosen_weight", 0, 100),
)  # fmt: skip
CHOICES: dict[str, tuple[str, ...]] = {
    "method": METHODS, "objective": ("answers", "preferences", "ratings"), "bits": ("nf4", "int8"),
    "precision": ("auto", "bf16", "fp32"),
}  # fmt: skip


def recipe_from_json(value: dict[str, Any]) -> Recipe:
    """A recipe of any version: keys it does not name keep their default.

    Raises:
        RecipeError: an unknown key, or a value outside its range.
    """
    known = {entry.name for entry in fields(Recipe)}
    if unknown := sorted(set(value) - known):
        raise RecipeError(f"A recipe has no setting {unknown[0]}.", f"Known: {', '.join(sorted(known))}.")
    settings: dict[str, Any] = {key: tuple(entry) if key == "targets" else entry for key, entry in value.items()}
    return Recipe(**settings)
