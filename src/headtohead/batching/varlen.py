"""Attention within packed rows in one kernel: ``torch.nn.attention.varlen``, FlashAttention in half precision on NVIDIA GPUs.

docs.pytorch.org/docs/stable/nn.attention.varlen.html, from PyTorch 2.10 on and compute capability 8.0.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from headtohead.batching.packed import PackedRows

log = logging.getLogger(__name__)

TOLERANCE = 0.05
"""Of outputs and gradients near 1 in bf16, which has 8 bits."""


def takes(query: Tensor, packed: PackedRows, dropout: float) -> bool:
    """Whether the kernel reads these rows: each sees its own alone, in half precision, where the kernel works.

    Args:
        query: 1 x heads x tokens x features.
        dropout: of attention, which the kernel lacks.
    """
    is_plain = packed.visible is None and not packed.contexts and not dropout
    dtype = dtype_of_products(query)
    return is_plain and dtype != torch.float32 and is_right(query.device, query.shape[3], dtype)


def attend_varlen(
    module: nn.Module,
    states: tuple[Tensor, Tensor, Tensor],
    packed: PackedRows,
    *,
    scaling: float | None = None,
    sliding_window: int | None = None,
    **_: Any,
) -> Float[Tensor, "1 tokens heads features"]:
    """Attend within rows of any lengths.

    Args:
        states: query, key and value, 1 x heads x tokens x features.
        scaling: of scores; None is one over the root of features.
        sliding_window: how many tokens before its own (and after, unless causal) a token sees, its own included; None: all.
    """
    dtype = dtype_of_products(states[0])
    q, k, v = (own[0].transpose(0, 1).to(dtype) for own in states)
    before = -1 if sliding_window is None else sliding_window - 1
    window = (before, 0 if getattr(module, "is_causal", True) else before)
    starts, longest = packed.starts, packed.longest
    return kernel()(
        q,
        k,
        v,
        starts,
        starts,
        longest,
        longest,
        scale=scaling,
        window_size=window,
        enable_gqa=q.shape[1] != k.shape[1],
    )[None]


def kernel() -> Callable[..., Any]:
    """Return PyTorch's kernel.

    Raises:
        ImportError: PyTorch is older.
    """
    from torch.nn.attention.varlen import varlen_attn

    return varlen_attn


def dtype_of_products(states: Tensor) -> torch.dtype:
    """Return the precision in which attention multiplies."""
    device = states.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else states.dtype


@cache
def is_right(device: torch.device, features: int, dtype: torch.dtype) -> bool:
    """Whether the kernel works on a device: two causal rows, forward and backward, are asked once and compared with SDPA.

    Where it does not, the log says why, and rows are padded for attention.
    """
    lengths, generator = (9, 4), torch.Generator().manual_seed(0)
    drawn = torch.randn(3, sum(lengths), 2, features, generator=generator)
    states = drawn.to(device, dtype).requires_grad_()
    try:
        with torch.enable_grad(), torch.autocast(device.type, enabled=False):
            starts = torch.tensor([0, 9, 13], dtype=torch.int32, device=device)
            found = kernel()(*states, starts, starts, 9, 9, window_size=(-1, 0))
            rows = [own.transpose(1, 2).unbind() for own in states.split(lengths, dim=1)]
            read = [F.scaled_dot_product_attention(q, k, v, is_causal=True) for q, k, v in rows]
            expected = torch.cat([own.transpose(0, 1) for own in read])
            for own, other in (
                (found, expected),
                *zip(*(_gradients(y, states) for y in (found, expected)), strict=True),
            ):
                torch.testing.assert_close(own, other, atol=TOLERANCE, rtol=TOLERANCE)
    except (ImportError, TypeError, RuntimeError, AssertionError) as error:
        why = str(error).strip().splitlines() or [type(error).__name__]
        log.warning("torch.nn.attention.varlen does not work here, so attention pads its rows: %s", why[0])
        return False
    return True


def _gradients(output: Tensor, states: Tensor) -> tuple[Tensor, ...]:
    return torch.autograd.grad(output.float().sin().sum(), states)
