"""What costs seconds, beside the best trial of a sweep without arms: ``baselines.json``, and the first thing that is said."""

from __future__ import annotations

from statistics import fmean
from typing import Any

from headtohead import atomic
from headtohead.comparisons.cheap_baselines import cheap_baselines
from headtohead.comparisons.finished_run import FinishedRun, load_run
from headtohead.comparisons.fold_runs import cross_validated_arm
from headtohead.errors import UserError
from headtohead.evaluation import HIGHER_IS_BETTER, point_metrics
from headtohead.results.record import json_ready
from headtohead.statistics import Arm, Cheap, estimates_of, systems_of
from headtohead.statistics.verdicts.verdict_sentences import number
from headtohead.sweeps.study.study import SweepStudy
from headtohead.sweeps.study.study_summary import best_trials

BASELINES = "baselines.json"
BEST = "the best trial"


def beside_best(study: SweepStudy) -> dict[str, Any] | None:
    """Score the baselines on the rows that the best trial was scored on, write them beside the study, and return them.

    The best was chosen on validation rows, so that being ahead there may be luck; where it was scored on test rows, too,
    these are compared as well.

    Returns:
        ``metric``, ``splits`` (name to ``best``, the best trial's value, ``of``, how its runs come to it, ``baselines`` and
        why some are ``missing``) and ``leads``; None where no trial has completed, or a cost alone was optimised. On test
        rows of folds the value is that of their average: of the pooled answers.
    """
    metric = next((name for path in study.objectives if (name := _metric(path))), None)
    runs = [folder for trial in best_trials(study)[:1] for folder in study.run_folders(trial.number)]
    if metric is None or not runs:
        return None
    splits: dict[str, Any] = {}
    leads: list[str] = []
    try:
        first = load_run(runs[0], "validation")
        for split in ("validation", *first.other_tests):
            own = [load_run(folder, split) for folder in runs]
            whole = _pooled(own) if study.space.plan.folds and split != "validation" else None
            cheap = cheap_baselines({BEST: own}, split, cross_validated_arm if whole else None)
            level = _level(own, metric) if whole is None else _pooled_level(whole, metric)
            of = _how(whole) if study.space.plan.folds else ""
            splits[split] = {"best": level, "of": of, "baselines": cheap.values[BEST], "missing": cheap.missing}
            leads += _leads(cheap, level, metric, split)
    except UserError:  # such as predictions that somebody has moved away: what stands is shown
        return None
    found = {"metric": metric, "splits": splits, "leads": leads}
    atomic.write_json(study.folder / BASELINES, json_ready(found))
    return found


def _metric(path: str) -> str | None:
    """Return the metric of an objective's path, None of a cost."""
    part, _, name = path.rpartition(".")
    return name if part.startswith("metrics") and name in HIGHER_IS_BETTER else None


def _pooled(runs: list[FinishedRun]) -> Arm | None:
    """Return folds as the arm that their average is taken of; None where some are missing, so that there is no average."""
    try:
        return cross_validated_arm(BEST, runs)
    except UserError:
        return None


def _pooled_level(whole: Arm, metric: str) -> float | None:
    found = estimates_of(whole).get(metric)
    return None if found is None else found.value


def _how(whole: Arm | None) -> str:
    return " as the mean of its folds" if whole is None else " from its folds' pooled answers"


def _level(runs: list[FinishedRun], metric: str) -> float | None:
    values = [point_metrics(run.predictions).get(metric) for run in runs]
    return None if None in values else fmean(value for value in values if value is not None)


def _leads(cheap: Cheap, level: float | None, metric: str, split: str) -> list[str]:
    said = None if level is None else cheap.lead({BEST: level}, metric, f"{split} rows")
    return [f"{said}."] if said else []


def print_beside(found: dict[str, Any]) -> None:
    """Print what leads, then the best trial's figures and the baselines'."""
    for line in found["leads"]:
        print(line)
    for split, own in found["splits"].items():
        known = {
            title: values for title, values in systems_of({BEST: own["baselines"]}).items() if found["metric"] in values
        }
        if known and own["best"] is not None:
            listed = "".join(f", {title} {number(values[found['metric']])}" for title, values in known.items())
            print(f"{found['metric']} on {split} rows: {BEST} {number(own['best'])}{own['of']}{listed}")
        for why in own["missing"][:1]:
            print(f"what costs seconds could not all be scored on {split} rows: {why}")
