"""``report.html`` of a sweep or of a comparison: one page that needs no network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from headtohead import atomic
from headtohead.reporting import numbers, tables
from headtohead.reporting.figures import label
from headtohead.reporting.rendering import render
from headtohead.reporting.sweeps import sweep_tables, sweep_words, tuning_figures, verdict_figures
from headtohead.reporting.sweeps.asked import asked, in_words
from headtohead.reporting.sweeps.colours import colours_of
from headtohead.reporting.sweeps.costs import short_name
from headtohead.reporting.sweeps.disagreements import disagreements
from headtohead.reporting.sweeps.parallel import parallel_coordinates
from headtohead.reporting.sweeps.repeated_trials import averages
from headtohead.reporting.sweeps.sweep_folder import Study, SweepFolder, read_sweep
from headtohead.reporting.sweeps.trials import trial_table

PAGE = "report.html"


def write_sweep_report(folder: Path) -> Path:
    """Write ``report.html`` into the folder of a sweep or of a comparison and return its path.

    Reads ``study.json`` of the folder or of its arms, ``verdict.json``, and the folders of the runs that these name.

    Raises:
        UserError: there is neither a study nor a verdict.
    """
    path = folder / PAGE
    atomic.write_text(path, render("sweeps/sweep.html.jinja", **context(read_sweep(folder))))
    return path


def context(sweep: SweepFolder) -> dict[str, Any]:
    """Return everything the template shows; a section without content is empty."""
    example = next((study.example for study in sweep.studies if study.example), None)
    return {
        "subject": sweep_words.title_of(sweep),
        "folder": sweep.path.name,
        "status": _status(sweep),
        "lead": sweep_words.lead_of(sweep),
        "boxes": sweep_words.boxes(sweep.verdict) + sweep_words.boxes_beside(sweep.beside),
        "further": sweep_words.further_sentences(sweep.verdict),
        "facts": sweep_words.facts_of(sweep),
        "notices": sweep.notices,
        "asked": asked(sweep.studies),
        "averages": averages(sweep),
        "verdict": _verdict(sweep.verdict) if sweep.verdict else None,
        "tuning": _tuning(sweep),
        "trials": [(study.name, trial_table(study, sweep)) for study in sweep.studies],
        "disagreements": disagreements(sweep.runs, sweep.texts),
        "origin": tables.flattened({"model": example.model, **example.provenance}) if example else [],
    }


def _status(sweep: SweepFolder) -> tuple[str, str]:
    """Return style and word of how far the sweep has come."""
    left = sum(max(0, study.stored.get("n_trials", 0) - study.tuning.trials) for study in sweep.studies)
    if sweep.verdict:
        return "completed", "verdict"
    if left:
        return "running", f"{left} trials left"
    return (
        ("interrupted", "no verdict yet") if any(study.arm for study in sweep.studies) else ("completed", "completed")
    )


def _verdict(verdict: dict[str, Any]) -> dict[str, Any]:
    families = {verdict["metric"]: verdict["pairs"], **(verdict.get("secondary") or {})}
    forests = [
        (
            numbers.metric_name(metric),
            verdict_figures.forest(pairs, decides=metric == verdict["metric"]),
            bool(pairs[0].get("margin")),
        )
        for metric, pairs in families.items()
        if pairs
    ]
    return {
        "metric": numbers.metric_name(verdict["metric"]),
        "level": numbers.percent(1 - verdict["alpha"] / verdict["looks"]),
        "forests": forests,
        "several": len(verdict["pairs"]) > 1,
        "simultaneous": len(verdict["pairs"]) > 1 and verdict.get("schema_version", 1) > 1,
        "runs": verdict_figures.every_run(_with_folds(verdict), verdict["metric"]),
        "by_folds": any(arm.get("plan") for arm in verdict["arms"]),
        "arms": sweep_tables.arm_table(verdict),
        "pairs": sweep_tables.pair_rows(verdict),
        "costs": sweep_tables.cost_table(verdict),
        "pareto": [(short_name(kind), verdict_figures.pareto(verdict, kind)) for kind in verdict.get("pareto") or {}],
        "margin": numbers.number(verdict["pairs"][0].get("margin")) if verdict["pairs"][0].get("margin") else "",
        "cheapest": sweep_words.cheapest_lines(verdict),
    }


def _with_folds(verdict: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the arms with the value of every fold, where they are cross-validated, instead of every repetition's."""
    metric, runs = verdict["metric"], verdict.get("runs") or {}
    return [
        arm | {"per_run": {metric: [[run["value"] for run in runs[arm["name"]] if run.get("value") is not None]]}}
        if arm.get("plan")
        else arm
        for arm in verdict["arms"]
    ]


def _tuning(sweep: SweepFolder) -> dict[str, Any] | None:
    studies = [study for study in sweep.studies if study.trials]
    if not studies:
        return None
    colours = _study_colours(sweep)
    objective = in_words(studies[0].objectives[0])
    metric = label(objective, 60)
    confirmed = [
        (
            f"{label(study.name)}{', ' if study.name else ''}trial {candidate.trial}",
            {"chosen": candidate.chosen, "fresh": candidate.fresh},
            colours[study.name],
        )
        for study in studies
        for candidate in study.tuning.candidates
    ]
    return {
        "metric": objective,
        "budget": sweep_tables.budget_rows(studies),
        "warnings": [(study.name, warning) for study in studies for warning in study.tuning.warnings],
        "luck": sweep_tables.luck_rows(studies),
        "luck_figure": verdict_figures.luck(confirmed, metric) if confirmed else None,
        "history": tuning_figures.history(studies, colours, metric),
        "expected": tuning_figures.budget(studies, colours),
        "studies": [_study(study, colours[study.name], metric) for study in studies],
        "pruned": any(trial["state"] == "pruned" for study in studies for trial in study.trials),
    }


def _study_colours(sweep: SweepFolder) -> dict[str, str]:
    """Return a colour per study: that of its arm, as the verdict's figures have it."""
    judged = [arm["name"] for arm in (sweep.verdict or {}).get("arms") or []]
    arms = colours_of(list(dict.fromkeys([*judged, *(study.arm for study in sweep.studies)])))
    return {study.name: arms[study.arm] for study in sweep.studies}


def _study(study: Study, colour: str, metric: str) -> dict[str, Any]:
    found = study.stored.get("importances") or {}
    return {
        "name": study.name,
        "learning": tuning_figures.learning(study, colour, metric),
        "parallel": parallel_coordinates(study, colour),
        "importances": tuning_figures.importances(found["values"], colour) if found.get("values") else None,
        "method": found.get("method") or "fANOVA",
        "why_not": found.get("reason") or "they were not computed",
    }
