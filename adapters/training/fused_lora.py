"""A linear layer with a LoRA as one step: fewer and larger operations than PEFT's own, same result. [H] torch.

PEFT keeps the adapter in float32 and multiplies in float32, beside a base in bfloat16; here the halves are
cast once and the products are added in place (`addmm`). Gradients arrive in float32.
"""

from __future__ import annotations

import types
from typing import Any

import torch
from peft.tuners.lora import Linear as LoraLinear
from torch import Tensor, nn

ADAPTER = "default"  # the name PEFT gives an only adapter


class _FusedLoRA(torch.autograd.Function):
    """y = x W' + s (x A') B', x (…, in), W (out, in), A (rank, in), B (out, rank)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor, a: Tensor, b: Tensor, scale: float) -> Tensor:
        flat = x.reshape(-1, x.shape[-1])
        low, high = a.to(x.dtype), (b * scale).to(x.dtype)
        inner = flat @ low.t()
        y = (flat @ w.t()).addmm_(inner, high.t())
        ctx.save_for_backward(flat, w, low, high, inner)
        ctx.scale = scale
        return y.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        flat, w, low, high, inner = ctx.saved_tensors
        g = grad.reshape(-1, grad.shape[-1])
        back = g @ high
        x_grad = (g @ w).addmm_(back, low).view(*grad.shape[:-1], -1) if ctx.needs_input_grad[0] else None
        a_grad, b_grad = (back.t() @ flat).float(), (g.t() @ inner).float().mul_(ctx.scale)
        return x_grad, None, a_grad, b_grad, None


def fuse(model: nn.Module) -> int:
    """Give each plain LoRA layer of a PEFT model the fused step; returns how many. Quantised layers stay."""
    layers = [layer for layer in model.modules() if isinstance(layer, LoraLinear) and _is_plain(layer)]
    for layer in layers:
        layer.forward = types.MethodType(_forward, layer)
    return len(layers)


def _is_plain(layer: LoraLinear) -> bool:
    dropout = layer.lora_dropout[ADAPTER]
    return type(layer.base_layer) is nn.Linear and layer.base_layer.bias is None and isinstance(dropout, nn.Identity)


def _forward(layer: LoraLinear, x: Tensor, *_: Any, **__: Any) -> Tensor:
    weight: Tensor = layer.base_layer.weight
    if layer.disable_adapters:
        return nn.functional.linear(x, weight)
    a, b = layer.lora_A[ADAPTER].weight, layer.lora_B[ADAPTER].weight
    y: Tensor = _FusedLoRA.apply(x, weight, a, b, layer.scaling[ADAPTER])
    return y
