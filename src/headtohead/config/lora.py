"""What is trained: low-rank adapters, everything, or the head alone."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from headtohead.errors import UserError, require_choice


@dataclass(kw_only=True, slots=True)
class TrainedConfig:
    """Shared by all choices of the ``lora`` group."""

    kind: str = ""
    quantisation: str = "none"
    """Of the frozen trunk: none, or nf4 (double quantisation, bf16 products; Dettmers et al. 2023, arXiv:2305.14314)."""

    def __post_init__(self) -> None:
        require_choice("lora.quantisation", self.quantisation, ("none", "nf4"))


@dataclass(kw_only=True, slots=True)
class LoraConfig(TrainedConfig):
    """Low-rank adapters (Hu et al. 2021, arXiv:2106.09685) and the head."""

    kind: str = "lora"
    rank: int = 16
    alpha_over_rank: float = 2.0
    """The product is scaled by this (or by alpha / sqrt(rank) under rslora); constant over a search of rank."""
    scaling: str = "alpha_over_rank"
    """alpha_over_rank, or rslora (Kalajdzievski 2023, arXiv:2312.03732): alpha / sqrt(rank)."""
    dropout: float = 0.0
    """On the low-rank layers' input; drawn by trial, step, micro-batch and process, so it differs with their number."""
    targets: list[str] = field(default_factory=lambda: ["all-linear"])
    """[all-linear], [attention], or endings of module names such as [q_proj, v_proj]."""
    top_layers: float = 1.0
    """Share of the layers, counted from the output, that get adapters."""
    embeddings: bool = False
    """Adapt the token embeddings as well."""
    dora: bool = False
    """Weight-decomposed adapters (Liu et al. 2024, arXiv:2402.09353); such a trial shares no trunk."""

    def __post_init__(self) -> None:
        TrainedConfig.__post_init__(self)
        require_choice("lora.scaling", self.scaling, ("alpha_over_rank", "rslora"))
        if self.rank < 1:
            raise UserError(f"lora.rank must be 1 or more, given {self.rank}; for the head alone set lora=frozen")
        if not 0 < self.alpha_over_rank < math.inf:
            raise UserError(f"lora.alpha_over_rank must be positive, given {self.alpha_over_rank}")
        if not 0 <= self.dropout < 1:
            raise UserError(f"lora.dropout must lie in [0, 1), given {self.dropout}")
        if not self.targets:
            raise UserError("lora.targets is empty; set [all-linear], [attention] or endings of module names")
        if not 0 < self.top_layers <= 1:
            raise UserError(f"lora.top_layers is a share in (0, 1], given {self.top_layers}")
        if self.dora and (self.dropout or self.embeddings):
            raise UserError("lora.dora goes without lora.dropout and lora.embeddings: set them to 0 and false")

    @property
    def alpha(self) -> float:
        """PEFT's ``lora_alpha``."""
        return self.alpha_over_rank * self.rank

    @property
    def scale(self) -> float:
        """Factor of the low-rank product."""
        return self.alpha_over_rank if self.scaling == "alpha_over_rank" else self.alpha / self.rank**0.5


@dataclass(kw_only=True, slots=True)
class FullConfig(TrainedConfig):
    """Every weight, or every weight but the token embeddings."""

    kind: str = "full"
    embeddings: bool = True

    def __post_init__(self) -> None:
        TrainedConfig.__post_init__(self)
        if self.quantisation != "none":
            raise UserError(
                f"lora={self.kind} trains every weight, which lora.quantisation={self.quantisation} freezes; "
                "set lora=qlora for adapters on a 4-bit trunk, or lora.quantisation=none"
            )


@dataclass(kw_only=True, slots=True)
class FrozenConfig(TrainedConfig):
    """The head alone."""

    kind: str = "frozen"


LORA_CONFIGS: dict[str, type[TrainedConfig]] = {"lora": LoraConfig, "full": FullConfig, "frozen": FrozenConfig}
