"""Submitting jobs to SLURM with submitit: what is asked for, from which code, and a note by which to find them again."""

from __future__ import annotations

import json
import logging
import re
import secrets
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import submitit
from omegaconf import DictConfig, OmegaConf

from headtohead import atomic, traces
from headtohead.errors import UserError
from headtohead.internals.submitit_internals import FailedSubmissionError, JobPaths, UncompletedJobError, batch_script
from headtohead.launching.command import sweep_folder, this_script
from headtohead.launching.frozen_code import FrozenCode, freeze
from headtohead.launching.job_ending import forget_ending
from headtohead.launching.slurm_queue import Place, Unreachable, own_words, require_acceptance
from headtohead.launching.slurm_task import SlurmTask

NOTE = "job.json"
CODE = "code"
SHARED_BY_CLUSTERS = {
    "name",
    "timeout_min",
    "mem_gb",
    "nodes",
    "cpus_per_task",
    "gpus_per_node",
    "tasks_per_node",
    "stderr_to_stdout",
}
"""submitit's own names; the others are SLURM's and carry its name in front."""
PATIENT_PYTHON = [
    sys.executable,
    "-ISc",
    "import os, signal, sys; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2]); "
    "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])",
]
"""Starts Python with SLURM's warning kept waiting until ``SlurmTask`` listens: while it imports, the warning would kill."""
NOT_SUBMITIT = {"submitit_folder", "max_num_timeout", "requeue", "poll_seconds", "name", "trials_at_once"}


@dataclass(frozen=True, slots=True)
class Note:
    """Which SLURM job runs in a folder. Written before it is submitted, so that none is ever started twice."""

    name: str
    """Chosen for the submission and like no other: the queue is asked for it."""
    index: int | None
    """In an array."""
    id: str = ""
    """Empty until SLURM has answered."""

    @property
    def place(self) -> Place:
        """Where to look in the queue."""
        return self.name, self.index


def read_note(folder: Path) -> Note | None:
    """Return the note of the latest submission in a folder."""
    path = folder / NOTE
    return Note(**json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None


def _write_note(folder: Path, note: Note) -> None:
    atomic.write_json(folder / NOTE, asdict(note))


class Submitter:
    """Submits jobs as configured, from a frozen copy of the code.

    Args:
        config: of the sweep.
        settings: of the launcher.
        first: folder of any job of the sweep.

    Raises:
        UserError: there is no cluster, or it would refuse the jobs.
    """

    def __init__(self, config: DictConfig, settings: Mapping[str, Any], first: Path) -> None:
        base = sweep_folder(config, first)
        self._name = re.sub(r"[^\w.-]+", "_", str(settings["name"]))
        self._folder = base / settings["submitit_folder"]
        self.code = freeze(this_script(), configuration_folder(config), base / CODE)
        logging.getLogger("submitit").setLevel(logging.WARNING)
        try:
            self._executor = submitit.AutoExecutor(
                self._folder,
                cluster="slurm",
                slurm_max_num_timeout=int(settings["max_num_timeout"]),
                slurm_python=shlex.join(PATIENT_PYTHON),
            )
            self._executor.update_parameters(name=self._name, **parameters(settings, self.code))
        except (RuntimeError, NameError, AssertionError, ValueError) as error:
            raise UserError(f"hydra/launcher=slurm: {error}") from error
        require_acceptance(batch_script(self._executor, "true"))

    def submit(self, tasks: Sequence[SlurmTask]) -> list[Note]:
        """Submit tasks, several as one array.

        Raises:
            Unreachable: SLURM did not answer, or refused; whether it has the jobs can be seen from the notes.
        """
        name = f"{self._name}-{secrets.token_hex(4)}"
        notes = [Note(name, index if len(tasks) > 1 else None) for index in range(len(tasks))]
        for task, note in zip(tasks, notes, strict=True):
            for folder in map(Path, task.folders):
                folder.mkdir(parents=True, exist_ok=True)
                forget_ending(folder)
                _write_note(folder, note)
        try:
            self._executor.update_parameters(name=name)
            with self._executor.batch():
                jobs = [self._executor.submit(task) for task in tasks]
        except (UncompletedJobError, FailedSubmissionError, OSError) as error:
            raise Unreachable(own_words(str(error))) from error
        notes = [Note(note.name, note.index, job.job_id) for note, job in zip(notes, jobs, strict=True)]
        for task, note in zip(tasks, notes, strict=True):
            for folder in map(Path, task.folders):
                _write_note(folder, note)
        return notes

    def log_of(self, job_id: str) -> Path:
        """Return where the batch script of a job writes what goes wrong before the command runs."""
        paths = JobPaths(self._folder, job_id=job_id)
        return Path(paths.stderr if paths.stderr.exists() else paths.stdout)


def parameters(settings: Mapping[str, Any], code: FrozenCode) -> dict[str, Any]:
    """Return what submitit is told, in its own names; what is null or empty is left to SLURM."""
    plain: dict[str, Any] = {
        key: OmegaConf.to_container(v) if OmegaConf.is_config(v) else v for key, v in settings.items()
    }
    own = {key: value for key, value in plain.items() if key not in NOT_SUBMITIT and value not in (None, [], {})}
    # the frozen code goes in front of whatever is installed, for submitit's process too
    path = f"export PYTHONPATH={shlex.quote(str(code.sources))}${{PYTHONPATH:+:$PYTHONPATH}}"
    traced = [f"export {traces.KEY}=1"] if traces.wanted() else []  # SBATCH_EXPORT=NONE would drop the wish
    own["setup"] = [*traced, *own.get("setup", []), path]
    own["additional_parameters"] = {
        ("requeue" if settings["requeue"] else "no-requeue"): True,
        **(own.get("additional_parameters") or {}),
    }
    if settings["cpus_per_task"] and settings["use_srun"]:  # srun does not take it over from sbatch since SLURM 22.05
        own["srun_args"] = [f"--cpus-per-task={settings['cpus_per_task']}", *own.get("srun_args", [])]
    return {key if key in SHARED_BY_CLUSTERS else f"slurm_{key}": value for key, value in own.items()}


def configuration_folder(config: DictConfig) -> Path:
    """Return where the sweep's configuration files lie."""
    (main,) = [source for source in config.hydra.runtime.config_sources if source.provider == "main"]
    return Path(main.path)
