"""Seconds and tokens per phase of a run."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any


class Phases:
    """Adds up wall-clock seconds by phase, over restarts: what earlier attempts had written down when they ended."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.tokens: dict[str, int] = {}

    @classmethod
    def after(cls, cost: Mapping[str, Any]) -> Phases:
        """Go on from the ``cost`` section of an earlier attempt's record."""
        phases = cls()
        phases.seconds.update(cost.get("seconds", {}))
        phases.tokens.update(cost.get("tokens", {}))
        return phases

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time a block."""
        started = time.monotonic()
        try:
            yield
        finally:
            self.add_seconds(name, time.monotonic() - started)

    def add_seconds(self, name: str, seconds: float) -> None:
        """Count seconds that a phase took."""
        self.seconds[name] = self.seconds.get(name, 0.0) + seconds

    def add_tokens(self, name: str, count: int) -> None:
        """Count tokens that a phase read."""
        self.tokens[name] = self.tokens.get(name, 0) + count
