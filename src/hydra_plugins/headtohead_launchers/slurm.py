"""The plugin that Hydra instantiates; the work is done in ``headtohead.launching``."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class SlurmLauncher(Launcher):
    """Runs jobs on a SLURM cluster: those handed over together as an array, each with an end of its own."""

    def __init__(self, **settings: Any) -> None:
        self.settings = settings
        self.trials_at_once = int(settings["trials_at_once"])
        self._jobs: Any = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Keep what Hydra hands over."""
        self.config, self._loader = config, hydra_context.config_loader

    def submit(self, overrides: Sequence[str], number: int) -> Future[None]:
        """Submit a job, or attach to it where it lives already."""
        from headtohead.launching.slurm import SlurmJobs

        if self._jobs is None:
            self._jobs = SlurmJobs(self.config, self.settings)
        return self._jobs.submit(overrides)  # type: ignore[no-any-return]

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run jobs for Hydra's own sweeper, as one array; every one is waited for, and a failed one fails alone."""
        from headtohead.launching.basic_sweep import run_jobs

        return run_jobs(self.submit, self._loader, self.config, job_overrides, initial_job_idx)
