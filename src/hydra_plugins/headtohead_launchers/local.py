"""The plugin that Hydra instantiates; the work is done in ``headtohead.launching``."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING

from hydra_plugins.headtohead_launchers._jobs_launcher import JobsLauncher

if TYPE_CHECKING:
    from headtohead.launching.local import LocalProcesses


class LocalLauncher(JobsLauncher):
    """Runs jobs as processes of this machine, as many at a time as there are cores and GPUs to lease."""

    def submit(self, overrides: Sequence[str], number: int) -> Future[None]:
        """Start a job as soon as there is a lease for it."""
        return self._made_jobs().submit(self.config, overrides, number)

    @property
    def slots(self) -> int:
        """Jobs that there are leases for at the same time."""
        return self._made_jobs().slots

    def _made_jobs(self) -> LocalProcesses:
        from headtohead.launching.local import LocalProcesses

        if self._jobs is None:
            self._jobs = LocalProcesses(**self.settings)
        return self._jobs  # type: ignore[no-any-return]

    def interrupt(self) -> None:
        """End what runs: the sweep goes no further."""
        if self._jobs is not None:
            self._jobs.interrupt()
