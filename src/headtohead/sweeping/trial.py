"""The worker's side of a trial: report a validation metric, hear whether to stop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headtohead.tasks.run import Report


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
        storage=trial.storage,
        seed=trial.seed,
        pruner=sweeper.pruner,
    )


def open_report(link: TrialLink) -> Report:
    """Return what reports to the study, and asks its pruner.

    Where a trial has several seeds, its controller reports their values when they have ended: a run only asks whether
    it is still wanted.

    Raises:
        UserError: the storage cannot be opened.
    """
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
