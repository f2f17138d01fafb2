"""Does an adapter file fit the loaded model, and how is it put on without ever leaving a mixed state?

llama.cpp crashes on some files that are no adapters and silently ignores tensors it has no place
for, so everything is compared with the base model's header first. The swap then tries eight tokens
with the new adapter and goes back to what was on before if anything is wrong (SAFETY R15).
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from adapters.errors import AdapterFitError
from adapters.gguf import read_gguf
from adapters.gguf_facts import GGUFFacts, Tensor, shown

PROBE_TOKENS = 8
MAX_SCALE = 10.0
HALVES = (".lora_a", ".lora_b")
EMBEDDING, OUTPUT = "token_embd.weight", "output.weight"  # an embedding's halves are stored the other way round


@dataclass(frozen=True, slots=True)
class AdapterFacts:
    """A LoRA adapter that fits. llama.cpp scales it by strength * alpha / rank (by the strength if alpha is 0)."""

    name: str
    rank: int  # the largest, where ranks differ
    alpha: float
    targets: tuple[str, ...]  # names of the base model's tensors it changes


class Engine(Protocol):
    """A live model. A key names one version of an adapter file."""

    def load_adapter(self, key: object, path: Path) -> None:
        """Read an adapter's weights, once for each key."""

    def wear(self, key: object | None, scale: float) -> None:
        """Put a loaded adapter on in place of any other; None takes it off. Drops the KV cache."""

    def probe(self, count: int) -> Sequence[float]:
        """The scores of all tokens after a fixed text of `count` tokens."""


class HotSwap:
    """The adapter on one live model: the old one or the new one, never a mixture."""

    def __init__(self, base: GGUFFacts, engine: Engine) -> None:
        self._base = base
        self._engine = engine
        self._worn: tuple[object | None, float, str] = (None, 0.0, "")
        self._base_scores: Sequence[float] | None = None

    @property
    def name(self) -> str:
        """The adapter that is on, "" for none."""
        return self._worn[2]

    def swap(self, path: Path | None, scale: float) -> str:
        """Put the adapter at `path` on (None: take it off) and return its name.

        Raises:
            GGUFError, AdapterFitError: it does not fit, or fails its probe; what was on stays on.
        """
        if path is None:
            self._engine.wear(None, 0.0)
            self._worn = (None, 0.0, "")
            return ""
        if not (math.isfinite(scale) and 0 <= scale <= MAX_SCALE):
            raise AdapterFitError(f"An adapter's strength of {scale} is not possible.", f"Choose 0 to {MAX_SCALE:g}.")
        facts = check_fit(read_adapter(path), self._base)
        status = path.stat()
        key = (str(path), status.st_ino, status.st_size, status.st_mtime_ns)
        self._engine.load_adapter(key, path)
        self._put_on(key, scale, facts.name)
        return facts.name

    def _put_on(self, key: object, scale: float, name: str) -> None:
        try:
            if self._base_scores is None:
                self._engine.wear(None, 0.0)
                self._base_scores = self._engine.probe(PROBE_TOKENS)
            self._engine.wear(key, scale)
            self._check_probe(self._engine.probe(PROBE_TOKENS), self._base_scores, scale, name)
        except Exception:
            old_key, old_scale, _ = self._worn
            with contextlib.suppress(Exception):  # the first error is the one to tell
                self._engine.wear(old_key, old_scale)
            raise
        self._worn = (key, scale, name)

    @staticmethod
    def _check_probe(scores: Sequence[float], base: Sequence[float], scale: float, name: str) -> None:
        if not all(map(math.isfinite, scores)):
            raise AdapterFitError(
                f"The adapter '{name}' makes the model's numbers infinite.", "Train it again, or choose another."
            )
        if scale > 0 and all(new == old for new, old in zip(scores, base, strict=True)):
            raise AdapterFitError(f"The adapter '{name}' changes nothing.", "It may be untrained: choose another.")


def read_adapter(path: Path) -> GGUFFacts:
    """The facts of an adapter file.

    Raises:
        GGUFError: missing, damaged or no GGUF.
    """
    try:
        return read_gguf(path)
    except AdapterFitError:
        raise
    except Exception as error:
        raise AdapterFitError(
            str(error).replace("GGUF model", "adapter"), "Choose a LoRA adapter's GGUF file."
        ) from error


def check_fit(adapter: GGUFFacts, base: GGUFFacts) -> AdapterFacts:
    """Compare an adapter's header with its base model's, tensor by tensor.

    Raises:
        AdapterFitError: it is no LoRA adapter, or was made for another model.
    """
    name = adapter.path.name
    if adapter.kind != "adapter" or adapter.text("adapter.type") != "lora":
        raise AdapterFitError(f"{name} is not a LoRA adapter.", "Choose a LoRA adapter's GGUF file.")
    if adapter.architecture != base.architecture:
        raise _misfit(
            adapter,
            base,
            f"it is made for the architecture '{shown(adapter.architecture)}', the model is '{base.architecture}'",
        )
    alpha = adapter.metadata.get("adapter.lora.alpha")
    if not isinstance(alpha, float) or not math.isfinite(alpha):
        raise AdapterFitError(f"{name} gives no usable lora.alpha.", "Export the adapter again.")
    pairs = _pairs(adapter)
    rank = max(_check_pair(adapter, base, target, *pair) for target, pair in pairs.items())
    return AdapterFacts(adapter.name, rank, alpha, tuple(pairs))


def _pairs(adapter: GGUFFacts) -> dict[str, tuple[Tensor, Tensor]]:
    """The two halves of each changed tensor, by the name of the tensor they change."""
    for name in adapter.tensors:
        if not name.endswith(HALVES):
            raise AdapterFitError(
                f"{adapter.path.name} holds '{shown(name)}', which llama.cpp would ignore.",
                "Export the adapter without it.",
            )
    targets = sorted({name.removesuffix(".lora_a").removesuffix(".lora_b") for name in adapter.tensors})
    pairs = {}
    for target in targets:
        halves = [adapter.tensors.get(target + half) for half in HALVES]
        if halves[0] is None or halves[1] is None:
            raise AdapterFitError(f"{adapter.path.name} holds only half of '{shown(target)}'.", "Get the file again.")
        pairs[target] = (halves[0], halves[1])
    if not pairs:
        raise AdapterFitError(f"{adapter.path.name} holds no weights.", "Export the adapter again.")
    return pairs


def _check_pair(adapter: GGUFFacts, base: GGUFFacts, target: str, a: Tensor, b: Tensor) -> int:
    """The pair's rank. Shapes in file order: weight (in, out), lora_a (in, rank), lora_b (rank, out)."""
    weight = base.tensors.get(target)
    if weight is None:
        raise _misfit(adapter, base, f"the model has no tensor '{shown(target)}'")
    if "_norm." in target or len(weight.shape) < 2:
        raise _misfit(adapter, base, f"it changes '{shown(target)}', which llama.cpp would ignore")
    if target == EMBEDDING and OUTPUT not in base.tensors:  # llama.cpp aborts the process on these
        raise _misfit(adapter, base, "it changes the embedding, which this model shares with its output")
    if min(len(a.shape), len(b.shape)) < 2:
        raise _misfit(adapter, base, f"the shapes of '{shown(target)}' differ")
    inner, outer = weight.shape[:2]
    if target == EMBEDDING:
        fits = (a.shape[1], b.shape[1], a.shape[0]) == (outer, inner, b.shape[0])
        rank = a.shape[0]
    else:
        fits = (a.shape[0], b.shape[1], a.shape[1]) == (inner, outer, b.shape[0])
        rank = a.shape[1]
    if not fits or a.shape[2:] != weight.shape[2:] or b.shape[2:] != weight.shape[2:]:
        raise _misfit(adapter, base, f"the shapes of '{shown(target)}' differ")
    return rank


def _misfit(adapter: GGUFFacts, base: GGUFFacts, why: str) -> AdapterFitError:
    return AdapterFitError(
        f"{adapter.path.name} does not fit {base.path.name}: {why}.", "Choose an adapter made for this model."
    )
