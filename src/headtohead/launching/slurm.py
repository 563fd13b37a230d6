"""Jobs on a SLURM cluster, each a future: submitted together where they come together, watched together."""

from __future__ import annotations

import atexit
import logging
import os
import queue
import secrets
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from headtohead import atomic
from headtohead.errors import TO_BE_CONTINUED, UserError
from headtohead.launching import slurm_queue
from headtohead.launching.command import LOG, WORKER, KilledJob, LauncherFailed, job_command, job_error, last_line
from headtohead.launching.job_ending import read_ending
from headtohead.launching.lost_jobs import Company, losses_of
from headtohead.launching.slurm_queue import ALIVE, ENDED_FOR_GOOD, KILLED, Entry, Unreachable
from headtohead.launching.slurm_submit import Note, Submitter, read_note
from headtohead.launching.slurm_task import SlurmTask

log = logging.getLogger(__name__)

TOGETHER_SECONDS = 0.5
"""Jobs that come within this time of each other become one array."""
LARGEST_ARRAY = 1000
"""SLURM's own default (MaxArraySize)."""
TICK_SECONDS = 1.0
"""Between two looks for what jobs say of themselves in their folders."""
GIVE_UP_SECONDS = 900.0
"""For SLURM to answer again; clusters restart their controllers, and jobs run on meanwhile."""
LOOKS = 2
"""At which a job must be over: a requeued one passes through such a state."""


@dataclass(eq=False, slots=True)
class _Job:
    task: SlurmTask
    future: Future[None] = field(default_factory=Future)
    note: Note | None = None
    company: Company = "alone"
    looks: int = 0

    @property
    def folder(self) -> Path:
        return Path(self.task.folder)


class SlurmJobs:
    """Submits and watches jobs, in one thread of its own.

    A controller that is killed leaves its jobs to SLURM; the next one finds them by the notes in their folders.
    """

    def __init__(self, config: DictConfig, settings: Mapping[str, Any]) -> None:
        if int(settings["trials_at_once"]) > 1 and int(settings["nodes"]) * int(settings["tasks_per_node"]) > 1:
            raise UserError(
                "hydra.launcher.trials_at_once above 1 trains several trials in one process; nodes and tasks_per_node train one "
                "trial in several: set one of them to 1"
            )
        self._config, self._settings = config, settings
        self._submitter: Submitter | None = None
        self._incoming: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self._waiting: list[_Job] = []
        self._placed: list[_Job] = []
        self._next_try = self._next_look = 0.0
        self._trouble_since: float | None = None
        self._failed: LauncherFailed | None = None

    def submit(self, overrides: Sequence[str]) -> Future[None]:
        """Queue a job; the future raises ``KilledJob``, or ``RuntimeError`` with the job's last words.

        Raises:
            UserError: there is no cluster, or it refuses such jobs, or it has not answered for long.
        """
        if self._failed:
            raise self._failed
        command, folder = job_command(self._config, overrides)
        script = self._ready(folder).code.script
        return self.start(SlurmTask([command[0], str(script), *command[2:]], str(folder)))

    def start(self, task: SlurmTask) -> Future[None]:
        """Queue a command."""
        self._ready(Path(task.folder))
        job = _Job(task)
        self._incoming.put(job)
        return job.future

    def _ready(self, folder: Path) -> Submitter:
        """Ask the cluster once whether it takes such jobs, and begin to watch."""
        if self._submitter is None:
            self._submitter = Submitter(self._config, self._settings, folder)
            threading.Thread(target=self._serve, name="slurm", daemon=True).start()
            atexit.register(self._say_what_is_left)
        return self._submitter

    def _serve(self) -> None:
        while True:
            self._waiting += self._arrivals()
            try:
                self._turn()
            except Exception as error:  # ours, or submitit's: whoever waits must hear of it
                log.exception("watching SLURM")
                self._give_up(f"{type(error).__name__}: {error}")

    def _turn(self) -> None:
        """Submit what waits, look at what was submitted; be patient with a cluster that does not answer."""
        try:
            if self._waiting and time.monotonic() >= self._next_try:
                self._place()
        except Unreachable as error:  # with jobs in the queue it may be a limit on their number
            self._note_trouble(error, is_fatal=not self._placed)
        try:
            self._watch()
        except Unreachable as error:
            self._note_trouble(error, is_fatal=True)

    def _arrivals(self) -> list[_Job]:
        """Wait a tick for new jobs, and for those that come with them."""
        arrived: list[_Job] = []
        with suppress(queue.Empty):
            arrived.append(self._incoming.get(timeout=TICK_SECONDS if self._waiting or self._placed else None))
            while True:
                arrived.append(self._incoming.get(timeout=TOGETHER_SECONDS))
        return arrived

    def _place(self) -> None:
        """Attach to what lives in the queue already, and submit the rest."""
        assert self._submitter is not None
        self._waiting = [job for job in self._waiting if not job.future.cancelled()]
        for job in self._waiting:
            job.note = read_note(job.folder)
        names = {job.note.name for job in self._waiting if job.note}
        members = Counter(job.note.place for job in self._waiting if job.note)
        entries = slurm_queue.look(names) if names else {}
        for job in list(self._waiting):
            entry = entries.get(job.note.place) if job.note else None
            if job.note and entry and entry.state in ALIVE:
                log.info("%s: SLURM job %s is still there", job.folder.name, entry.id)
                job.company = "together" if members[job.note.place] > 1 else "alone"
                job.note = Note(job.note.name, job.note.index, entry.id)
                self._move(job)
        packs = self._packs()[:LARGEST_ARRAY]
        if packs:
            notes = self._submitter.submit([_task_of(pack) for pack in packs])
            for pack, note in zip(packs, notes, strict=True):
                for job in pack:
                    job.note, job.company = note, "together" if len(pack) > 1 else "alone"
                    self._move(job)

    def _packs(self) -> list[list[_Job]]:
        """Return what waits by SLURM jobs; one that may have killed its job goes alone."""
        size = int(self._settings["trials_at_once"])
        alone = [job for job in self._waiting if losses_of(job.folder).is_suspect]
        others = [job for job in self._waiting if job not in alone]
        return [[job] for job in alone] + [others[at : at + size] for at in range(0, len(others), size)]

    def _move(self, job: _Job) -> None:
        self._waiting.remove(job)
        job.looks = 0
        if job.future.set_running_or_notify_cancel():
            self._placed.append(job)

    def _watch(self) -> None:
        """End the futures of jobs that are over: by their own word at once, by SLURM's when it is certain."""
        for job in list(self._placed):
            ending = read_ending(job.folder)
            if ending and ending["code"] >= 0 and ending["code"] != TO_BE_CONTINUED:
                self._end(job, job_error(ending["code"], "", job.folder / LOG))
        if not self._placed or time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + float(self._settings["poll_seconds"])
        entries = slurm_queue.look({job.note.name for job in self._placed if job.note})
        self._trouble_since = self._trouble_since if self._waiting else None
        for job in list(self._placed):
            assert job.note is not None
            entry = entries.get(job.note.place)
            job.looks = 0 if entry and entry.state in ALIVE else job.looks + 1
            if job.looks >= LOOKS:
                self._end(job, self._reason(job, entry))

    def _end(self, job: _Job, error: Exception | None) -> None:
        self._placed.remove(job)
        if isinstance(error, KilledJob):
            error.company = job.company
        if error:
            job.future.set_exception(error)
        else:
            job.future.set_result(None)

    def _reason(self, job: _Job, entry: Entry | None) -> Exception | None:
        """Return why a job ended that did not say so itself."""
        assert self._submitter is not None
        assert job.note is not None
        os.listdir(job.folder)  # a network file system shows what the node wrote last
        number = job.note.id or (entry.id if entry else job.note.name)
        state = entry.state if entry else slurm_queue.accounted(number)
        ending, own, script = read_ending(job.folder), f"SLURM job {number}", self._submitter.log_of(number)
        if state == "FAILED" and slurm_queue.tells_of_memory(script):
            state = "OUT_OF_MEMORY"
        if state in ENDED_FOR_GOOD:
            return RuntimeError(f"{own}: {ENDED_FOR_GOOD[state]}")
        if state in KILLED:
            return KilledJob(f"{own}: {KILLED[state]}")
        if ending:
            said = str(ending["reason"])
            return RuntimeError(f"{own}: {said}") if said else job_error(ending["code"], "", job.folder / LOG)
        if state == "COMPLETED":
            return None
        return KilledJob(f"{own}: {state or 'no longer known'}, without a word; {script}: {last_line(script)}")

    def _note_trouble(self, error: Unreachable, *, is_fatal: bool) -> None:
        now = time.monotonic()
        if self._trouble_since is None:
            log.warning("SLURM: %s; trying again", error)
        self._trouble_since = self._trouble_since or now
        self._next_try = self._next_look = now + float(self._settings["poll_seconds"])
        if is_fatal and now - self._trouble_since > GIVE_UP_SECONDS:
            self._give_up(f"SLURM has not answered for {GIVE_UP_SECONDS / 60:.0f} minutes: {error}")

    def _give_up(self, why: str) -> None:
        """Fail everything; the jobs themselves live on."""
        self._failed = LauncherFailed(f"hydra/launcher=slurm: {why}. Jobs that run go on; so does the same command")
        for job in [*self._waiting, *self._placed]:
            if not job.future.done():
                job.future.set_exception(self._failed)
        self._waiting, self._placed = [], []

    def _say_what_is_left(self) -> None:
        left = [job.note.id for job in self._placed if job.note]
        if left:
            print(
                f"{len(left)} jobs live on in SLURM: the same command attaches to them, scancel {' '.join(left)} ends them",
                file=sys.stderr,
            )


def _task_of(pack: list[_Job]) -> SlurmTask:
    """Return the command of one job, or of the worker that trains several together."""
    if len(pack) == 1:
        return pack[0].task
    first = pack[0]
    folder = first.folder.parent / "packs" / f"{first.folder.name}-{secrets.token_hex(4)}"
    folder.mkdir(parents=True)
    python = first.task.command[0]
    jobs = [
        {"script": job.task.command[1], "overrides": job.task.command[2:], "folder": str(job.folder)} for job in pack
    ]
    atomic.write_json(folder / "jobs.json", jobs)
    command = [python, "-m", WORKER, str(len(pack)), str(folder / "jobs.json")]
    return SlurmTask(command, str(folder), tuple(str(job.folder) for job in pack))
