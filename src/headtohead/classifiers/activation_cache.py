"""Where what frozen layers answer is kept, and what of it: ``train.frozen_states`` made out for a pack."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from headtohead.backbone import Backbone
from headtohead.batching.encode import EncodedRows
from headtohead.config import Config, FrozenConfig, TrainConfig
from headtohead.errors import UserError
from headtohead.heads import Head
from headtohead.provenance import code_fingerprint
from headtohead.training.frozen_features import Features
from headtohead.training.frozen_layers import FrozenLayers, InMemory, States
from headtohead.training.hidden_state_file import StateFile
from headtohead.training.schedule import EPOCHS


def _needs_one_state(configs: Sequence[Config], head: Head) -> bool:
    """Whether one state of a row, which nothing changes, is all that is trained on."""
    return all(isinstance(config.lora, FrozenConfig) for config in configs) and head.reads_one_state


def where_states_lie(configs: Sequence[Config], backbone: Backbone, head: Head, rows: EncodedRows) -> str:
    """Return ``train.frozen_states`` with its default made out.

    That is on disk where one state of a row is all that is trained on, unless fewer rows are trained on than there are: all
    are read once. Where they have been, it stays so, whoever leaves the pack.
    """
    where = configs[0].train.frozen_states
    if where != "auto":
        return where
    if not _needs_one_state(configs, head) or configs[0].model.trunk_dropout:
        return "recompute"
    found: Features | None = backbone.states.get(_features_name(configs, "disk"))
    is_read = found is not None and found.holds(rows)
    return "disk" if is_read or sum(_epochs(config.train, rows) for config in configs) >= 1 else "recompute"


def _epochs(config: TrainConfig, rows: EncodedRows) -> float:
    """Return how often training reads every row, about so where a batch has a budget of tokens."""
    if config.steps is None:
        return config.epochs if config.epochs is not None else EPOCHS
    if config.batch_tokens is not None:
        return config.steps * config.batch_tokens / float(rows.lengths.sum())
    return config.steps * config.batch_size / len(rows)


def _features_name(configs: Sequence[Config], where: str) -> str:
    return f"features-{configs[0].head.pooling}-{where}"


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

    def open_states(layers: int) -> States:
        name = f"{layers}-layers-{where}"
        if name not in backbone.states:
            backbone.states[name] = (
                InMemory() if where == "memory" else _on_disk(configs[0], backbone, f"{layers}-layers")
            )
        found: States = backbone.states[name]
        return found

    if _needs_one_state(configs, head):
        name = _features_name(configs, where)
        if name not in backbone.states:
            of = _made_by(configs[0], backbone, configs[0].head.pooling)
            backbone.states[name] = Features(None if where == "memory" else backbone.cache, of)
        return {"features": backbone.states[name]}
    if not packs_rows:
        raise UserError(f"train.frozen_states={where}: this model reads padded rows; set train.frozen_states=recompute")
    return {"frozen": FrozenLayers(backbone.trunk, open_states)}


def _on_disk(config: Config, backbone: Backbone, of: str) -> StateFile:
    assert backbone.cache is not None
    folder = backbone.cache / "states" / _made_by(config, backbone, of)
    return StateFile(folder, features=backbone.model.config.get_text_config().hidden_size, dtype=backbone.trunk.dtype)


def _made_by(config: Config, backbone: Backbone, of: str) -> str:
    """Return a name for all that states are made by, but for the tokens."""
    device = next(backbone.trunk.parameters()).device.type
    parts = [backbone.fingerprint, code_fingerprint(), backbone.about["dtype"], device, config.model.attention, of]
    return "-".join(map(str, parts))
