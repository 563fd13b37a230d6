"""The page's figures as plain Plotly specifications.

Colours are names of the page's CSS variables (``var(--run)``), which the page's script looks up when it draws and
again when the reader's colour scheme changes. Text that comes from data goes through ``label``: Plotly reads a little
HTML in its texts. Each figure says in words what it shows (``said``), for those who do not see it.
"""

from __future__ import annotations

import html
import math
from typing import Any

import numpy as np

from headtohead.errors import shortened
from headtohead.reporting.numbers import metric_name, number, with_interval
from headtohead.results import Predictions

Figure = dict[str, Any]

RUN, BASELINE, MUTED, WARM = "var(--run)", "var(--baseline)", "var(--muted)", "var(--warm)"
POINTS_AT_MOST = 1_000
CLASSES_AT_MOST = 60
NUMBERED_CLASSES = 25


def label(text: str, longest: int = 28) -> str:
    """Return text from data as Plotly shows it literally, shortened in the middle."""
    return html.escape(shortened(text, longest), quote=False)


def figure(data: list[dict[str, Any]], said: str, height: int = 300, **layout: Any) -> Figure:
    """Return a figure in the page's style.

    Args:
        data: Plotly's traces.
        said: what the figure shows, in words.
        layout: Plotly's, where ``x`` and ``y`` are axis settings.
    """
    axis = {
        "gridcolor": "var(--line)",
        "linecolor": "var(--line)",
        "zeroline": False,
        "automargin": True,
        "ticks": "",
        "title": {"standoff": 10},
    }
    x, y = layout.pop("x", {}), layout.pop("y", {})
    style = {
        "height": height,
        "margin": {"l": 8, "r": 12, "t": 12, "b": 8},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, -apple-system, 'Segoe UI', sans-serif", "size": 12, "color": "var(--soft)"},
        "hoverlabel": {"bgcolor": "var(--card)", "bordercolor": "var(--line)", "font": {"color": "var(--ink)"}},
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "bgcolor": "rgba(0,0,0,0)"},
        "showlegend": len([trace for trace in data if trace.get("showlegend", True)]) > 1,
        "xaxis": axis | _titled(x),
        "yaxis": axis | _titled(y),
    }
    return {"data": data, "layout": style | layout, "said": said}


def _titled(axis: dict[str, Any]) -> dict[str, Any]:
    return axis | ({"title": {"text": axis["title"], "standoff": 10}} if "title" in axis else {})


def _line(x: list[Any], y: list[Any], name: str, colour: str, **more: Any) -> dict[str, Any]:
    marks = "lines+markers" if len(x) < 40 else "lines"
    style = {"line": {"color": colour, "width": 2}, "marker": {"size": 6, "color": colour}}
    return {"type": "scatter", "x": x, "y": y, "name": name, "mode": marks, **style, **more}


def curve(steps: list[dict[str, Any]], keys: list[str], colours: tuple[str, ...] = (RUN, BASELINE, WARM)) -> Figure:
    """Return logged values over optimiser steps; long noisy curves get a moving mean on top."""
    traces: list[dict[str, Any]] = []
    for key, colour in zip(keys, colours, strict=False):
        points = [(line["step"], line[key]) for line in steps if _is_number(line.get(key))]
        x, y = [point[0] for point in points], [point[1] for point in points]
        name = label(metric_name(key.split("/", 1)[-1]))
        if len(x) >= 60 and key == "train/loss":
            traces.append(_thinned(x, y, name, colour, opacity=0.3, showlegend=False, hoverinfo="skip"))
            y = _moving_mean(y, max(5, len(y) // 40))
        traces.append(_thinned(x, y, name, colour))
    y_axis = {"tickformat": ".0e"} if keys == ["train/learning_rate"] else {}
    said = "; ".join(_course(steps, key) for key in keys)
    return figure(traces, said, height=240, x={"title": "optimiser step"}, y=y_axis, hovermode="x")


def _course(steps: list[dict[str, Any]], key: str) -> str:
    """Say from where to where a logged value goes."""
    points = [(line["step"], line[key]) for line in steps if _is_number(line.get(key))]
    if not points:
        return f"{metric_name(key.split('/', 1)[-1])}: nothing logged"
    (first, start), (last, end) = points[0], points[-1]
    return f"{metric_name(key.split('/', 1)[-1])} from {start:.3g} at step {first} to {end:.3g} at step {last}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _thinned(x: list[Any], y: list[Any], name: str, colour: str, **more: Any) -> dict[str, Any]:
    stride = max(1, -(-len(x) // POINTS_AT_MOST))
    return _line(x[::stride], y[::stride], name, colour, **more)


def _moving_mean(values: list[float], window: int) -> list[float]:
    sums = np.concatenate([[0.0], np.cumsum(np.asarray(values, dtype=float))])
    place = np.arange(len(values))
    low, high = np.maximum(place - window // 2, 0), np.minimum(place + window // 2 + 1, len(values))
    return [float(value) for value in (sums[high] - sums[low]) / (high - low)]


def confusion(table: dict[str, Any]) -> Figure:
    """Return the confusion matrix, shaded by the share of each gold label's rows."""
    counts = np.asarray(table["counts"], dtype=float)
    names = [label(name, 22) for name in table["labels"]]
    totals = counts.sum(axis=1, keepdims=True)
    share = np.divide(counts, totals, out=np.zeros_like(counts), where=totals > 0)
    keys = list(range(len(names)))  # shortened names may coincide, so positions are the coordinates
    ticks = {"tickmode": "array", "tickvals": keys, "ticktext": names, "showgrid": False}
    heat = {
        "type": "heatmap",
        "x": keys,
        "y": keys,
        "z": share.tolist(),
        "zmin": 0,
        "zmax": 1,
        "text": [[str(int(cell)) if cell else "" for cell in row] for row in counts],
        "texttemplate": "%{text}" if len(names) <= NUMBERED_CLASSES else "",
        "customdata": [[[g, p] for p in names] for g in names],
        "hovertemplate": "gold %{customdata[0]}<br>predicted %{customdata[1]}<br>%{text} rows, %{z:.1%}<extra></extra>",
        "colorscale": [[0, "var(--card)"], [1, "var(--run)"]],
        "showscale": False,
        "xgap": 2,
        "ygap": 2,
    }
    side = max(300, min(900, 90 + len(names) * (44 if len(names) <= 12 else 30)))
    said = f"Confusion matrix of {len(names)} labels: {counts.trace():.0f} of {counts.sum():.0f} rows on its diagonal"
    y = ticks | {"title": "gold", "autorange": "reversed"}
    return figure([heat], said, height=side, x=ticks | {"title": "predicted"}, y=y)


def per_class(table: dict[str, dict[str, Any]]) -> Figure:
    """Return F1 per class with intervals, weakest first; of very many classes the weakest 60."""
    rows = sorted(table.items(), key=lambda item: (item[1]["f1"]["value"], item[0]))[:CLASSES_AT_MOST]
    names = [f"{label(name)}  <i>{row['support']}</i>" for name, row in rows]
    values = [row["f1"]["value"] for _, row in rows]
    bars = {
        "type": "bar",
        "orientation": "h",
        "y": list(range(len(rows))),
        "x": values,
        "marker": {"color": RUN, "opacity": 0.55},
        "error_x": _error_bars([row["f1"] for _, row in rows]),
        "customdata": [
            [names[i], number(row["f1"]["value"]), number(row["precision"]["value"]), number(row["recall"]["value"])]
            for i, (_, row) in enumerate(rows)
        ],
        "hovertemplate": "%{customdata[0]} rows<br>F1 %{customdata[1]}<br>precision %{customdata[2]}, "
        "recall %{customdata[3]}<extra></extra>",
    }
    y = {"tickmode": "array", "tickvals": list(range(len(rows))), "ticktext": names, "showgrid": False}
    y |= {"autorange": "reversed"}
    height = max(220, min(1400, 70 + 24 * len(rows)))
    weakest = ", ".join(f"{shortened(name)} {number(row['f1']['value'])}" for name, row in rows[:5])
    said = f"F1 by class, weakest first: {weakest}; the table below it holds the numbers"
    return figure([bars], said, height=height, x={"range": [0, 1.02], "title": "F1"}, y=y, bargap=0.35)


def _error_bars(entries: list[dict[str, float | None]]) -> dict[str, Any]:
    above, below = [], []
    for entry in entries:
        value = entry["value"] or 0.0
        high, low = entry.get("high"), entry.get("low")
        above.append(0.0 if high is None else max(0.0, high - value))
        below.append(0.0 if low is None else max(0.0, value - low))
    look = {"color": "var(--ink)", "thickness": 1.2, "width": 3}
    return {"type": "data", "symmetric": False, "array": above, "arrayminus": below, **look}


def reliability(bins: dict[str, list[dict[str, Any]]]) -> Figure:
    """Return confidence against accuracy, as stored and after temperature scaling."""
    looks = {"before": ("as trained", BASELINE), "after": ("with temperature", RUN)}
    colours = looks if "after" in bins else {"before": ("as trained", RUN)}
    diagonal = {"type": "scatter", "x": [0, 1], "y": [0, 1], "mode": "lines", "showlegend": False, "hoverinfo": "skip"}
    traces: list[dict[str, Any]] = [diagonal | {"line": {"color": MUTED, "dash": "dot", "width": 1}}]
    for key, (name, colour) in colours.items():
        stated, true = [part["confidence"] for part in bins[key]], [part["accuracy"] for part in bins[key]]
        line = _line(stated, true, name, colour, customdata=[part["rows"] for part in bins[key]])
        line["hovertemplate"] = "stated %{x:.3f}, true %{y:.3f}<br>%{customdata} answers<extra></extra>"
        traces.append(line)
    lowest = min(part["confidence"] for parts in bins.values() for part in parts)
    x = {"title": "stated probability", "range": [min(0.5, lowest) - 0.02, 1.02]}
    points = ", ".join(f"{part['confidence']:.2f} is {part['accuracy']:.2f}" for part in bins[list(colours)[-1]])
    said = f"Reliability, {colours[list(colours)[-1]][0]}: of a stated probability the share right, {points}"
    return figure(traces, said, height=330, x=x, y={"title": "share right", "range": [-0.02, 1.02]})


def risk_coverage(curve_: dict[str, Any]) -> Figure:
    """Return the error rate among the rows answered, when the least confident are left out."""
    x, y, sure = curve_["coverage"], curve_["risk"], curve_["confidence"]
    line = _line(x, y, "error rate", RUN, customdata=sure, fill="tozeroy", fillcolor="var(--run-faint)")
    line["mode"] = "lines"
    line["hovertemplate"] = (
        "answering %{x:.0%}<br>error rate %{y:.1%}<br>confidence from %{customdata:.2f}<extra></extra>"
    )
    x_axis = {"title": "share of rows answered", "tickformat": ".0%", "range": [0, 1.02]}
    half = min(range(len(x)), key=lambda i: abs(x[i] - 0.5))
    said = f"Risk and coverage: error rate {y[-1]:.1%} answering every row, {y[half]:.1%} answering the surer half"
    y_axis = {"title": "error rate", "tickformat": ".0%", "rangemode": "tozero"}
    return figure([line], said, height=330, x=x_axis, y=y_axis)


def slices(parts: list[dict[str, Any]], metric: str) -> Figure:
    """Return one metric by slice with intervals."""
    names = [f"{label(part['name'].replace(' tokens', ''))}<br><i>{part['rows']} rows</i>" for part in parts]
    entries = [part["metrics"][metric] for part in parts]
    dots = {
        "type": "scatter",
        "mode": "markers",
        "x": names,
        "y": [entry["value"] for entry in entries],
        "marker": {"size": 10, "color": RUN},
        "error_y": _error_bars(entries),
        "hovertemplate": "%{x}<br>" + metric_name(metric) + " %{y:.3f}<extra></extra>",
    }
    x = {"type": "category", "showgrid": False, "range": [-0.6, len(names) - 0.4], "tickangle": 0}
    shares = ", ".join(f"{part['name']} {with_interval(part['metrics'][metric])}" for part in parts)
    return figure([dots], f"{metric_name(metric)} by part: {shares}", height=270, x=x, y={"title": metric_name(metric)})


def scores(predictions: Predictions) -> Figure:
    """Return predicted against gold scores: a box per gold value, or a point per row (1,000 at most)."""
    gold, found = predictions.gold_score, predictions.expected_score
    span = [float(min(gold.min(), found.min())), float(max(gold.max(), found.max()))]
    diagonal: dict[str, Any] = {"type": "scatter", "mode": "lines", "x": span, "y": span, "hoverinfo": "skip"}
    diagonal |= {"line": {"color": MUTED, "dash": "dot", "width": 1}}
    keep = np.linspace(0, len(gold) - 1, min(POINTS_AT_MOST, len(gold))).round().astype(int)
    x, y = gold[keep].tolist(), found[keep].tolist()
    marks: dict[str, Any]
    if predictions.labels.kind == "ordinal":
        marks = {"type": "box", "x": x, "y": y, "boxpoints": False, "line": {"color": RUN, "width": 1.5}}
    else:
        look = {"size": 6, "color": RUN, "opacity": 0.45}
        marks = {"type": "scatter", "mode": "markers", "x": x, "y": y, "marker": look}
        marks["hovertemplate"] = "gold %{x:.3g}, predicted %{y:.3g}<extra></extra>"
    said = (
        f"Predicted against gold scores of {len(x)} rows, {number(float(np.abs(found - gold).mean()))} apart on average"
    )
    axes = {"x": {"title": "gold score"}, "y": {"title": "predicted score"}}
    return figure([diagonal, marks], said, height=360, showlegend=False, **axes)
