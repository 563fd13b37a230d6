"""A study as its pruner sees it: values that trials report of one objective, and whether to stop a trial."""

from __future__ import annotations

import copy
from collections.abc import Container
from typing import Any

import optuna
from optuna.pruners import BasePruner
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

REPORTED = "reported_objective"
"""Attribute of a study: which of its objectives trials report."""
REPORTS = "reports"
"""Attribute of a trial where there are several objectives: what it reported, by step."""


class Judge:
    """Takes reports and asks a pruner.

    Every process builds its own from the same configuration and storage, so that no server is needed to decide. The
    sampler is never touched: some reassign their points when a trial is opened.

    Args:
        study: its name.
        storage: opened.
        pruner: decides.
    """

    def __init__(self, study: str, storage: BaseStorage, pruner: BasePruner) -> None:
        self._id = storage.get_study_id_from_name(study)
        self.objective = int(storage.get_study_user_attrs(self._id).get(REPORTED, 0))
        self._storage: Any = storage
        if len(storage.get_study_directions(self._id)) > 1:
            self._storage = OneObjective(storage, self.objective)
        self._study = optuna.load_study(
            study_name=study, storage=self._storage, sampler=optuna.samplers.RandomSampler(), pruner=pruner
        )

    @property
    def name(self) -> str:
        """The pruner's."""
        return type(self._study.pruner).__name__

    def report(self, number: int, step: int, value: float) -> None:
        """Keep a value that a trial has reached at a step."""
        self._storage.set_trial_intermediate_value(self._trial_id(number), step, value)

    def reports(self, number: int) -> dict[int, float]:
        """Return what a trial has reported."""
        return dict(self._trial(number).intermediate_values)

    def stops(self, number: int) -> bool:
        """Whether the pruner gives a trial up."""
        return bool(self._study.pruner.prune(self._study, self._trial(number)))  # some return numpy's

    def has_closed(self, number: int) -> bool:
        """Whether a trial has its final state already."""
        return self._trial(number).state.is_finished()

    def _trial(self, number: int) -> FrozenTrial:
        trial: FrozenTrial = self._storage.get_trial(self._trial_id(number))
        return trial

    def _trial_id(self, number: int) -> int:
        return int(self._storage.get_trial_id_from_study_id_trial_number(self._id, number))


class OneObjective:
    """A storage as pruners need it, which know of one objective alone.

    Reports are kept as an attribute: where there are several objectives Optuna takes no reports, and its TPE sampler
    fails over pruned trials that have some. Everything else is the storage's own.

    Args:
        storage: of a study of several objectives.
        objective: the one to show.
    """

    def __init__(self, storage: BaseStorage, objective: int) -> None:
        self._storage, self._objective = storage, objective

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        """Return one direction."""
        return [self._storage.get_study_directions(study_id)[self._objective]]

    def set_trial_intermediate_value(self, trial_id: int, step: int, value: float) -> None:
        """Keep a report; a trial's reports come from one process at a time."""
        reports = self._storage.get_trial(trial_id).user_attrs.get(REPORTS, {})
        self._storage.set_trial_user_attr(trial_id, REPORTS, {**reports, str(step): value})

    def get_trial(self, trial_id: int) -> FrozenTrial:
        """Return a trial with one value, and its reports."""
        return self._seen(self._storage.get_trial(trial_id))

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """Return the trials so."""
        return [self._seen(trial) for trial in self._storage.get_all_trials(study_id, deepcopy, states)]

    def get_best_trial(self, study_id: int) -> FrozenTrial:
        """Return the best trial by the one value."""
        return BaseStorage.get_best_trial(self, study_id)  # type: ignore[arg-type]

    def _seen(self, trial: FrozenTrial) -> FrozenTrial:
        seen = copy.copy(trial)
        seen.values = [trial.values[self._objective]] if trial.values else None
        seen.intermediate_values = reports_of(trial)
        return seen


def reports_of(trial: FrozenTrial) -> dict[int, float]:
    """Return what a trial has reported by step, wherever it is kept."""
    kept: dict[str, float] = trial.user_attrs.get(REPORTS, {})
    return dict(trial.intermediate_values) or {int(step): value for step, value in kept.items()}
