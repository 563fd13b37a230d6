"""What became of a trial: read from the record its run left, which survives the process that wrote it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from optuna.trial import TrialState

from headtohead.launching import KilledJob, LauncherFailed, note_loss
from headtohead.results import RunRecord, read_record
from headtohead.sweeps.sweep_errors import refuse_full_disk


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The final state of one attempt."""

    state: TrialState
    values: list[float] | None = None
    reason: str = ""
    is_lost: bool = False
    """Whether it failed for what may be mended around it (data, disk, network, device, packages), or was killed."""
    killed: KilledJob | None = None
    """What killed it, where nobody need mend anything before it is tried again."""
    seconds: float | None = None
    tokens: int | None = None
    """Read by the model, in all phases."""
    limited: dict[str, float | None] = field(default_factory=dict)
    """By path, the values that are constrained."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a sweep reads from the records of its runs, as dotted paths."""

    objectives: list[str] = field(default_factory=list)
    """Empty: the runs' own validation objective."""
    limited: list[str] = field(default_factory=list)


def recorded_outcome(folder: Path, wanted: Wanted) -> Outcome | None:
    """Return what the run's record says, or None while it says nothing final."""
    path = folder / "result.json"
    if not path.exists():
        return None
    record = read_record(path)
    seconds = sum((record.cost.get("seconds") or {}).values()) or None
    tokens = sum((record.cost.get("tokens") or {}).values()) or None
    match record.status:
        case "completed" | "pruned":
            return _scored(record, wanted, seconds, tokens)
        case "failed" | "diverged":
            return Outcome(
                state=TrialState.FAIL,
                reason=record.error or record.status,
                is_lost=record.status == "failed",  # what diverges would diverge again
                seconds=seconds,
                tokens=tokens,
            )
    return None  # running or interrupted: it was cut off


def _scored(record: RunRecord, wanted: Wanted, seconds: float | None, tokens: int | None) -> Outcome:
    """Return the outcome of a run that ended well, or was stopped and may lack what only a whole run has."""
    values = objective_values(record, wanted.objectives)
    limited = {path: _look_up(record, path) for path in wanted.limited}
    if record.status == "pruned":
        reason = record.error or ""
        return Outcome(state=TrialState.PRUNED, reason=reason, seconds=seconds, tokens=tokens, limited=limited)
    named = [*zip(wanted.objectives or ["the objective"], values, strict=True), *limited.items()]
    for name, value in named:
        if value is None or not math.isfinite(value):
            return Outcome(state=TrialState.FAIL, reason=f"{name} is {value}", seconds=seconds, tokens=tokens)
    numbers = [float(value) for value in values if value is not None]
    return Outcome(state=TrialState.COMPLETE, values=numbers, seconds=seconds, tokens=tokens, limited=limited)


def ended(folder: Path, wanted: Wanted, error: BaseException | None) -> Outcome:
    """Return the outcome of a job that is no longer running; without a final record it was killed.

    Raises:
        LauncherFailed: nothing is known of the job, nor can any other be started.
        DiskFull: it ended because nothing can be written any more, which is no trial's failure.
    """
    if isinstance(error, LauncherFailed):
        raise error
    found = recorded_outcome(folder, wanted)
    if found is not None:
        return found
    refuse_full_disk(folder, error)
    if error is not None and not isinstance(error, KilledJob):
        return Outcome(state=TrialState.FAIL, reason=f"{type(error).__name__}: {error}".splitlines()[0], is_lost=True)
    killed = error or KilledJob("the job ended without a result")
    return Outcome(state=TrialState.FAIL, reason=str(killed), is_lost=True, killed=killed)


def may_try_again(outcome: Outcome, folder: Path, max_retries: int) -> bool:
    """Count what a killed job has lost; return whether it is started again by the same command.

    One that may have died of another trial is not charged: it is tried again alone.
    """
    return outcome.killed is not None and note_loss(folder, outcome.killed.company).alone <= max_retries


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
