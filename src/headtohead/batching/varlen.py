"""Attention within packed rows in one kernel: ``torch.nn.attention.varlen``, FlashAttention in half precision on NVIDIA GPUs.

docs.pytorch.org/docs/stable/nn.attention.varlen.html; compute capability 8.0, and PyTorch 2.12 for key and value heads that
several query heads share.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache
from itertools import product
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from headtohead.batching.batch import pad_right
from headtohead.batching.sequence_packing import PackedRows
from headtohead.errors import is_out_of_memory

log = logging.getLogger(__name__)

PRECISIONS = (torch.bfloat16, torch.float16)
"""In which the kernel multiplies."""
TOLERANCE = 0.05
"""Of outputs and gradients near 1 in bf16, which has 8 bits."""


def takes(query: Tensor, packed: PackedRows, dropout: float) -> bool:
    """Whether the kernel reads these rows: each sees its own alone, in half precision, where the kernel works.

    Args:
        query: 1 x heads x tokens x features.
        dropout: of attention, which the kernel lacks.
    """
    is_plain = packed.visible is None and packed.beginning is None and packed.context is None and not dropout
    dtype = dtype_of_products(query)
    return is_plain and dtype in PRECISIONS and is_right(query.device, query.shape[3], dtype)


def attend_varlen(
    module: nn.Module,
    states: tuple[Tensor, Tensor, Tensor],
    window: Tensor | None,
    packed: PackedRows,
    *,
    scaling: float | None = None,
    sliding_window: int | None = None,
    **_: Any,
) -> Float[Tensor, "1 tokens heads features"]:
    """Attend within rows of any lengths.

    Args:
        states: query, key and value, 1 x heads x tokens x features.
        window: the mask that ``sliding_window`` stands for, which the kernel does without.
        scaling: of scores; None is one over the root of features.
        sliding_window: how many tokens before its own (and after, unless causal) a token sees, its own included; None: all.
    """
    dtype = dtype_of_products(states[0])
    q, k, v = (own[0].transpose(0, 1).to(dtype) for own in states)
    before = -1 if sliding_window is None else sliding_window - 1
    seen = (before, 0 if getattr(module, "is_causal", True) else before)
    starts, longest = packed.starts, packed.longest
    is_shared = q.shape[1] != k.shape[1]
    attended = kernel()(
        q, k, v, starts, starts, longest, longest, scale=scaling, window_size=seen, enable_gqa=is_shared
    )
    return attended[None]


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
    """Whether the kernel works on a device: it is tried once, forward and backward, and compared with SDPA.

    Where it does not, the log says why, and rows are padded for attention.

    Raises:
        RuntimeError: out of memory, which says nothing of the kernel.
    """
    # a layer may ask this within gradient checkpointing, which counts what is saved for the backward pass
    saved_elsewhere = torch.autograd.graph.saved_tensors_hooks(lambda tensor: tensor, lambda tensor: tensor)
    try:
        with torch.enable_grad(), torch.autocast(device.type, enabled=False), saved_elsewhere:
            _compare_with_sdpa(device, features, dtype)
    except (ImportError, TypeError, RuntimeError, AssertionError) as error:
        if is_out_of_memory(error):
            raise
        why = str(error).strip().splitlines() or [type(error).__name__]
        log.warning("torch.nn.attention.varlen does not work here, so attention pads its rows: %s", why[0])
        return False
    return True


def _compare_with_sdpa(device: torch.device, features: int, dtype: torch.dtype) -> None:
    """Attend in two rows, longer than the kernel's blocks, in every way that architectures ask for.

    Raises:
        AssertionError: it differs.
    """
    lengths, window = (300, 130), 70
    total = sum(lengths)
    packed = PackedRows.of(pad_right([[1] * length for length in lengths], 0, device), 1)
    generator = torch.Generator().manual_seed(0)
    q, k, v = states = [
        torch.randn(1, heads, total, features, generator=generator).to(device, dtype).requires_grad_()
        for heads in (4, 2, 2)
    ]
    row = torch.repeat_interleave(torch.arange(2, device=device), packed.starts.diff())
    distance = torch.arange(total, device=device)[:, None] - torch.arange(total, device=device)
    for is_causal, sliding_window in product((True, False), (None, window)):
        module = nn.Module()
        module.is_causal = is_causal  # type: ignore[assignment]
        seen = (
            (row[:, None] == row) & (distance.abs() < (sliding_window or total)) & ((distance >= 0) | (not is_causal))
        )
        found = attend_varlen(module, (q, k, v), None, packed, sliding_window=sliding_window)
        exact = F.scaled_dot_product_attention(q.float(), k.float(), v.float(), attn_mask=seen, enable_gqa=True)
        expected = exact.transpose(1, 2)
        torch.testing.assert_close(found.float(), expected, atol=TOLERANCE, rtol=TOLERANCE)
        gradients = (torch.autograd.grad(output.float().sin().sum(), states) for output in (found, expected))
        torch.testing.assert_close(*gradients, atol=TOLERANCE, rtol=TOLERANCE)
