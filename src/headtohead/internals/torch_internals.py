"""PyTorch's private API: the CPU attention operator, and which products of bf16 a CPU runs natively."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

AttendedWithSums = tuple[Float[Tensor, "rows heads length features"], Float[Tensor, "rows heads length"]]
"""Values, and the logarithms of the sums of their softmaxes (log-sum-exp of scores), in fp32."""


def attention_with_sums(
    q: Float[Tensor, "rows heads length features"],
    k: Float[Tensor, "rows heads seen features"],
    v: Float[Tensor, "rows heads seen features"],
    mask: Float[Tensor, "some 1 length seen"] | None,
    scaling: float | None,
) -> AttendedWithSums:
    """Attend on a CPU, with the log-sum-exp of scores, which no public operator returns.

    Uses ``torch.ops.aten._scaled_dot_product_flash_attention_for_cpu`` (seen in torch 2.13), the operator that
    ``scaled_dot_product_attention`` calls there. Without it: the same to rounding by public ones, scores computed twice.

    Args:
        mask: added to scores.
        scaling: of scores; None is one over the root of features.
    """
    operator = _flash_attention_for_cpu()
    if operator is None:
        return public_attention_with_sums(q, k, v, mask, scaling)
    return operator(q, k, v, attn_mask=mask, scale=scaling)


def public_attention_with_sums(
    q: Float[Tensor, "rows heads length features"],
    k: Float[Tensor, "rows heads seen features"],
    v: Float[Tensor, "rows heads seen features"],
    mask: Float[Tensor, "some 1 length seen"] | None,
    scaling: float | None,
) -> AttendedWithSums:
    """Attend as ``attention_with_sums`` does, by public operators alone; holds all scores, in fp32."""
    scaling = 1 / math.sqrt(q.shape[-1]) if scaling is None else scaling
    scores = q.float() @ k.float().transpose(-1, -2) * scaling  # rows x heads x length x seen
    scores = scores if mask is None else scores + mask.float()
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=scaling), scores.logsumexp(dim=-1)


def _flash_attention_for_cpu() -> Callable[..., AttendedWithSums] | None:
    return getattr(torch.ops.aten, "_scaled_dot_product_flash_attention_for_cpu", None)


def cpu_runs_bf16_natively() -> bool:
    """Whether products in bf16 run natively on this CPU (AMX or AVX512-BF16).

    Uses ``torch.cpu._is_amx_tile_supported`` and ``_is_avx512_bf16_supported`` (seen in torch 2.13). Without either its
    instructions count as missing, and ``model.precision=auto`` is fp32: slower, never wrong.
    """
    asked = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    return any(getattr(torch.cpu, name, bool)() for name in asked)  # bool() is False
