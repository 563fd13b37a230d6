"""Seconds and tokens per phase of a run."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from headtohead.console.status_lines import doing

WORDS = {
    "data": "reading the data",
    "load": "loading the model",
    "tokenise": "tokenising the texts",
    "validate": "scoring the validation rows",
    "evaluate": "metrics with bootstrap intervals",
    "baselines": "baselines on the same rows, with intervals",
    "export": "exporting the model and checking it in a fresh process",
    "report": "writing the page",
}
"""What a phase does, for those who wait."""


class Phases:
    """Adds up wall-clock seconds by phase, over restarts: what earlier attempts had written down when they ended."""

    def __init__(self, *, is_told: bool = False) -> None:
        self._is_told = is_told
        self.seconds: dict[str, float] = {}
        self.tokens: dict[str, int] = {}

    @classmethod
    def after(cls, cost: Mapping[str, Any], *, is_told: bool = False) -> Phases:
        """Go on from the ``cost`` section of an earlier attempt's record.

        Args:
            is_told: whether to say on the terminal what is being done.
        """
        phases = cls(is_told=is_told)
        phases.seconds.update(cost.get("seconds", {}))
        phases.tokens.update(cost.get("tokens", {}))
        return phases

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time a block, and say that it is being done."""
        with self.timed(name), doing(WORDS.get(name, name.replace("score ", "scoring ")), is_told=self._is_told):
            yield

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Time a block that says itself what is being done."""
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
