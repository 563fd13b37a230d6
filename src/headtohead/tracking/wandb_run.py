"""Weights & Biases as a mirror of ``metrics.jsonl``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from headtohead.config import TrackConfig
from headtohead.errors import UserError


class WandbRun:
    """One W&B run, stable over restarts: its id is the run's folder name.

    The library's own step counter cannot go back, so ``step`` is a value of its own and every metric's x-axis.
    """

    def __init__(
        self, config: TrackConfig, *, folder: Path, run_id: str, name: str, settings: dict[str, Any], tags: list[str]
    ) -> None:
        import wandb

        try:
            self._run = wandb.init(
                project=config.project,
                entity=config.entity,
                group=config.group,
                job_type="trial",
                id=run_id,
                name=name,
                dir=str(folder),
                config=settings,
                tags=[*config.tags, *tags],
                mode=config.wandb,  # type: ignore[arg-type]  # checked against the same choices in TrackConfig
                resume="allow" if config.wandb == "online" else None,
                reinit="create_new",
                settings=wandb.Settings(silent=True, console="off", x_disable_meta=True, x_disable_stats=True),
            )
        except (wandb.Error, OSError) as error:
            raise UserError(f"W&B cannot start ({error}); set track=offline or track=off") from error
        self._run.define_metric("step", hidden=True)
        self._run.define_metric("*", step_metric="step")

    def log(self, step: int, values: dict[str, float]) -> None:
        """Log with our own step counter."""
        self._run.log({"step": step, **values})

    def finish(self, summary: dict[str, Any]) -> None:
        """Write the final metrics as the run's summary and close it."""
        self._run.summary.update(summary)
        self._run.finish()
