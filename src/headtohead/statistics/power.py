"""What a comparison of this size could see, and what it would take to see more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import numpy as np
from scipy import special

from headtohead.statistics.variance import Layout, Number, grown, half_width

POWER = 0.8
DRAWS = 1000
MOST_RUNS, MOST_ROWS_FACTOR = 1000, 1000
"""Beyond these, "more of the same" is no advice."""


def detectable_difference(layout: Layout, alpha: float, draws: int = DRAWS) -> Number:
    """Return the true difference that a fresh comparison of this size finds in at least 80 % of cases, in the right direction.

    The usual sum of two quantiles takes the estimated standard error for the true one; with two seeds that is often far
    too small, and the difference stated would be found much less often than said. Here the true variances are drawn
    from what the estimates leave open, the fresh comparison's own estimates from those, and the power is the mean over
    both.

    An estimate s of v degrees of freedom is s = sigma sqrt(chi2_v / v), so sigma is drawn as s / sqrt(chi2_v / v). Where one
    source dominates this is exact: a stated difference k s is found with probability E P(z + k s/sigma > t s'/sigma),
    and over repeated comparisons s/sigma has the very law that it is drawn from. With several sources each is drawn
    above its floor, and the difference stated errs upwards: hence "at least".

    Args:
        layout: Of the comparison at hand; may have batch axes.
        alpha: Two-sided error rate.
        draws: Simulated fresh comparisons.
    """
    error, reach = _fresh(layout, alpha, draws)
    low, high = np.zeros_like(layout.difference), np.quantile(reach + 5 * error, 0.9, axis=-1, method="higher")
    for _ in range(50):  # bisection, all comparisons at once
        middle = (low + high) / 2
        enough = _found(middle[..., None] - reach, error).mean(axis=-1) >= POWER
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return high


def chance_to_find(
    layout: Layout, difference: float, alpha: float, *, more_runs: int = 0, row_factor: float = 1.0
) -> Number:
    """Return the chance that a comparison finds a true difference, in the right direction, if it had more runs and rows.

    Args:
        layout: Of the comparison at hand, which says what is known of the variances.
        difference: True, in units of the metric.
        alpha: Two-sided error rate.
        more_runs: Per stratum.
        row_factor: Rows over the rows there are.
    """
    error, reach = _fresh(layout, alpha, DRAWS, more_runs, row_factor)
    chance: Number = _found(difference - reach, error).mean(axis=-1)
    return chance


def _found(beyond: np.ndarray, error: np.ndarray) -> np.ndarray:
    """Return the chance that a normal estimate stays above zero; without error it is a certainty or none."""
    certain = np.where(beyond >= 0, np.inf, -np.inf)
    return np.asarray(special.ndtr(np.divide(beyond, error, out=certain, where=error > 0)))


def _fresh(
    layout: Layout, alpha: float, draws: int, more_runs: int = 0, row_factor: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Return true standard errors and the half-widths of fresh comparisons' intervals, along a new last axis."""
    generator = np.random.default_rng(0)

    def share(df: int) -> np.ndarray:
        """Return what estimates of a variance are of the true one: quantiles in random order (a Latin hypercube)."""
        return _quantiles(df, draws)[generator.permutation(draws)]

    now = share(layout.units - 1)
    known = _along_draws(layout, draws)
    true = replace(
        known,
        across_units=known.across_units / now,
        runs=tuple(
            np.maximum(runs / share(count - 1), mixed)
            for runs, mixed, count in zip(known.runs, known.run_by_unit, layout.run_counts, strict=True)
        ),
    )
    true = grown(true, more_runs=more_runs, row_factor=row_factor)
    then = replace(
        true,
        across_units=true.across_units * share(true.units - 1),
        runs=tuple(runs * share(count - 1) for runs, count in zip(true.runs, true.run_counts, strict=True)),
    )
    return np.sqrt(true.variance), half_width(then, alpha)


@lru_cache(maxsize=1024)
def _quantiles(df: int, draws: int) -> np.ndarray:
    """Return evenly spaced quantiles of a chi-square variable over its degrees of freedom."""
    return np.asarray(special.chdtri(df, 1 - (np.arange(draws) + 0.5) / draws) / df)


def _along_draws(layout: Layout, draws: int) -> Layout:
    """Return the layout with every number repeated along a new last axis."""

    def repeated(number: Number) -> np.ndarray:
        return np.broadcast_to(np.asarray(number)[..., None], (*np.shape(number), draws))

    return replace(
        layout,
        difference=repeated(layout.difference),
        across_units=repeated(layout.across_units),
        runs=tuple(map(repeated, layout.runs)),
        run_by_unit=tuple(map(repeated, layout.run_by_unit)),
    )


def more_runs(layout: Layout, difference: float, alpha: float) -> int | None:
    """Return about how many more runs per configuration (or tunings per method) give a 4-in-5 chance to find a difference.

    Args:
        layout: Of the comparison at hand.
        difference: True, not zero.
        alpha: Two-sided error rate of the look at which they will be there.

    Returns:
        0 where there are enough; ``None`` where runs alone never would be, or where single runs show no spread to reckon
        with.
    """
    if layout.has_single_run:
        return None
    return _smallest(lambda more: float(chance_to_find(layout, difference, alpha, more_runs=more)), MOST_RUNS)


def more_rows(layout: Layout, rows: int, difference: float, alpha: float) -> int | None:
    """Return about how many more rows give a 4-in-5 chance to find a difference, as ``more_runs`` does."""
    steps = 20

    def chance(more: int) -> float:
        return float(chance_to_find(layout, difference, alpha, row_factor=1 + more / steps))

    found = _smallest(chance, steps * (MOST_ROWS_FACTOR - 1))
    return None if found is None else int(np.ceil(found * rows / steps))


def _smallest(chance: Callable[[int], float], most: int) -> int | None:
    """Return the smallest growth whose chance is enough, by bisection."""
    if chance(0) >= POWER:
        return 0
    if chance(most) < POWER:
        return None
    low, high = 0, most  # not enough at low, enough at high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if chance(middle) >= POWER else (middle, high)
    return high
