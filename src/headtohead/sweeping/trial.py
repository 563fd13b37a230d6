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
    attempt: int = 1
    pruner: Mapping[str, Any] | None = None

    @property
    def name(self) -> dict[str, Any]:
        """What the run's record says of it."""
        return {"study": self.study, "number": self.number, "attempt": self.attempt}


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
        attempt=trial.attempt,
        pruner=sweeper.pruner,
    )


def open_report(link: TrialLink) -> Report:
    """Return what reports to the study, and asks its pruner.

    Every process builds its own pruner from the same configuration and reads the same storage, so that it needs no
    server to decide. The sampler is never touched: some reassign their points when a trial is opened.

    Raises:
        UserError: the storage cannot be opened.
    """
    import optuna

    from headtohead.sweeping.settings import build_pruner
    from headtohead.sweeping.storage import open_storage

    study = optuna.load_study(
        study_name=link.study,
        storage=open_storage(link.storage),
        sampler=optuna.samplers.RandomSampler(),
        pruner=build_pruner(link.pruner),
    )
    backend = study._storage
    trial_id = backend.get_trial_id_from_study_id_trial_number(study._study_id, link.number)

    def report(step: int, value: float) -> str | None:
        if backend.get_trial(trial_id).state.is_finished():  # decided by a controller that has given this process up
            return "the sweep has closed this trial"
        backend.set_trial_intermediate_value(trial_id, step, value)
        if len(study.directions) == 1 and study.pruner.prune(study, backend.get_trial(trial_id)):
            return f"{type(study.pruner).__name__} at step {step}, {value:.4g}"
        return None

    return report
