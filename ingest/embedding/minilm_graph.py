"""How is all-MiniLM-L6-v2 written as an ONNX graph? Built in memory from its safetensors weights.

A BERT encoder of 6 identical layers (384 wide, 12 heads), then the mean over tokens, then length one.
The graph reads one text at a time, shape (1, tokens): no padding, so no mask, and no text's vector
depends on its neighbours. Linear layers are int8: weights per output channel, activations per text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import NodeProto, TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Weights = Mapping[str, NDArray[Any]]

LAYERS, WIDTH, HEADS = 6, 384, 12
EPSILON = 1e-12  # of every layer normalisation
MAX_TOKENS = 256  # the model was trained on this many, of 512 positions
# Seven bits, not eight: without VNNI a CPU adds pairs of products in 16 bits, and u8 x s8 overflows
# there. Costs 0.001 of cosine (mean 0.994 instead of 0.995 to the fp32 vectors).
WEIGHT_MAX = 63
CONTRIB = "com.microsoft"


def minilm_graph(weights: Weights, quantised: bool = True) -> bytes:
    """The serialised model: input `ids` int64 (1, tokens), output `vector` float32 (1, 384).

    Raises:
        KeyError: a weight is not there, so these are not the weights of this model.
    """
    graph = _Graph(weights, quantised)
    hidden = graph.embeddings()
    for layer in range(LAYERS):
        hidden = graph.layer(hidden, f"encoder.layer.{layer}.")
    graph.pool(hidden)
    return graph.serialised()


class _Graph:
    """Nodes and constants as they are added; an output is named after the weights that made it."""

    def __init__(self, weights: Weights, quantised: bool) -> None:
        self._weights = weights
        self._quantised = quantised
        self._nodes: list[NodeProto] = []
        self._constants: list[TensorProto] = []

    def embeddings(self) -> str:
        """Word + position + first token type, normalised: (1, tokens, width)."""
        prefix = "embeddings."
        positions = self._weights[prefix + "position_embeddings.weight"][:MAX_TOKENS]
        table = positions + self._weights[prefix + "token_type_embeddings.weight"][0]
        words = self._constant("words", self._weights[prefix + "word_embeddings.weight"])
        word_rows = self._node("Gather", [words, "ids"], "word_rows")
        count = self._node("Shape", ["ids"], "count", start=1, end=2)
        zero = self._constant("zero", np.array([0], dtype=np.int64))
        position_rows = self._node("Slice", [self._constant("positions", table), zero, count], "position_rows")
        total = self._node("Add", [word_rows, position_rows], "embedded")
        scale, shift = self._norm(prefix + "LayerNorm")
        return self._node("LayerNormalization", [total, scale, shift], "hidden", axis=-1, epsilon=EPSILON)

    def layer(self, hidden: str, prefix: str) -> str:
        """Self-attention and feed-forward, each added to its input and normalised after."""
        parts = [self._linear(hidden, prefix + f"attention.self.{part}") for part in ("query", "key", "value")]
        attended = self._node("MultiHeadAttention", parts, prefix + "attended", CONTRIB, num_heads=HEADS)
        attended = self._linear(attended, prefix + "attention.output.dense")
        hidden = self._add_and_norm(attended, hidden, prefix + "attention.output.LayerNorm")
        wide = self._linear(hidden, prefix + "intermediate.dense")
        wide = self._node("Gelu", [wide], prefix + "gelu", CONTRIB)
        narrow = self._linear(wide, prefix + "output.dense")
        return self._add_and_norm(narrow, hidden, prefix + "output.LayerNorm")

    def pool(self, hidden: str) -> None:
        """The mean over tokens, scaled to length one."""
        axis = self._constant("token_axis", np.array([1], dtype=np.int64))
        mean = self._node("ReduceMean", [hidden, axis], "mean", keepdims=0)
        self._node("LpNormalization", [mean], "vector", axis=-1, p=2)

    def serialised(self) -> bytes:
        """The whole model as ONNX bytes."""
        ids = helper.make_tensor_value_info("ids", TensorProto.INT64, [1, "tokens"])
        vector = helper.make_tensor_value_info("vector", TensorProto.FLOAT, [1, WIDTH])
        graph = helper.make_graph(self._nodes, "all-MiniLM-L6-v2", [ids], [vector], self._constants)
        opsets = [helper.make_opsetid("", 18), helper.make_opsetid(CONTRIB, 1)]
        model: bytes = helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString()
        return model

    def _linear(self, value: str, name: str) -> str:
        matrix, bias = (self._weights[f"{name}.weight"], self._constant(f"{name}.bias", self._weights[f"{name}.bias"]))
        if not self._quantised:
            product = self._node("MatMul", [value, self._constant(f"{name}.weight", matrix.T)], f"{name}.product")
            return self._node("Add", [product, bias], name)
        scale = np.abs(matrix).max(axis=1).astype(np.float32) / WEIGHT_MAX  # one per output channel
        integers = np.rint(matrix / scale[:, None]).astype(np.int8).T
        inputs = [
            value,
            self._constant(f"{name}.weight", integers),
            self._constant(f"{name}.scale", scale),
            self._constant(f"{name}.zero", np.zeros(len(scale), dtype=np.int8)),
            bias,
        ]
        return self._node("DynamicQuantizeMatMul", inputs, name, CONTRIB)

    def _add_and_norm(self, value: str, residual: str, name: str) -> str:
        inputs = [value, residual, *self._norm(name)]
        return self._node("SkipLayerNormalization", inputs, name, CONTRIB, epsilon=EPSILON)

    def _norm(self, name: str) -> tuple[str, str]:
        scale, shift = f"{name}.weight", f"{name}.bias"
        return self._constant(scale, self._weights[scale]), self._constant(shift, self._weights[shift])

    def _constant(self, name: str, array: NDArray[Any]) -> str:
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def _node(self, operator: str, inputs: list[str], output: str, domain: str = "", **attributes: Any) -> str:
        self._nodes.append(helper.make_node(operator, inputs, [output], domain=domain, **attributes))
        return output
