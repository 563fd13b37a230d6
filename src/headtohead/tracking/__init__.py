"""Where metrics go: ``metrics.jsonl`` always, W&B unless it is off. Same keys everywhere."""

from __future__ import annotations

from pathlib import Path

from headtohead.config import Config
from headtohead.tracking.metrics_file import MetricsFile as MetricsFile
from headtohead.tracking.metrics_file import read_metrics as read_metrics
from headtohead.tracking.tracker import Tracker as Tracker
from headtohead.tracking.tracker import Trackers as Trackers


def open_trackers(config: Config, folder: Path, *, settings: dict[str, object], resumed_step: int) -> Tracker:
    """Open ``metrics.jsonl`` and, unless ``track=off``, a W&B run."""
    trackers: list[Tracker] = [MetricsFile(folder / "metrics.jsonl", resumed_step=resumed_step)]
    if config.track.wandb != "disabled":
        from headtohead.tracking.wandb_run import WandbRun

        tags = [config.model.name, config.data.name, config.head.kind]
        trackers.append(
            WandbRun(config.track, folder=folder, run_id=folder.name, name=config.name, settings=settings, tags=tags)
        )
    return Trackers(trackers)
