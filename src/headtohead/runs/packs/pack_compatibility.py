"""Which runs may share a trunk, and what keeps others apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from headtohead.config import Config, LoraConfig
from headtohead.config.lora import FrozenConfig

MAY_DIFFER = (
    "name",
    "seed",
    "run",
    "fresh",
    "task",
    "track",
    "export",
    "evaluate",
    "compare",
    "loss",
    "paths.outputs",
    "paths.keep_checkpoints",
    "model.adapter",
    *(f"lora.{key}" for key in ("rank", "alpha_over_rank", "scaling", "dropout", "targets")),
    *(f"train.{key}" for key in ("learning_rate", "weight_decay", "beta1", "beta2", "epsilon", "optimizer")),
    *(f"train.{key}" for key in ("schedule", "warmup_fraction", "warmup_steps", "clip_norm", "epochs", "steps")),
    *(f"train.{key}" for key in ("patience", "keep_best", "evaluate_every", "evaluate_at", "checkpoint_seconds")),
)
"""What belongs to a trial alone. Everything else decides what the trunk reads, or what it is."""
WIDTHS = {"mse": "one score", "huber": "one score", "corn": "a score for each threshold"}
"""Of losses whose heads are not as wide as there are labels."""


def alone_because(config: Config) -> str | None:
    """Return why a run cannot share a trunk with any other, or None where it can."""
    if config.model.kind == "tfidf":
        return "model=tfidf has no trunk"
    if config.model.trunk_dropout:
        return "model.trunk_dropout=true draws for a pack as a whole"
    match config.lora:
        case LoraConfig(dora=True):
            return "lora.dora=true scales the whole weight"
        case LoraConfig() | FrozenConfig():
            return None
    return f"lora={config.lora.kind} trains the trunk itself"


def what_is_shared(config: Config) -> dict[str, Any]:
    """Return the settings, by dotted key, that all runs over one trunk have in common."""
    kept = {key: value for key, value in _flat(asdict(config)).items() if not _is_own(key)}
    return {**kept, "loss's width": WIDTHS.get(config.loss.kind, "a score for each label")}


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Return the keys in which two runs' shared settings differ."""
    return sorted(key for key in one.keys() | other.keys() if one.get(key) != other.get(key))


def _is_own(key: str) -> bool:
    return any(key == own or key.startswith(f"{own}.") for own in MAY_DIFFER)


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat
