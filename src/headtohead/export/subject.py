"""A finished run as an export sees it: its trained tensors by the names that other libraries use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from headtohead.config import Config, FrozenConfig, LoraConfig
from headtohead.errors import UserError
from headtohead.heads import LabelAudit
from headtohead.labels import LabelSpace
from headtohead.losses.score_losses import Link
from headtohead.prompts import Prompt
from headtohead.sources import Fetched


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is exported."""

    config: Config
    labels: LabelSpace
    prompt: Prompt
    audit: LabelAudit | None
    budget: int
    """Tokens a prompt may take."""
    link: Link
    width: int
    """Scores per row."""
    base: Fetched
    """The checkpoint that training started from."""
    tokenizer: Any
    trained: Mapping[str, Tensor]
    """What ``trained.safetensors`` holds: ``trunk.*``, ``head.*`` and ``output_embeddings.weight``."""
    temperature: float
    """Fitted on validation."""

    @property
    def readout(self) -> str:
        """``native`` (transformers' own head), ``pooled`` (ours) or ``generative``."""
        if self.config.head.is_generative:
            return "generative"
        return "native" if self.config.head.pooling == "native" else "pooled"

    @property
    def form(self) -> str:
        """``adapter`` or ``merged``.

        ``auto`` is an adapter wherever that is much smaller than the whole model: LoRA, and a head on a frozen trunk.
        """
        asked = self.config.export.form
        assert asked != "none"
        if asked != "auto":
            return asked
        whole = not isinstance(self.config.lora, LoraConfig | FrozenConfig) or not self.trained
        return "merged" if whole else "adapter"

    @property
    def base_name(self) -> str:
        """What ``from_pretrained`` takes: a hub id, or the folder of a model that is not on the hub."""
        return self.base.name if self.base.kind == "hub" else str(self.base.path)

    @property
    def base_revision(self) -> str | None:
        """The hub commit of the base."""
        return self.base.revision if self.base.kind == "hub" else None

    @property
    def head(self) -> dict[str, Tensor]:
        """The head's tensors; of a native head by the task model's own names."""
        return {name.removeprefix("head."): own for name, own in self.trained.items() if name.startswith("head.")}

    @property
    def trunk(self) -> dict[str, Tensor]:
        """The trunk's tensors, by its own names."""
        return {name.removeprefix("trunk."): own for name, own in self.trained.items() if name.startswith("trunk.")}

    @property
    def output_names(self) -> list[str]:
        """What each column of the model's logits stands for."""
        if self.link == "corn":
            return [f"above {name}" for name in self.labels.names[:-1]]
        if self.width == len(self.labels):
            return list(self.labels.names)
        return ["score"]

    @property
    def problem_type(self) -> str:
        """transformers' name for how logits are read; CORN's thresholds are read by one sigmoid each."""
        return {
            "softmax": "single_label_classification",
            "sigmoid": "multi_label_classification",
            "corn": "multi_label_classification",
            "identity": "regression",
        }[self.link]

    def task_class(self) -> Any:
        """Return the ``Auto`` class that loads the model."""
        from transformers import AutoModel, AutoModelForCausalLM, AutoModelForSequenceClassification

        classes = {
            "native": AutoModelForSequenceClassification,
            "generative": AutoModelForCausalLM,
            "pooled": AutoModel,
        }
        return classes[self.readout]

    def load_options(self) -> dict[str, Any]:
        """Return the keyword arguments that ``from_pretrained`` and the model's configuration need."""
        options: dict[str, Any] = {"trust_remote_code": self.config.model.trust_remote_code}
        return options | {"num_labels": self.width} if self.readout == "native" else options


def trunk_prefix(model: Any) -> str:
    """Return what stands before the trunk's names in a task model, ``""`` for a bare trunk."""
    return "" if model.base_model is model else f"{model.base_model_prefix}."


def head_modules(model: Any, head: Mapping[str, Tensor]) -> list[str]:
    """Return the names of the modules that hold a native head's tensors: score, classifier, pooler ..."""
    prefix = trunk_prefix(model)
    return sorted({name.removeprefix(prefix).split(".")[0] for name in head})


def copy_in(module: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Copy tensors into a module by name; every name must be there.

    Raises:
        UserError: a name is missing: the base is another model than the one that was trained.
    """
    own = {**dict(module.named_parameters(remove_duplicate=False)), **dict(module.named_buffers())}
    missing = sorted(state.keys() - own.keys())
    if missing:
        raise UserError(f"the base model has no weight {missing[0]!r}: it has changed since the run")
    with torch.no_grad():
        for name, tensor in state.items():
            own[name].copy_(tensor)
