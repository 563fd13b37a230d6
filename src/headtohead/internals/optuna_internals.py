"""Optuna's private API: a study's storage, trials of other processes by their ids, suggestions of any distribution.

All of it was seen in Optuna 5.0; without it a sweep stops with an ``AttributeError`` that names what is gone.
"""

from __future__ import annotations

from typing import Any

from optuna import Study, Trial
from optuna.distributions import BaseDistribution
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial

CONSTRAINT = "constraints:"
"""Prefix of the system attributes that ``Trial.set_constraint`` writes and ``FrozenTrial.constraints`` reads."""


def storage_of(study: Study) -> BaseStorage:
    """Return the storage a study writes to, with Optuna's cache around it (``study._storage``)."""
    return study._storage


def reopened(study: Study, trial: FrozenTrial) -> Trial:
    """Return a running trial that another process opened, to suggest what it lacks (``Trial(study, trial._trial_id)``)."""
    return Trial(study, trial._trial_id)


def suggest(trial: Trial, name: str, distribution: BaseDistribution) -> Any:
    """Suggest a value by a distribution object; what the trial has stays (``trial._suggest``).

    Public ``suggest_*`` methods rebuild the distribution from its fields, one method for each kind.
    """
    return trial._suggest(name, distribution)


def set_attribute(study: Study, trial: FrozenTrial, name: str, value: Any) -> None:
    """Write a user attribute of an unfinished trial, whichever process opened it (``trial._trial_id``)."""
    storage_of(study).set_trial_user_attr(trial._trial_id, name, value)


def set_constraint(study: Study, trial: FrozenTrial, name: str, excess: float) -> None:
    """Tell the samplers by how much an unfinished trial breaks a constraint; zero or less keeps to it.

    Writes what ``Trial.set_constraint`` would, which keeps the first value where a trial is told again.
    """
    storage_of(study).set_trial_system_attr(trial._trial_id, CONSTRAINT + name, excess)


def contains(distribution: BaseDistribution, value: Any) -> bool:
    """Whether a distribution can draw a value (``distribution._contains``, of Optuna's internal representation).

    Raises:
        ValueError, TypeError: the value has no representation there.
    """
    return bool(distribution._contains(distribution.to_internal_repr(value)))
