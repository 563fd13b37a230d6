"""A verdict in sentences that claim no more than the runs can carry."""

from __future__ import annotations

from collections.abc import Mapping

from headtohead.statistics.arms import Arm
from headtohead.statistics.comparison import Comparison

UNBOUNDED = ("log_loss", "mae", "rmse")
"""Metrics that may differ by more than one."""


def sentence(pair: Comparison, arms: Mapping[str, Arm], level: float) -> str:
    """Return what a pair's comparison says: direction, equivalence, what could have been seen, what would decide.

    Args:
        pair: Decided.
        arms: By name.
        level: Of the interval, such as 0.95.
    """
    one, other = (arms[name].described(as_method=pair.scope == "methods") for name in (pair.first, pair.second))
    direction = f"{_direction(pair, one, other)} ({_figures(pair, level)})"
    parts = [direction, _nearness(pair), _scope(pair, arms), _sight(pair)]
    return " ".join(f"{part}." for part in parts if part)


def _direction(pair: Comparison, one: str, other: str) -> str:
    if pair.direction is None:
        return f"Undecided between {one} and {other}"
    better, worse = (one, other) if pair.direction == pair.first else (other, one)
    return f"{better} is better than {worse}"


def _figures(pair: Comparison, level: float) -> str:
    figure = f"{pair.metric} {pair.first} minus {pair.second} {number(pair.difference, sign=True)}"
    if pair.low is None or pair.high is None:
        return f"{figure}, the same on every row"
    low, high = number(pair.low, sign=True), number(pair.high, sign=True)
    holm = " after Holm's correction" if pair.p_holm > pair.p_value else ""  # the interval is that of the pair alone
    return f"{figure}, {percent(level)} interval {low} to {high}, p {p_value(pair.p_holm)}{holm}"


def _nearness(pair: Comparison) -> str:
    if pair.equivalent is None:
        return ""
    assert pair.margin is not None
    margin = number(pair.margin)
    if not pair.equivalent:
        return f"That they lie within {margin} of each other is not shown"
    return f"They lie within {margin} of each other" + (", so the difference is small" if pair.direction else "")


def _scope(pair: Comparison, arms: Mapping[str, Arm]) -> str:
    match pair.scope:
        case "methods":
            counts = sorted({len(arms[name].configurations) for name in (pair.first, pair.second)})
            return f"This speaks of the methods: {' and '.join(map(str, counts))} independent tunings per arm"
        case "runs":
            single = [name for name in (pair.first, pair.second) if arms[name].is_single_run]
            models = "that trained model" if len(single) == 1 else "those trained models"
            return (
                f"One seed of {' and of '.join(single)} was run: this speaks of {models}, not of {' and '.join(single)}"
            )
        case _:
            return "This speaks of these configurations, not of the methods: luck of tuning is not in the interval"


def _sight(pair: Comparison) -> str:
    if pair.detectable is None:
        return ""
    seen = f"A comparison like this finds a true difference of {number(pair.detectable)} in 80 % of cases"
    if pair.metric not in UNBOUNDED and pair.detectable > 1:
        seen = f"A comparison of this size could not be sure to find any difference in {pair.metric}, whatever its size"
    if pair.direction is not None:
        return seen
    unit = "tunings" if pair.scope == "methods" else "seeds"
    counts = ((pair.more_runs, f"{unit} per arm"), (pair.more_rows, "rows"))
    ways = [f"{count:,} more {what}" for count, what in counts if count]
    if ways:
        return f"{seen}; about {' or '.join(ways)} would decide, if the observed difference is the true one"
    if pair.scope == "runs":
        return f"{seen}; more rows alone would not decide, and one seed does not say how many seeds would"
    return f"{seen}; neither more {unit} nor more rows alone would decide"


def number(value: float, *, sign: bool = False) -> str:
    """Return three significant digits without exponents for usual sizes."""
    return f"{value:+.3g}" if sign else f"{value:.3g}"


def p_value(value: float) -> str:
    """Return a p-value as a reader wants it."""
    return "< .001" if value < 0.001 else f"{value:.3f}"


def percent(share: float) -> str:
    """Return a share as a percentage without needless decimals."""
    return f"{100 * share:.4g} %"
