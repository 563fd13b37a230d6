"""What SLURM says: its commands, bounded in time, and what its states mean."""

from __future__ import annotations

import subprocess
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from headtohead.errors import UserError

SECONDS = 60
"""For one of SLURM's commands to answer."""
ALIVE = frozenset(
    {
        "PENDING",
        "RUNNING",
        "CONFIGURING",
        "COMPLETING",
        "RESIZING",
        "SIGNALING",
        "STAGE_OUT",
        "STOPPED",
        "SUSPENDED",
        "REQUEUED",
        "REQUEUE_FED",
        "REQUEUE_HOLD",
        "RESV_DEL_HOLD",
        "SPECIAL_EXIT",
    }
)
KILLED = {
    "TIMEOUT": "killed at the end of hydra.launcher.timeout_min before it had saved (hydra.launcher.signal_delay_s)",
    "PREEMPTED": "preempted before it had saved",
    "NODE_FAIL": "its node was lost",
    "BOOT_FAIL": "its node did not start",
    "REVOKED": "taken away by SLURM",
    "LAUNCH_FAILED": "SLURM could not start it",
    "RECONFIG_FAIL": "SLURM could not start it",
}
"""States whose cause lies outside the configuration: another attempt may go well."""
ENDED_FOR_GOOD = {
    "CANCELLED": "cancelled (scancel)",
    "DEADLINE": "missed its deadline",
    "OUT_OF_MEMORY": "out of memory: raise hydra.launcher.mem_gb, or lower the batch",
}
"""States that another attempt would end in too, or that someone chose."""

OUT_OF_MEMORY = ("exceeded memory limit", "exceeded job memory limit", "oom_kill", "oom-kill")
"""What SLURM writes into a job's log; where its accounting enforces memory, not cgroups, the state is just FAILED."""

Place = tuple[str, int | None]
"""A job's name and its index in an array."""


class Unreachable(RuntimeError):
    """SLURM did not answer."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A job in the queue."""

    id: str
    """As people and ``scancel`` name it: ``123`` or ``123_4``."""
    state: str
    reason: str
    """Why it waits."""


def ask(*command: str) -> str:
    """Return what one of SLURM's commands prints.

    Raises:
        Unreachable: it is not here, fails or does not answer; the message is its own.
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except FileNotFoundError:
        raise Unreachable(f"there is no {command[0]} on this machine") from None
    except subprocess.TimeoutExpired:
        raise Unreachable(f"{command[0]} did not answer in {SECONDS} seconds") from None
    if done.returncode != 0:
        raise Unreachable(own_words(done.stderr) or f"{command[0]} ended with exit status {done.returncode}")
    return done.stdout


def own_words(stderr: str) -> str:
    """Return an error of SLURM's commands without their names in front."""
    words = [line.split("error:", 1)[-1].strip() for line in stderr.splitlines() if line.strip()]
    return "; ".join(dict.fromkeys(words))


def look(names: Collection[str]) -> dict[Place, Entry]:
    """Return the user's jobs of some names, those that have ended lately among them.

    Raises:
        Unreachable: the controller of the cluster does not answer.
    """
    listed = ask(
        "squeue",
        "--me",
        "--noheader",
        "--array",
        "--states=all",
        f"--name={','.join(sorted(names))}",
        "--format=%j|%F|%K|%T|%r",
    )
    found = {}
    for line in listed.splitlines():
        name, number, index, state, reason = line.split("|", 4)
        at = int(index) if index.isdigit() else None
        found[name, at] = Entry(number if at is None else f"{number}_{at}", state, reason)
    return found


def accounted(job_id: str) -> str:
    """Return the state that accounting remembers of a job the queue has forgotten, or nothing."""
    try:
        listed = ask("sacct", "--allocations", "--noheader", "--parsable2", f"--jobs={job_id}", "--format=State")
    except Unreachable:  # no accounting on this cluster
        return ""
    return listed.split()[0] if listed.split() else ""


def tells_of_memory(log: Path) -> bool:
    """Whether SLURM wrote into a job's log that memory ran out."""
    said = log.read_text(encoding="utf-8", errors="replace").lower() if log.exists() else ""
    return any(words in said for words in OUT_OF_MEMORY)


def require_acceptance(script: str) -> None:
    """Ask SLURM whether it would take a job, without submitting it.

    Args:
        script: as ``sbatch`` reads it.

    Raises:
        UserError: there is no cluster, or it refuses.
    """
    try:
        done = subprocess.run(
            ["sbatch", "--test-only"], input=script, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except FileNotFoundError:
        raise UserError(
            "hydra/launcher=slurm: there is no sbatch on this machine. Start from a login node of the cluster, or use "
            "hydra/launcher=local"
        ) from None
    except subprocess.TimeoutExpired:
        raise UserError(f"hydra/launcher=slurm: the cluster did not answer in {SECONDS} seconds") from None
    if done.returncode != 0:
        raise UserError(
            f"hydra/launcher=slurm: SLURM does not take the job: {own_words(done.stderr)}. "
            "Look at hydra.launcher.partition, account, timeout_min, cpus_per_task, mem_gb and gpus_per_node"
        )
