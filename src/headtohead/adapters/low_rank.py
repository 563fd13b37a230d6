"""Frozen linear layers of one input with low-rank updates of several trials, forward and backward in one step each.

Written out, it keeps less than autograd does of the formula: neither the layers' own outputs, nor a sum of two gradients for
the input.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn


def full_weight(base: nn.Module) -> Float[Tensor, "fan_out fan_in"]:
    """Return the weight matrix of a layer, de-quantised where it is stored in 4 bits."""
    weight = base.weight
    assert isinstance(weight, Tensor)
    quantised = getattr(weight, "quant_state", None)
    if quantised is None:
        return weight.detach()
    from bitsandbytes.functional import dequantize_4bit

    return dequantize_4bit(weight.data, quantised)


class AdaptedLinears(torch.autograd.Function):
    """``base(x) + scale * (x mask A) B`` per trial, for each of some layers that read the same ``x``."""

    @staticmethod
    def forward(
        ctx: Any,
        bases: Sequence[nn.Module],
        x: Float[Tensor, "*rows fan_in"],
        mask: Float[Tensor, "*rows fan_in"] | None,
        scales: Float[Tensor, "trials 1 1"],
        a: Float[Tensor, "trials ranks fan_in"],
        *bs: Float[Tensor, "trials _ _"],
    ) -> tuple[Tensor, ...]:
        """Return the output of each layer.

        Args:
            bases: frozen, with the same number of inputs.
            mask: of dropout, or None.
            a: the layers' factors A, one after another.
            bs: factor B of each.
        """
        low = torch.bmm(_dropped(x, mask, len(a)), a.transpose(1, 2)) * scales
        outputs = []
        for base, own, b in zip(bases, _of_each(low, bs), bs, strict=True):
            y = base(x)
            y.view(len(a), -1, y.shape[-1]).baddbmm_(own, b)
            outputs.append(y)
        ctx.bases = bases
        ctx.save_for_backward(x, mask, scales, low, a, *bs)
        return tuple(outputs)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Any, ...]:  # type: ignore[override]
        """Return the gradients of ``x`` and of the factors."""
        x, mask, scales, low, a, *bs = ctx.saved_tensors
        own = [gradient.reshape(len(a), -1, gradient.shape[-1]) for gradient in gradients]
        of_low = torch.cat([torch.bmm(g, b.transpose(1, 2)) for g, b in zip(own, bs, strict=True)], dim=2) * scales
        of_a = torch.bmm(of_low.transpose(1, 2), _dropped(x, mask, len(a)))
        of_bs = [torch.bmm(part.transpose(1, 2), g) for part, g in zip(_of_each(low, bs), own, strict=True)]
        if not ctx.needs_input_grad[1]:
            return None, None, None, None, of_a, *of_bs
        of_x = _through(ctx.bases, gradients)
        if mask is None:
            of_x.view(len(a), -1, x.shape[-1]).baddbmm_(of_low, a)
        else:
            of_x += torch.bmm(of_low, a).view(x.shape) * mask
        return None, of_x, None, None, of_a, *of_bs


def _of_each(low: Tensor, bs: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Return each layer's part of the low-rank products."""
    return low.split([b.shape[1] for b in bs], dim=2)


def _dropped(x: Tensor, mask: Tensor | None, trials: int) -> Float[Tensor, "trials tokens fan_in"]:
    return (x if mask is None else x * mask).reshape(trials, -1, x.shape[-1])


def _through(bases: Sequence[nn.Module], gradients: Sequence[Tensor]) -> Tensor:
    """Return the gradient of the input of frozen layers."""
    total, *others = (
        (gradient, full_weight(base).to(gradient.dtype)) for base, gradient in zip(bases, gradients, strict=True)
    )
    summed = torch.matmul(*total)
    for gradient, weight in others:
        summed.view(-1, summed.shape[-1]).addmm_(gradient.flatten(0, -2), weight)
    return summed
