"""The backend for the second engine: a model folder or a GGUF file, through transformers. [H] torch, transformers.

Weights are read from safetensors or dequantised from GGUF, and quantised while loading where that is asked
(bitsandbytes; NF4: Dettmers et al. 2023, arXiv 2305.14314; int8: Dettmers et al. 2022, arXiv 2208.07339).
"""

from __future__ import annotations

from dataclasses import replace

import torch

from adapters.errors import TrainingError
from adapters.files.gguf_facts import GGUFFacts
from adapters.hotswap import HotSwap
from adapters.training.base_weights import fast_dtype, load_base, load_tokenizer
from adapters.training.methods import quantize
from assistant.backends.base import ModelInfo
from assistant.backends.engine_backend import EngineBackend
from assistant.backends.llamacpp import context_size, thread_counts
from assistant.backends.peft_adapters import check_peft
from assistant.backends.transformers_engine import TransformersEngine
from assistant.errors import ModelError
from assistant.models.choice import Precision


class TransformersBackend(EngineBackend):
    """A model that transformers runs. See backends.base.Backend."""

    def __init__(
        self,
        facts: GGUFFacts,
        name: str = "",
        context: int = 0,
        threads: int = 0,
        batch_threads: int = 0,
        precision: Precision = "auto",
    ) -> None:
        """`facts` are of a GGUF file or a model folder (see `read_folder`); the others as in LlamaCppBackend.

        Raises:
            ModelError: it cannot be loaded, or not in this precision here.
        """
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        compute = _compute(precision, device)
        self._precision = precision if precision != "auto" else "bf16" if compute == torch.bfloat16 else "fp32"
        try:
            tokenizer = load_tokenizer(facts.path, any_architecture=True)
            model = load_base(facts.path, compute, any_architecture=True)
            if precision in ("nf4", "int8"):
                quantize(model, precision, compute)
        except TrainingError as error:
            raise ModelError(str(error), error.hint) from error
        if not getattr(tokenizer, "is_fast", False) or model.get_output_embeddings() is None:
            raise ModelError(
                f"{facts.path.name} is no chat model that transformers can run here.",
                "Choose one with a tokenizer.json.",
            )
        counts = thread_counts(threads, batch_threads)
        engine = TransformersEngine(model.to(device), tokenizer, facts, context_size(facts, context), counts)
        self._notice = "" if self._precision != "bf16" or fast_dtype(device) == torch.bfloat16 else SLOW
        super().__init__(engine, HotSwap(facts, engine, check_peft), facts, name or facts.name)

    @property
    def info(self) -> ModelInfo:
        """Facts of the loaded model."""
        told = super().info
        return replace(
            told, quantization=self._precision, engine="transformers",
            notice=" ".join(filter(None, (told.notice, self._notice))),
        )  # fmt: skip


SLOW = "This processor does not multiply bf16 natively: it saves memory but not time; fp32 is as fast."


def _compute(precision: Precision, device: torch.device) -> torch.dtype:
    """The type of activations and of weights that are not quantised.

    Raises:
        ModelError: the precision needs hardware that is not here.
    """
    if precision in ("fp32", "bf16"):
        return torch.float32 if precision == "fp32" else torch.bfloat16
    if precision == "int8" and device.type == "cuda" and torch.cuda.get_device_capability() < (7, 5):
        raise ModelError(
            "int8 needs a GPU of compute capability 7.5 or newer; this one is older.",
            "transformers+nf4 works here, or a Q8_0 GGUF with llama.cpp.",
        )
    return fast_dtype(device)
