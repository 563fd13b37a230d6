"""Trials that were run several times, on the page: mean and interval, every run as a dot, and the pooled confusion matrix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from headtohead.evaluation import HIGHER_IS_BETTER, confusion
from headtohead.reporting import figures
from headtohead.reporting.numbers import interval, metric_name, number
from headtohead.reporting.sweeps.sweep_folder import Study, SweepFolder
from headtohead.reporting.sweeps.verdict_figures import every_run
from headtohead.results import Predictions, pooled


def averages(sweep: SweepFolder) -> list[dict[str, Any]]:
    """Return a card for every trial that was run several times, and for every other arm by folds."""
    trials = [_trial(study, stored) for study in sweep.studies for stored in study.stored.get("averages") or []]
    shown = {study.arm for study in sweep.studies if study.stored.get("averages")}
    by_folds = [arm for arm in (sweep.verdict or {}).get("arms") or [] if arm.get("plan")]
    pooled_arms = [
        _arm(arm, sweep.runs[name]) for arm in by_folds if (name := arm["name"]) not in shown and sweep.runs.get(name)
    ]
    return trials + pooled_arms


def headline(sweep: SweepFolder) -> tuple[str, str, str] | None:
    """Return name, value and interval of the deciding metric of a sweep that is one configuration."""
    found = [(study, stored) for study in sweep.studies for stored in study.stored.get("averages") or []]
    if sweep.verdict or len(found) != 1:
        return None
    study, stored = found[0]
    metric = _deciding(study, stored)
    entry = stored["metrics"].get(metric)
    return (metric_name(metric), number(entry["value"]), interval(entry)) if entry else None


def _deciding(study: Study, stored: Mapping[str, Any]) -> str:
    """Return the metric that the study chooses by, where the test split has it, else the first."""
    named = study.objectives[0].rpartition("/")[2]
    return named if named in stored["per_run"] else next(iter(stored["per_run"]), "")


def _trial(study: Study, stored: Mapping[str, Any]) -> dict[str, Any]:
    metric = _deciding(study, stored)
    several = len(study.stored["averages"]) > 1
    parts = [study.name, f"trial {stored['trial']}" if several else ""]
    return {
        "name": ", ".join(part for part in parts if part),
        "of": f"{len(stored['runs'])} runs ({study.stored.get('repeated') or 'seeds'}) on {stored['rows']:,} test rows",
        "by_folds": bool((study.stored.get("plan") or {}).get("folds")),
        "why": stored.get("why") or "",
        "metric": metric_name(metric),
        "rows": [_row(name, entry, stored["per_run"].get(name)) for name, entry in stored["metrics"].items()],
        "runs": [
            (name, number(value))
            for name, value in zip(stored["names"], stored["per_run"].get(metric) or [], strict=False)
        ],
        "strip": _strip(metric, stored["per_run"].get(metric) or []),
        "confusion": figures.confusion(stored["confusion"]) if stored.get("confusion") else None,
    }


def _row(name: str, entry: Mapping[str, Any], runs: Sequence[float | None] | None) -> dict[str, str]:
    known = [value for value in runs or [] if value is not None]
    return {
        "name": metric_name(name),
        "direction": "↑" if HIGHER_IS_BETTER.get(name, True) else "↓",
        "value": number(entry["value"]),
        "interval": interval(dict(entry)),
        "range": f"{number(min(known))} to {number(max(known))}" if known else "",
    }


def _strip(metric: str, values: Sequence[float | None]) -> Any:
    known = [value for value in values if value is not None]
    if not known:
        return None
    runs = {"name": "runs", "per_run": {metric: [known]}, "values": {metric: fmean(known)}}
    return every_run([runs], metric)


def _arm(arm: Mapping[str, Any], repetitions: Sequence[Predictions]) -> dict[str, Any]:
    """Return the card of an arm by folds that no study here is of: what it answered, whatever each fold chose."""
    whole, rows = pooled(repetitions), len(set(repetitions[0].row_id.tolist()))
    is_matrix = whole.labels.kind in ("single", "ordinal")
    empty: dict[str, Any] = {"why": "", "metric": "", "rows": [], "runs": [], "strip": None}
    return empty | {
        "name": arm["name"],
        "of": f"{len(repetitions)} repetitions of all {rows:,} rows{', tuned within every fold' if arm.get('trials') else ''}",
        "by_folds": True,
        "confusion": figures.confusion(confusion(whole)) if is_matrix else None,
    }
