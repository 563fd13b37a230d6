"""An adapter in PEFT's own format: its configuration and one safetensors file, without the base's weights."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from headtohead.config import LoraConfig
from headtohead.export.subject import Subject, head_modules, trunk_prefix

NO_TARGETS = "dummy-target-modules"
"""PEFT's own word for an adapter that adapts no layer: here the head of a frozen trunk."""
TASK_TYPES = {"native": "SEQ_CLS", "generative": "CAUSAL_LM", "pooled": "FEATURE_EXTRACTION"}


def write_adapter(subject: Subject, folder: Path) -> None:
    """Write ``adapter_config.json`` and ``adapter_model.safetensors``.

    PEFT itself builds the adapter around a model without storage, so that names, shapes and configuration are its own.
    """
    from peft import get_peft_model, get_peft_model_state_dict

    model = skeleton(subject)
    state = peft_state(subject, model)
    config = peft_config(subject, model)
    saved_modules = list(config.modules_to_save or []) or None
    with quiet_peft():
        adapted = get_peft_model(model, config, low_cpu_mem_usage=True)
        wanted = get_peft_model_state_dict(adapted, save_embedding_layers=False)
    shapes = {name: tuple(tensor.shape) for name, tensor in wanted.items()}
    ours = {name: tuple(tensor.shape) for name, tensor in state.items()}
    assert shapes == ours, f"PEFT expects other tensors: {sorted(shapes.items() ^ ours.items())[:4]}"
    save_file(state, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    config.modules_to_save, config.inference_mode = saved_modules, True
    config.save_pretrained(str(folder))


def skeleton(subject: Subject) -> Any:
    """Return the task model with shapes and without storage."""
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(subject.base.path, **subject.load_options())
    with torch.device("meta"):
        return subject.task_class().from_config(config, trust_remote_code=subject.config.model.trust_remote_code)


def peft_config(subject: Subject, model: Any) -> Any:
    """Return the ``peft.LoraConfig`` of what was trained."""
    import peft

    lora = subject.config.lora
    head = head_modules(model, subject.head) if subject.readout == "native" else []
    common: dict[str, Any] = {
        "task_type": TASK_TYPES[subject.readout],
        "base_model_name_or_path": subject.base_name,
        "revision": subject.base_revision,
        "modules_to_save": head or None,
    }
    if not isinstance(lora, LoraConfig):
        return peft.LoraConfig(target_modules=NO_TARGETS, **common)
    adapted = {name.rpartition(".")[0] for name in subject.trunk}
    return peft.LoraConfig(
        r=lora.rank,
        lora_alpha=int(lora.alpha) if lora.alpha == int(lora.alpha) else lora.alpha,  # type: ignore[arg-type]
        lora_dropout=lora.dropout,
        use_rslora=lora.scaling == "rslora",
        use_dora=lora.dora,
        target_modules=_targets(model, adapted, head),
        **common,
    )


def _targets(model: Any, adapted: set[str], head: list[str]) -> list[str]:
    """Return the shortest list that names exactly the adapted layers: the last parts of their names where that does."""
    prefix = trunk_prefix(model)
    wanted = {f"{prefix}{name}" for name in adapted}
    endings = {name.rpartition(".")[2] for name in wanted}
    kinds = (nn.Linear, nn.Embedding)
    matched = {
        name
        for name, module in model.named_modules()
        if isinstance(module, kinds)
        and name.rpartition(".")[2] in endings
        and name.removeprefix(prefix).split(".")[0] not in head
    }
    return sorted(endings if matched == wanted else wanted)


def peft_state(subject: Subject, model: Any) -> dict[str, Tensor]:
    """Return the trained tensors by PEFT's names and in its shapes."""
    start, prefix = "base_model.model.", trunk_prefix(model)
    table = model.get_input_embeddings()
    embedding = next(name for name, module in model.base_model.named_modules() if module is table)
    state: dict[str, Tensor] = {}
    for name, tensor in subject.trunk.items():
        layer, _, factor = name.rpartition(".")
        named, turned = _peft_factor(factor, is_embedding=layer == embedding)
        state[f"{start}{prefix}{layer}.{named}"] = tensor.T.contiguous() if turned else tensor
    head: Mapping[str, Tensor] = subject.head if subject.readout == "native" else {}
    return state | {f"{start}{name}": tensor for name, tensor in head.items()}


def _peft_factor(factor: str, *, is_embedding: bool) -> tuple[str, bool]:
    """Return PEFT's name of a factor, and whether it is transposed there."""
    if is_embedding:
        return {"lora_a": ("lora_embedding_A", False), "lora_b": ("lora_embedding_B", True)}[factor]
    return {
        "lora_a": ("lora_A.weight", False),
        "lora_b": ("lora_B.weight", True),
        "magnitude": ("lora_magnitude_vector", False),
    }[factor]


@contextlib.contextmanager
def quiet_peft() -> Iterator[None]:
    """Silence PEFT's use of what transformers will retire, and its notes on tied embeddings, which are seen to here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        warnings.filterwarnings("ignore", message="Model has `tie_word_embeddings|Model with `tie_word_embeddings")
        warnings.filterwarnings("ignore", message="Input and output embeddings are no longer tied")
        yield
