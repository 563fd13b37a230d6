"""A whole model in transformers' own format, pad token and label names in its configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from headtohead import atomic
from headtohead.config import LoraConfig
from headtohead.export.adapter import quiet_peft, write_adapter
from headtohead.export.subject import Subject, copy_in
from headtohead.quiet import quiet_transformers


def write_merged(subject: Subject, folder: Path) -> None:
    """Write the weights and ``config.json``.

    Weights are fp32, so that nothing is lost between what was measured and what is served; a model that nothing
    trained keeps its checkpoint's own precision. A 4-bit trunk is merged unquantised.
    """
    with quiet_transformers():
        model = load_fresh(subject)
        if isinstance(subject.config.lora, LoraConfig):
            model = _merge(subject, model, folder)
        else:
            copy_in(model.base_model, subject.trunk)
        if subject.readout == "native":
            copy_in(model, subject.head)
        if "output_embeddings.weight" in subject.trained:
            copy_in(model.get_output_embeddings(), {"weight": subject.trained["output_embeddings.weight"]})
        settle_config(subject, model.config)
        if subject.audit is not None:
            stop_at(subject.audit.end_id, model.generation_config)
        model.save_pretrained(folder)


def load_fresh(subject: Subject) -> Any:
    """Load the untrained task model, unquantised."""
    dtype = torch.float32 if subject.trained else "auto"
    model = subject.task_class().from_pretrained(
        subject.base.path, dtype=dtype, use_safetensors=True, **subject.load_options()
    )
    if subject.readout == "pooled" and getattr(model, "pooler", None) is not None:
        model.pooler = None  # our own pooling does without
    return model


def _merge(subject: Subject, model: Any, folder: Path) -> Any:
    """Let PEFT add the adapter to the weights, as it will be loaded."""
    from peft import PeftModel

    assert isinstance(subject.config.lora, LoraConfig)
    if subject.config.lora.embeddings:
        _untie(model)
    with atomic.scratch(folder / "adapter") as temporary, quiet_peft():
        write_adapter(subject, temporary)
        return PeftModel.from_pretrained(model, str(temporary)).merge_and_unload()


def _untie(model: Any) -> None:
    """Give output embeddings their own weights: the adapter of the input embeddings must not reach them."""
    output = model.get_output_embeddings()
    if output is None or output.weight is not model.get_input_embeddings().weight:
        return
    output.weight = nn.Parameter(output.weight.detach().clone())
    model.config.tie_word_embeddings = False
    model.config.get_text_config().tie_word_embeddings = False


def stop_at(end_id: int, generation: Any) -> None:
    """Let ``generate`` stop at the token that training ended answers with, besides those the checkpoint names."""
    named = generation.eos_token_id
    known = [] if named is None else [named] if isinstance(named, int) else list(named)
    if end_id not in known:
        generation.eos_token_id = [end_id, *known]


def settle_config(subject: Subject, config: Any) -> None:
    """Write pad token, label names and kind of problem into a model's configuration."""
    for part in (config, config.get_text_config()):
        part.pad_token_id = subject.tokenizer.pad_token_id
    if subject.readout != "native":
        return
    names = subject.output_names
    config.id2label = dict(enumerate(names))
    config.label2id = {name: number for number, name in enumerate(names)}
    config.problem_type = subject.problem_type
