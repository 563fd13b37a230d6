"""The plugin that Hydra instantiates; the work is done in ``headtohead.launching``."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import TYPE_CHECKING, Any

from hydra.core.utils import JobReturn

from hydra_plugins.headtohead_launchers._jobs_launcher import JobsLauncher

if TYPE_CHECKING:
    from headtohead.launching.fused import FusedJobs


class FusedLauncher(JobsLauncher):
    """Trains jobs together in one process, over one loaded model where they can share it.

    As a context it has the process at hand: it starts beforehand, and has ended afterwards.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.trials_at_once = int(settings["trials_at_once"])

    def __enter__(self) -> FusedLauncher:
        self._made_jobs().start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.interrupt()

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run jobs for Hydra's own sweeper, the process starting while they are composed."""
        self._made_jobs().start()
        return super().launch(job_overrides, initial_job_idx)

    def submit(self, overrides: Sequence[str], number: int) -> Future[None]:
        """Hand a job to the process."""
        return self._made_jobs().submit(self.config, overrides)

    def _made_jobs(self) -> FusedJobs:
        from headtohead.launching.fused import FusedJobs

        if self._jobs is None:
            self._jobs = FusedJobs(**self.settings)
        return self._jobs  # type: ignore[no-any-return]

    def interrupt(self) -> None:
        """End what runs: the sweep goes no further."""
        if self._jobs is not None:
            self._jobs.interrupt()
