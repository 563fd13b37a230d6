"""Attention within packed rows, through transformers' attention interface.

huggingface.co/docs/transformers/attention_interface: a model asks for its attention and its masks by the name of its
implementation, and hands on whatever else its forward was given, here the layout of the rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel

from headtohead.batching import varlen
from headtohead.batching.prefix_attention import attend_behind
from headtohead.batching.prefix_cache import layer_number
from headtohead.batching.sequence_packing import PackedRows
from headtohead.internals.transformers_internals import attention_of, sdpa_attention_forward, sdpa_mask

NAME = "sdpa_packed"
LONGEST_IN_FP32 = 512
"""Tokens of rows that a processor trains on with attention in fp32: PyTorch's backward pass of it in bf16 takes two to seven
times as long up to some 500 tokens, and is faster from some 1,000 on (torch 2.13, AMX)."""
READ_PACKED_ROWS = ("bert", "llama", "modernbert", "qwen2", "qwen3")
"""Architectures whose packed hidden states are tested to be those of padded rows. Others read padded rows."""
CAUSAL = ("llama", "qwen2", "qwen3")
"""Those in which a token sees none after it."""

ROTATIONS = ("default", "linear", "llama3", "yarn")
"""Of positions, those that do not depend on how long the row is."""


def read_packed_rows(model: PreTrainedModel) -> bool:
    """Make a model take packed rows, and padded ones as before; return whether it does.

    Attention other than ``sdpa`` (eager, flash) brings its own masks and reads padded rows.
    """
    if model.config.model_type not in READ_PACKED_ROWS or attention_of(model.config) not in ("sdpa", NAME):
        return False
    AttentionInterface.register(NAME, attend)
    AttentionMaskInterface.register(NAME, mask_of_a_row)
    model.set_attn_implementation(NAME)
    return True


def can_share_beginnings(model: PreTrainedModel) -> bool:
    """Whether rows that begin alike may be read from where they part: each token sees all before it, none after."""
    config = model.config.get_text_config()
    layers = getattr(config, "layer_types", None) or ["full_attention"]
    rotation = (getattr(config, "rope_parameters", None) or {}).get("rope_type", "default")
    return config.model_type in CAUSAL and set(layers) == {"full_attention"} and rotation in ROTATIONS


def mask_of_a_row(*, batch_size: int, q_length: int, kv_length: int, **options: Any) -> Tensor | None:
    """Return the mask of packed rows, cut to each row by ``attend``; None where the architecture sees all, or all before.

    Args:
        batch_size: rows the trunk was given; packed, it is one.
        kv_length: of the attention mask that the trunk was given: packed, of the longest row.
    """
    if q_length > kv_length:  # packed; where fewer are asked than seen, padded rows are being continued
        batch_size, q_length, options["attention_mask"] = 1, kv_length, None
    return sdpa_mask(batch_size=batch_size, q_length=q_length, kv_length=kv_length, **options)


def attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    packed: PackedRows | None = None,
    **options: Any,
) -> tuple[Tensor, None]:
    """Attend within rows; padded rows where ``packed`` is missing.

    Args:
        query: packed, 1 x heads x tokens x features; as ``key`` and ``value``.
        attention_mask: 1 x 1 x longest x longest for packed rows, or None.

    Returns:
        1 x tokens x heads x features.
    """
    if packed is None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **options)
    if packed.keeps is not None:
        packed.keeps.layers[layer_number(module)] = tuple(_padded(own, packed) for own in (key, value))  # type: ignore[assignment]
    way = _way(query.device.type, query, packed, options.get("dropout", 0.0))
    return way(module, (query, key, value), attention_mask, packed, **options), None


def _way(device: str, query: Tensor, packed: PackedRows, dropout: float) -> Callable[..., Tensor]:
    """Return how a kind of device attends within packed rows."""
    if device == "cpu":
        return attend_by_groups if packed.beginning is None else attend_behind
    return varlen.attend_varlen if varlen.takes(query, packed, dropout) else attend_padded


def attend_by_groups(
    module: nn.Module, states: tuple[Tensor, Tensor, Tensor], window: Tensor | None, packed: PackedRows, **options: Any
) -> Tensor:
    """One product for rows of one length: nothing is spent on padding, and a processor launches no kernels."""
    sizes = [group.tokens for group in packed.groups]
    cuts = (tensor[0].split(sizes, dim=1) for tensor in states)
    parts = []
    for group, mask, *own in zip(packed.groups, packed.masks, *cuts, strict=True):
        rows, length = group.places.shape
        q, k, v = (state.unflatten(1, (rows, length)).transpose(0, 1) for state in own)
        if mask is None and window is not None and not group.is_filler:  # which may be longer than any row
            mask = window[:, :, :length, :length]
        if packed.context is not None and not group.is_filler:
            k, v = packed.context.prepended(packed.rows_of(group), layer_number(module), k, v)
        parts.append(_attended(module, q, k, v, mask, **options).flatten(0, 1))
    return torch.cat(parts)[None]


def _attended(module: nn.Module, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, **options: Any) -> Tensor:
    """Attend on a processor: in fp32 where a backward pass through short rows in bf16 follows."""
    dtype = varlen.dtype_of_products(q)
    if dtype != torch.bfloat16 or not q.requires_grad or k.shape[2] > LONGEST_IN_FP32:
        attended: Tensor = sdpa_attention_forward(module, q, k, v, mask, **options)[0]
        return attended
    with torch.autocast("cpu", enabled=False):
        return sdpa_attention_forward(module, q.float(), k.float(), v.float(), mask, **options)[0].to(dtype)


def attend_padded(
    module: nn.Module, states: tuple[Tensor, Tensor, Tensor], window: Tensor | None, packed: PackedRows, **options: Any
) -> Tensor:
    """All rows at once, padded for this product alone: few kernels."""
    rows, length = packed.real.shape
    if window is not None:
        window = window[:, :, :length, :length]
    if packed.padded_mask is not None:
        window = packed.padded_mask
    elif not getattr(module, "is_causal", True):  # under causality no real token sees the padding on its right
        keys = (packed.real | ~packed.real.any(dim=1, keepdim=True))[:, None, None, :]  # no empty softmax in empty rows
        window = keys if window is None else keys & window
    q, k, v = (_padded(own, packed) for own in states)
    for context in reversed(packed.contexts):
        k, v = context.prepended(torch.arange(rows, device=k.device), layer_number(module), k, v)
    attended, _ = sdpa_attention_forward(module, q, k, v, window, **options)
    return attended.flatten(0, 1)[packed.index][None]


def _padded(own: Tensor, packed: PackedRows) -> Tensor:
    """Turn packed states, 1 x heads x tokens x features, into rows x heads x length x features."""
    flat = packed.padded(own.transpose(1, 2).flatten(2))
    return flat.view(*packed.real.shape, -1, own.shape[3]).transpose(1, 2)
