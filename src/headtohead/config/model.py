"""Which language model, and how it is loaded."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from headtohead.config.source import SourceConfig
from headtohead.errors import UserError, require_choice
from headtohead.grammar import typed

MODEL_KINDS = ("transformers", "tiny", "tfidf")
TINY_ARCHITECTURES = ("llama", "qwen2", "qwen3", "bert", "modernbert")


@dataclass(kw_only=True, slots=True)
class ModelConfig:
    """A matched pair of checkpoints, base and instruct, of which ``variant`` names the one to use."""

    name: str = ""
    """A label for folders, pages and records: it loads nothing, and must be of words that name what is loaded."""
    id: str | None = None
    """Of model=hub (owner/name) and model=path (a folder, or a GGUF file); null for choices that name their own."""
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
        self._require_id()
        self._refuse_another_models_label()

    def _require_id(self) -> None:
        """Refuse a choice that was not told its model, and an id that the choice does not load."""
        if self.id is None:
            return
        if self.id.strip():
            if self.id in [own.name for own in (self.base, self.instruct) if own is not None]:
                return
            raise UserError(f"model.id={self.id} is not what model={self.name} loads: {loading(self.id)} loads it")
        of_disk = self.base is not None and self.base.kind == "path"
        raise UserError(
            "model=path needs to be told which model: add model.id=<folder or GGUF file>"
            if of_disk
            else "model=hub needs to be told which model: add model.id=<owner/name>"
        )

    def _refuse_another_models_label(self) -> None:
        """Refuse a label that is not of what is loaded, but for a folder: it may be called anything."""
        chosen = self._chosen
        if chosen is None and self.kind == "transformers":  # refused where it is asked for
            return
        if (chosen is not None and chosen.kind == "path") or not self.strange_words(chosen):
            return
        loaded = f"{chosen.name} {chosen.inside}".strip() if chosen is not None else f"model={self.kind}"
        both = "" if chosen is None or chosen.kind == "wheel" else f"{loading(chosen.name)} trains the first, "
        raise UserError(
            f"model.name={self.name} is a label and loads nothing: this would train {loaded} and record it as "
            f"{self.name}. {both}{loading(self.name)} trains {'the second' if both else self.name}; {typed('name', self.name)} "
            "names the run"
        )

    def strange_words(self, source: SourceConfig | None) -> list[str]:
        """Return the words of the label that do not name what a source holds."""
        named = f"{source.name} {source.inside}" if source is not None else f"{self.kind} {self.architecture}"
        known = {*_words(named), self.kind}
        return [word for word in _words(self.name) if word not in known]

    @property
    def unused(self) -> SourceConfig | None:
        """The other checkpoint of the pair where the label does not name it: set by somebody who meant to load it."""
        other = self.instruct if self.variant == "base" else self.base
        return other if other is not None and other.kind != "path" and self.strange_words(other) else None

    @property
    def _chosen(self) -> SourceConfig | None:
        return self.base if self.variant == "base" else self.instruct

    def with_source(self, source: SourceConfig) -> ModelConfig:
        """Return the same pair, the checkpoint that ``variant`` names replaced."""
        return replace(self, base=source) if self.variant == "base" else replace(self, instruct=source)

    @property
    def source(self) -> SourceConfig:
        """The checkpoint that ``variant`` names.

        Raises:
            UserError: the pair lacks that variant.
        """
        chosen = self._chosen
        if chosen is None:
            other = "instruct" if self.variant == "base" else "base"
            raise UserError(f"model={self.name} has no {self.variant} checkpoint; set model.variant={other}")
        return chosen


def loading(named: str) -> str:
    """Return the overrides that load a model by what a person calls it: a choice, a hub id, a folder or a file."""
    if re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)+", named):
        return f"model={named}"
    is_here = named.startswith(("/", ".", "~")) or named.endswith(".gguf") or Path(named).exists()
    return f"model={'path' if is_here else 'hub'} {typed('model.id', named)}"


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.lower())
