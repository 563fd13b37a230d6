"""What the stacked layers of a trunk share: whose rows are read, and the random numbers of each trial."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch
from torch import Tensor

T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class PackState:
    """What the stacked layers of a trunk must know of the current forward pass."""

    trials: int
    """In the pack: the stacks' leading dimension."""
    active: list[int] | None = None
    """Numbers of the trials whose rows are read, None for all of them."""
    training: bool = False
    keys: list[str] = field(default_factory=list)
    """Names the random numbers of each trial that is read: its seed, step and micro-batch. Layers add their own name."""
    shapes: list[tuple[int, ...]] = field(default_factory=list)
    """Rows and length of the batch of each trial that is read, before it was padded to the pack's; end to end, its tokens."""

    @property
    def reading(self) -> int:
        """How many trials' rows are read."""
        return self.trials if self.active is None else len(self.active)

    def of_active(self, stack: Tensor) -> Tensor:
        """Return the slices of a stack that belong to the trials whose rows are read."""
        if self.active is None:
            return stack
        first, count = self.active[0], len(self.active)
        is_run = self.active == list(range(first, first + count))
        part: Tensor = AdjacentSlices.apply(stack, first, count) if is_run else stack[self.active]
        return part

    def each_active(self, values: list[T]) -> list[T]:
        """Return the values that belong to the trials whose rows are read."""
        return values if self.active is None else [values[number] for number in self.active]


class AdjacentSlices(torch.autograd.Function):
    """Adjacent slices of a stack that is a leaf: their gradient is added where it belongs.

    Autograd's own adds a whole stack of zeros around it, which for sixteen trials that take turns is sixteen stacks a step.
    """

    @staticmethod
    def forward(ctx: Any, stack: Tensor, first: int, count: int) -> Tensor:
        """Return ``count`` slices from ``first`` on."""
        assert stack.is_leaf
        ctx.stack, ctx.where = stack, (0, first, count)
        return stack.narrow(0, first, count)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, None, None]:  # type: ignore[override]
        """Add to the stack's gradient."""
        if ctx.stack.grad is None:
            ctx.stack.grad = torch.zeros_like(ctx.stack)
        ctx.stack.grad.narrow(*ctx.where).add_(gradient)
        return None, None, None


def seed_of(key: str) -> int:
    """Return a seed that a text stands for."""
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "little") >> 1


def keyed_generator(key: str, device: torch.device) -> torch.Generator:
    """Return a generator seeded by a text: random numbers without state that would have to be saved."""
    return torch.Generator(device=device).manual_seed(seed_of(key))


def dropout_mask(x: Tensor, rates: list[float], state: PackState, layer: str) -> Tensor:
    """Return the scaled keep-mask of a pack's activations: rows x (length x) features, or 1 x tokens x features.

    Each trial's part is drawn at the shape of its own batch, so that it does not depend on its neighbours' padding.
    """
    mask = torch.ones_like(x)
    is_packed = len(state.shapes[0]) == 1
    parts = (mask[0] if is_packed else mask).unflatten(0, (state.reading, -1))
    for part, rate, key, shape in zip(parts, rates, state.keys, state.shapes, strict=True):
        if rate == 0:
            continue
        own = (*shape[: part.dim() - 1], x.shape[-1])
        generator = keyed_generator(f"{key}/{layer}", x.device)
        drawn = torch.empty(own, device=x.device).bernoulli_(1 - rate, generator=generator).div_(1 - rate)
        part[tuple(slice(0, size) for size in own)] = drawn.to(x.dtype)
    return mask
