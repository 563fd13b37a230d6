"""How long a run is trained, told before it begins where the configuration left it open or could not be kept."""

from __future__ import annotations

from headtohead.notices import Notice
from headtohead.training import Trial
from headtohead.training.schedule import warmup


def budget_notices(trial: Trial) -> list[Notice]:
    """Return what is to be known of a trial's steps and warm-up before it takes them."""
    config, total = trial.config, trial.total_steps
    notices = []
    if config.steps is None and config.epochs is None:
        rows, epochs = len(trial.training_rows), total / trial.steps_per_epoch
        notices.append(
            Notice(text=f"{total:,} steps (train.epochs=auto): {rows:,} training rows {epochs:.3g} times", leads=False)
        )
    if (config.warmup_steps or 0) >= total > 0:
        steps = warmup(config, total)
        notices.append(
            Notice(
                text=f"train.warmup_steps={config.warmup_steps} would be the whole run of {total:,} steps, which warms up "
                f"for {steps} instead (train.warmup_fraction={config.warmup_fraction:g}). To say so yourself:",
                command=f"train.warmup_steps={steps}",
                leads=False,
            )
        )
    return notices
