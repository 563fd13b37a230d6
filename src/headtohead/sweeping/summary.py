"""What a sweep has found so far: ``study.json`` after every trial, and a table on the terminal."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial, TrialState
from rich.console import Console
from rich.table import Table

from headtohead import atomic
from headtohead.sweeping.outcome import recorded_outcome
from headtohead.sweeping.storage import without_password
from headtohead.sweeping.study import SweepStudy

SUMMARY = "study.json"
CONFIRMING = re.compile(r"confirm_(\d+)_seed_(\d+)")


def write_summary(study: SweepStudy, importances: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Write and return the state of a study: every trial, the best ones, and how to run the best again.

    Args:
        importances: of the parameters, as ``importance.importances_of`` returns them; too slow for after every trial.
    """
    best = best_trials(study)
    settings = study.settings
    found = {
        "study": study.name,
        "command": without_password(shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])),
        "sampler": "every combination" if settings.is_grid else _class_name(settings.sampler) or "TPESampler",
        "pruner": _class_name(settings.pruner),
        "objective": settings.objective,
        "space": study.space.described(),
        "fixed": study.space.fixed,
        "directions": [direction.name.lower() for direction in study.study.directions],
        "n_trials": study.n_trials,
        "counts": _counts(study),
        "best": [trial.number for trial in best],
        "best_command": command_of(best[0]) if best else None,
        "trials": [_described(trial, study) for trial in study.trials()],
        "confirmed": list(_confirmed(study)),
        "importances": importances,
    }
    atomic.write_json(study.folder / SUMMARY, found)
    return found


def best_trials(study: SweepStudy) -> list[FrozenTrial]:
    """Return the best completed trial, or the Pareto set of several objectives; ties go to the earlier trial."""
    if len(study.study.directions) > 1:
        return study.study.best_trials if study.trials(TrialState.COMPLETE) else []
    return study.ranked()[:1]


def command_of(trial: FrozenTrial) -> str:
    """Return the command line that runs a trial's configuration by itself."""
    return shlex.join(["python", "run.py", *trial.user_attrs.get("overrides", [])])


def _class_name(configured: Mapping[str, Any] | None) -> str | None:
    return str(configured.get("_target_")).rpartition(".")[2] if configured else None


def _confirmed(study: SweepStudy) -> Iterator[dict[str, Any]]:
    """Yield the finished confirming runs of the study, with their validation score: the first objective."""
    for folder in sorted(study.folder.glob("confirm_*_seed_*")):
        named, outcome = CONFIRMING.fullmatch(folder.name), recorded_outcome(folder, study.settings.objective)
        if named and outcome and outcome.state == TrialState.COMPLETE and outcome.values:
            trial, seed = map(int, named.groups())
            yield {"trial": trial, "seed": seed, "folder": folder.name, "value": outcome.values[0]}


def _counts(study: SweepStudy) -> dict[str, int]:
    states = [trial.state for trial in study.trials()]
    return {state.name.lower(): states.count(state) for state in TrialState if state in states}


def _described(trial: FrozenTrial, study: SweepStudy) -> dict[str, Any]:
    return {
        "number": trial.number,
        "state": trial.state.name.lower(),
        "params": trial.params,
        "values": trial.values,
        "reports": {str(step): value for step, value in trial.intermediate_values.items()},
        "reason": trial.user_attrs.get("reason") or None,
        "attempts": trial.user_attrs.get("attempt"),
        "seconds": trial.user_attrs.get("seconds"),
        "tokens": trial.user_attrs.get("tokens"),
        "started": _when(trial.datetime_start),
        "finished": _when(trial.datetime_complete),
        "overrides": trial.user_attrs.get("overrides"),
        "folder": study.trial_folder(trial.number).name,
    }


def _when(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment else None


def table_of(study: SweepStudy) -> Table:
    """Return the trials as a table: parameters, state, metric, time, and why one was stopped."""
    best = {trial.number for trial in best_trials(study)}
    trials = study.trials()
    names = list(dict.fromkeys(name for trial in trials for name in trial.params))
    table = Table(title=f"{study.name}: {len(study.trials(TrialState.COMPLETE))} of {study.n_trials} trials completed")
    for heading in ("trial", *names, "state", "metric", "seconds", "why"):
        table.add_column(heading, overflow="fold")
    for trial in trials:
        table.add_row(*_cells(trial, names), style="bold" if trial.number in best else None)
    return table


def _cells(trial: FrozenTrial, names: Sequence[str]) -> list[str]:
    from rich.markup import escape

    seconds = trial.user_attrs.get("seconds")
    values = trial.values or list(trial.intermediate_values.values())[-1:]
    return [
        str(trial.number),
        *(escape(_short(trial.params.get(name, ""))) for name in names),
        trial.state.name.lower(),
        ", ".join(f"{value:.4f}" for value in values),
        f"{seconds:.0f}" if seconds else "",
        escape(str(trial.user_attrs.get("reason") or "")),
    ]


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)[:60]


def print_end(study: SweepStudy) -> None:
    """Print the table, the best trial and its command."""
    console = Console()
    console.print(table_of(study))
    best = best_trials(study)
    if best:
        console.print(f"best: trial {best[0].number}, {command_of(best[0])}", markup=False, soft_wrap=True)
    console.print(f"sweep: {study.folder}", markup=False, soft_wrap=True)
