"""How much each parameter of a study mattered, by Optuna's own evaluator."""

from __future__ import annotations

import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState

if TYPE_CHECKING:
    from optuna.study import Study

TRIALS_NEEDED = 8
"""Completed trials below which importances say more about the draw than about the parameters."""
FOREST = {"n_trees": 64, "seed": 0}
MOST_CHOICES = 8
"""Of names; Optuna's fANOVA walks through every subset of a parameter's choices, so sixteen take minutes."""


def importances_of(study: Study) -> dict[str, Any]:
    """Return each parameter's share of what moved the first objective (fANOVA, Hutter et al. 2014), or why there is none."""
    from optuna.exceptions import ExperimentalWarning
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances

    completed = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if reason := _why_not(completed):
        return {"method": "fANOVA", "values": {}, "reason": reason}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            found = get_param_importances(
                _ordered(completed),
                evaluator=FanovaImportanceEvaluator(**FOREST),
            )
    except Exception as error:  # such as parameters that no two trials share; a figure must not end a sweep
        return {"method": "fANOVA", "values": {}, "reason": f"{type(error).__name__}: {error}".splitlines()[0]}
    return {"method": "fANOVA", "values": {name: float(share) for name, share in found.items()}, "reason": None}


def _ordered(completed: list[FrozenTrial]) -> Study:
    """Return the trials as a study in which listed numbers, and more names than fANOVA can take, are places in their order."""
    from optuna import create_study
    from optuna.trial import create_trial

    study = create_study()  # in memory
    for trial in completed:
        params, distributions = dict(trial.params), dict(trial.distributions)
        with suppress(ValueError):  # enqueued outside its list, where fANOVA has no place for it
            for name, listed in trial.distributions.items():
                if (order := _order_of(listed)) is not None:
                    params[name] = order.index(params[name])
                    distributions[name] = IntDistribution(0, len(order) - 1)
            study.add_trial(create_trial(params=params, distributions=distributions, value=trial.values[0]))
    return study


def _order_of(listed: BaseDistribution) -> list[Any] | None:
    """Return choices in the order in which a tree may split them, or None where it takes them one by one."""
    if not isinstance(listed, CategoricalDistribution):
        return None
    choices = list(listed.choices)
    if all(isinstance(choice, int | float) and not isinstance(choice, bool) for choice in choices):
        return sorted(choices)
    return choices if len(choices) > MOST_CHOICES else None


def _why_not(completed: list[FrozenTrial]) -> str | None:
    if len(completed) < TRIALS_NEEDED:
        return (
            f"{len(completed)} trials have completed, and importances from fewer than {TRIALS_NEEDED} are mostly chance"
        )
    if len({trial.values[0] for trial in completed}) == 1:
        return "every trial has the same value, so no parameter moved it"
    if not any(trial.params for trial in completed):
        return "nothing was varied"
    return None
