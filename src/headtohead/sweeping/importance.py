"""How much each parameter of a study mattered, by Optuna's own evaluator."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from optuna.trial import TrialState

if TYPE_CHECKING:
    from optuna.study import Study

TRIALS_NEEDED = 8
"""Completed trials below which importances say more about the draw than about the parameters."""
FOREST = {"n_trees": 64, "seed": 0}


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
                study,
                evaluator=FanovaImportanceEvaluator(**FOREST),
                target=lambda trial: float(trial.values[0]),
            )
    except Exception as error:  # such as parameters that no two trials share; a figure must not end a sweep
        return {"method": "fANOVA", "values": {}, "reason": f"{type(error).__name__}: {error}".splitlines()[0]}
    return {"method": "fANOVA", "values": {name: float(share) for name, share in found.items()}, "reason": None}


def _why_not(completed: list[Any]) -> str | None:
    if len(completed) < TRIALS_NEEDED:
        return (
            f"{len(completed)} trials have completed, and importances from fewer than {TRIALS_NEEDED} are mostly chance"
        )
    if len({trial.values[0] for trial in completed}) == 1:
        return "every trial has the same value, so no parameter moved it"
    if not any(trial.params for trial in completed):
        return "nothing was varied"
    return None
