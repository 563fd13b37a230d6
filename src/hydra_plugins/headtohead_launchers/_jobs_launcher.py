"""What our launchers have in common. Hydra looks for plugins in modules without an underscore alone."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from headtohead.config.numbers import require_numbers


class JobsLauncher(Launcher):
    """Hands out jobs one by one; made of its settings, it does its work once the first comes."""

    def __init__(self, **settings: Any) -> None:
        require_numbers(settings, "hydra.launcher")
        self.settings = settings
        self._jobs: Any = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Keep what Hydra hands over."""
        self.config, self._loader = config, hydra_context.config_loader

    @abstractmethod
    def submit(self, overrides: Sequence[str], number: int) -> Future[None]:
        """Hand over a job."""

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run jobs for Hydra's own sweeper: every one is waited for, and a failed one fails alone."""
        from headtohead.launching.basic_sweep import run_jobs

        return run_jobs(self.submit, self._loader, self.config, job_overrides, initial_job_idx)
