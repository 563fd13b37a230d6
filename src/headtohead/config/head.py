"""How scores are read from the trunk's hidden states."""

from __future__ import annotations

from dataclasses import dataclass

from headtohead.errors import require_choice

POOLED_KINDS = ("classification", "regression")


@dataclass(kw_only=True, slots=True)
class HeadConfig:
    """A linear readout of a pooled hidden state, or the likelihood of the label's words."""

    kind: str = "classification"
    pooling: str = "native"
    """native: transformers' own sequence-classification readout of that architecture; last, mean, cls: ours."""
    normalisation: str = "none"
    """Generative only. length: per label token; prior: minus the log-likelihood without the text (PMI)."""

    def __post_init__(self) -> None:
        require_choice("head.kind", self.kind, (*POOLED_KINDS, "generative"))
        require_choice("head.pooling", self.pooling, ("native", "last", "mean", "cls"))
        require_choice("head.normalisation", self.normalisation, ("none", "length", "prior"))

    @property
    def is_generative(self) -> bool:
        """Whether the model answers in words."""
        return self.kind == "generative"
