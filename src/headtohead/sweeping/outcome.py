"""What became of a trial: read from the record its run left, which survives the process that wrote it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from optuna.trial import TrialState

from headtohead.launching import KilledJob, LauncherFailed
from headtohead.results import RunRecord, read_record


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The final state of one attempt."""

    state: TrialState
    values: list[float] | None = None
    reason: str = ""
    retry: bool = False
    """Whether the cause lies outside the configuration: killed, or its machine lost."""
    seconds: float | None = None
    details: dict[str, Any] = field(default_factory=dict)


def recorded_outcome(folder: Path, objectives: list[str]) -> Outcome | None:
    """Return what the run's record says, or None while it says nothing final.

    Args:
        objectives: dotted paths into the record; empty takes its validation objective.
    """
    path = folder / "result.json"
    if not path.exists():
        return None
    record = read_record(path)
    seconds = sum((record.cost.get("seconds") or {}).values()) or None
    match record.status:
        case "completed" | "pruned":
            values = objective_values(record, objectives)
            bad = [value for value in values if value is None or not math.isfinite(value)]
            if bad:
                return Outcome(state=TrialState.FAIL, reason=f"the objective is {bad[0]}", seconds=seconds)
            state = TrialState.COMPLETE if record.status == "completed" else TrialState.PRUNED
            return Outcome(state=state, values=[float(value) for value in values if value is not None],
                           reason=record.error or "", seconds=seconds)  # fmt: skip
        case "failed" | "diverged":
            return Outcome(state=TrialState.FAIL, reason=record.error or record.status, seconds=seconds)
    return None  # running or interrupted: it was cut off


def ended(folder: Path, objectives: list[str], error: BaseException | None) -> Outcome:
    """Return the outcome of a job that is no longer running; without a final record it was killed.

    Raises:
        LauncherFailed: nothing is known of the job, nor can any other be started.
    """
    if isinstance(error, LauncherFailed):
        raise error
    found = recorded_outcome(folder, objectives)
    if found is not None:
        return found
    if error is not None and not isinstance(error, KilledJob):
        return Outcome(state=TrialState.FAIL, reason=f"{type(error).__name__}: {error}".splitlines()[0])
    reason = str(error) if error is not None else "the job ended without a result"
    return Outcome(state=TrialState.FAIL, reason=reason, retry=True)


def objective_values(record: RunRecord, objectives: list[str]) -> list[float | None]:
    """Return the values a sweep optimises."""
    if not objectives:
        return [record.objective.get("value")]
    return [_look_up(record, path) for path in objectives]


def _look_up(record: RunRecord, path: str) -> float | None:
    head, *rest = path.split(".")
    found: Any = getattr(record, head, None)
    for key in rest:
        found = found.get(key) if isinstance(found, dict) else None
    found = found.get("value") if isinstance(found, dict) else found
    return float(found) if isinstance(found, int | float) else None
