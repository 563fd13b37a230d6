"""Figures of a verdict: differences with intervals, every run's value, quality against cost, and luck of choosing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from headtohead.reporting.figures import MUTED, RUN, Figure, figure, label
from headtohead.reporting.numbers import metric_name, number
from headtohead.reporting.sweeps.colours import colours_of, symbols_of
from headtohead.reporting.sweeps.costs import kind_of


def forest(pairs: Sequence[dict[str, Any]], *, decides: bool = True) -> Figure:
    """Return each pair's difference on one metric with its interval; to the right the first arm is better.

    The band is the margin. A filled mark is a decided direction, which only the metric that decides has.
    """
    places = list(range(len(pairs)))
    names = [f"{label(pair['first'], 22)} − {label(pair['second'], 22)}" for pair in pairs]
    marks = {
        "type": "scatter",
        "mode": "markers",
        "x": [pair["difference"] for pair in pairs],
        "y": places,
        "marker": {
            "size": 11,
            "color": [RUN if decides and pair["direction"] else "var(--card)" for pair in pairs],
            "line": {"color": RUN, "width": 2},
        },
        "error_x": _reach(pairs),
        "customdata": [[name, *_told(pair, decides)] for name, pair in zip(names, pairs, strict=True)],
        "hovertemplate": "%{customdata[0]}<br>%{customdata[1]}<br>%{customdata[2]}<extra></extra>",
    }
    y: dict[str, Any] = {"showgrid": False, "range": [len(pairs) - 0.4, -0.6]}
    y |= {"tickvals": places, "ticktext": names} if len(pairs) > 1 else {"showticklabels": False}
    x = {"range": _span(pairs), "nticks": 5, "tickangle": 0}
    named = {"annotations": _sides(pairs[0]), "margin": {"l": 8, "r": 12, "t": 26, "b": 8}} if len(pairs) == 1 else {}
    said = "; ".join(f"{pair['first']} minus {pair['second']}: {', '.join(_told(pair, decides))}" for pair in pairs)
    return figure([marks], said, height=72 + 34 * len(pairs), x=x, y=y, shapes=_zero_and_margin(pairs), **named)


def _zero_and_margin(pairs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    whole = {"yref": "paper", "y0": 0, "y1": 1}
    shapes: list[dict[str, Any]] = [{"type": "line", "x0": 0, "x1": 0, "line": {"color": MUTED, "width": 1}, **whole}]
    if margin := pairs[0].get("margin"):
        band = {"type": "rect", "layer": "below", "fillcolor": "var(--run-faint)", "line": {"width": 0}}
        shapes.append({**band, "x0": -margin, "x1": margin, **whole})
    return shapes


def _span(pairs: Sequence[dict[str, Any]]) -> list[float]:
    """Return an axis that holds every interval, zero and the margin; it is turned where lower is better."""
    ends = [pair[key] for pair in pairs for key in ("low", "difference", "high") if pair[key] is not None]
    margin = pairs[0].get("margin") or 0.0
    low, high = min([*ends, -margin]), max([*ends, margin])
    room = 0.08 * (high - low) or 1.0
    span = [low - room, high + room]
    return span if pairs[0]["higher_is_better"] else span[::-1]


def _sides(pair: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Name the arm that each end of the axis speaks for."""
    texts = ((0, "left", f"← {label(pair['second'], 18)} better"), (1, "right", f"{label(pair['first'], 18)} better →"))
    look = {"xref": "paper", "yref": "paper", "y": 1, "yanchor": "bottom", "showarrow": False}
    font = {"size": 11, "color": "var(--soft)"}
    return [{**look, "x": place, "xanchor": anchor, "text": text, "font": font} for place, anchor, text in texts]


def _reach(pairs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    above = [0.0 if pair["high"] is None else pair["high"] - pair["difference"] for pair in pairs]
    below = [0.0 if pair["low"] is None else pair["difference"] - pair["low"] for pair in pairs]
    look = {"color": RUN, "thickness": 2, "width": 5}
    return {"type": "data", "symmetric": False, "array": above, "arrayminus": below, **look}


def _told(pair: dict[str, Any], decides: bool) -> tuple[str, str]:
    span = "" if pair["low"] is None else f" [{number(pair['low'])}, {number(pair['high'])}]"
    better = f"{label(pair['direction'])} is better" if pair["direction"] else "undecided"
    return f"{number(pair['difference'])}{span}", better if decides else "does not decide"


def every_run(arms: Sequence[dict[str, Any]], metric: str) -> Figure:
    """Return every run's value of a metric, one row per arm, its mean as a line."""
    names = [arm["name"] for arm in arms]
    colours = colours_of(names)
    traces: list[dict[str, Any]] = []
    for place, arm in enumerate(arms):
        values = [value for configuration in arm["per_run"][metric] for value in configuration]
        spread = [place + 0.16 * ((index % 5) - 2) / 2 for index in range(len(values))]
        look = {"size": 9, "color": colours[arm["name"]], "opacity": 0.65}
        dots: dict[str, Any] = {
            "type": "scatter",
            "mode": "markers",
            "x": values,
            "y": spread,
            "marker": look,
            "showlegend": False,
        }
        dots |= {"name": label(arm["name"]), "hovertemplate": "%{x:.4f}<extra></extra>"}
        mean = arm["values"][metric]
        line: dict[str, Any] = {
            "type": "scatter",
            "mode": "lines",
            "x": [mean, mean],
            "y": [place - 0.32, place + 0.32],
        }
        line |= {"line": {"color": colours[arm["name"]], "width": 3}, "hoverinfo": "skip", "showlegend": False}
        traces += [dots, line]
    y = {"tickvals": list(range(len(arms))), "ticktext": [label(name) for name in names], "showgrid": False}
    y |= {"range": [len(arms) - 0.4, -0.6]}
    means = ", ".join(f"{arm['name']} {number(arm['values'][metric])}" for arm in arms)
    said = f"{metric_name(metric)} of every run, mean by arm: {means}"
    return figure(traces, said, height=90 + 38 * len(arms), x={"title": metric_name(metric), "nticks": 6}, y=y)


def pareto(verdict: Mapping[str, Any], kind: str) -> Figure:
    """Return quality against one kind of cost; a line joins the cheapest and what is better than all cheaper arms."""
    title, write, unit = kind_of(kind)
    arms, metric = {arm["name"]: arm for arm in verdict["arms"]}, verdict["metric"]
    colours, symbols = colours_of(list(arms)), symbols_of(list(arms))
    front = [name for name in verdict["pareto"][kind] if name in arms]
    x = {name: arm["cost"][kind] / unit for name, arm in arms.items()}
    step = {
        "type": "scatter",
        "mode": "lines",
        "x": [x[name] for name in front],
        "y": [arms[name]["values"][metric] for name in front],
        "line": {"color": MUTED, "width": 1.5, "dash": "dot"},
        "hoverinfo": "skip",
        "showlegend": False,
    }
    dots = [
        {
            "type": "scatter",
            "mode": "markers",
            "x": [x[name]],
            "y": [arm["values"][metric]],
            "name": label(name),
            "marker": {
                "size": 13,
                "symbol": symbols[name],
                "color": colours[name] if name in front else "var(--card)",
                "line": {"color": colours[name], "width": 2},
            },
            "hovertemplate": f"{label(name)}<br>{write(arm['cost'][kind])}, %{{y:.3f}}<extra></extra>",
        }
        for name, arm in arms.items()
    ]
    costs = list(x.values())
    axis: dict[str, Any] = {"title": title, "nticks": 5}
    axis |= {"type": "log"} if min(costs) > 0 and max(costs) > 20 * min(costs) else {"rangemode": "tozero"}
    y = {"title": metric_name(metric), "nticks": 6}
    said = f"{metric_name(metric)} against {title.lower()}; on the front: {', '.join(front)}"
    return figure([step, *dots], said, height=270, x=axis, y=y, showlegend=True)


def luck(rows: Sequence[tuple[str, Mapping[str, Any], str]], metric: str) -> Figure:
    """Return what each chosen configuration scored when it was chosen (hollow), and its fresh seeds (filled).

    Args:
        rows: name, candidate of a tuning, colour.
        metric: what is shown.
    """
    traces: list[dict[str, Any]] = []
    for place, (_, candidate, colour) in enumerate(rows):
        fresh, at = candidate["fresh"], [place] * len(candidate["fresh"])
        mean = sum(fresh) / len(fresh)
        line: dict[str, Any] = {
            "type": "scatter",
            "mode": "lines",
            "x": [candidate["chosen"], mean],
            "y": [place, place],
        }
        line |= {"line": {"color": colour, "width": 2}, "showlegend": False, "hoverinfo": "skip"}
        look = {"size": 7, "color": colour, "opacity": 0.55}
        seeds: dict[str, Any] = {
            "type": "scatter",
            "mode": "markers",
            "x": fresh,
            "y": at,
            "marker": look,
            "showlegend": False,
        }
        seeds |= {"hovertemplate": "a fresh seed: %{x:.4f}<extra></extra>"}
        ends: dict[str, Any] = {
            "type": "scatter",
            "mode": "markers",
            "x": [candidate["chosen"], mean],
            "y": [place, place],
        }
        ends |= {"marker": {"size": 12, "color": ["var(--card)", colour], "line": {"color": colour, "width": 2}}}
        ends |= {"text": ["when chosen", "mean of fresh seeds"], "showlegend": False}
        ends |= {"hovertemplate": "%{text}: %{x:.4f}<extra></extra>"}
        traces += [line, seeds, ends]
    y = {"tickvals": list(range(len(rows))), "ticktext": [name for name, _, _ in rows], "showgrid": False}
    y |= {"range": [len(rows) - 0.4, -0.6]}
    said = f"{metric} of each chosen configuration when chosen and with fresh seeds; the table below it holds both"
    return figure(traces, said, height=90 + 34 * len(rows), x={"title": metric, "nticks": 6}, y=y)
