"""Low-rank layers of several trials over one frozen layer.

Rows of a pack stand trial after trial, the same number for each, so the activations of a linear layer reshape to
trials x tokens x features: one product with the frozen weight for all, one batched product per low-rank factor.
Ranks are padded with zeros to the largest; a zero row of one factor meets a zero row of the other, so padding gets no
gradient and stays zero.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

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
        return stack.narrow(0, first, count) if is_run else stack[self.active]

    def each_active(self, values: list[T]) -> list[T]:
        """Return the values that belong to the trials whose rows are read."""
        return values if self.active is None else [values[number] for number in self.active]


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


class StackedLinear(nn.Module):
    """``base(x) + scale * (x A) B`` per trial, as PEFT's LoRA computes it for one (arXiv:2106.09685).

    Args:
        base: the frozen layer, quantised or not.
        ranks: of each trial.
        scales: of each trial's low-rank product.
    """

    scales: Tensor

    def __init__(
        self,
        base: nn.Module,
        name: str,
        *,
        features: tuple[int, int],
        ranks: list[int],
        scales: list[float],
        dropouts: list[float],
        state: PackState,
        device: torch.device,
    ) -> None:
        super().__init__()
        self.base, self.name, self.state, self.ranks, self.dropouts = base, name, state, ranks, dropouts
        fan_in, fan_out = features
        self.lora_a = nn.Parameter(torch.zeros(len(ranks), max(ranks), fan_in, device=device))
        self.lora_b = nn.Parameter(torch.zeros(len(ranks), max(ranks), fan_out, device=device))
        self.register_buffer("scales", torch.tensor(scales, device=device).view(-1, 1, 1), persistent=False)

    def initialise(self, trial: int, seed: int) -> None:
        """Draw A as PEFT does (uniform within one over the root of fan-in) and leave B zero."""
        weight = self.lora_a.data[trial, : self.ranks[trial]]
        generator = keyed_generator(f"{seed}/init/{self.name}", torch.device("cpu"))
        bound = weight.shape[1] ** -0.5
        weight.copy_(torch.empty(weight.shape).uniform_(-bound, bound, generator=generator))

    def forward(self, x: Float[Tensor, "*rows fan_in"]) -> Float[Tensor, "*rows fan_out"]:
        """Return the layer's output for the rows of all trials."""
        y = self.base(x)
        dropouts = self.state.each_active(self.dropouts)
        dropped = x * dropout_mask(x, dropouts, self.state, self.name) if self._drops() else x
        a, b, scales = map(self.state.of_active, (self.lora_a, self.lora_b, self.scales))
        if self.state.active is not None:  # no more padding than these trials need
            rank = max(self.state.each_active(self.ranks))
            a, b = a[:, :rank], b[:, :rank]
        flat = dropped.reshape(self.state.reading, -1, x.shape[-1])
        low = torch.bmm(flat, a.to(x.dtype).transpose(1, 2)) * scales.to(x.dtype)
        stacked = y.reshape(self.state.reading, -1, y.shape[-1])
        return torch.baddbmm(stacked, low.to(y.dtype), b.to(y.dtype)).view(y.shape)

    def _drops(self) -> bool:
        return self.state.training and any(self.dropouts)


class StackedEmbedding(nn.Module):
    """Low-rank update of a token embedding per trial, as PEFT's ``lora_embedding_A`` and ``_B``."""

    scales: Tensor

    def __init__(
        self,
        base: nn.Embedding,
        name: str,
        *,
        ranks: list[int],
        scales: list[float],
        state: PackState,
        device: torch.device,
    ) -> None:
        super().__init__()
        self.base, self.name, self.state, self.ranks = base, name, state, ranks
        self.lora_a = nn.Parameter(torch.zeros(len(ranks), max(ranks), base.num_embeddings, device=device))
        self.lora_b = nn.Parameter(torch.zeros(len(ranks), max(ranks), base.embedding_dim, device=device))
        self.register_buffer("scales", torch.tensor(scales, device=device).view(-1, 1, 1), persistent=False)

    def initialise(self, trial: int, seed: int) -> None:
        """Draw B from the standard normal distribution and leave A zero, as PEFT does for embeddings."""
        weight = self.lora_b.data[trial, : self.ranks[trial]]
        generator = keyed_generator(f"{seed}/init/{self.name}", torch.device("cpu"))
        weight.copy_(torch.empty(weight.shape).normal_(generator=generator))

    def forward(self, input_ids: Tensor) -> Tensor:
        """Return the embeddings of the rows of all trials."""
        y = self.base(input_ids)
        ids = input_ids.reshape(self.state.reading, -1)
        a, b, scales = map(self.state.of_active, (self.lora_a, self.lora_b, self.scales))
        low = torch.stack([F.embedding(row, own.T) for row, own in zip(ids, a, strict=True)])
        update = torch.bmm(low * scales, b)
        embedded: Tensor = y + update.view(y.shape).to(y.dtype)
        return embedded

    @property
    def weight(self) -> Tensor:
        """The frozen table: models consult its dtype and device."""
        return self.base.weight
