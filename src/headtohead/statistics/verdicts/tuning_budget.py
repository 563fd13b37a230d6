"""What tuning budget buys: the best of many is partly luck, and fresh seeds show how much."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import special, stats


def expected_best(values: Sequence[float], *, higher_is_better: bool) -> Float[np.ndarray, " trials"]:
    """Return the expected validation score of the best of k trials, for k = 1 to all of them.

    Expected validation performance (Dodge et al. 2019, arXiv:1909.03004) in its unbiased form, the mean over all
    subsets of k trials (Tang et al. 2020, arXiv:2009.13230). Trials must be exchangeable, as random search makes them;
    for a sampler that learns it describes the trials that were run, in any order.

    Args:
        values: One per trial; NaN for a trial that gave none: it spends budget and never wins.
        higher_is_better: Of the metric.

    Returns:
        NaN for budgets that may consist of trials without a value.
    """
    given = np.asarray(values, dtype=float)
    lost = int(np.isnan(given).sum())
    ordered = np.sort(given[~np.isnan(given)] * (1 if higher_is_better else -1))
    if len(ordered) == 0:
        return np.full(len(given), np.nan)
    budget = np.arange(1, len(given) + 1)[:, None]
    behind = lost + np.arange(len(ordered))[None, :]
    share = np.exp(_log_choose(behind, budget - 1) - _log_choose(np.array(len(given)), budget))
    best: np.ndarray = np.where(budget[:, 0] > lost, share @ ordered, np.nan)
    return best if higher_is_better else -best


def _log_choose(among: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Return log of the binomial coefficient, minus infinity where there are too few to choose from."""
    possible = np.maximum(among, chosen)
    ways = special.gammaln(possible + 1) - special.gammaln(chosen + 1) - special.gammaln(possible - chosen + 1)
    return np.where(among >= chosen, ways, -np.inf)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inflation:
    """How much better a winner looked when it was chosen than its fresh seeds are, on the same validation rows."""

    chosen: float
    fresh: float
    """Mean of the fresh seeds."""
    inflation: float
    """Positive where it looked better than it is."""
    low: float | None
    high: float | None
    """Interval by the spread of the fresh seeds; ``None`` for a single one."""


def winners_inflation(
    chosen: float, fresh: Sequence[float], *, higher_is_better: bool, widest: float = math.inf, level: float = 0.95
) -> Inflation:
    """Set the winner's validation score when chosen against the mean of its fresh seeds.

    Args:
        chosen: The score that won.
        fresh: Scores of the same configuration trained with other seeds.
        higher_is_better: Of the metric.
        widest: Largest difference that the metric can show, to which the interval is cut.
        level: Of the interval.
    """
    scores = np.asarray(fresh, dtype=float)
    sign = 1.0 if higher_is_better else -1.0
    inflation = sign * (chosen - float(scores.mean()))
    low = high = None
    if len(scores) > 1:
        reach = float(stats.t.isf((1 - level) / 2, len(scores) - 1) * stats.sem(scores))
        low, high = max(inflation - reach, -widest), min(inflation + reach, widest)
    return Inflation(chosen=chosen, fresh=float(scores.mean()), inflation=inflation, low=low, high=high)
