"""What a sweep has found so far: ``study.json`` after every trial, and what its end looks like on the terminal."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from optuna.trial import FrozenTrial, TrialState
from rich.console import Console

from headtohead import atomic
from headtohead.console.narrow_tables import print_table
from headtohead.grammar import command, typed_command
from headtohead.sweeps.space.repetitions import on_all_rows
from headtohead.sweeps.space.search_space import sets
from headtohead.sweeps.study.outcome import Wanted, recorded_outcome
from headtohead.sweeps.study.pruner_client import reports_of
from headtohead.sweeps.study.storage import without_password
from headtohead.sweeps.study.study import SweepStudy, is_feasible, state_in_words
from headtohead.sweeps.study.trial_averages import Average, as_stored, said_of_averages, said_of_runs, table_of_averages
from headtohead.sweeps.study.trial_table import state_of, table_of

SUMMARY = "study.json"
OF_ARMS = tuple(
    f"hydra.sweeper.{key}"
    for key in ("arms", "confirm", "margin", "alpha", "pairing", "tunings", "params", "study_name", "storage")
)
"""Settings of the sweeper that a sweep without arms has no use for, or that name a study of its own."""
CONFIRMING = re.compile(r"(confirm|choose)_(\d+)_(?:seed|sample)_(\d+)")


def write_summary(
    study: SweepStudy, importances: Mapping[str, Any] | None = None, averages: Sequence[Average] = ()
) -> dict[str, Any]:
    """Write and return the state of a study: every trial, the best ones, and how to run the best again.

    Args:
        importances: of the parameters, as ``importance.importances_of`` returns them; too slow for after every trial.
        averages: of trials that were run several times.
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
        "seeds": study.space.plan.seeds,
        "plan": study.space.plan.described(),
        "repeated": str(study.space.plan),
        "measures_parts": study.space.plan.measures_parts,
        "constraints": {limit.path: str(limit) for limit in study.settings.constraints},
        "n_trials": study.n_trials,
        "counts": _counts(study),
        "best": [trial.number for trial in best],
        "best_command": command_of(best[0], study) if best else None,
        "ends_of_ranges": _ends_of_ranges(study, best[0]) if len(best) == 1 else {},
        "trials": [_described(trial, study) for trial in study.trials()],
        "confirmed": list(_confirmed(study)),
        "importances": importances,
        "averages": as_stored(averages),
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
    """Return the command line that runs a trial's configuration by itself, whole, in whatever way it was found.

    Of a cross-validation that trains on the rows of all folds.
    """
    own = [line for line in trial.user_attrs.get("overrides", []) if line not in study.space.only_tuning]
    of_experiment = any(sets(line, ("experiment",)) for line in own)
    if study.space.plan.is_of_fold and not of_experiment:
        return _tuning_of_all_rows(study)
    if study.space.plan.measures_parts:
        of_fold = ("seed",) if study.space.plan.is_of_fold else ()
        own = [*on_all_rows([line for line in own if not sets(line, of_fold)])]
    alone = ["hydra.mode=RUN"] if of_experiment else []  # its own mode is MULTIRUN, and its arms cannot be taken back
    return command(*own, *alone)


def _tuning_of_all_rows(study: SweepStudy) -> str:
    """Return the command line that tunes once, over the rows of all folds: each fold has chosen for itself."""
    space = study.space
    shared = on_all_rows(
        [line for line in space.fixed if line not in space.only_tuning and line.partition("=")[0] != "seed"]
    )
    varied = [f"{dimension.key}={dimension}" for dimension in space.dimensions.values()]
    return command("-m", *shared, *varied, *_of_sweeper(study))


def _of_sweeper(study: SweepStudy) -> list[str]:
    """Return the settings of the sweeper as they were typed, without those of arms, which are one by one then."""
    typed = [word for word in sys.argv[1:] if word.lstrip("+").startswith(("hydra/sweeper", "hydra.sweeper."))]
    kept = [word for word in typed if not word.lstrip("+").startswith(OF_ARMS)]
    is_drawn = not study.settings.is_grid and not any("sampler" in word for word in kept)
    return [*kept, *(["hydra/sweeper/sampler=tpe"] if is_drawn else [])]


def _ends_of_ranges(study: SweepStudy, best: FrozenTrial) -> dict[str, str]:
    """Return the parameters whose best value is the lowest or highest that is tried."""
    dimensions = study.space.dimensions
    found = {name: dimensions[name].end_of_range(value) for name, value in best.params.items() if name in dimensions}
    return {name: end for name, end in found.items() if end}


def _class_name(configured: Mapping[str, Any] | None) -> str | None:
    return str(configured.get("_target_")).rpartition(".")[2] if configured else None


def _confirmed(study: SweepStudy) -> Iterator[dict[str, Any]]:
    """Yield the finished runs on fresh seeds, those that chose a champion too, with their validation score."""
    for folder in sorted(study.folder.iterdir()):
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


def print_end(study: SweepStudy, averages: Sequence[Average], metric: str) -> None:
    """Print the table, what runs come to together, the best trial and its command.

    Args:
        study: that has ended.
        averages: of its trials.
        metric: that decides.
    """
    console = Console()
    best = best_trials(study)
    print_table(console, table_of(study, {trial.number for trial in best}))
    if averages:
        console.print(said_of_averages(study, averages), markup=False, highlight=False, soft_wrap=True)
        print_table(console, table_of_averages(averages, metric))
        for line in said_of_runs(averages, metric):
            console.print(line, markup=False, highlight=False)
    if best:
        console.print(_about_best(study, best[0]), markup=False, highlight=False)
        console.print(f"  {command_of(best[0], study)}", markup=False, highlight=False, soft_wrap=True)
    console.print(f"sweep: {study.folder}", markup=False, soft_wrap=True)


def _about_best(study: SweepStudy, best: FrozenTrial) -> str:
    """Return what the command that follows is for."""
    if study.space.plan.is_of_fold:
        return f"chosen in this fold: trial {best.number}; over the rows of all folds:"
    if not study.space.plan.folds:
        return f"best: trial {best.number}; by itself:"
    chosen = "" if len(study.trials(TrialState.COMPLETE)) < 2 else _flattered(best)
    return (
        f"{chosen}no fold is a model to use, each saw a part of the rows; to train one on all but the validation rows:"
    )


def _flattered(best: FrozenTrial) -> str:
    return (
        f"best by validation: trial {best.number}. Its validation rows are test rows of other folds, so that its test value "
        "flatters; hydra.sweeper.arms tunes within every fold\n"
    )
