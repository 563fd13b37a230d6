"""Tokens that stand before the rows of a batch and were read earlier: their keys and values, seen by all after them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Keys and values of some rows, layer by layer, padded on the right."""

    real: Bool[Tensor, "kept length"]
    """Not padding."""
    layers: dict[int, tuple[Tensor, Tensor]] = field(default_factory=dict)
    """By layer: keys and values, kept x heads x length x features."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Which of some kept rows stands before each row of a batch."""

    kept: Kept
    row_of: Int[Tensor, " rows"]

    def prepended(
        self,
        rows: Int[Tensor, " some"],
        layer: int,
        keys: Float[Tensor, "some heads length features"],
        values: Float[Tensor, "some heads length features"],
    ) -> tuple[Float[Tensor, "some heads seen features"], Float[Tensor, "some heads seen features"]]:
        """Put its keys and values before those of some rows of the batch."""
        chosen = self.row_of[rows]
        before, values_before = (
            own.expand(len(rows), -1, -1, -1) if len(own) == 1 else own[chosen] for own in self.kept.layers[layer]
        )
        return torch.cat([before.to(keys.dtype), keys], dim=2), torch.cat(
            [values_before.to(values.dtype), values], dim=2
        )

    def visible(self, rows: Int[Tensor, " some"]) -> Bool[Tensor, "some length"]:
        """Return which of them are tokens."""
        return self.kept.real[self.row_of[rows]]


def layer_number(module: nn.Module) -> int:
    """Return which of the trunk's layers an attention is of."""
    number: int = module.layer_idx  # type: ignore[assignment]
    return number


def common_beginning(rows: Iterable[Sequence[int]], at_least: int = 1) -> list[int]:
    """Return the tokens with which all rows begin, less the last of the shortest: every row keeps one of its own.

    Args:
        at_least: no more rows are looked at once fewer are left.
    """
    shared: list[int] | None = None
    for row in rows:
        own = list(row[:-1])
        if shared is None:
            shared = own
        elif own[: len(shared)] != shared:
            differ = (place for place, (a, b) in enumerate(zip(shared, own, strict=False)) if a != b)
            shared = shared[: next(differ, min(len(shared), len(own)))]
        if len(shared) < at_least:
            break
    return shared or []
