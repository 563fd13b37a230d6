"""Figures of tuning: what each trial scored, what the budget was expected to buy, and how the trials learned."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from headtohead.reporting.figures import MUTED, RUN, WARM, Figure, figure, label
from headtohead.reporting.numbers import number
from headtohead.reporting.sweeps.sweep_folder import Study
from headtohead.statistics import value_of

CURVES_AT_MOST = 60
"""Trials drawn per study: the best, then the earliest."""


def history(studies: Sequence[Study], colours: Mapping[str, str], metric: str) -> Figure:
    """Return every trial's value in the order of their ends, pruned ones hollow, and the best so far as a line."""
    traces: list[dict[str, Any]] = []
    for study in studies:
        ended = sorted(finished(study), key=lambda trial: (trial.get("finished") or "", trial["number"]))
        values = [value_of(trial, study.stored) for trial in ended]
        completed = [
            value if trial["state"] == "complete" and trial.get("feasible", True) else math.nan
            for trial, value in zip(ended, values, strict=True)
        ]
        colour = colours[study.name]
        fill = [colour if trial["state"] == "complete" else "var(--card)" for trial in ended]
        traces += [
            {
                "type": "scatter",
                "mode": "markers",
                "x": list(range(1, len(ended) + 1)),
                "y": [_or_none(value) for value in values],
                "name": label(study.name or "trial"),
                "marker": {"size": 8, "color": fill, "opacity": 0.8, "line": {"color": colour, "width": 1.5}},
                "customdata": [[trial["number"], trial["state"]] for trial in ended],
                "hovertemplate": "trial %{customdata[0]}, %{customdata[1]}: %{y:.4f}<extra></extra>",
            },
            {
                "type": "scatter",
                "mode": "lines",
                "x": list(range(1, len(ended) + 1)),
                "y": [_or_none(value) for value in _best_so_far(completed, study.tuning.higher_is_better)],
                "line": {"color": colour, "width": 2, "shape": "hv"},
                "hoverinfo": "skip",
                "showlegend": False,
            },
        ]
    x = {"title": "trials that ended", "rangemode": "tozero"}
    said = f"{metric} of every trial that ended, and the best so far; the tables of trials hold every value"
    return figure(traces, said, height=320, x=x, y={"title": metric}, showlegend=len(studies) > 1)


def finished(study: Study) -> list[dict[str, Any]]:
    """Return the trials in a final state."""
    return [trial for trial in study.trials if trial["state"] in ("complete", "pruned", "fail")]


def _best_so_far(values: Sequence[float], higher: bool) -> np.ndarray:
    given = np.asarray(values, dtype=float)
    best: np.ndarray = np.fmax.accumulate(given) if higher else np.fmin.accumulate(given)
    return best


def _or_none(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def budget(studies: Sequence[Study], colours: Mapping[str, str]) -> Figure:
    """Return the expected score of the best of 1, 2, ... trials, per study."""
    traces = []
    for study in studies:
        values = [_or_none(value) for value in study.tuning.expected_best]
        line: dict[str, Any] = {
            "type": "scatter",
            "mode": "lines+markers",
            "x": list(range(1, len(values) + 1)),
            "y": values,
        }
        line |= {"name": label(study.name or "best of"), "line": {"color": colours[study.name], "width": 2}}
        line |= {"marker": {"size": 5}, "hovertemplate": "best of %{x}: %{y:.4f}<extra></extra>"}
        traces.append(line)
    x = {"title": "trials", "rangemode": "tozero"}
    said = "Expected score of the best of so many trials; the table below it holds one, half and all of them"
    return figure(traces, said, height=320, x=x, y={"title": "expected best"}, showlegend=len(studies) > 1)


def learning(study: Study, colour: str, metric: str) -> Figure | None:
    """Return what each trial reported by step: the best ones in colour, pruned and failed ones as broken lines."""
    reported = [trial for trial in study.trials if trial.get("reports")]
    best = set(study.stored.get("best") or [])
    shown = sorted(reported, key=lambda trial: (trial["number"] not in best, trial["number"]))[:CURVES_AT_MOST]
    if not shown:
        return None
    return figure(
        [_curve(trial, colour, is_best=trial["number"] in best) for trial in reversed(shown)],
        f"{metric} by optimiser step of {len(shown)} trials",
        height=280,
        x={"title": "optimiser step"},
        y={"title": metric},
        showlegend=False,
    )


def _curve(trial: Mapping[str, Any], colour: str, *, is_best: bool) -> dict[str, Any]:
    points = sorted((int(step), value) for step, value in trial["reports"].items())
    stopped = trial["state"] in ("pruned", "fail")
    style = {"color": colour if is_best else WARM if stopped else MUTED, "width": 3 if is_best else 1.3}
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": [step for step, _ in points],
        "y": [value for _, value in points],
        "line": style | ({"dash": "dot"} if stopped else {}),
        "marker": {"size": 4 if not is_best else 6},
        "opacity": 1.0 if is_best else 0.7,
        "hovertemplate": f"trial {trial['number']}, step %{{x}}: %{{y:.4f}}<extra></extra>",
    }


def importances(values: Mapping[str, float], colour: str = RUN) -> Figure:
    """Return each parameter's share as bars, the largest first."""
    ordered = sorted(values.items(), key=lambda item: -item[1])
    places = list(range(len(ordered)))
    bars = {
        "type": "bar",
        "orientation": "h",
        "x": [share for _, share in ordered],
        "y": places,
        "text": [number(share) for _, share in ordered],
        "textposition": "auto",
        "marker": {"color": colour, "opacity": 0.6},
        "hoverinfo": "skip",
    }
    y = {"tickvals": places, "ticktext": [label(name, 34) for name, _ in ordered], "showgrid": False}
    y |= {"autorange": "reversed"}
    said = "Importances: " + ", ".join(f"{name} {number(share)}" for name, share in ordered)
    return figure(
        [bars], said, height=80 + 30 * len(ordered), x={"range": [0, 1.02], "title": "share"}, y=y, bargap=0.35
    )
