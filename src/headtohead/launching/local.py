"""Jobs as processes of this machine."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import psutil
from omegaconf import DictConfig

from headtohead.child import tied as child_of_this
from headtohead.launching.command import LOG, THREADS, KilledJob, job_command, job_error
from headtohead.launching.leases import Lease, Leases

POLL_SECONDS = 0.2
GRACE_SECONDS = 10.0
"""Between asking a job to end and killing it."""


class LocalProcesses:
    """Starts jobs as processes, each with a lease.

    Args:
        cores_per_job: see ``LocalLauncherConf``, as the others.
        gpus_per_job: GPUs a job sees, or its share of one.
        memory_gb: resident memory at which a job is killed.
        timeout_min: minutes after which a job is killed.
        stagger_seconds: between two starts.

    Raises:
        UserError: a job wants more cores or GPUs than there are.
    """

    def __init__(
        self,
        *,
        cores_per_job: int,
        gpus_per_job: float | None,
        memory_gb: float | None,
        timeout_min: float | None,
        stagger_seconds: float,
    ) -> None:
        self._leases = Leases(cores_per_job, gpus_per_job)
        self._memory = memory_gb * 2**30 if memory_gb else None
        self._seconds = timeout_min * 60 if timeout_min else None
        self._stagger, self._next_start, self._starting = stagger_seconds, 0.0, threading.Lock()
        self._interrupted = False
        self.slots = self._leases.jobs_at_once
        self._threads = ThreadPoolExecutor(self.slots, thread_name_prefix="job")

    def submit(self, config: DictConfig, overrides: Sequence[str], number: int) -> Future[None]:
        """Queue a job; the future raises ``KilledJob``, or ``RuntimeError`` with the limit it passed or its last words."""
        command, folder = job_command(config, overrides)
        return self._threads.submit(self._run, command, folder)

    def interrupt(self) -> None:
        """Ask the jobs that run to end, and start no other."""
        self._interrupted = True

    def _run(self, command: list[str], folder: Path) -> None:
        with self._leases.lease() as lease:
            self._wait_for_turn()
            if self._interrupted:
                raise KilledJob("interrupted before it started")
            folder.mkdir(parents=True, exist_ok=True)
            with (folder / LOG).open("ab") as log:
                process = subprocess.Popen(
                    tied(command, lease),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=environment(lease),
                )
                why = self._watch(process)
        error = job_error(process.returncode, why, folder / LOG)
        if error:
            raise error

    def _wait_for_turn(self) -> None:
        with self._starting:
            time.sleep(max(0.0, self._next_start - time.monotonic()))
            self._next_start = time.monotonic() + self._stagger

    def _watch(self, process: subprocess.Popen[bytes]) -> str:
        """Wait for a process; return why it was killed, if we did it.

        Raises:
            RuntimeError: it passed a limit, as it would again.
        """
        started = time.monotonic()
        while process.poll() is None:
            if self._interrupted:
                _end(process)
                return "interrupted"
            if self._seconds and time.monotonic() - started > self._seconds:
                _end(process)
                raise RuntimeError(f"killed after hydra.launcher.timeout_min={self._seconds / 60:g} minutes")
            if self._memory and (used := _resident(process.pid)) > self._memory:
                _end(process)
                limit = f"hydra.launcher.memory_gb={self._memory / 2**30:g}"
                raise RuntimeError(f"killed at {used / 2**30:.1f} GB, above {limit}")
            time.sleep(POLL_SECONDS)
        return ""


def environment(lease: Lease) -> dict[str, str]:
    """Return a job's environment: as many threads as cores, and its GPUs alone."""
    own = {name: str(len(lease.cores)) for name in THREADS}
    if lease.gpus is not None:
        own["CUDA_VISIBLE_DEVICES"] = ",".join(lease.gpus)
    return {**os.environ, **own}


def tied(command: list[str], lease: Lease) -> list[str]:
    """Return the command that runs on the lease's cores and ends with this process."""
    return child_of_this(command, lease.cores)


def _resident(pid: int) -> int:
    try:
        parent = psutil.Process(pid)
        return sum(process.memory_info().rss for process in [parent, *parent.children(recursive=True)])
    except psutil.Error:
        return 0


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask a process to end, then kill it with its children."""
    children = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    process.terminate()
    try:
        process.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for child in children:
        if child.is_running():
            child.kill()
