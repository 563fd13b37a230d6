"""Loads a classifier whose head is a linear layer over our own pooling of hidden states.

Needs transformers, peft, torch and safetensors alone: the model card prints this function as it stands.
"""

import json
from collections.abc import Callable
from pathlib import Path

import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModel, AutoTokenizer


def load_pooled(
    folder: str, base: str | None = None, dtype: torch.dtype = torch.float32
) -> Callable[[list[str]], torch.Tensor]:
    """Return a function from texts to logits (texts x labels); ``base`` replaces the base model's name or path."""
    about = json.loads((Path(folder) / "head.json").read_text(encoding="utf-8"))
    trusted = about["trust_remote_code"]
    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=trusted)
    options = {"trust_remote_code": trusted, "dtype": dtype} | ({} if base else {"revision": about["revision"]})
    trunk = AutoModel.from_pretrained(base or about["base_model"] or folder, **options)
    if (Path(folder) / "adapter_config.json").exists():
        trunk = PeftModel.from_pretrained(trunk, folder)
    trunk.eval()
    head = load_file(Path(folder) / "head.safetensors", device=str(trunk.device))

    @torch.no_grad()
    def logits(texts: list[str]) -> torch.Tensor:
        special = about["add_special_tokens"]
        inputs = tokenizer(texts, padding=True, add_special_tokens=special, return_tensors="pt").to(trunk.device)
        hidden, mask = trunk(**inputs).last_hidden_state.float(), inputs["attention_mask"]
        if about["pooling"] == "mean":
            pooled = (hidden * mask[..., None]).sum(dim=1) / mask.sum(dim=1, keepdim=True)
        else:  # the last or the first real token, whichever side is padded
            positions = torch.arange(mask.shape[1], device=mask.device) * mask if about["pooling"] == "last" else mask
            pooled = hidden[torch.arange(len(texts)), positions.argmax(dim=1)]
        return pooled @ head["weight"].T + head["bias"]

    return logits
