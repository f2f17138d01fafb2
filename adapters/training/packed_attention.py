"""Attention over packed rows: each row sees itself and the shared prefix. [H] torch.

Registered with transformers under the name `packed`. Linear layers and norms see one long row without
padding; only here, where cost grows with the square of the length, rows are set apart again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from adapters.training.packing import Pack

NAME = "packed"


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the rows of a pack lie: R rows, the longest rest of L tokens, behind P prefix tokens, T in all."""

    prefix: int  # P
    places: Tensor  # (R, L): which of the T tokens; 0 where a row is shorter
    order: Tensor  # (T - P,): which of the R * L places a token after the prefix has
    positions: Tensor  # (1, T): position ids

    @property
    def rows(self) -> int:
        """R."""
        return self.places.shape[0]


def layout_of(pack: Pack, device: torch.device) -> Layout:
    """The layout of a pack, as tensors."""
    lengths = torch.tensor(pack.lengths, device=device)
    longest = int(lengths.max())
    starts = pack.prefix + torch.cumsum(lengths, 0) - lengths
    inside = torch.arange(longest, device=device)
    filled = inside[None] < lengths[:, None]
    places = torch.where(filled, starts[:, None] + inside[None], 0)
    order = torch.nonzero(filled.flatten()).flatten()
    prefix = torch.arange(pack.prefix, device=device)
    positions = torch.cat([prefix, pack.prefix + order % longest])
    return Layout(pack.prefix, places, order, positions[None])


def attend(
    module: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, *,
    scaling: float, packing: Layout, **_: Any,
) -> tuple[Tensor, None]:  # fmt: skip
    """What transformers calls for each layer.

    Shapes: query (1, heads, T, d), key and value (1, groups, T, d); returns (1, T, heads, d).
    """
    groups, shared = key.shape[1], packing.prefix
    query = query[0].unflatten(0, (groups, -1))  # (groups, heads of a group, T, d)
    key, value = key[0], value[0]
    rows = _rows(query[:, :, shared:], key, value, packing, scaling)
    if shared:
        before = _causal(query[:, :, :shared], key[:, :shared], value[:, :shared], scaling)
        rows = torch.cat([before, rows], 2)
    return rows.flatten(0, 1).transpose(0, 1)[None], None


def _causal(query: Tensor, key: Tensor, value: Tensor, scaling: float) -> Tensor:
    """The prefix looks at itself. (groups, heads, P, d) with (groups, P, d)."""
    groups, heads, length, width = query.shape
    scores = query.reshape(groups, heads * length, width) @ key.transpose(1, 2) * scaling
    scores = scores.view(groups, heads, length, length) + _future(length, query)
    return torch.softmax(scores, -1, dtype=torch.float32).to(value.dtype).flatten(1, 2).matmul(value).view(query.shape)


def _rows(query: Tensor, key: Tensor, value: Tensor, packing: Layout, scaling: float) -> Tensor:
    """Each row looks at itself and at the prefix; (groups, heads, T - P, d) with keys of all T tokens."""
    groups, heads, _, width = query.shape
    rows, longest = packing.places.shape
    shared = packing.prefix
    apart = query[:, :, (packing.places - shared).clamp_min(0).flatten()]  # (groups, heads, R * L, d)
    apart = apart.view(groups, heads, rows, longest, width).permute(2, 0, 1, 3, 4).reshape(rows, groups, -1, width)
    own_key = key[:, packing.places.flatten()].view(groups, rows, longest, width).transpose(0, 1)
    own_value = value[:, packing.places.flatten()].view(groups, rows, longest, width).transpose(0, 1)
    joined = _RowAttention.apply(
        apart, own_key.contiguous(), own_value.contiguous(), key[:, :shared], value[:, :shared],
        _future(longest, query), scaling,
    )  # fmt: skip
    joined = joined.view(rows, groups, heads, longest, width).permute(1, 2, 0, 3, 4)
    flat: Tensor = joined.reshape(groups, heads, rows * longest, width)[:, :, packing.order]
    return flat


class _RowAttention(torch.autograd.Function):
    """softmax(q [prefix | own keys]) [prefix | own values], with its gradient.

    q (R, G, H*L, d), k and v (R, G, L, d), prefix keys and values (G, P, d), future (L, L).
    Kept for the gradient are the probabilities in the weights' type, half of what autograd would keep.
    """

    @staticmethod
    def forward(
        ctx: Any, q: Tensor, k: Tensor, v: Tensor, pk: Tensor, pv: Tensor, future: Tensor, scaling: float
    ) -> Tensor:
        shared, longest = pk.shape[1], k.shape[2]
        scores = q.new_empty((*q.shape[:3], shared + longest), dtype=torch.float32)
        scores[..., :shared] = q @ pk.transpose(-1, -2)
        scores[..., shared:] = q @ k.transpose(-1, -2)
        scores.mul_(scaling)
        scores.unflatten(2, (-1, longest))[..., shared:].add_(future)
        weights = torch.softmax(scores, -1).to(v.dtype)
        ctx.save_for_backward(q, k, v, pk, pv, weights)
        ctx.scaling = scaling
        return weights[..., :shared] @ pv + weights[..., shared:] @ v

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v, pk, pv, weights = ctx.saved_tensors
        shared = pk.shape[1]
        change = torch.empty_like(weights, dtype=torch.float32)
        change[..., :shared] = grad @ pv.transpose(-1, -2)
        change[..., shared:] = grad @ v.transpose(-1, -2)
        full = weights.float()
        change = torch._softmax_backward_data(change, full, -1, torch.float32).mul_(ctx.scaling).to(q.dtype)
        of_prefix, own = change[..., :shared], change[..., shared:]
        q_grad = of_prefix @ pk + own @ k
        k_grad, v_grad = own.transpose(-1, -2) @ q, weights[..., shared:].transpose(-1, -2) @ grad
        pk_grad = (of_prefix.transpose(-1, -2) @ q).sum(0)
        pv_grad = (weights[..., :shared].transpose(-1, -2) @ grad).sum(0)
        return q_grad, k_grad, v_grad, pk_grad, pv_grad, None, None


def _future(length: int, like: Tensor) -> Tensor:
    """(length, length) of 0, and minus infinity where a token would look at a later one."""
    hidden = torch.ones((length, length), dtype=torch.bool, device=like.device).triu(1)
    return torch.zeros((length, length), device=like.device).masked_fill_(hidden, float("-inf"))


def register() -> None:
    """Make the name known to transformers."""
    ALL_ATTENTION_FUNCTIONS.register(NAME, attend)
