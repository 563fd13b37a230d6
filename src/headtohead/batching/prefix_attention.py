"""Attention behind a beginning that all rows of a trial share: one product with it for all of them, on a processor.

Juravsky et al. 2024, Hydragen (arXiv:2402.05099): attention to two sets of keys is that to each, weighed by their softmaxes' sums.
So keys and values of the beginning are copied neither for each row nor for each head that shares them.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from headtohead.batching import varlen
from headtohead.batching.prefix_cache import layer_number
from headtohead.batching.sequence_packing import Group, PackedRows
from headtohead.internals.torch_internals import attention_with_sums

Attended = tuple[Float[Tensor, "rows heads length features"], Float[Tensor, "rows heads length 1"]]
"""Values, and the logarithms of the sums of their softmaxes, in fp32."""


def attend_behind(
    module: nn.Module,
    states: tuple[Tensor, Tensor, Tensor],
    window: Tensor | None,
    packed: PackedRows,
    *,
    scaling: float | None = None,
    **_: Any,
) -> Float[Tensor, "1 tokens heads features"]:
    """Attend within rows and to what stands before them; nothing is kept for a backward pass.

    Args:
        states: query, key and value, 1 x heads x tokens x features; without gradients, which the sums have none of.
        window: not looked at: architectures that have one share no beginnings.
        scaling: of scores; None is one over the root of features.
    """
    assert packed.beginning is not None
    assert not any(own.requires_grad for own in states), "a beginning is shared in scoring alone"
    number = layer_number(module)
    dtype = varlen.dtype_of_products(states[0])
    q, k, v = (own.to(dtype) for own in states)
    keys, values = (own.to(dtype) for own in packed.beginning.layers[number])
    by_trial = q[0].unflatten(1, (len(keys), -1)).transpose(0, 1)
    far, far_sums = (own.transpose(0, 1).flatten(1, 2)[None] for own in attended(by_trial, keys, values, None, scaling))
    sizes = [group.tokens for group in packed.groups]
    cuts = (own[0].split(sizes, dim=1) for own in (q, k, v))
    near = [
        _within(own, group, mask, packed, number, scaling)
        for group, mask, *own in zip(packed.groups, packed.added_masks, *cuts, strict=True)
    ]
    near_values, near_sums = (torch.cat([part[which] for part in near], dim=1)[None] for which in (0, 1))
    share = torch.sigmoid(far_sums - near_sums)
    return torch.lerp(near_values.float(), far.float(), share).to(dtype).transpose(1, 2)


def attended(
    q: Float[Tensor, "rows heads length features"],
    k: Float[Tensor, "rows shared seen features"],
    v: Float[Tensor, "rows shared seen features"],
    mask: Float[Tensor, "some 1 length seen"] | None,
    scaling: float | None,
) -> Attended:
    """Attend on a CPU, with the sums. Query heads that share keys are asked as if they were more tokens.

    Args:
        mask: added to scores.
    """
    groups = q.shape[1] // k.shape[1]
    folded = q.unflatten(1, (k.shape[1], groups)).flatten(2, 3)
    mask = mask if mask is None else mask.repeat(1, 1, groups, 1)
    values, sums = attention_with_sums(folded, k, v, mask, scaling)
    values, sums = (own.unflatten(2, (groups, -1)).flatten(1, 2) for own in (values, sums))
    return values, sums.unsqueeze(-1)


def _within(
    states: list[Tensor],
    group: Group,
    mask: Float[Tensor, "some 1 length seen"] | None,
    packed: PackedRows,
    number: int,
    scaling: float | None,
) -> tuple[Tensor, Tensor]:
    """Attend to all but the beginning in rows of one length; heads x tokens x features. Filler is not worth it."""
    q, k, v = states
    if mask is None:
        return torch.zeros_like(q), torch.zeros_like(q[..., :1], dtype=torch.float32)
    q, k, v = (own.unflatten(1, group.places.shape).transpose(0, 1) for own in states)
    if packed.context is not None:
        k, v = packed.context.prepended(packed.rows_of(group), number, k, v)
    values, sums = attended(q, k, v, mask, scaling)
    return values.transpose(0, 1).flatten(1, 2), sums.transpose(0, 1).flatten(1, 2)
