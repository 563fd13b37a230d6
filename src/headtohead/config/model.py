"""Which language model, and how it is loaded."""

from __future__ import annotations

from dataclasses import dataclass

from headtohead.config.source import SourceConfig
from headtohead.errors import UserError, require_choice

MODEL_KINDS = ("transformers", "tiny", "tfidf")
TINY_ARCHITECTURES = ("llama", "qwen2", "qwen3", "bert", "modernbert")


@dataclass(kw_only=True, slots=True)
class ModelConfig:
    """A matched pair of checkpoints, base and instruct, of which ``variant`` names the one to use."""

    name: str = ""
    kind: str = "transformers"
    """transformers; tiny: a random two-layer model built in memory; tfidf: TF-IDF and logistic regression."""
    variant: str = "base"
    base: SourceConfig | None = None
    instruct: SourceConfig | None = None
    architecture: str = "llama"
    """Of the tiny model only."""
    precision: str = "auto"
    """Of frozen weights and matrix products: fp32, bf16, or auto: bf16 where the hardware multiplies it natively."""
    attention: str = "sdpa"
    trunk_dropout: bool = False
    """Keep the checkpoint's own dropout (BERT: 0.1) in training. Trials that share a trunk need false."""
    adapter: str | None = None
    """Folder of an earlier run whose trained weights this one starts from."""
    trust_remote_code: bool = False

    def __post_init__(self) -> None:
        require_choice("model.kind", self.kind, MODEL_KINDS)
        require_choice("model.variant", self.variant, ("base", "instruct"))
        require_choice("model.architecture", self.architecture, TINY_ARCHITECTURES)
        require_choice("model.precision", self.precision, ("auto", "fp32", "bf16"))
        require_choice("model.attention", self.attention, ("sdpa", "flash_attention_2", "eager"))
        if self.kind == "transformers" and self.base is None and self.instruct is None:
            raise UserError(f"model={self.name} names no checkpoint: set model.base or model.instruct")

    @property
    def source(self) -> SourceConfig:
        """The checkpoint that ``variant`` names.

        Raises:
            UserError: the pair lacks that variant.
        """
        chosen = self.base if self.variant == "base" else self.instruct
        if chosen is None:
            other = "instruct" if self.variant == "base" else "base"
            raise UserError(f"model={self.name} has no {self.variant} checkpoint; set model.variant={other}")
        return chosen
