"""The plugin that Hydra instantiates; the work is done in ``headtohead.launching``."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from hydra_plugins.headtohead_launchers._jobs_launcher import JobsLauncher


class SlurmLauncher(JobsLauncher):
    """Runs jobs on a SLURM cluster: those handed over together as an array, each with an end of its own."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.trials_at_once = int(settings["trials_at_once"])

    def submit(self, overrides: Sequence[str], number: int) -> Future[None]:
        """Submit a job, or attach to it where it lives already."""
        from headtohead.launching.slurm import SlurmJobs

        if self._jobs is None:
            self._jobs = SlurmJobs(self.config, self.settings)
        return self._jobs.submit(overrides)  # type: ignore[no-any-return]
