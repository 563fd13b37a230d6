"""Where what frozen layers answer is kept, and what of it: ``train.frozen_states`` made out for a pack."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import psutil
import torch

from headtohead.backbone import Backbone
from headtohead.batching.encode import EncodedRows
from headtohead.config import Config, FrozenConfig
from headtohead.errors import UserError
from headtohead.heads import Head
from headtohead.training.features import Features
from headtohead.training.frozen_layers import FrozenLayers, InMemory, States
from headtohead.training.state_file import StateFile

log = logging.getLogger(__name__)

LARGEST_SHARE = 0.25
"""Of free memory, for the training rows' states, unless they are asked for."""


def _needs_one_state(configs: Sequence[Config], head: Head) -> bool:
    """Whether one state of a row, which nothing changes, is all that is trained on."""
    return all(isinstance(config.lora, FrozenConfig) for config in configs) and head.reads_one_state


def where_states_lie(configs: Sequence[Config], backbone: Backbone, head: Head, rows: EncodedRows) -> str:
    """Return ``train.frozen_states`` with its default made out: on disk where one state of a row is all, else recompute.

    Tables of them are in memory too, so that what would take a large share of it is recomputed, and said to be.
    """
    where = configs[0].train.frozen_states
    if where != "auto":
        return where
    if not _needs_one_state(configs, head) or configs[0].model.trunk_dropout:
        return "recompute"
    size, room = len(rows) * _features_of(backbone) * 4, psutil.virtual_memory().available
    if size <= room * LARGEST_SHARE:
        return "disk"
    log.info(
        "states of %s rows would take %.1f GB of memory, of which %.1f are free: rows are read anew in every epoch; "
        "train.frozen_states=disk keeps them all the same",
        *(len(rows), size / 1e9, room / 1e9),
    )
    return "recompute"


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
            folder = f"{backbone.fingerprint}-{backbone.about['dtype']}-{of}"
            backbone.states[name] = InMemory() if where == "memory" else _on_disk(backbone, folder, dtype)
        found: States = backbone.states[name]
        return found

    if _needs_one_state(configs, head):
        name = f"features-{configs[0].head.pooling}-{where}"
        if name not in backbone.states:
            backbone.states[name] = Features(open_states(f"{name}-by-row", torch.float32))
        return {"features": backbone.states[name]}
    if not packs_rows:
        raise UserError(f"train.frozen_states={where}: this model reads padded rows; set train.frozen_states=recompute")
    return {"frozen": FrozenLayers(backbone.trunk, lambda count: open_states(f"{count}-layers", backbone.trunk.dtype))}


def _on_disk(backbone: Backbone, name: str, dtype: torch.dtype) -> StateFile:
    """Open states in the cache, under a name that stands for the weights that they come from."""
    assert backbone.cache is not None
    return StateFile(backbone.cache / "states" / name, features=_features_of(backbone), dtype=dtype)


def _features_of(backbone: Backbone) -> int:
    features: int = backbone.model.config.get_text_config().hidden_size
    return features
