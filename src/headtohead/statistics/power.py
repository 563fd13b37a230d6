"""What a comparison of this size could see, and what it would take to see more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from jaxtyping import Float
from scipy import special, stats

from headtohead.statistics.variance import Layout, Number, degrees_of_freedom, grown

POWER = 0.8
CERTAINTY = 3
"""Times the degrees of freedom that an estimated variance is given when what it leaves open is drawn.

Chosen on the cells of ``benchmarks/verdict_calibration.py``: taken at its face value (1) the difference stated was found
in 92 % of fresh comparisons, taken for the truth in 76 %, so in 83 %. It stays too small, 65 to 73 %, where one arm has
nearly all the luck of seeds.
"""
_POINTS = 80
MOST_DIFFERENCE = 1e100
"""Stated where comparisons of hardly any degrees of freedom find nothing at all: far beyond any that means something."""
MOST_RUNS, MOST_ROWS_FACTOR = 1000, 1000
"""Beyond these, "more of the same" is no advice."""


def _spreads(df: float) -> Float[np.ndarray, " points"]:
    """Return quantiles of an estimated standard error over the true one."""
    middle = (np.arange(_POINTS) + 0.5) / _POINTS
    return np.sqrt(stats.chi2.ppf(middle, df) / df)


def power_at(ratio: float, df: float, alpha: float) -> float:
    """Return the chance to find a true difference of ``ratio`` standard errors, in the right direction."""
    critical = stats.t.isf(alpha / 2, df)
    return float(stats.norm.cdf(ratio - critical * _spreads(df)).mean())


def detectable_difference(layout: Layout, alpha: float, draws: int = 1000) -> Number:
    """Return the true difference that a fresh comparison of this size finds in 80 % of cases, in the right direction.

    The usual sum of two quantiles takes the estimated standard error for the true one; with two seeds that is often far
    too small, and the difference stated would be found much less often than said. Here the true variances are drawn
    from what the estimates leave open (an estimate over a chi-square variable, see ``CERTAINTY``), the fresh comparison's own
    estimates from those, and the power is the mean over both.

    Args:
        layout: Of the comparison at hand; may have batch axes.
        alpha: Two-sided error rate.
        draws: Simulated fresh comparisons.
    """
    error, reach = _fresh(layout, alpha, draws)
    found_by_most = np.quantile(reach + 5 * error, 0.9, axis=-1, method="higher")
    # a reach may be infinite, where hardly any degrees of freedom are left: nothing is found there
    low, high = np.zeros_like(layout.difference), np.minimum(found_by_most, MOST_DIFFERENCE)
    for _ in range(50):  # bisection, all comparisons at once
        middle = (low + high) / 2
        enough = _found(middle[..., None] - reach, error).mean(axis=-1) >= POWER
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return high


def _found(beyond: np.ndarray, error: np.ndarray) -> np.ndarray:
    """Return the chance that a normal estimate stays above zero; without error it is a certainty or none."""
    certain = np.where(beyond >= 0, np.inf, -np.inf)
    return np.asarray(special.ndtr(np.divide(beyond, error, out=certain, where=error > 0)))


def _fresh(layout: Layout, alpha: float, draws: int) -> tuple[np.ndarray, np.ndarray]:
    """Return true standard errors and the half-widths of fresh comparisons' intervals, along a new last axis."""
    generator = np.random.default_rng(0)

    def redraw(estimate: Number, df: int, least: Number | float) -> tuple[np.ndarray, np.ndarray]:
        now = generator.chisquare(CERTAINTY * df, draws) / (CERTAINTY * df)
        then = generator.chisquare(df, draws) / df
        true = np.maximum(np.asarray(estimate)[..., None] / now, np.asarray(least)[..., None])
        return true, true * then

    rows, rows_then = redraw(layout.across_units, layout.units - 1, 0.0)
    mixed = tuple(np.broadcast_to(np.asarray(part)[..., None], rows.shape) for part in layout.run_by_unit)
    drawn = [
        redraw(runs, count - 1, part)
        for runs, part, count in zip(layout.runs, layout.run_by_unit, layout.run_counts, strict=True)
    ]
    shape = np.zeros_like(rows)
    true = replace(
        layout, difference=shape, across_units=rows, runs=tuple(part[0] for part in drawn), run_by_unit=mixed
    )
    then = replace(true, across_units=rows_then, runs=tuple(part[1] for part in drawn))
    reach = special.stdtrit(degrees_of_freedom(then), 1 - alpha / 2) * np.sqrt(then.variance)
    return np.sqrt(true.variance), reach


def more_runs(layout: Layout, alpha: float) -> int | None:
    """Return about how many more runs per configuration (or tunings per method) would decide.

    Assumes that the observed difference is the true one, and asks for 80 % power. ``None`` where runs alone never
    would, or where single runs show no spread to reckon with.
    """
    if layout.has_single_run:
        return None
    return _smallest(lambda more: grown(layout, more_runs=more), layout, alpha, MOST_RUNS)


def more_rows(layout: Layout, rows: int, alpha: float) -> int | None:
    """Return about how many more rows would decide, on the assumptions of ``more_runs``."""
    steps = 20
    found = _smallest(
        lambda more: grown(layout, row_factor=1 + more / steps), layout, alpha, steps * (MOST_ROWS_FACTOR - 1)
    )
    return None if found is None else int(np.ceil(found * rows / steps))


def _smallest(grow: Callable[[int], Layout], layout: Layout, alpha: float, most: int) -> int | None:
    """Return the smallest growth that reaches the power, by bisection."""
    difference = abs(float(layout.difference))

    def enough(more: int) -> bool:
        larger = grow(more)
        error = float(np.sqrt(larger.variance))
        return error == 0 or power_at(difference / error, float(degrees_of_freedom(larger)), alpha) >= POWER

    if difference == 0 or not enough(most):
        return None
    low, high = 0, most  # not enough (or unknown) at low, enough at high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
