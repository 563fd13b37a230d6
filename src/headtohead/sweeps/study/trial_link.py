"""The worker's side of a trial: report a validation metric, hear whether to stop."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from hydra.conf import HydraConf
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from headtohead.tracking.membership import Membership

if TYPE_CHECKING:
    from headtohead.sweeps.study.pruner_client import Judge

T = TypeVar("T")

log = logging.getLogger(__name__)


class TrialOfJob(Callback):
    """A place for ``hydra.callbacks.trial``, in the one mapping of Hydra's that a job may add to; it does nothing.

    ``trial_of`` and ``membership_of`` read it. Hydra 1.4 refuses jobs that differ from the sweep in ``hydra.sweeper``.
    """

    def __init__(self, **identity: Any) -> None:
        """Take what the job is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialLink:
    """Which trial of which study this process runs."""

    study: str
    number: int
    storage: str
    seed: int | None = None
    """Which of ``hydra.sweeper.seeds`` it runs, where they are set."""
    pruner: Mapping[str, Any] | None = None


def trial_of(hydra: DictConfig | HydraConf) -> TrialLink | None:
    """Return the trial that the sweeper gave a job, or None outside a sweep.

    Args:
        hydra: the job's own node of that name.
    """
    trial = hydra.callbacks.get("trial")
    if trial is None or trial.number is None:
        return None
    return TrialLink(
        study=trial.study,
        number=trial.number,
        storage=_storage_of(trial, hydra.sweeper),
        seed=trial.seed,
        pruner=hydra.sweeper.pruner,
    )


def _storage_of(trial: Any, sweeper: Any) -> str:
    """Return the file that the sweep named, or the server's URL, which is read here as the sweep read it."""
    from headtohead.sweeps.study.storage import resolve_storage

    return str(trial.storage or resolve_storage(sweeper.storage, Path()))


def membership_of(hydra: DictConfig | HydraConf) -> Membership | None:
    """Return what a job is within a sweep, or None outside one."""
    trial = hydra.callbacks.get("trial")
    if trial is None or trial.sweep is None:
        return None
    return Membership(
        sweep=trial.sweep, job_type=trial.job_type, arm=trial.arm, trial=trial.number, attempt=trial.attempt
    )


class ReportingLink:
    """Reports a run's evaluations to the study, and asks its pruner.

    Where a trial has several seeds, its controller reports their values when they have ended: a run only asks whether
    it is still wanted.

    A run does not die of a storage that cannot be reached: it says so, goes on, and tries again at its next report.
    """

    def __init__(self, link: TrialLink) -> None:
        self._link = link
        self._judge: Judge | None = None

    def report(self, step: int, value: float) -> None:
        """Tell the study the deciding metric at a step."""
        self._try(step, lambda judge: self._report(judge, step, value))

    def stops(self, step: int, value: float) -> str | None:
        """Return why the study wants no more of the run, or None."""
        return self._try(step, lambda judge: self._stops(judge, step, value))

    def _report(self, judge: Judge, step: int, value: float) -> None:
        if self._link.seed is None and not judge.has_closed(self._link.number):
            judge.report(self._link.number, step, value)

    def _stops(self, judge: Judge, step: int, value: float) -> str | None:
        if judge.has_closed(self._link.number):  # decided by a controller that has given this process up
            return "the sweep has closed this trial"
        if self._link.seed is None and judge.stops(self._link.number):
            return f"{judge.name} at step {step}, {value:.4g}"
        return None

    def _try(self, step: int, ask: Callable[[Judge], T]) -> T | None:
        from headtohead.sweeps.study.storage import is_storage_failure, reason_of

        try:
            self._judge = self._judge or _judge_of(self._link)
            return ask(self._judge)
        except Exception as error:
            if not is_storage_failure(error):
                raise
            why = reason_of(error, self._link.storage)
            log.warning("step %d was not reported to the sweep, which cannot stop this run there: %s", step, why)
            return None


def _judge_of(link: TrialLink) -> Judge:
    from headtohead.sweeps.study.pruner_client import Judge
    from headtohead.sweeps.study.storage import open_storage
    from headtohead.sweeps.sweeper_settings import build_pruner

    return Judge(link.study, open_storage(link.storage), build_pruner(link.pruner))
