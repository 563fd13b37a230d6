"""Steps of a run, its warm-up, and the learning rate as a pure function of the step."""

from __future__ import annotations

import math

from headtohead.config import TrainConfig

EPOCHS = 2.0
"""Where the configuration leaves them open."""
LEAST_STEPS = 120
"""Few rows are read more often: fewer steps than these leave a new head about where it began."""
MOST_EPOCHS = 20.0


def planned_steps(config: TrainConfig, steps_per_epoch: int) -> int:
    """Return the optimiser steps of a run: as configured, else by the number of its training rows alone."""
    if config.steps is not None:
        return config.steps
    epochs = config.epochs
    if epochs is None:
        epochs = min(max(EPOCHS, LEAST_STEPS / steps_per_epoch), MOST_EPOCHS)
    return steps_of(epochs, steps_per_epoch)


def steps_of(epochs: float, steps_per_epoch: int) -> int:
    """Return how many steps some epochs take; at least one."""
    return max(1, round(epochs * steps_per_epoch))


def warmup(config: TrainConfig, total: int) -> int:
    """Return the steps of the warm-up, which is never the whole of a run: the last step's rate is above 0.

    ``warmup_steps`` that are no less than the run's give way to ``warmup_fraction``.
    """
    asked = config.warmup_steps
    if asked is None or asked >= total:
        asked = math.ceil(config.warmup_fraction * total)
    return max(min(asked, total - 1), 0)


def learning_rate(config: TrainConfig, step: int, total: int) -> float:
    """Return the learning rate of step ``step`` (from 0) of ``total``: linear warm-up, then the schedule down to zero.

    Equals transformers' ``get_{constant,linear,cosine}_schedule_with_warmup``, but for a warm-up of the whole run.
    """
    warm = warmup(config, total)
    if step < warm:
        return config.learning_rate * step / max(1, warm)
    if config.schedule == "constant":
        return config.learning_rate
    progress = (step - warm) / max(1, total - warm)
    factor = 1 - progress if config.schedule == "linear" else 0.5 * (1 + math.cos(math.pi * progress))
    return config.learning_rate * max(0.0, factor)
