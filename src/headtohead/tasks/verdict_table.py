"""A verdict on the terminal."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from headtohead.statistics import Comparison, Tuning, Verdict
from headtohead.statistics.words import number, p_value, percent


def print_verdict(
    verdict: Verdict, path: Path, tunings: Mapping[str, Sequence[Tuning]], differences: Sequence[str]
) -> None:
    """Print arms, pairs, sentences, what costs least, how the configurations were chosen, and in what they differ."""
    console = Console()
    console.print(_arms(verdict))
    console.print(_pairs(verdict))
    for sentence in verdict.sentences:
        console.print(f"- {escape(sentence)}", highlight=False)
    if verdict.pareto:
        console.print(_costs(verdict))
    for kind, arm in verdict.cheapest.items():
        if arm is not None:
            least = f"least {kind.replace('_', ' ')} among arms not worse than the best by more than the margin: {arm}"
            console.print(escape(least), highlight=False)
    if any(tunings.values()):
        console.print(_tunings(tunings))
        for name, tuning in _named(tunings):
            for warning in tuning.warnings:
                console.print(escape(f"{name}: {warning}"), highlight=False)
    console.print(escape("in what the arms differ:\n  " + "\n  ".join(differences)), highlight=False)
    console.print(escape(f"verdict: {path}"), highlight=False, soft_wrap=True)


def _arms(verdict: Verdict) -> Table:
    metrics = list(verdict.arms[0].values)
    table = Table(title=f"{verdict.rows:,} rows{_groups(verdict)}, mean over runs", title_justify="left")
    for name in ("arm", "runs", *metrics):
        table.add_column(name, justify="left" if name == "arm" else "right")
    for arm in verdict.arms:
        table.add_row(escape(arm.described), str(arm.runs), *(number(arm.values[metric]) for metric in metrics))
    return table


def _costs(verdict: Verdict) -> Table:
    table = Table(title="cost of a run", title_justify="left")
    for name in ("arm", *verdict.pareto):
        table.add_column(name.replace("_", " "), justify="left" if name == "arm" else "right")
    for arm in verdict.arms:
        cells = [f"{arm.cost[kind]:,.4g}" + (" *" if arm.name in best else "") for kind, best in verdict.pareto.items()]
        table.add_row(escape(arm.name), *cells)
    table.caption = "* no arm is better and cheaper"
    return table


def _tunings(tunings: Mapping[str, Sequence[Tuning]]) -> Table:
    """What was spent to choose, and how much better the chosen looked then than their fresh seeds are."""
    table = Table(title="tuning, scored on validation rows", title_justify="left")
    for name in ("arm", "trials", "tokens", "seconds", "expected of half", "chosen", "fresh seeds", "inflation"):
        table.add_column(name, justify="left" if name == "arm" else "right")
    for name, tuning in _named(tunings):
        table.add_row(escape(name), *_tuning(tuning))
    table.caption = "inflation: how much better a winner looked when it was chosen than its fresh seeds are"
    return table


def _named(tunings: Mapping[str, Sequence[Tuning]]) -> Iterator[tuple[str, Tuning]]:
    for arm, found in tunings.items():
        for place, tuning in enumerate(found, start=1):
            yield f"{arm}, tuning {place}" if len(found) > 1 else arm, tuning


def _tuning(tuning: Tuning) -> list[str]:
    luck, half = tuning.inflation, tuning.expected_best[len(tuning.expected_best) // 2]
    return [
        str(tuning.trials),
        "-" if tuning.tokens is None else f"{tuning.tokens:,}",
        "-" if tuning.seconds is None else f"{tuning.seconds:,.0f}",
        number(half) if math.isfinite(half) else "-",
        *(["-"] * 3 if luck is None else [number(luck.chosen), number(luck.fresh), number(luck.inflation, sign=True)]),
    ]


def _groups(verdict: Verdict) -> str:
    return f" in {verdict.units:,} groups" if verdict.units < verdict.rows else ""


def _pairs(verdict: Verdict) -> Table:
    level = percent(1 - verdict.alpha / verdict.looks)
    better = "higher" if verdict.higher_is_better else "lower"
    title = (
        f"{verdict.metric} ({better} is better), look {verdict.looks}"
        if verdict.looks > 1
        else f"{verdict.metric} ({better} is better)"
    )
    table = Table(title=title, title_justify="left")
    for name in ("first - second", "difference", f"{level} interval", "p (Holm)", "better", "equal within", "can see"):
        table.add_column(name, justify="right" if name in ("difference", "p (Holm)", "can see") else "left")
    for pair in verdict.pairs:
        table.add_row(*(escape(cell) for cell in _row(pair)))
    return table


def _row(pair: Comparison) -> list[str]:
    span = (
        "-"
        if pair.low is None or pair.high is None
        else f"{number(pair.low, sign=True)} to {number(pair.high, sign=True)}"
    )
    near = "-" if pair.margin is None else f"{number(pair.margin)}: {'yes' if pair.equivalent else 'not shown'}"
    return [
        f"{pair.first} - {pair.second}",
        number(pair.difference, sign=True),
        span,
        p_value(pair.p_holm),
        pair.direction or "undecided",
        near,
        "-" if pair.detectable is None else number(pair.detectable),
    ]
