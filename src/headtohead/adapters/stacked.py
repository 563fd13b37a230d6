"""Low-rank layers of several trials over one frozen layer.

Rows of a pack stand trial after trial, the same number for each, so the activations of a linear layer reshape to
trials x tokens x features: one product with the frozen weight for all, one batched product per low-rank factor.
Ranks are padded with zeros to the largest; a zero row of one factor meets a zero row of the other, so padding gets no
gradient and stays zero.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from headtohead.adapters.low_rank import AdaptedLinears
from headtohead.adapters.state import PackState, dropout_mask, keyed_generator


class StackedLinear(nn.Module):
    """``base(x) + scale * (x A) B`` per trial, as PEFT's LoRA computes it for one (arXiv:2106.09685).

    Args:
        base: the frozen layer, quantised or not.
        ranks: of each trial; 0 where it adapts other layers alone.
        scales: of each trial's low-rank product.
        siblings: with whom it reads its input.
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
        siblings: Siblings,
    ) -> None:
        super().__init__()
        self.base, self.name, self.state, self.ranks, self.dropouts = base, name, state, ranks, dropouts
        self.siblings = siblings
        siblings.add(self)
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
        return self.siblings.output(self, x)

    def factors(self) -> tuple[Float[Tensor, "trials rank fan_in"], Float[Tensor, "trials rank fan_out"]]:
        """Return the factors of the trials that are read, with no more padding than these need."""
        a, b = map(self.state.of_active, (self.lora_a, self.lora_b))
        rank = max(self.state.each_active(self.ranks))
        return a[:, :rank], b[:, :rank]

    def mask(self, x: Tensor) -> Tensor | None:
        """Return the mask of this layer's dropout, if there is any."""
        return dropout_mask(x, self.state.each_active(self.dropouts), self.state, self.name) if self.drops else None

    @property
    def drops(self) -> bool:
        """Whether there is dropout now."""
        return self.state.training and any(self.dropouts)


class Siblings:
    """Adapted layers of one parent that read the same input: the first that is asked computes the outputs of all."""

    def __init__(self) -> None:
        self._layers: list[StackedLinear] = []
        self._input: Tensor | None = None
        self._outputs: dict[StackedLinear, Tensor] = {}

    def add(self, layer: StackedLinear) -> None:
        """Take in a layer, in the order in which the parent asks them."""
        self._layers.append(layer)

    def output(self, layer: StackedLinear, x: Float[Tensor, "*rows fan_in"]) -> Float[Tensor, "*rows fan_out"]:
        """Return a layer's output. With dropout each reads by itself: its mask is its own."""
        if x is not self._input or layer not in self._outputs:
            shares = layer is self._layers[0] and not any(own.drops for own in self._layers)
            together = self._layers if shares else [layer]
            self._input, self._outputs = x, dict(zip(together, _outputs(together, x), strict=True))
        output = self._outputs.pop(layer)
        if not self._outputs:
            self._input = None  # keep no graph alive
        return output

    def forget(self) -> None:
        """Drop outputs that nobody has asked for: memory ran out in between, and they hold all that led to them."""
        self._input, self._outputs = None, {}

    def part(self) -> None:
        """Let go of the layers, which hold this: together they would keep weights alive until Python looks for cycles."""
        self.forget()
        self._layers = []


def _outputs(layers: Sequence[StackedLinear], x: Float[Tensor, "*rows fan_in"]) -> tuple[Tensor, ...]:
    """Return what adapted layers answer to the same input."""
    scales = layers[0].state.of_active(layers[0].scales).to(x.dtype)
    first, *others = (layer.factors() for layer in layers)
    a = torch.cat([first[0], *(own for own, _ in others)], dim=1) if others else first[0]  # one needs no copy
    bs = [own.to(x.dtype) for _, own in (first, *others)]
    outputs: tuple[Tensor, ...] = AdaptedLinears.apply(
        [layer.base for layer in layers], x, layers[0].mask(x), scales, a.to(x.dtype), *bs
    )
    return outputs


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
