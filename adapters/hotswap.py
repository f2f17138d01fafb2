"""Does an adapter file fit the loaded model, and how is it put on without ever leaving a mixed state?

llama.cpp crashes on some files that are no adapters and silently ignores tensors it has no place
for, so everything is compared with the base model's header first. The swap then tries eight tokens
with the new adapter and goes back to what was on before if anything is wrong.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from adapters.adapter_files import adapter_label
from adapters.errors import AdapterFitError
from adapters.files.gguf import read_gguf
from adapters.files.gguf_facts import GGUFFacts, Tensor, shown
from adapters.mix import Share, checked, mix_text

PROBE_TOKENS = 8
IDLE_ADAPTERS, IDLE_BYTES = 3, 256 * 2**20  # kept in memory without being on, so that coming back is quick
HALVES = (".lora_a", ".lora_b")
EMBEDDING, OUTPUT = "token_embd.weight", "output.weight"  # an embedding's halves are stored the other way round
Check = Callable[[Path, GGUFFacts], object]
Key = tuple[str, int, int, int]  # path, inode, size, modification time: one version of a file


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

    def free_adapter(self, key: object) -> None:
        """Give back the memory of a loaded adapter that is not on."""

    def wear(self, parts: Sequence[tuple[object, float]]) -> None:
        """Put loaded adapters on in place of all others; none takes all off. Drops the KV cache."""

    def probe(self, count: int) -> Sequence[float]:
        """The scores of all tokens after a fixed text of `count` tokens."""


class HotSwap:
    """The adapters on one live model: the old ones or the new ones, never a mixture of both."""

    def __init__(self, base: GGUFFacts, engine: Engine, check: Check | None = None) -> None:
        """`check` raises AdapterFitError for what this engine cannot put on; without one only GGUF LoRAs go on."""
        self._base = base
        self._engine = engine
        self._check = check or (lambda path, facts: check_fit(read_adapter(path), facts))
        self._worn: tuple[tuple[Key, float], ...] = ()
        self._loaded: dict[Key, str] = {}  # their names, least recently used first
        self._base_scores: Sequence[float] | None = None

    @property
    def name(self) -> str:
        """What is on, as `mix_text` writes it; "" for nothing."""
        return mix_text([Share(self._loaded[key], scale) for key, scale in self._worn])

    def swap(self, parts: Sequence[tuple[Path, float]], tried: bool = False) -> str:
        """Put these adapters on, each with its strength (none: the base alone); return `name`.

        `tried` says that these very files passed on this model before, so the probe is left out.

        Raises:
            GGUFError, AdapterFitError: one does not fit, or they fail their probe; what was on stays on.
        """
        checked([Share(str(path), scale) for path, scale in parts])
        try:
            wanted = tuple((self._load(path), scale) for path, scale in parts)
            self._put_on(wanted, tried)
        finally:
            self._free_idle()
        return self.name

    def _load(self, path: Path) -> Key:
        key = _key(path)
        name = self._loaded.pop(key, "")
        if not name:
            self._check(path, self._base)
            self._engine.load_adapter(key, path)
        self._loaded[key] = name or adapter_label(path)
        return key

    def _put_on(self, wanted: tuple[tuple[Key, float], ...], tried: bool) -> None:
        try:
            if self._base_scores is None and wanted and not tried:
                self._engine.wear(())
                self._base_scores = self._engine.probe(PROBE_TOKENS)
            self._engine.wear(wanted)
            if wanted and not tried:
                self._probe(wanted)
        except Exception:
            self._engine.wear(self._worn)
            raise
        self._worn = wanted

    def _probe(self, wanted: tuple[tuple[Key, float], ...]) -> None:
        scores, name = self._engine.probe(PROBE_TOKENS), " ".join(self._loaded[key] for key, _ in wanted)
        if not all(map(math.isfinite, scores)):
            raise AdapterFitError(
                f"The adapter '{name}' makes the model's numbers infinite.", "Train it again, or choose another."
            )
        assert self._base_scores is not None
        if any(scale > 0 for _, scale in wanted) and list(scores) == list(self._base_scores):
            raise AdapterFitError(f"The adapter '{name}' changes nothing.", "It may be untrained: choose another.")

    def _free_idle(self) -> None:
        """Free what is not on beyond a few, least recently used first."""
        idle = [key for key in self._loaded if key not in {key for key, _ in self._worn}]
        while idle and (len(idle) > IDLE_ADAPTERS or sum(key[2] for key in idle) > IDLE_BYTES):
            self._engine.free_adapter(idle[0])
            del self._loaded[idle.pop(0)]


def _key(path: Path) -> Key:
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        raise AdapterFitError(
            f"There is no adapter {shown(str(path), 200)}.", "Check the path and its permissions."
        ) from error
    return (str(path), status.st_ino, status.st_size, status.st_mtime_ns)


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
