"""The job's side of SLURM: run a command, stop it in time, hand it back to the queue.

submitit pickles a ``SlurmTask`` (a command, folders) into its folder, unpickles it on the node, calls it, and pickles how the
call ended: "success" with None, or the text of a stack trace. The command is a process of its own, and what it finds lies in
the run's folder: no configuration, model or record is in a pickle, and this project never reads submitit's results.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from submitit.helpers import TorchDistributedEnvironment

from headtohead.errors import TO_BE_CONTINUED
from headtohead.internals.submitit_internals import DelayedSubmission, UncompletedJobError
from headtohead.launching.command import LOG, THREADS
from headtohead.launching.job_ending import forget_ending, write_ending


@dataclass(frozen=True)
class SlurmTask:
    """A command and the folder it writes to."""

    command: list[str]
    folder: str
    members: tuple[str, ...] = ()
    """Folders of the runs that the command trains together, each with an ending of its own; none: the one in ``folder``."""

    @property
    def folders(self) -> tuple[str, ...]:
        """Where the runs that it does are."""
        return self.members or (self.folder,)

    def __call__(self) -> None:
        """Run the command; end with its exit status, so that SLURM's state says what ours does."""
        hand_back = signal.getsignal(signal.SIGUSR2)  # submitit's: requeues this job and exits
        forget_ending(self.folder)
        if int(os.environ.get("SLURM_NTASKS", "1")) > 1:
            TorchDistributedEnvironment().export(set_cuda_visible_devices=False)
        asked, code = self._run()
        if code in (TO_BE_CONTINUED, -signal.SIGTERM) and (signal.SIGUSR2 in asked or (asked and _is_running())):
            try:
                hand_back(signal.SIGUSR2, None)  # type: ignore[operator, misc]
            except UncompletedJobError as error:
                self._note(code, f"{error}; hydra.launcher.max_num_timeout allows no more")
                raise
            except subprocess.CalledProcessError as error:
                self._note(code, f"could not be requeued: {error}")
                raise
        self._note(code)
        if code:
            sys.exit(code if code > 0 else 128 - code)

    def checkpoint(self) -> DelayedSubmission:
        """Return what is submitted again: the same command, which goes on in its folder."""
        return DelayedSubmission(self)

    def _run(self) -> tuple[set[int], int]:
        """Run the command; return the signals that asked it to stop, and its exit status.

        SLURM signals the tasks of a job, and with some plugins all their descendants too. The command listens to SIGTERM
        alone: it saves and ends, and this process decides what it means.
        """
        asked: set[int] = set()
        process: subprocess.Popen[bytes] | None = None

        def stop(number: int, frame: FrameType | None) -> None:
            asked.add(number)
            if process is not None and process.returncode is None:
                process.terminate()

        for number in (signal.SIGUSR2, signal.SIGTERM):
            signal.signal(number, stop)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR2])  # kept waiting since the job began
        with (Path(self.folder) / LOG).open("ab") as log:
            process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment(),
                preexec_fn=_ignore_preemption,  # safe: this process has one thread
            )
        if asked:
            process.terminate()
        return asked, process.wait()

    def _note(self, code: int, reason: str = "") -> None:
        if os.environ.get("SLURM_PROCID", "0") == "0":
            for folder in {self.folder, *(self.folders if reason else ())}:
                write_ending(folder, code, reason)


def environment() -> dict[str, str]:
    """Return the command's environment: as many threads as the job has cores."""
    cores = os.environ.get("SLURM_CPUS_PER_TASK") or os.environ.get("SLURM_CPUS_ON_NODE")
    return {**os.environ, **(dict.fromkeys(THREADS, cores) if cores else {})}


def _ignore_preemption() -> None:
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)


def _is_running() -> bool:
    """Whether SLURM means to let this job live a while: preempted with a period of grace, rather than cancelled."""
    asked = subprocess.run(
        ["squeue", "--noheader", f"--jobs={os.environ.get('SLURM_JOB_ID', '')}", "--format=%T"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return asked.stdout.strip() == "RUNNING"
