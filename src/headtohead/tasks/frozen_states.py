"""Where what frozen layers answer is kept, and what of it: ``train.frozen_states`` made out for a pack."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from headtohead.backbone import Backbone
from headtohead.batching.encode import EncodedRows
from headtohead.config import Config, FrozenConfig, TrainConfig
from headtohead.errors import UserError
from headtohead.heads import Head
from headtohead.training.features import Features
from headtohead.training.frozen_layers import FrozenLayers, InMemory, States
from headtohead.training.state_file import StateFile


def _needs_one_state(configs: Sequence[Config], head: Head) -> bool:
    """Whether one state of a row, which nothing changes, is all that is trained on."""
    return all(isinstance(config.lora, FrozenConfig) for config in configs) and head.reads_one_state


def where_states_lie(configs: Sequence[Config], head: Head, rows: EncodedRows) -> str:
    """Return ``train.frozen_states`` with its default made out.

    That is on disk where one state of a row is all that is trained on, unless fewer rows are read than there are: all are
    read once.
    """
    where = configs[0].train.frozen_states
    if where != "auto":
        return where
    keeps = _needs_one_state(configs, head) and not configs[0].model.trunk_dropout
    return (
        "disk" if keeps and sum(_rows_read(config.train, len(rows)) for config in configs) >= len(rows) else "recompute"
    )


def _rows_read(config: TrainConfig, rows: int) -> float:
    """Return how many rows training reads, each as often as it does; with a budget of tokens about as many."""
    return config.epochs * rows if config.steps is None else config.steps * config.batch_size


def what_is_kept(
    where: str, configs: Sequence[Config], backbone: Backbone, head: Head, *, packs_rows: bool
) -> dict[str, Any]:
    """Return features or frozen layers, where what the trunk answers is to be kept.

    Raises:
        UserError: it cannot be.
    """
    if where == "recompute":
        return {}
    if configs[0].model.trunk_dropout:
        raise UserError(
            f"train.frozen_states={where}: model.trunk_dropout=true makes what the trunk answers random; set "
            "train.frozen_states=recompute"
        )

    def open_states(of: str, dtype: torch.dtype) -> States:
        name = f"{of}-{where}"
        if name not in backbone.states:
            backbone.states[name] = InMemory() if where == "memory" else _on_disk(backbone, of, dtype)
        found: States = backbone.states[name]
        return found

    if _needs_one_state(configs, head):
        name = f"features-{configs[0].head.pooling}"
        if f"{name}-{where}" not in backbone.states:
            backbone.states[f"{name}-{where}"] = Features(None if where == "memory" else _folder(backbone, name))
        return {"features": backbone.states[f"{name}-{where}"]}
    if not packs_rows:
        raise UserError(f"train.frozen_states={where}: this model reads padded rows; set train.frozen_states=recompute")
    return {"frozen": FrozenLayers(backbone.trunk, lambda count: open_states(f"{count}-layers", backbone.trunk.dtype))}


def _on_disk(backbone: Backbone, of: str, dtype: torch.dtype) -> StateFile:
    return StateFile(_folder(backbone, of), features=backbone.model.config.get_text_config().hidden_size, dtype=dtype)


def _folder(backbone: Backbone, of: str) -> Path:
    """Return where states lie in the cache, under a name that stands for what they come from."""
    assert backbone.cache is not None
    device = next(backbone.trunk.parameters()).device.type
    return backbone.cache / "states" / f"{backbone.fingerprint}-{backbone.about['dtype']}-{device}-{of}"
