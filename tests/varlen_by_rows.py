"""A stand-in for PyTorch's kernel of rows of any lengths, which runs on GPUs alone."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def row_by_row(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    cu_seq_q: Tensor,
    cu_seq_k: Tensor,
    max_q: int,
    max_k: int,
    *,
    scale: float | None = None,
    window_size: tuple[int, int] = (-1, -1),
    enable_gqa: bool = False,
) -> Tensor:
    """What PyTorch's documentation says of ``varlen_attn``, which runs on GPUs alone, one row after another."""
    assert cu_seq_q.dtype == cu_seq_k.dtype == torch.int32
    assert torch.equal(cu_seq_q, cu_seq_k)
    lengths = cu_seq_q.diff().tolist()
    assert sum(lengths) == len(query)
    assert max(lengths) == max_q == max_k
    left, right = (size if size >= 0 else len(query) for size in window_size)
    parts = []
    for own in zip(*(states.split(lengths) for states in (query, key, value)), strict=True):
        q, k, v = (states.transpose(0, 1) for states in own)
        place = torch.arange(q.shape[1])
        distance = place - place[:, None]
        seen = (-left <= distance) & (distance <= right)
        parts.append(F.scaled_dot_product_attention(q, k, v, seen, scale=scale, enable_gqa=enable_gqa).transpose(0, 1))
    return torch.cat(parts)
