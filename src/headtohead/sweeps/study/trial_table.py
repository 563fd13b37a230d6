"""The trials of a study for the terminal: as a table, and each as a line."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from statistics import fmean
from typing import Any

from optuna.trial import FrozenTrial, TrialState
from rich.markup import escape
from rich.table import Table

from headtohead.sweeps.study.pruner_client import reports_of
from headtohead.sweeps.study.study import SweepStudy, has_ended, is_feasible, state_in_words


def table_of(study: SweepStudy, best: Collection[int], rows: int | None = None) -> Table:
    """Return the trials as a table: parameters, state, metric, time, and why one was stopped.

    Args:
        best: numbers of the trials that lead.
        rows: at most so many: those that run and lead first, then the latest.
    """
    trials = study.trials()
    shown = trials if rows is None else _some(trials, best, rows)
    names = list(dict.fromkeys(name for trial in trials for name in trial.params))
    completed = len(study.trials(TrialState.COMPLETE))
    hidden = f", {len(trials) - len(shown)} not shown" if len(shown) < len(trials) else ""
    table = Table(title=f"{study.name}: {completed} of {study.n_trials} trials completed{hidden}")
    metrics = [name.removeprefix("metrics.") for name in study.objectives]
    for heading in ("trial", *names, "state", *metrics, "seconds", "why"):
        table.add_column(heading, overflow="fold")
    for trial in shown:
        cells = [str(trial.number), *(short(trial.params.get(name, "")) for name in names)]
        cells += [state_of(trial), *_metrics(study, trial), _seconds(trial), str(trial.user_attrs.get("reason") or "")]
        table.add_row(*map(escape, cells), style="bold" if trial.number in best else None)
    return table


def line_of(study: SweepStudy, trial: FrozenTrial, left: str = "") -> str:
    """Return what is said of a trial that has ended: its values, its parameters, the best so far and the time left.

    Args:
        left: the time, in words.
    """
    done = sum(has_ended(other) for other in study.trials())
    names = [name.rpartition(".")[2] for name in study.objectives]
    metrics = [f"{name} {value}" for name, value in zip(names, _metrics(study, trial), strict=True) if value]
    parts = [state_of(trial), *metrics, *([f"{_seconds(trial)} s"] if _seconds(trial) else [])]
    params = " ".join(f"{name}={short(value)}" for name, value in trial.params.items())
    reason = str(trial.user_attrs.get("reason") or "")
    why = f" ({reason.splitlines()[0].rstrip(':')})" if reason else ""
    arm = f"{study.name.partition('/')[2]}, " if "/" in study.name else ""
    said = [
        f"[{done}/{study.n_trials}] {arm}trial {trial.number}: {', '.join(parts)}",
        params,
        _best(study, trial),
        left,
    ]
    return "; ".join(part for part in said if part) + why


def _best(study: SweepStudy, trial: FrozenTrial) -> str:
    """Return the best of a single objective so far."""
    if len(study.objectives) > 1 or not (ranked := study.ranked()):
        return ""
    best = ranked[0]
    return "best so far" if best.number == trial.number else f"best {best.value:.4f} (trial {best.number})"


def state_of(trial: FrozenTrial) -> str:
    """Return a trial's state in one word; ``infeasible`` completed outside the constraints."""
    completed = trial.state == TrialState.COMPLETE
    return "infeasible" if completed and not is_feasible(trial) else state_in_words(trial)


def short(value: Any) -> str:
    """Return a parameter's value in few characters."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)[:60]


def _some(trials: Sequence[FrozenTrial], best: Collection[int], rows: int) -> list[FrozenTrial]:
    first = [trial for trial in trials if state_in_words(trial) == "running" or trial.number in best]
    others = [trial for trial in reversed(trials) if has_ended(trial) and trial.number not in best]
    return sorted((first + others)[: max(1, rows)], key=lambda trial: trial.number)


def _metrics(study: SweepStudy, trial: FrozenTrial) -> list[str]:
    """Return a trial's values, or what it has reported so far of the objective that it reports."""
    if trial.state == TrialState.COMPLETE:
        return [f"{value:.4f}" for value in trial.values]
    found = [""] * len(study.objectives)
    if reports := list(reports_of(trial).values()):
        runs = len(study.places)
        value = fmean(reports) if runs else reports[-1]
        found[study.judge.objective] = f"{value:.4f}" + (f" ({len(reports)} of {runs} runs)" if runs else "")
    return found


def _seconds(trial: FrozenTrial) -> str:
    seconds = trial.user_attrs.get("seconds")
    if state_in_words(trial) == "running" and trial.datetime_start:
        seconds = time.time() - trial.datetime_start.timestamp()
    return f"{seconds:.0f}" if seconds else ""
