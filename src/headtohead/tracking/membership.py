"""What a run is within a sweep."""

from __future__ import annotations

from dataclasses import dataclass


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
