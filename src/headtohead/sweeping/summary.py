"""What a sweep has found so far: ``study.json`` after every trial, and what its end looks like on the terminal."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from optuna.trial import FrozenTrial, TrialState
from rich.console import Console

from headtohead import atomic
from headtohead.grammar import command, typed_command
from headtohead.sweeping.judge import reports_of
from headtohead.sweeping.outcome import Wanted, recorded_outcome
from headtohead.sweeping.space import sets
from headtohead.sweeping.storage import without_password
from headtohead.sweeping.study import SweepStudy, is_feasible, state_in_words
from headtohead.sweeping.trial_table import state_of, table_of

SUMMARY = "study.json"
CONFIRMING = re.compile(r"(confirm|choose)_(\d+)_(?:seed|sample)_(\d+)")


def write_summary(study: SweepStudy, importances: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Write and return the state of a study: every trial, the best ones, and how to run the best again.

    Args:
        importances: of the parameters, as ``importance.importances_of`` returns them; too slow for after every trial.
    """
    best = best_trials(study)
    settings = study.settings
    found = {
        "study": study.name,
        "command": without_password(shlex.join(typed_command())),
        "sampler": "every combination" if settings.is_grid else _class_name(settings.sampler) or "TPESampler",
        "pruner": _class_name(settings.pruner),
        "objective": settings.objective,
        "space": study.space.described(),
        "objectives": study.objectives,
        "fixed": study.space.fixed,
        "directions": [direction.name.lower() for direction in study.study.directions],
        "seeds": study.settings.seeds,
        "constraints": {limit.path: str(limit) for limit in study.settings.constraints},
        "n_trials": study.n_trials,
        "counts": _counts(study),
        "best": [trial.number for trial in best],
        "best_command": command_of(best[0], study) if best else None,
        "ends_of_ranges": _ends_of_ranges(study, best[0]) if len(best) == 1 else {},
        "trials": [_described(trial, study) for trial in study.trials()],
        "confirmed": list(_confirmed(study)),
        "importances": importances,
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


def command_of(trial: FrozenTrial, study: SweepStudy) -> str:
    """Return the command line that runs a trial's configuration by itself, whole, in whatever way it was found."""
    own = [line for line in trial.user_attrs.get("overrides", []) if line not in study.space.only_tuning]
    alone = ["hydra.mode=RUN"] if any(sets(line, ("experiment",)) for line in own) else []  # its own mode is MULTIRUN
    return command(*own, *alone)


def _ends_of_ranges(study: SweepStudy, best: FrozenTrial) -> dict[str, str]:
    """Return the parameters whose best value is the lowest or highest that is tried."""
    dimensions = study.space.dimensions
    found = {name: dimensions[name].end_of_range(value) for name, value in best.params.items() if name in dimensions}
    return {name: end for name, end in found.items() if end}


def _class_name(configured: Mapping[str, Any] | None) -> str | None:
    return str(configured.get("_target_")).rpartition(".")[2] if configured else None


def _confirmed(study: SweepStudy) -> Iterator[dict[str, Any]]:
    """Yield the finished runs on fresh seeds, those that chose a champion too, with their validation score."""
    for folder in sorted(study.folder.glob("c*_*_s*_*")):
        named, outcome = (
            CONFIRMING.fullmatch(folder.name),
            recorded_outcome(folder, Wanted(objectives=study.settings.objective)),
        )
        if named and outcome and outcome.state == TrialState.COMPLETE and outcome.values:
            purpose, trial, seed = named.groups()
            found = {"trial": int(trial), "seed": int(seed), "folder": folder.name, "value": outcome.values[0]}
            yield found | {"judged": purpose == "confirm"}


def _counts(study: SweepStudy) -> dict[str, int]:
    states = [state_of(trial) for trial in study.trials()]
    return {state: states.count(state) for state in dict.fromkeys(states)}


def _described(trial: FrozenTrial, study: SweepStudy) -> dict[str, Any]:
    runs = [str(folder.relative_to(study.folder)) for folder in study.run_folders(trial.number) if folder.exists()]
    return {
        "number": trial.number,
        "state": state_in_words(trial),
        "feasible": is_feasible(trial),
        "params": trial.params,
        "values": trial.values,
        "reports": {str(step): value for step, value in reports_of(trial).items()},
        "reason": trial.user_attrs.get("reason") or None,
        "attempts": trial.user_attrs.get("attempt", 1),
        "seconds": trial.user_attrs.get("seconds"),
        "tokens": trial.user_attrs.get("tokens"),
        "started": _when(trial.datetime_start),
        "finished": _when(trial.datetime_complete),
        "overrides": trial.user_attrs.get("overrides"),
        "folder": study.trial_folder(trial.number).name,
        "runs": runs,
    }


def _when(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment else None


def print_end(study: SweepStudy) -> None:
    """Print the table, the best trial and its command."""
    console = Console()
    best = best_trials(study)
    console.print(table_of(study, {trial.number for trial in best}))
    if best:
        console.print(f"best: trial {best[0].number}; by itself:", markup=False)
        console.print(f"  {command_of(best[0], study)}", markup=False, highlight=False, soft_wrap=True)
    console.print(f"sweep: {study.folder}", markup=False, soft_wrap=True)
