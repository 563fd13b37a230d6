"""The plugin that Hydra instantiates; the work is done in ``headtohead.launching``."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future

from hydra_plugins.headtohead_launchers._jobs_launcher import JobsLauncher


class LocalLauncher(JobsLauncher):
    """Runs jobs as processes of this machine, as many at a time as there are cores and GPUs to lease."""

    def submit(self, overrides: Sequence[str], number: int) -> Future[None]:
        """Start a job as soon as there is a lease for it."""
        from headtohead.launching.local import LocalProcesses

        if self._jobs is None:
            self._jobs = LocalProcesses(**self.settings)
        return self._jobs.submit(self.config, overrides, number)  # type: ignore[no-any-return]

    def interrupt(self) -> None:
        """End what runs: the sweep goes no further."""
        if self._jobs is not None:
            self._jobs.interrupt()
