"""Parallel coordinates of a study, drawn as plain lines: Plotly's own trace compiles code, which the page's policy forbids."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from headtohead.reporting.figures import MUTED, Figure, figure, label
from headtohead.reporting.numbers import metric_name
from headtohead.reporting.sweeps.sweep_folder import Study
from headtohead.statistics import value_of

TRIALS_AT_MOST = 200
BEST_SHARE = 0.2
"""Of the trials with a value, drawn in colour."""
FEW = 6
NEAREST = 0.08
"""Values of an axis that each get a tick if they are so few and lie so far apart; else five ticks are spread evenly."""
Ticks = list[tuple[float, str]]


def parallel_coordinates(study: Study, colour: str) -> Figure | None:
    """Return a line per completed trial over its parameters and its value, the best fifth in colour.

    ``None`` where fewer than two parameters were varied or fewer than three trials completed: nothing to cross.
    """
    trials = [trial for trial in study.trials if trial["state"] == "complete" and trial.get("values")]
    names = list(dict.fromkeys(name for trial in trials for name in trial["params"]))
    if len(names) < 2 or len(trials) < 3:
        return None
    ranked = sorted(trials, key=lambda trial: value_of(trial, study.stored), reverse=study.tuning.higher_is_better)
    shown = ranked[:TRIALS_AT_MOST]
    space = study.stored.get("space") or {}
    columns = [[trial["params"].get(name) for trial in shown] for name in names]
    scaled = [_scaled(column, "log" in str(space.get(name, ""))) for name, column in zip(names, columns, strict=True)]
    scaled.append(_scaled([value_of(trial, study.stored) for trial in shown], False))
    best = max(1, math.ceil(BEST_SHARE * len(shown)))
    order = list(range(len(shown)))
    traces = [
        _line(shown[i], [heights[i] for heights, _ in scaled], colour if i < best else None) for i in reversed(order)
    ]
    titles = [
        *(label(name, 24) for name in names),
        f"<b>{label(metric_name(study.objectives[0].rpartition('/')[2]), 24)}</b>",
    ]
    x = {"tickvals": list(range(len(titles))), "ticktext": titles, "side": "top", "gridcolor": MUTED}
    x |= {"range": [-0.25, len(titles) - 0.45], "tickangle": 0}
    y = {"visible": False, "range": [-0.06, 1.06]}
    notes = [_tick(place, height, text) for place, (_, ticks) in enumerate(scaled) for height, text in ticks]
    said = f"{len(shown)} trials over {', '.join(names)}; the tables of trials hold every value"
    return figure(traces, said, height=360, x=x, y=y, annotations=notes, showlegend=False)


def _scaled(values: Sequence[Any], logarithmic: bool) -> tuple[list[float | None], Ticks]:
    """Return values as heights between 0 and 1, and the ticks of their axis; what a trial lacks is left out of its line."""
    given = [value for value in values if value is not None]
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in given):
        return _numeric(values, logarithmic and min(given) > 0)
    texts = sorted({str(value) for value in given})
    span = max(1, len(texts) - 1)
    heights = {text: (place / span if len(texts) > 1 else 0.5) for place, text in enumerate(texts)}
    return [None if value is None else heights[str(value)] for value in values], [
        (height, label(text, 18)) for text, height in heights.items()
    ][:12]


def _numeric(values: Sequence[Any], logarithmic: bool) -> tuple[list[float | None], Ticks]:
    at = [None if value is None else math.log(value) if logarithmic else float(value) for value in values]
    known = [value for value in at if value is not None]
    low, high = min(known), max(known)
    span = high - low
    heights = [None if value is None else (value - low) / span if span else 0.5 for value in at]
    few = sorted(set(known))
    stops = [(value - low) / span if span else 0.5 for value in few]
    if len(few) > FEW or min(np.diff(stops), default=1.0) < NEAREST:
        stops = [float(stop) for stop in np.linspace(0, 1, 5)]
    ticks = [(stop, low + stop * span) for stop in stops]
    return heights, [(height, f"{math.exp(value) if logarithmic else value:.3g}") for height, value in ticks]


def _line(trial: Mapping[str, Any], heights: list[float | None], colour: str | None) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": [place for place, height in enumerate(heights) if height is not None],
        "y": [height for height in heights if height is not None],
        "line": {"color": colour or MUTED, "width": 2.2 if colour else 1},
        "marker": {"size": 5 if colour else 3},
        "opacity": 0.9 if colour else 0.45,
        "hovertemplate": f"trial {trial['number']}: {trial['values'][0]:.4f}<extra></extra>",
    }


def _tick(place: int, height: float, text: str) -> dict[str, Any]:
    where = {"x": place, "y": height, "xanchor": "left", "xshift": 5, "showarrow": False}
    return where | {
        "text": text,
        "font": {"size": 10, "color": "var(--soft)"},
        "bgcolor": "var(--card)",
        "opacity": 0.85,
    }
