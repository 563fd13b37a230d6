"""What a configuration reaches over all its runs: the mean of a metric with its interval, from stored predictions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headtohead.errors import UserError
from headtohead.evaluation.intervals import LEVEL
from headtohead.evaluation.metric_table import METRICS
from headtohead.statistics.arms import Arm, shares_of
from headtohead.statistics.draws import strata_of
from headtohead.statistics.folds import by_repetition, lay_out_folds
from headtohead.statistics.unit_shares import metrics_of_all
from headtohead.statistics.variance import ROUNDING, half_width, lay_out


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Mean over runs with its 95 % interval, cut to what the metric can be."""

    value: float
    low: float | None
    high: float | None
    """``None`` where nothing varies, which is no evidence of certainty."""


def estimates_of(arm: Arm) -> dict[str, Estimate]:
    """Return every metric of an arm's runs that is defined for all of them.

    Args:
        arm: runs on the same rows: seeds, or the pooled folds of a cross-validation.
    """
    found = {}
    for name in metrics_of_all(arm.runs):
        try:
            found[name] = _estimate(arm, name)
        except UserError:  # undefined for a run
            continue
    return found


def _estimate(arm: Arm, metric: str) -> Estimate:
    tables = shares_of(arm, metric)
    if arm.plan:
        layout = lay_out_folds([by_repetition(tables, 1.0)], arm.plan)
    else:
        layout = lay_out(strata_of(arm.units(), tables, 1.0))
    value = float(layout.difference)
    if float(np.sqrt(layout.variance)) <= ROUNDING:
        return Estimate(value=value, low=None, high=None)
    reach = float(half_width(layout, 1 - LEVEL))
    least, most = METRICS[metric].low, METRICS[metric].high
    return Estimate(value=value, low=max(least, value - reach), high=min(most, value + reach))
