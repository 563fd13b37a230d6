"""A verdict on the terminal."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from headtohead.console.narrow_tables import narrow_table, print_table
from headtohead.statistics import Comparison, Tuning, Verdict, systems_of
from headtohead.statistics.verdicts.verdict_sentences import about, number, p_value, percent, span


def print_verdict(
    verdict: Verdict, path: Path, tunings: Mapping[str, Sequence[Tuning]], differences: Sequence[str]
) -> None:
    """Print arms, pairs, sentences, what costs least, how the configurations were chosen, and in what they differ."""
    console = Console()
    for lead in verdict.leads:
        console.print(escape(lead), style="bold", highlight=False)
    print_table(console, _arms(verdict))
    print_table(console, _pairs(verdict))
    for sentence in verdict.sentences:
        console.print(f"- {escape(sentence)}", highlight=False)
    if verdict.pareto:
        print_table(console, _costs(verdict))
    for kind, arm in verdict.cheapest.items():
        if arm is not None:
            least = f"least {kind.replace('_', ' ')} among arms shown not to be worse than the best by more than the margin: {arm}"
            console.print(escape(least), highlight=False)
    if any(tunings.values()):
        print_table(console, _tunings(tunings))
        for name, tuning in _named(tunings):
            for warning in tuning.warnings:
                console.print(escape(f"{name}: {warning}"), highlight=False)
    console.print(escape("in what the arms differ:\n  " + "\n  ".join(differences)), highlight=False)
    console.print(escape(f"verdict: {path}"), highlight=False, soft_wrap=True)


def _arms(verdict: Verdict) -> Table:
    metrics = list(verdict.arms[0].values)
    headings = ["arm", "runs", *(metric.replace("_", " ") for metric in metrics)]
    table = narrow_table(f"{verdict.rows:,} rows{_groups(verdict)}, mean over runs", headings, left=["arm"])
    for arm in verdict.arms:
        table.add_row(escape(arm.described), str(arm.runs), *(number(arm.values[metric]) for metric in metrics))
    for name, values in systems_of(verdict.baselines).items():
        table.add_row(
            escape(name), "", *(number(values[metric]) if metric in values else "-" for metric in metrics), style="dim"
        )
    return table


def _costs(verdict: Verdict) -> Table:
    headings = ["arm", *(kind.replace("_", " ") for kind in verdict.pareto)]
    table = narrow_table("cost of a run", headings, left=["arm"])
    for arm in verdict.arms:
        cells = [f"{arm.cost[kind]:,.4g}" + (" *" if arm.name in best else "") for kind, best in verdict.pareto.items()]
        table.add_row(escape(arm.name), *cells)
    table.caption = "* the cheapest, and what is better than all that is cheaper by more than chance"
    return table


def _tunings(tunings: Mapping[str, Sequence[Tuning]]) -> Table:
    """What was spent to choose, and how much better the chosen looked then than their fresh seeds are."""
    headings = ["arm", "trials", "tokens", "seconds", "expected of half", "chosen", "fresh seeds", "inflation"]
    table = narrow_table("tuning, scored on validation rows", headings, left=["arm"])
    for name, tuning in _named(tunings):
        table.add_row(escape(name), *_tuning(tuning))
    table.caption = (
        "inflation: how much better a winner looked when it was chosen than its fresh seeds are: luck of the seed; what was "
        "luck of these validation rows is still in both"
    )
    return table


def _named(tunings: Mapping[str, Sequence[Tuning]]) -> Iterator[tuple[str, Tuning]]:
    for arm, found in tunings.items():
        for place, tuning in enumerate(found, start=1):
            yield f"{arm}, tuning {place}" if len(found) > 1 else arm, tuning


def _tuning(tuning: Tuning) -> list[str]:
    luck, half = tuning.inflation, tuning.expected_of_half
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
    level = percent(1 - verdict.level)
    better, rarest = "higher" if verdict.higher_is_better else "lower", verdict.smallest_label
    title = f"{verdict.metric} ({better} is better)"
    if verdict.metric == "macro_f1" and rarest is not None:
        title += f", smallest label {escape(rarest.name)}: {rarest.counted}"
    if verdict.looks > 1:
        title += f", look {verdict.looks}"
    words = ["first - second", "better", "equal within"]
    headings = ["first - second", "difference", f"{level} interval", "p", "better", "equal within", "can see"]
    table = narrow_table(title, headings, left=words)
    for pair in verdict.pairs:
        table.add_row(*(escape(cell) for cell in _row(pair, verdict.alpha)))
    return table


def _row(pair: Comparison, alpha: float) -> list[str]:
    interval = "-" if pair.low is None or pair.high is None else span(pair.low, pair.high)
    near = "-" if pair.margin is None else f"{number(pair.margin)}: {'yes' if pair.equivalent is True else 'not shown'}"
    return [
        f"{pair.first} - {pair.second}",
        number(pair.difference, sign=True),
        interval,
        "-" if pair.undirected else p_value(pair.p_holm, alpha),
        "not asked" if pair.undirected else pair.direction or "undecided",
        near,
        "-" if pair.detectable is None else about(pair.detectable),
    ]
