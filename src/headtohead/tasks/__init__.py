"""What can be done: each task composes the layers below."""

from __future__ import annotations

from pathlib import Path

from headtohead.config import Config


def perform(config: Config, folder: Path) -> float | None:
    """Do the configured task; a training run returns its validation objective."""
    from headtohead.tasks.train import train

    record = train(config, folder, folder.name.rsplit("-", 1)[-1])
    value = record.objective.get("value")
    return float(value) if value is not None else None
