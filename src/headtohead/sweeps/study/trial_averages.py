"""A trial that was run several times, as one figure: mean, interval, and the value of every run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from optuna.trial import FrozenTrial, TrialState
from rich.markup import escape
from rich.table import Table

from headtohead.comparisons.finished_run import FinishedRun, load_run, refuse_moved_test_rows
from headtohead.comparisons.fold_runs import cross_validated_arm
from headtohead.console.narrow_tables import narrow_table
from headtohead.errors import UserError
from headtohead.evaluation import confusion
from headtohead.results import pooled
from headtohead.statistics import Arm, Estimate, estimates_of
from headtohead.statistics.arms import refuse_unequal_rows
from headtohead.statistics.draws import alike
from headtohead.statistics.verdicts.verdict_sentences import number
from headtohead.sweeps.study.study import SweepStudy

SPLIT = "test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Average:
    """Every metric of a trial over its runs."""

    trial: int
    runs: list[str]
    """Their folders, within the study's."""
    names: list[str]
    """What each is: a seed, a fold."""
    rows: int
    """Different ones that were scored."""
    rows_of_run: int
    """Of them, in the run with fewest: less than all in folds, or where seeds cut other test rows."""
    metrics: dict[str, Estimate]
    """Over all runs with 95 % intervals; of folds from their pooled predictions. Empty where there is no such figure."""
    why: str
    """Why not."""
    per_run: dict[str, list[float | None]]
    """By metric, each run's own value."""
    confusion: dict[str, Any] | None
    """Rows per gold and predicted label, all runs together."""


def averages_of(study: SweepStudy) -> list[Average]:
    """Return the completed trials that were run several times and scored a test split."""
    return [found for trial in study.trials(TrialState.COMPLETE) if (found := _average(study, trial))]


def _average(study: SweepStudy, trial: FrozenTrial) -> Average | None:
    folders = study.run_folders(trial.number)
    if len(folders) < 2:
        return None
    try:
        runs = [load_run(folder, SPLIT) for folder in folders]
    except UserError:  # trials of a tuning read no test split
        return None
    metrics, why = _estimates(study, runs)
    whole = pooled([run.predictions for run in runs])
    names = dict.fromkeys(name for run in runs for name in run.record.metrics.get(SPLIT, {}))
    return Average(
        trial=trial.number,
        runs=[folder.relative_to(study.folder).as_posix() for folder in folders],
        names=[str(place) for place in study.places],
        rows=len(set(whole.row_id.tolist())),
        rows_of_run=min(len(run.predictions) for run in runs),
        metrics=metrics,
        why=why,
        per_run={name: [_value(run, name) for run in runs] for name in names},
        confusion=confusion(whole) if whole.labels.kind in ("single", "ordinal") else None,
    )


def _estimates(study: SweepStudy, runs: Sequence[FinishedRun]) -> tuple[dict[str, Estimate], str]:
    """Return the estimates, or none and why."""
    try:
        if study.space.plan.folds:
            return estimates_of(cross_validated_arm(study.name, runs)), ""
        arm = Arm(
            name=study.name,
            configurations=[[run.predictions for run in runs]],
            folders=[str(run.folder) for run in runs],
            draws=alike([[run.draw for run in runs]]),
        )
        refuse_moved_test_rows(runs)
        refuse_unequal_rows([arm])
        return estimates_of(arm), ""
    except UserError as error:
        return {}, str(error)


def _value(run: FinishedRun, metric: str) -> float | None:
    return (run.record.metrics.get(SPLIT, {}).get(metric) or {}).get("value")


def as_stored(averages: Sequence[Average]) -> list[dict[str, Any]]:
    """Return them for ``study.json``."""
    return [asdict(average) for average in averages]


def table_of_averages(averages: Sequence[Average], metric: str) -> Table:
    """Return mean, interval and runs of one metric as a table, a row for each trial.

    Args:
        averages: of a study's trials.
        metric: that decides.
    """
    several = len(averages) > 1
    headings = [*(["trial"] if several else []), metric.replace("_", " "), "95 % interval", "lowest run", "highest run"]
    table = narrow_table("", headings)
    for average in averages:
        table.add_row(*map(escape, [*([str(average.trial)] if several else []), *_cells(average, metric)]))
    return table


def _cells(average: Average, metric: str) -> list[str]:
    values = [value for value in average.per_run.get(metric, []) if value is not None]
    ends = [number(min(values)), number(max(values))] if values else ["-", "-"]
    found = average.metrics.get(metric)
    if found is None:
        return [number(fmean(values)) if values else "-", "-", *ends]
    interval = "-" if found.low is None or found.high is None else f"{number(found.low)} to {number(found.high)}"
    return [number(found.value), interval, *ends]


def said_of_averages(study: SweepStudy, averages: Sequence[Average]) -> str:
    """Return what the table is about."""
    first = averages[0]
    moved = not study.space.plan.folds and first.rows_of_run < first.rows
    rows = f"{first.rows:,} test rows{f' in all, {first.rows_of_run:,} in a run' if moved else ''}"
    return f"{rows}, mean over {study.space.plan}:"


def said_of_runs(averages: Sequence[Average], metric: str) -> Iterator[str]:
    """Yield each trial's value in every run, and why an interval is missing."""
    for average in averages:
        values = [f"{name}: {'-' if value is None else number(value)}" for name, value in _each(average, metric)]
        yield f"{metric} of each run{f', trial {average.trial}' if len(averages) > 1 else ''}: {', '.join(values)}"
        if average.why:
            yield f"no interval: {average.why}"


def _each(average: Average, metric: str) -> Iterator[tuple[str, float | None]]:
    return zip(average.names, average.per_run.get(metric) or [None] * len(average.names), strict=True)
