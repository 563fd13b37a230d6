"""Halving by rungs that does not depend on the order of reports, as trials of a pack need it.

Optuna's successive halving and hyperband note that a trial has reached a rung when they are asked about it: of trials
that reach it at the same moment, the first one asked sees no competitor and goes on. Here a rung is read off what trials
have reported, and a pack reports for all its trials before any is asked about.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from optuna.pruners import BasePruner
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial

from headtohead.errors import UserError

ORDER_DEPENDENT = ("optuna.pruners.SuccessiveHalvingPruner", "optuna.pruners.HyperbandPruner")


def refuse_order_dependent(pruner: Mapping[str, Any] | None, trials_at_once: int) -> None:
    """Refuse a pruner that would decide by which trial of a pack was asked about first.

    Args:
        trials_at_once: that the launcher trains as one pack.

    Raises:
        UserError: it would.
    """
    if pruner and pruner.get("_target_") in ORDER_DEPENDENT and trials_at_once > 1:
        raise UserError(
            f"hydra.sweeper.pruner is {str(pruner['_target_']).rpartition('.')[2]}, which depends on the order in which trials "
            "report, and those of a pack report together: hydra/sweeper/pruner=rungs is halving that does not"
        )


class RungPruner(BasePruner):
    """Keeps the best of all trials that have reached a rung: one in ``reduction_factor``, rounded up, and their equals.

    Early on many trials are equal, when all still name the commonest class: to keep some of them would be to choose by number.
    Rungs are at ``min_resource`` optimiser steps and at its multiples by powers of ``reduction_factor``; a trial is on one at
    its first evaluation there or beyond (Jamieson and Talwalkar 2016, arXiv:1502.07943; trials that come later meet
    all that were there before, as in Li et al. 2020, arXiv:1810.05934).

    Raises:
        UserError: numbers that make no rungs.
    """

    def __init__(self, min_resource: int = 10, reduction_factor: int = 3) -> None:
        if min_resource < 1 or reduction_factor < 2:
            raise UserError(
                "hydra.sweeper.pruner: min_resource must be 1 or more and reduction_factor 2 or more, given "
                f"{min_resource} and {reduction_factor}"
            )
        self._first, self._factor = min_resource, reduction_factor

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Whether a trial that has just reported is on a rung, and not among the best there."""
        step = trial.last_step
        if step is None or (rung := self._reached(trial.intermediate_values, step)) is None:
            return False
        trials = {other.number: other.intermediate_values for other in study.get_trials(deepcopy=False)}
        trials[trial.number] = trial.intermediate_values
        sign = 1 if study.direction == StudyDirection.MINIMIZE else -1
        worth = {
            number: math.inf if math.isnan(value) else sign * value
            for number, values in trials.items()
            if (value := self._value_at(rung, values)) is not None
        }
        last_kept = sorted(worth.values())[math.ceil(len(worth) / self._factor) - 1]
        return worth[trial.number] > last_kept

    def _reached(self, values: Mapping[int, float], step: int) -> int | None:
        """Return the highest rung that ``step`` is the first to reach, or None."""
        before = max((other for other in values if other < step), default=0)
        rung, found = self._first, None
        while rung <= step:
            found = rung if rung > before else found
            rung *= self._factor
        return found

    @staticmethod
    def _value_at(rung: int, values: Mapping[int, float]) -> float | None:
        """Return what a trial was worth when it reached a rung, or None if it has not."""
        return values[min(steps)] if (steps := [step for step in values if step >= rung]) else None
