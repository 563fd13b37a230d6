"""The plugin that Hydra instantiates; the work is done in ``headtohead.launching``."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from hydra_plugins.headtohead_launchers._jobs_launcher import JobsLauncher


class FusedLauncher(JobsLauncher):
    """Trains jobs together in one process, over one loaded model where they can share it."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.trials_at_once = int(settings["trials_at_once"])

    def submit(self, overrides: Sequence[str], number: int) -> Future[None]:
        """Hand a job to the process."""
        from headtohead.launching.fused import FusedJobs

        if self._jobs is None:
            self._jobs = FusedJobs(**self.settings)
        return self._jobs.submit(self.config, overrides)  # type: ignore[no-any-return]

    def interrupt(self) -> None:
        """End what runs: the sweep goes no further."""
        if self._jobs is not None:
            self._jobs.interrupt()
