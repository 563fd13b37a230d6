"""The plugin that Hydra instantiates; the work is done in ``headtohead.sweeps``, imported when it starts."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from hydra.core.plugins import Plugins
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
        """Run the sweep, with the launcher at hand: one that has something to start does so while we import and check."""
        hydra_context, task_function, config = self._given
        launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )
        with launcher if isinstance(launcher, AbstractContextManager) else nullcontext():
            from headtohead.sweeps.sweep import sweep

            return sweep(self.settings, arguments, launcher, hydra_context.config_loader, config)
