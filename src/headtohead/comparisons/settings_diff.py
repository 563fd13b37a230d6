"""In which settings the arms of a comparison differ: what a verdict is about, whatever the arms are called."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from headtohead.config import loss_in_words

FOLDS = ("data.split.fold", "data.split.repeat", "data.split.repeats")
APART = (
    "name",
    "seed",
    "data.seed",
    "data.split.seed",
    *FOLDS,
    "track",
    "paths",
    "task",
    "run",
    "fresh",
    "compare",
    "evaluate",
    "export",
    "recognised",
)
"""Settings whose differences are no difference between arms: seeds vary within an arm, the rest changes no outcome."""


def settings_of_arms(arms: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, Any]:
    """Return what a verdict says of its arms' settings.

    Args:
        arms: name to the stored configurations of its runs.

    Returns:
        ``losses``: per arm, every loss with what it is taken over; ``differ``: per dotted key in which some arm differs
        from another, each arm's values (null where it has no such setting).
    """
    flat = {name: [settings_apart_from_seeds(config) for config in configs] for name, configs in arms.items()}
    keys = dict.fromkeys(key for configs in flat.values() for config in configs for key in config)
    values = {
        key: {name: _distinct(config.get(key) for config in configs) for name, configs in flat.items()} for key in keys
    }
    return {
        "losses": {name: _distinct(_loss(config) for config in configs) for name, configs in arms.items()},
        "differ": {key: found for key, found in values.items() if len(_distinct(found.values())) > 1},
    }


def settings_apart_from_seeds(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a run's settings by dotted key, but for seeds and what no outcome depends on."""
    return dict(_flattened(config))


def settings_in_words(settings: Mapping[str, Any]) -> list[str]:
    """Return the same as sentences for the terminal: one a setting, then the losses."""
    said = [f"{key}: {_per_arm(values)}" for key, values in settings["differ"].items()]
    return [*said, f"losses: {_per_arm(settings['losses'])}"]


def _per_arm(values: Mapping[str, Sequence[Any]]) -> str:
    return ", ".join(f"{name} {' or '.join(map(_plain, found))}" for name, found in values.items())


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _flattened(config: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if path in APART:
        return
    if not isinstance(config, Mapping):
        yield path, config
        return
    for key, value in config.items():
        yield from _flattened(value, f"{path}.{key}" if path else str(key))


def _distinct(values: Any) -> list[Any]:
    """Return the different values in a stable order."""
    by_text = {json.dumps(value, sort_keys=True): value for value in values}
    return [by_text[text] for text in sorted(by_text)]


def _loss(config: Mapping[str, Any]) -> str:
    loss = config["loss"]
    return loss_in_words(loss["kind"], config["head"]["kind"], loss.get("class_weights", "none"))
