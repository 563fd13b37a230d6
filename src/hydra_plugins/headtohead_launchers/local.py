"""The plugin that Hydra instantiates; the work is done in ``headtohead.launching``."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class LocalLauncher(Launcher):
    """Runs jobs as processes of this machine, as many at a time as there are cores and GPUs to lease."""

    def __init__(self, **settings: Any) -> None:
        self.settings = settings
        self._processes: Any = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Keep what Hydra hands over."""
        self.config, self._loader = config, hydra_context.config_loader

    def submit(self, overrides: Sequence[str], number: int) -> Future[None]:
        """Start a job as soon as there is a lease for it."""
        from headtohead.launching.local import LocalProcesses

        if self._processes is None:
            self._processes = LocalProcesses(**self.settings)
        return self._processes.submit(self.config, overrides, number)  # type: ignore[no-any-return]

    def interrupt(self) -> None:
        """End what runs: the sweep goes no further."""
        if self._processes is not None:
            self._processes.interrupt()

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run jobs for Hydra's own sweeper: every one is waited for, and a failed one fails alone."""
        from headtohead.launching.basic_sweep import run_jobs

        return run_jobs(self.submit, self._loader, self.config, job_overrides, initial_job_idx)
