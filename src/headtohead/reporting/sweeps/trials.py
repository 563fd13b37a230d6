"""Every trial as a row of a table: parameters, state, value, time, and why one was stopped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from headtohead.reporting.numbers import count, number, seconds
from headtohead.reporting.sweeps.sweep_folder import Study, SweepFolder

SHOWN = 20
"""Rows before the fold."""


def trial_table(study: Study, sweep: SweepFolder) -> dict[str, Any]:
    """Return the trials of a study, the best first, then by number."""
    best = list(study.stored.get("best") or [])
    names = list(dict.fromkeys(name for trial in study.trials for name in trial["params"]))
    ordered = sorted(study.trials, key=lambda trial: (trial["number"] not in best, trial["number"]))
    rows = [_row(trial, names, study, sweep, best=trial["number"] in best) for trial in ordered]
    return {"names": names, "values": study.objectives, "rows": rows, "shown": SHOWN, "counts": _counts(study)}


def _counts(study: Study) -> str:
    words = {"complete": "completed", "fail": "failed"}
    told = study.stored.get("counts") or {}
    return ", ".join(f"{count(number_of)} {words.get(state, state)}" for state, number_of in told.items())


def _row(trial: Mapping[str, Any], names: list[str], study: Study, sweep: SweepFolder, *, best: bool) -> dict[str, Any]:
    values = trial.get("values") or []
    reports = trial.get("reports") or {}
    last = [reports[max(reports, key=int)]] if reports and not values else []
    return {
        "number": trial["number"],
        "link": link_to(study, (trial.get("runs") or [trial.get("folder")])[0], sweep),
        "best": best,
        "state": trial["state"] if trial.get("feasible", True) else "infeasible",
        "params": [short(trial["params"].get(name)) for name in names],
        "values": [number(value) for value in values] or [f"{number(value)} when stopped" for value in last],
        "seconds": seconds(trial.get("seconds")),
        "tokens": count(trial.get("tokens")),
        "attempts": trial.get("attempts") or 1,
        "reason": str(trial.get("reason") or ""),
    }


def link_to(study: Study, run: str | None, sweep: SweepFolder) -> str | None:
    """Return where the page of a run lies, seen from the sweep's page; ``None`` if it is not below the sweep's folder."""
    if not run:
        return None
    page = study.folder / run / "report.html"
    if not page.is_relative_to(sweep.path) or not page.is_file():
        return None
    return quote(page.relative_to(sweep.path).as_posix())


def short(value: Any) -> str:
    """Return a parameter's value on one line; a very long text is shortened at its end."""
    if value is None:
        return ""
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 120 else f"{text[:119]}…"
