"""Where metrics go: ``metrics.jsonl`` always, W&B unless it is off. Same keys everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from headtohead.config import Config, TrackConfig
from headtohead.tracking.membership import Membership as Membership
from headtohead.tracking.metrics_file import MetricsFile as MetricsFile
from headtohead.tracking.metrics_file import read_metrics as read_metrics
from headtohead.tracking.tracker import Table as Table
from headtohead.tracking.tracker import Tracker as Tracker
from headtohead.tracking.tracker import Trackers as Trackers


def open_trackers(
    config: Config,
    folder: Path,
    *,
    settings: dict[str, Any],
    resumed_step: int,
    run_id: str | None,
    membership: Membership | None,
) -> Tracker:
    """Open ``metrics.jsonl`` and, unless ``track=off``, a W&B run.

    Args:
        run_id: of the W&B run, the same in every attempt.
        membership: what the run is within a sweep.
    """
    metrics = MetricsFile(folder / "metrics.jsonl", resumed_step=resumed_step)
    trackers: list[Tracker] = [metrics]
    if config.track.wandb != "disabled":
        from headtohead.tracking.wandb_run import WandbRun

        assert run_id is not None
        arm = membership.arm if membership else None
        trackers.append(
            WandbRun(
                config.track,
                folder=folder,
                run_id=run_id,
                name=_shown_name(config, folder, membership),
                group=membership.sweep if membership else None,
                job_type=membership.job_type if membership else "run",
                settings={**settings, "sweep": _about(membership)} if membership else settings,
                tags=[config.model.name, config.data.name, config.head.kind, arm or ""],
            )
        )
        for line in metrics.kept:  # what a killed attempt logged last did not always reach W&B's own file
            trackers[-1].log(line["step"], {name: value for name, value in line.items() if name != "step"})
    return Trackers(trackers)


def track_report(track: TrackConfig, folder: Path, *, sweep: str, summary: dict[str, Any]) -> None:
    """Write what came of a sweep as a W&B run of its group, once for each result.

    Args:
        folder: of the sweep.
    """
    if track.wandb == "disabled":
        return
    from headtohead.tracking.wandb_run import WandbRun, digest_id

    run_id = digest_id(sweep, summary)
    if not any((Path(track.dir or folder) / "wandb").glob(f"*run-*-{run_id}")):
        report = WandbRun(
            track,
            folder=folder,
            run_id=run_id,
            name=f"{sweep} verdict",
            group=sweep,
            job_type="report",
            settings={},
            tags=[],
        )
        page = folder / "report.html"
        report.finish(summary, {}, page.read_text(encoding="utf-8") if page.is_file() else "")


def _shown_name(config: Config, folder: Path, membership: Membership | None) -> str:
    """Return what W&B shows of a run."""
    if not membership:
        return config.track.name or config.name
    return " ".join(filter(None, (config.track.name, membership.arm, folder.name)))


def _about(membership: Membership) -> dict[str, Any]:
    """Return what W&B's filters and tables show of a run's place in its sweep."""
    return {"name": membership.sweep, "arm": membership.arm, "trial": membership.trial, "attempt": membership.attempt}
