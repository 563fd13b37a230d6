"""Small random trunks of every architecture that reads packed rows, and rows for them to read."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers import AutoConfig, AutoModel

from headtohead.batching.batch import Batch
from headtohead.batching.sequence_packing import PackedRows

SMALL = {
    "vocab_size": 50,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
}
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "bert": ("bert", {}),
    "llama": ("llama", {"num_key_value_heads": 2}),
    "modernbert": ("modernbert", {"global_attn_every_n_layers": 2, "local_attention": 6}),
    "qwen2": ("qwen2", {"num_key_value_heads": 2}),
    "qwen2, a window": (
        "qwen2",
        {"num_key_value_heads": 2, "use_sliding_window": True, "sliding_window": 5, "max_window_layers": 1},
    ),
    "qwen3": ("qwen3", {"num_key_value_heads": 2, "head_dim": 8}),
}
CPU = torch.device("cpu")
ROWS = [[5, 6, 7], list(range(3, 30)), [9], list(range(40, 10, -2)), [8, 7, 6]]


def make_trunk(name: str) -> Any:
    architecture, own = MODELS[name]
    torch.manual_seed(0)
    trunk = AutoModel.from_config(AutoConfig.for_model(architecture, **SMALL, **own), attn_implementation="sdpa").eval()
    trunk.config.use_cache = False
    return trunk


def read(trunk: Any, inputs: dict[str, Any]) -> Tensor:
    return trunk(**inputs, return_dict=True).last_hidden_state


def read_packed(trunk: Any, batch: Batch, trials: int = 1) -> Tensor:
    packed = PackedRows.of(batch, trials)
    return packed.padded(read(trunk, packed.trunk_inputs(batch)))
