"""Jobs trained together in one process, which keeps model and rows between them."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from headtohead.errors import TO_BE_CONTINUED, UserError
from headtohead.launching.command import WORKER, KilledJob, job_command, sweep_folder
from headtohead.launching.leases import Lease, visible_cores
from headtohead.launching.local import GRACE_SECONDS, tied
from headtohead.launching.lost_jobs import Company, losses_of

log = logging.getLogger(__name__)

WORKER_LOG = "worker.log"
"""In the sweep's folder: what the worker prints besides what belongs to a job."""
SECONDS_FOR_LAST_OUTPUT = 2.0
"""A child of a worker that has ended may hold its output open."""


class FusedJobs:
    """Hands jobs to a worker, which is started beforehand, and starts another where one has died.

    Args:
        trials_at_once: in a pack, at most.

    Raises:
        UserError: none at all.
    """

    def __init__(self, *, trials_at_once: int) -> None:
        if trials_at_once < 1:
            raise UserError(f"hydra.launcher.trials_at_once must be 1 or more, given {trials_at_once}")
        self._size = trials_at_once
        self._worker: Worker | None = None

    def start(self) -> None:
        """Start the worker: what it imports takes many seconds, in which jobs can be made ready."""
        if self._worker is None or self._worker.has_ended:
            self._worker = Worker(self._size)

    def submit(self, config: DictConfig, overrides: Sequence[str]) -> Future[None]:
        """Queue a job; the future raises ``KilledJob``, or ``RuntimeError`` with the job's last words.

        One that may have killed a worker is trained alone when it comes again (``launching.losses``).
        """
        command, folder = job_command(config, overrides)
        self.start()
        assert self._worker is not None
        self._worker.output.write_to(sweep_folder(config, folder) / WORKER_LOG)
        return self._worker.submit(command[1], command[2:], str(folder))

    def interrupt(self) -> None:
        """Ask the worker to save and end, and wait a while until it has."""
        if self._worker is not None:
            self._worker.interrupt()


class Worker:
    """A process of ``headtohead.fused.worker``.

    Args:
        size: of its packs, at most.
    """

    def __init__(self, size: int) -> None:
        self._waiting: dict[str, Future[None]] = {}
        self._begun: set[str] = set()
        """Of those that wait for their end, the ones that the worker has taken up."""
        self._lock = threading.Lock()
        command = [sys.executable, "-m", WORKER, str(size)]
        self._process = subprocess.Popen(
            tied(command, Lease(tuple(visible_cores()), None)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",  # what libraries print may be in any other
        )
        assert isinstance(self._process.stderr, TextIOWrapper)
        self.output, self._has_ended = Output(self._process.stderr), False
        self._listening = threading.Thread(target=self._listen, name="fused", daemon=True)
        self._listening.start()

    @property
    def has_ended(self) -> bool:
        """Whether it takes no more jobs."""
        return self._has_ended or self._process.poll() is not None

    def submit(self, script: str, overrides: Sequence[str], folder: str) -> Future[None]:
        """Hand over a job, with the script that would run it by itself."""
        assert self._process.stdin is not None
        future: Future[None] = Future()
        future.set_running_or_notify_cancel()  # from here on nobody but its end takes it back
        with self._lock:
            if self._has_ended or folder in self._waiting:
                is_twice = folder in self._waiting
                future.set_exception(
                    RuntimeError(f"another job writes to {folder}") if is_twice else KilledJob(self._last_words())
                )
                return future
            self._waiting[folder] = future
        job = {"script": script, "overrides": list(overrides), "folder": folder, "alone": losses_of(folder).is_suspect}
        with suppress(BrokenPipeError):  # it has just died, and whoever listens to it fails the future
            self._process.stdin.write(json.dumps(job) + "\n")
            self._process.stdin.flush()
        return future

    def interrupt(self) -> None:
        """Ask it to save and end; kill it where it does not. Afterwards it has ended, and is given no more jobs."""
        self._process.terminate()
        try:
            self._process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._listening.join(GRACE_SECONDS)
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        try:
            with self._process.stdout:
                for line in self._process.stdout:
                    self._hear(json.loads(line))
        except ValueError:  # a last line that was cut off
            log.warning("the worker was cut off in the middle of a line")
            self._process.kill()
        finally:
            self._process.wait()
            self.output.wait()
            with self._lock:
                self._has_ended = True
                left, self._waiting = self._waiting, {}
            for folder, future in left.items():
                future.set_exception(KilledJob(self._last_words(), self._company_of(folder)))

    def _company_of(self, folder: str) -> Company:
        """Return in which company a job was that the worker left behind; one that died before it took any is all jobs' trouble."""
        if not self._begun:
            return "alone"
        if folder not in self._begun:
            return "waiting"
        return "alone" if self._begun == {folder} else "together"

    def _hear(self, said: dict[str, Any]) -> None:
        if "say" in said:
            log.info("%s", said["say"])
            return
        if said.get("begins"):
            self._begun.add(said["folder"])
            return
        with self._lock:
            future = self._waiting.pop(said["folder"], None)
        company = self._company_of(said["folder"])
        if said["code"] != TO_BE_CONTINUED:  # what breaks off concerns all that the worker has taken up
            self._begun.discard(said["folder"])
        if future is None:
            return
        match said["code"]:
            case 0:
                future.set_result(None)
            case code if code == TO_BE_CONTINUED:
                future.set_exception(KilledJob(said["reason"], company))
            case _:
                future.set_exception(RuntimeError(said["reason"]))

    def _last_words(self) -> str:
        return f"the worker that trained it ended with status {self._process.poll()}; see {self.output.file}"


class Output:
    """What a process prints: kept until there is a file for it, for it may be started before its sweep has a folder.

    Args:
        stream: what it prints to; always read on, or the process would wait to be read.
    """

    def __init__(self, stream: TextIOWrapper) -> None:
        self.file: Path | None = None
        self._stream, self._kept = stream, ""
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._read, name="fused-output", daemon=True)
        self._thread.start()

    def write_to(self, file: Path) -> None:
        """Append what was printed and what will be to a file."""
        with self._lock:
            if self.file != file:
                file.parent.mkdir(parents=True, exist_ok=True)
                self.file = file
                self._write("")

    def wait(self) -> None:
        """Wait until what a process that has ended printed is in its file."""
        self._thread.join(SECONDS_FOR_LAST_OUTPUT)

    def _read(self) -> None:
        with self._stream:
            for line in self._stream:
                with self._lock:
                    self._write(line)

    def _write(self, text: str) -> None:
        self._kept += text
        if self.file is None:
            return
        with suppress(OSError), self.file.open("a", encoding="utf-8") as stream:  # on a full disk it is lost
            stream.write(self._kept)
        self._kept = ""
