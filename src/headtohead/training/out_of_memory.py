"""What running out of memory has taught, handed from a pack to the next over the same trunk and rows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class MemoryLimits:
    """What may fit, and what did not."""

    rows: int | None = None
    """Of all trials, in one forward pass of training; None while nothing is known."""
    tried: int = 0
    """Of each trial, the first that did not fit."""
    halves_scoring: bool = False
    """Whether batches did not fit in scoring."""
