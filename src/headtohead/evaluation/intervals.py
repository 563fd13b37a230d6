"""95 % intervals from resampled values."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from headtohead.evaluation.metric_table import METRICS
from headtohead.evaluation.resampling import Family, estimate, independent_units, resample
from headtohead.results import Predictions

LEVEL = 0.95
ROUNDING = 1e-12
"""Spread of resampled values that is no spread."""

Interval = dict[str, float | None]
"""``value``, ``low`` and ``high``; null where undefined."""


def with_intervals(family: Family, predictions: Predictions, resamples: int, seed: int) -> dict[str, Interval]:
    """Return each scalar metric of a family with its interval.

    Percentiles of the bootstrap, except for binned calibration error (``basic_interval``) and for a share of rows that
    is 0 or 1, where a bootstrap cannot vary (``exact_interval``).
    """
    unit = independent_units(predictions.group)
    drawn = resample(family, unit, resamples, seed)
    values = estimate(family, len(predictions))
    return {name: _described(name, float(values[name]), drawn[name], int(unit.max()) + 1) for name in values}


def _described(name: str, value: float, drawn: Float[np.ndarray, " resamples"], units: int) -> Interval:
    if not math.isfinite(value):
        return {"value": None, "low": None, "high": None}
    if METRICS[name].is_share_of_rows and value in (0.0, 1.0):
        low, high = exact_interval(value, units)
        return {"value": value, "low": low, "high": high}
    interval = basic_interval(value, drawn) if METRICS[name].is_biased else percentile_interval(drawn)
    if interval is None:
        return {"value": value, "low": None, "high": None}
    least, most = METRICS[name].low, METRICS[name].high
    return {"value": value, "low": max(interval[0], least), "high": min(interval[1], most)}


def percentile_interval(resampled: Float[np.ndarray, " resamples"]) -> tuple[float, float] | None:
    """Return the central 95 % of the resampled values.

    ``None`` where resampling says nothing: the metric is undefined on more than half of the resamples, or nearly all
    of them agree (no row is wrong, or there is one row), which is no evidence of certainty.
    """
    defined = resampled[np.isfinite(resampled)]
    if 2 * len(defined) <= len(resampled):
        return None
    low, high = np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return (float(low), float(high)) if high - low > ROUNDING else None


def basic_interval(value: float, resampled: Float[np.ndarray, " resamples"]) -> tuple[float, float] | None:
    """Return the basic (reflected) bootstrap interval of a statistic that cannot be negative.

    Binned calibration error is biased upwards by sampling noise and a resample adds the same noise once more, so
    percentiles sit above the truth; reflecting them about the estimate takes that noise out again (Davison and Hinkley
    1997, section 5.2). The interval is cut at zero and always holds the estimate. It stays approximate: simulated with
    200 and 1,000 rows it held a true error of .05 or .11 in 84-91 % of samples (percentiles: 5-90 %), but an error of
    exactly zero in less than half.
    """
    interval = percentile_interval(resampled)
    if interval is None:
        return None
    low, high = interval
    return max(0.0, min(value, 2 * value - high)), max(value, 2 * value - low)


def exact_interval(share: float, units: int) -> tuple[float, float]:
    """Return the exact (Clopper-Pearson) interval of a share that is 0 or 1, where a bootstrap cannot vary."""
    assert share in (0.0, 1.0)
    reach = 1 - ((1 - LEVEL) / 2) ** (1 / units)
    return (1 - reach, 1.0) if share == 1.0 else (0.0, reach)
