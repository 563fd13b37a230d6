"""Who may use which cores and GPUs: a job waits until there is room for it."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from headtohead.errors import UserError


@dataclass(frozen=True, slots=True)
class Lease:
    """What one job may use."""

    cores: tuple[int, ...]
    gpus: tuple[str, ...] | None
    """As ``CUDA_VISIBLE_DEVICES`` names them; None: whatever this process sees."""


class Leases:
    """Cores and GPUs of this process, lent to jobs.

    Args:
        cores_per_job: cores of each.
        gpus_per_job: GPUs of each; below one, several jobs share a GPU; None: all jobs share all there are.

    Raises:
        UserError: a job wants more than there is.
    """

    def __init__(self, cores_per_job: int, gpus_per_job: float | None) -> None:
        self._cores = visible_cores()
        self._shares_gpus = gpus_per_job is None
        per_gpu = round(1 / gpus_per_job) if gpus_per_job and gpus_per_job < 1 else 1
        self._gpus = (
            visible_gpus() * per_gpu if gpus_per_job else []
        )  # in turns, so that no GPU waits for another's second
        self._cores_per_job, self._gpus_per_job = cores_per_job, max(1, round(gpus_per_job)) if gpus_per_job else 0
        if not 1 <= cores_per_job <= len(self._cores):
            raise UserError(
                f"hydra.launcher.cores_per_job={cores_per_job}: this process may use {len(self._cores)} cores"
            )
        if self._gpus_per_job > len(self._gpus):
            raise UserError(f"hydra.launcher.gpus_per_job={gpus_per_job}: this process sees {len(visible_gpus())} GPUs")
        self._changed = threading.Condition()

    @property
    def jobs_at_once(self) -> int:
        """Jobs that have room at the same time."""
        by_cores = len(self._cores) // self._cores_per_job
        return min(by_cores, len(self._gpus) // self._gpus_per_job) if self._gpus_per_job else by_cores

    @contextmanager
    def lease(self) -> Iterator[Lease]:
        """Wait for room, and hold it."""
        with self._changed:
            self._changed.wait_for(self._has_room)
            cores = [self._cores.pop(0) for _ in range(self._cores_per_job)]
            gpus = [self._gpus.pop(0) for _ in range(self._gpus_per_job)]
        try:
            yield Lease(tuple(cores), None if self._shares_gpus else tuple(gpus))
        finally:
            with self._changed:
                self._cores += cores
                self._gpus += gpus
                self._changed.notify_all()

    def _has_room(self) -> bool:
        return len(self._cores) >= self._cores_per_job and len(self._gpus) >= self._gpus_per_job


def visible_cores() -> list[int]:
    """Return the cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def visible_gpus() -> list[str]:
    """Return the GPUs this process may use: those of ``CUDA_VISIBLE_DEVICES`` where it is set, else all."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return [name.strip() for name in named.split(",") if name.strip()]
    import torch

    return [str(number) for number in range(torch.cuda.device_count())]
