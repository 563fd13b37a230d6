"""Learning rate as a pure function of the step."""

from __future__ import annotations

import math

from headtohead.config import TrainConfig


def learning_rate(config: TrainConfig, step: int, total: int) -> float:
    """Return the learning rate of step ``step`` (from 0) of ``total``: linear warm-up, then the schedule down to zero.

    Equals transformers' ``get_{constant,linear,cosine}_schedule_with_warmup``.
    """
    warmup = config.warmup_steps if config.warmup_steps is not None else math.ceil(config.warmup_fraction * total)
    if step < warmup:
        return config.learning_rate * step / max(1, warmup)
    if config.schedule == "constant":
        return config.learning_rate
    progress = (step - warmup) / max(1, total - warmup)
    factor = 1 - progress if config.schedule == "linear" else 0.5 * (1 + math.cos(math.pi * progress))
    return config.learning_rate * max(0.0, factor)
