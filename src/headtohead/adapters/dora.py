"""Weight-decomposed low-rank adaptation, for a pack of one."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from headtohead.adapters.low_rank import full_weight
from headtohead.adapters.state import keyed_generator


class DoraLinear(nn.Module):
    """``m * (W x + s B A x) / ||W + s B A||`` (Liu et al. 2024, arXiv:2402.09353, section 4.3: the norm is a constant).

    Factors carry a leading dimension of one, as the stacked layers do, so that the same code saves and exports them.
    """

    def __init__(self, base: nn.Module, name: str, *, rank: int, scale: float, device: torch.device) -> None:
        super().__init__()
        self.base, self.name, self.ranks, self.scale = base, name, [rank], scale
        weight = full_weight(base)
        fan_out, fan_in = weight.shape
        self.lora_a = nn.Parameter(torch.zeros(1, rank, fan_in, device=device))
        self.lora_b = nn.Parameter(torch.zeros(1, rank, fan_out, device=device))
        self.magnitude = nn.Parameter(weight.float().norm(dim=1).unsqueeze(0))

    def initialise(self, trial: int, seed: int) -> None:
        """Draw A as LoRA does and leave B zero; the magnitude starts at the norm of the weight's rows."""
        generator = keyed_generator(f"{seed}/init/{self.name}", torch.device("cpu"))
        bound = self.lora_a.shape[2] ** -0.5
        self.lora_a.data[trial].copy_(torch.empty(self.lora_a.shape[1:]).uniform_(-bound, bound, generator=generator))

    def forward(self, x: Tensor) -> Tensor:
        """Return the layer's output."""
        a, b = self.lora_a[0], self.lora_b[0]
        with torch.no_grad():
            norm = (full_weight(self.base).float() + self.scale * (b.T @ a)).norm(dim=1)
        ratio = (self.magnitude[0] / norm).to(x.dtype)
        bias = getattr(self.base, "bias", None)
        plain = self.base(x) - bias if bias is not None else self.base(x)
        low = (x @ a.to(x.dtype).T) @ b.to(x.dtype) * self.scale
        result: Tensor = ratio * (plain + low)
        return result + bias if bias is not None else result
