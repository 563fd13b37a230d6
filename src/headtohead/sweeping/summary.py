"""What a sweep has found so far: ``study.json`` after every trial, and what its end looks like on the terminal."""

from __future__ import annotations

import shlex
from typing import Any

from optuna.trial import FrozenTrial, TrialState
from rich.console import Console

from headtohead import atomic
from headtohead.sweeping.judge import reports_of
from headtohead.sweeping.study import SweepStudy, is_feasible
from headtohead.sweeping.trial_table import state_of, table_of

SUMMARY = "study.json"


def write_summary(study: SweepStudy) -> dict[str, Any]:
    """Write and return the state of a study: every trial, the best ones, and how to run the best again."""
    best = best_trials(study)
    found = {
        "study": study.name,
        "space": study.space.described(),
        "objectives": study.objectives,
        "directions": [direction.name.lower() for direction in study.study.directions],
        "seeds": study.settings.seeds,
        "constraints": {limit.path: str(limit) for limit in study.settings.constraints},
        "n_trials": study.n_trials,
        "counts": _counts(study),
        "best": [trial.number for trial in best],
        "best_command": command_of(best[0]) if best else None,
        "trials": [_described(trial, study) for trial in study.trials()],
    }
    atomic.write_json(study.folder / SUMMARY, found)
    return found


def best_trials(study: SweepStudy) -> list[FrozenTrial]:
    """Return the best trial that completed within the constraints, or the Pareto set of several objectives.

    Ties go to the earlier trial.
    """
    if len(study.study.directions) > 1:
        return study.study.best_trials if any(map(is_feasible, study.trials(TrialState.COMPLETE))) else []
    return study.ranked()[:1]


def command_of(trial: FrozenTrial) -> str:
    """Return the command line that runs a trial's configuration by itself."""
    return shlex.join(["python", "run.py", *trial.user_attrs.get("overrides", [])])


def _counts(study: SweepStudy) -> dict[str, int]:
    states = [state_of(trial) for trial in study.trials()]
    return {state: states.count(state) for state in dict.fromkeys(states)}


def _described(trial: FrozenTrial, study: SweepStudy) -> dict[str, Any]:
    runs = [str(folder.relative_to(study.folder)) for folder in study.run_folders(trial.number) if folder.exists()]
    return {
        "number": trial.number,
        "state": trial.state.name.lower(),
        "feasible": is_feasible(trial),
        "params": trial.params,
        "values": trial.values,
        "reports": {str(step): value for step, value in reports_of(trial).items()},
        "reason": trial.user_attrs.get("reason") or None,
        "attempts": trial.user_attrs.get("attempt", 1),
        "seconds": trial.user_attrs.get("seconds"),
        "overrides": trial.user_attrs.get("overrides"),
        "folder": study.trial_folder(trial.number).name,
        "runs": runs,
    }


def print_end(study: SweepStudy) -> None:
    """Print the table, the best trial and its command."""
    console = Console()
    best = best_trials(study)
    console.print(table_of(study, {trial.number for trial in best}))
    if best:
        console.print(f"best: trial {best[0].number}, {command_of(best[0])}", markup=False, soft_wrap=True)
    console.print(f"sweep: {study.folder}", markup=False, soft_wrap=True)
