"""The plugin that Hydra instantiates; the work is done in ``headtohead.sweeping``, imported when it starts."""

from __future__ import annotations

from typing import Any

from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class OptunaSweeper(Sweeper):
    """Sweeps on Optuna 5: adopts what a killed sweep left, prunes, retries, and never loses a finished trial."""

    def __init__(self, **settings: Any) -> None:
        self.settings = settings

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Keep what Hydra hands over."""
        self._given = hydra_context, task_function, config

    def sweep(self, arguments: list[str]) -> Any:
        """Run the sweep; return what it found."""
        from headtohead.sweeping.sweep import sweep

        return sweep(self.settings, arguments, *self._given)
