"""What a run is within a sweep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """Told to a job by its sweep; part of neither its configuration nor its fingerprint."""

    sweep: str
    """The sweep's name; W&B's group."""
    job_type: str
    """trial or confirm."""
    arm: str | None = None
    trial: int | None = None
    attempt: int = 1

    @property
    def named(self) -> dict[str, Any]:
        """What the run's record says of it."""
        study = self.sweep if self.arm is None else f"{self.sweep}/{self.arm}"
        return {"study": study, "number": self.trial, "attempt": self.attempt}
