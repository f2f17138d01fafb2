"""What would a training need, is it the right tool, and can it run here? Told before anything starts."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adapters.data.dataset import Dataset
from adapters.data.routing import Advice, advise
from adapters.data.row_checks import require_enough
from adapters.errors import DatasetError
from adapters.proof.evaluation import MIN_ROWS
from adapters.training.estimate import Estimate, Machine, Work, flops_per_token, table
from adapters.training.recipe import Recipe, recipe_from_json
from adapters.training.runs import Beginning, RunSummary
from adapters.training.shape import Shape, shape_of
from adapters.versions.continuing import continued
from assistant.curation import DatasetRequest, build_dataset, facts_in_documents, plan_dataset
from assistant.errors import TrainingError, UsageError
from assistant.models.location import STARTER_FILE, resolve_model
from assistant.models.memory import available_memory, graphics_memory
from assistant.storage.datasets import list_datasets, load_dataset

if TYPE_CHECKING:
    from assistant.bootstrap import Core

NO_BITSANDBYTES = "needs bitsandbytes, which is not installed"


@dataclass(frozen=True, slots=True)
class TrainRequest:
    """What to train. `dataset` is a dataset's name or a file of rows; `base` "" the chat's model, else a
    GGUF file or a safetensors folder; `begin` the adapter to go on from, "" for none.
    """

    name: str
    dataset: str
    recipe: Recipe = field(default_factory=Recipe)
    base: str = ""
    begin: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a training needs. `gguf` is the model its result is for; `table` has every method, in bytes and seconds."""

    name: str
    dataset: str
    base: Path
    gguf: Path
    recipe: Recipe
    rows: dict[str, int]
    tokens: int
    table: tuple[Estimate, ...]
    advice: Advice
    warnings: tuple[str, ...]
    begin: Beginning | None = None
    free: int = 0  # bytes of memory there are to train in, of the GPU where there is one

    @property
    def chosen(self) -> Estimate:
        """The estimate of the recipe's own method."""
        return next(entry for entry in self.table if entry.method == self.recipe.method)

    @property
    def learns(self) -> str:
        """What is learned otherwise than from answers, in a sentence; "" for answers."""
        if self.recipe.objective == "answers":
            return ""
        if self.recipe.objective == "ratings":
            return (
                f"Learned are ratings: KTO with beta {self.recipe.beta:g} beside the base; good and bad count the same."
            )
        return (
            f"Learned are preferences: DPO with beta {self.recipe.beta:g} beside the base, and the chosen answer's own"
            f" loss with the weight {self.recipe.chosen_weight:g}."
        )

    @property
    def refusal(self) -> str:
        """Why it cannot be trained here, "" if it can."""
        return self.chosen.refusal

    def as_json(self) -> dict[str, Any]:
        """All of it as plain values."""
        return {
            "name": self.name, "dataset": self.dataset, "base": str(self.base), "recipe": self.recipe.as_json(),
            "rows": self.rows, "tokens": self.tokens, "table": [entry.as_json() for entry in self.table],
            "advice": self.advice.as_json(), "warnings": list(self.warnings), "refusal": self.refusal,
            "free": self.free,
        }  # fmt: skip

    def require(self) -> None:
        """Refuse to begin what cannot end.

        Raises:
            TrainingError: too little memory or disk, or a missing library.
        """
        if not self.refusal:
            return
        if NO_BITSANDBYTES in self.refusal:
            hint = "Install it: pip install 'private-assistant[qlora]'."
        else:
            fit = [entry.method for entry in self.table if not entry.refusal]
            other = f"Choose --method {' or '.join(fit)}" if fit else "Choose a smaller model"
            hint = f"{other}, or close other programs and free some disk."
        raise TrainingError(f"{self.recipe.method} {self.refusal}.", hint)


async def plan(core: Core, request: TrainRequest, runs: Sequence[RunSummary]) -> Plan:
    """The plan of a request; nothing is written. `runs` tell how fast this machine was.

    Raises:
        AssistantError, adapters' errors: no such dataset or base, or data that cannot be learned from.
    """
    base, gguf = await asyncio.to_thread(bases, core, request.base)
    shape = await asyncio.to_thread(shape_of, base)
    dataset = await _planned_dataset(core, request)
    recipe, rows = fitted(request.recipe, dataset), dataset.rows
    begin = None
    if request.begin:
        recipe, begin = continued(await core.registry.get(request.begin), recipe, await core.bases.sha256(gguf))
    advice = await asyncio.to_thread(advise, rows, await facts_in_documents(core, rows))
    warnings = [*dataset.card.warnings, *_enough(dataset, advice), *_held_out(dataset), *_recipe_warnings(recipe, base)]
    if begin:
        warnings.append(f"Goes on from {begin.adapter}, in its shape: rank {recipe.rank}, alpha {recipe.alpha:g}.")
    work, machine = _work(dataset, base, runs), await _machine(core, shape, base, runs)
    estimates = [_with_library(entry) for entry in table(shape, recipe, work, machine)]
    return Plan(
        request.name, dataset.card.name, base, gguf, recipe, dict(dataset.card.rows), dataset.card.tokens,
        tuple(estimates), advice, tuple(dict.fromkeys(warnings)), begin, machine.memory,
    )  # fmt: skip


def fitted(recipe: Recipe, dataset: Dataset) -> Recipe:
    """The recipe with the objective that the rows are for: pairs teach preferences, ratings what is good.

    Raises:
        DatasetError: preferences are to be learned from rows that are neither; RecipeError: the method cannot.
    """
    if any(row.is_pair for row in dataset.rows):
        return replace(recipe, objective="preferences")
    if any(row.desirable is not None for row in dataset.rows):
        return replace(recipe, objective="ratings")
    if recipe.objective != "answers":
        raise DatasetError(
            f"The dataset {dataset.card.name} holds no pairs of a chosen and a rejected answer, and no ratings.",
            "Build one: assistant dataset build NAME --pairs, or --ratings",
        )
    return recipe


def bases(core: Core, wanted: str) -> tuple[Path, Path]:
    """What is trained on, and the GGUF file the result is for: the same file, or a folder's counterpart.

    Raises:
        AssistantError, adapters' errors: one is missing, or the chat's model has another shape than the folder.
    """
    path = Path(wanted).expanduser().absolute() if wanted else resolve_model(core.model.name)
    if not path.is_dir():
        path = resolve_model(wanted or core.model.name)
        return path, path
    gguf = resolve_model(core.model.name)
    mine, other = (replace(shape_of(entry), stored=0, packed=False) for entry in (path, gguf))
    if mine != replace(other, tied=mine.tied, parameters=mine.parameters):
        raise TrainingError(
            f"{path.name} is not the model the chat runs ({gguf.name}): their shapes differ.",
            "The result has to become a GGUF file for the chat: name the same model as GGUF with --model.",
        )
    return path, gguf


async def prepared_dataset(core: Core, request: TrainRequest) -> Dataset:
    """The dataset to train on; one that is built from a file gets the adapter's name.

    Raises:
        DatasetError: there is none, or another dataset has that name.
    """
    file = rows_file(request.dataset)
    if file is None:
        return await asyncio.to_thread(load_dataset, core.config.home, request.dataset)
    return await build_dataset(core, _from_file(core, request.name, file))


def rows_file(text: str) -> Path | None:
    """The file of rows that `text` names, None where it names a dataset.

    Raises:
        UsageError: neither a file nor possibly a dataset.
    """
    path = Path(text).expanduser()
    if path.is_file():
        return path.absolute()
    if not text or "/" in text or path.suffix in (".jsonl", ".json", ".csv"):
        raise UsageError(f"There is no file {text or 'of rows'}.", "Name a dataset, or a file of rows: --data DATASET.")
    return None


async def _planned_dataset(core: Core, request: TrainRequest) -> Dataset:
    file = rows_file(request.dataset)
    if file is None:
        return await asyncio.to_thread(load_dataset, core.config.home, request.dataset)
    return await plan_dataset(core, _from_file(core, request.name, file))


def _from_file(core: Core, name: str, file: Path) -> DatasetRequest:
    """What to build; a dataset of that name that came from elsewhere is never written over."""
    for card in list_datasets(core.config.home):
        if card.name == name and not (len(card.sources) == 1 and card.sources[0].startswith(f"{file.name} (")):
            raise DatasetError(
                f"There is a dataset {name} already, built from something else.",
                f"Train on it with --data {name}, or choose another name.",
            )
    return DatasetRequest(name, files=(file,))


def _enough(dataset: Dataset, advice: Advice) -> list[str]:
    """Too few rows are refused with the number needed, unless the dataset was built in spite of that."""
    try:
        return [warning for warning in [require_enough(dataset.rows, advice.kind)] if warning]
    except DatasetError as refusal:
        if not dataset.card.options.get("anyway"):
            raise
        return [f"{refusal}"]


def _held_out(dataset: Dataset) -> list[str]:
    """Whether there are pairs or ratings enough for a verdict."""
    count, what = dataset.card.rows.get("test", 0), {"preferences": "Pairs", "ratings": "Ratings"}
    if dataset.card.kind not in what or count >= MIN_ROWS:
        return []
    return [
        f"{what[dataset.card.kind]} held out for the proof: {count}. Fewer than {MIN_ROWS} cannot be told from chance."
    ]


def _recipe_warnings(recipe: Recipe, base: Path) -> list[str]:
    warnings = []
    if recipe.method == "prompt":
        warnings.append("A soft prompt runs on the transformers engine only: the chat's llama.cpp cannot use it.")
    if recipe.method in ("full", "partial"):
        warnings.append("The result is a new model, loaded with /model PATH; it cannot be mixed or taken off.")
    if not recipe.replay:
        warnings.append("Without replay, general knowledge is forgotten: the proof will show how much.")
    if base.is_dir():
        warnings.append("The base is the folder's; the proof tells whether the chat's GGUF computes the same.")
    return warnings


def _with_library(entry: Estimate) -> Estimate:
    if entry.method != "qlora" or importlib.util.find_spec("bitsandbytes"):
        return entry
    return replace(entry, refusal=NO_BITSANDBYTES)


def _work(dataset: Dataset, base: Path, runs: Sequence[RunSummary]) -> Work:
    card = dataset.card
    train, everything = card.rows.get("train", 0), max(1, sum(card.rows.values()))
    longest = int(card.lengths.get("longest") or card.options.get("max_tokens") or 256)
    asked = base.name == STARTER_FILE or any(run.facts.get("base") == str(base) and run.last for run in runs)
    return Work(train, card.tokens * train // everything, longest, asked)


async def _machine(core: Core, shape: Shape, base: Path, runs: Sequence[RunSummary]) -> Machine:
    disk = shutil.disk_usage(core.config.home).free
    cores, flops = len(os.sched_getaffinity(0)), _reached(shape, base, runs)
    gpu, memory = await asyncio.to_thread(graphics_memory)
    if gpu:
        return Machine(cores, True, memory, disk, flops, gpu)
    return Machine(cores, has_half(), available_memory(), disk, flops)


def _reached(shape: Shape, base: Path, runs: Sequence[RunSummary]) -> float:
    """Operations a second of the last finished run on this base, 0 where there was none."""
    for run in runs:
        rate = (run.last.get("result") or {}).get("tokens_per_second")
        if run.facts.get("base") == str(base) and rate:
            return float(rate) * flops_per_token(shape, recipe_from_json(run.facts["recipe"]))
    return 0.0


def has_half() -> bool:
    """Whether the processor multiplies bfloat16 natively."""
    try:
        flags = Path("/proc/cpuinfo").read_text("utf-8")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags
