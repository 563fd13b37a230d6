"""The worker's side of a trial: report a validation metric, hear whether to stop."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headtohead.tracking.membership import Membership

if TYPE_CHECKING:
    from headtohead.tasks.run import Report

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialLink:
    """Which trial of which study this process runs."""

    study: str
    number: int
    storage: str
    seed: int | None = None
    """Which of ``hydra.sweeper.seeds`` it runs, where they are set."""
    pruner: Mapping[str, Any] | None = None


def current_trial() -> TrialLink | None:
    """Return the trial that the sweeper gave this job, or None outside a sweep."""
    from hydra.core.hydra_config import HydraConfig

    sweeper = HydraConfig.get().sweeper
    trial = sweeper.get("trial")
    if trial is None or trial.number is None:
        return None
    return TrialLink(
        study=trial.study,
        number=trial.number,
        storage=_storage_of(trial, sweeper),
        seed=trial.seed,
        pruner=sweeper.pruner,
    )


def _storage_of(trial: Any, sweeper: Any) -> str:
    """Return the file that the sweep named, or the server's URL, which is read here as the sweep read it."""
    from headtohead.sweeping.storage import resolve_storage

    return str(trial.storage or resolve_storage(sweeper.storage, Path()))


def current_membership() -> Membership | None:
    """Return what this job is within a sweep, or None outside one."""
    from hydra.core.hydra_config import HydraConfig

    trial = HydraConfig.get().sweeper.get("trial")
    if trial is None or trial.sweep is None:
        return None
    return Membership(
        sweep=trial.sweep, job_type=trial.job_type, arm=trial.arm, trial=trial.number, attempt=trial.attempt
    )


def open_report(link: TrialLink) -> Report:
    """Return what reports to the study, and asks its pruner.

    Where a trial has several seeds, its controller reports their values when they have ended: a run only asks whether
    it is still wanted.

    A run does not die of a storage that cannot be reached: it says so, goes on, and tries again at its next report.
    """
    opened: list[Report] = []

    def report(step: int, value: float) -> str | None:
        from headtohead.sweeping.storage import is_storage_failure, reason_of

        try:
            if not opened:
                opened.append(_opened(link))
            return opened[0](step, value)
        except Exception as error:
            if not is_storage_failure(error):
                raise
            why = reason_of(error, link.storage)
            log.warning("step %d was not reported to the sweep, which cannot stop this run there: %s", step, why)
            return None

    return report


def _opened(link: TrialLink) -> Report:
    from headtohead.sweeping.judge import Judge
    from headtohead.sweeping.settings import build_pruner
    from headtohead.sweeping.storage import open_storage

    judge = Judge(link.study, open_storage(link.storage), build_pruner(link.pruner))

    def report(step: int, value: float) -> str | None:
        if judge.has_closed(link.number):  # decided by a controller that has given this process up
            return "the sweep has closed this trial"
        if link.seed is not None:
            return None
        judge.report(link.number, step, value)
        return f"{judge.name} at step {step}, {value:.4g}" if judge.stops(link.number) else None

    return report
