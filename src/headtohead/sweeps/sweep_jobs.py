"""Starting jobs on whatever launcher is configured, each as a future."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol, runtime_checkable

from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher

from headtohead.hydra_io.internals import result_of
from headtohead.notices import Notice
from headtohead.sweeps.study.study import Job

IN_PROCESS = ("BasicLauncher",)
ON_THIS_MACHINE = (*IN_PROCESS, "LocalLauncher", "FusedLauncher")


@runtime_checkable
class Jobs(Protocol):
    """Runs jobs. A future's result is None, or it raises what ended the job."""

    slots: int
    """Jobs at the same time."""
    elsewhere: bool
    """Whether jobs run in other processes, which leaves the terminal to the sweep."""

    def start(self, job: Job) -> Future[None]:
        """Start a job, or run it at once where jobs share this process."""
        ...

    def interrupt(self) -> None:
        """Let go of jobs: the sweep goes no further, and whoever ends it does not want to wait for them."""
        ...


def jobs_of(launcher: Launcher, n_jobs: int) -> Jobs:
    """Return the way to start jobs that a launcher allows."""
    if hasattr(launcher, "submit"):
        room = getattr(launcher, "slots", n_jobs)
        return Submitted(launcher, min(n_jobs, room) * getattr(launcher, "trials_at_once", 1))
    if type(launcher).__name__ in IN_PROCESS:
        return InThisProcess(launcher)
    return InThreads(launcher, n_jobs)


def runs_here(launcher: Launcher) -> bool:
    """Whether a launcher's jobs run on this machine; of those of others we do not know."""
    return type(launcher).__name__ in ON_THIS_MACHINE


def says_of_n_jobs(launcher: Launcher, n_jobs: int) -> Notice | None:
    """Return what becomes of ``hydra.sweeper.n_jobs`` where the launcher does not do as many at a time."""
    asked, local = f"hydra.sweeper.n_jobs={n_jobs}", "hydra/launcher=local"
    if n_jobs == 1:
        return None
    if type(launcher).__name__ in IN_PROCESS:
        text = f"{asked} has no effect on this launcher, which runs one trial at a time in this process: add"
        return Notice(text=text, command=local, leads=False)
    if (room := getattr(launcher, "slots", n_jobs)) < n_jobs:
        return Notice(text=f"{asked}: there is room for {room} at a time, the others wait", leads=False)
    if type(launcher).__name__ == "FusedLauncher":
        text = (
            f"{asked} is how many packs' trials stand ready: one process trains hydra.launcher.trials_at_once together"
        )
        return Notice(text=text, leads=False)
    return None


class InThisProcess:
    """One at a time: Hydra's own launcher changes the state of this process."""

    slots = 1
    elsewhere = False

    def __init__(self, launcher: Launcher) -> None:
        self._launcher = launcher
        logging.getLogger(type(launcher).__module__).setLevel(
            logging.WARNING
        )  # a sweep has its own line for each trial

    def start(self, job: Job) -> Future[None]:
        """Run a job to its end."""
        future: Future[None] = Future()
        try:
            _require_success(self._launcher.launch([[*job.overrides, *job.identity]], initial_job_idx=job.number))
            future.set_result(None)
        except Exception as error:
            future.set_exception(error)
        return future

    def interrupt(self) -> None:
        """There is none but the one that was interrupted itself."""


class InThreads:
    """Launchers of others, which block until their jobs have ended: a thread each, so that no job waits for a slower one."""

    elsewhere = True

    def __init__(self, launcher: Launcher, slots: int) -> None:
        self._launcher, self.slots = launcher, slots
        self._threads = ThreadPoolExecutor(slots, thread_name_prefix="launch")

    def start(self, job: Job) -> Future[None]:
        """Start a job."""
        return self._threads.submit(self._run, job)

    def interrupt(self) -> None:
        """Start no further ones; those of other launchers cannot be ended from here."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _run(self, job: Job) -> None:
        _require_success(self._launcher.launch([[*job.overrides, *job.identity]], initial_job_idx=job.number))


class Submitted:
    """Our own launchers, whose ``submit`` returns a future."""

    elsewhere = True

    def __init__(self, launcher: Any, slots: int) -> None:
        self._launcher, self.slots = launcher, slots

    def start(self, job: Job) -> Future[None]:
        """Start a job."""
        future: Future[None] = self._launcher.submit([*job.overrides, *job.identity], job.number)
        return future

    def interrupt(self) -> None:
        """End those that run here; those of a cluster go on, and are adopted."""
        if hasattr(self._launcher, "interrupt"):
            self._launcher.interrupt()


def _require_success(returns: Sequence[JobReturn]) -> None:
    (only,) = returns
    if only.status != JobStatus.COMPLETED:
        error = result_of(only)
        raise error if isinstance(error, Exception) else RuntimeError(repr(error))
