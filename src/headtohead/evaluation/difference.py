"""Two systems on the same rows: how far their metrics lie apart, with the rows' luck taken out."""

from __future__ import annotations

import math

import numpy as np

from headtohead.evaluation.intervals import Interval, percentile_interval
from headtohead.evaluation.metric_table import METRICS
from headtohead.evaluation.metrics import refuse_unusable, summing_family
from headtohead.evaluation.resampling import Family, Weights, estimate, independent_units, resample
from headtohead.results import Predictions


def paired_differences(
    own: Predictions, other: Predictions, *, resamples: int = 1000, seed: int = 0
) -> dict[str, Interval]:
    """Return ``own`` minus ``other`` for every metric made of sums over rows, with its paired percentile interval.

    Each resample draws the same rows (or groups) for both, so that what makes a row easy for both cancels
    (Efron and Tibshirani 1993, section 15.4). Two systems that answer every row alike have no interval (``low`` and
    ``high`` are null), and binned calibration error has no difference: its bias, which depends on the system, would be
    taken for one.

    Args:
        own: One system's rows.
        other: The other's, the same rows in the same order.
        resamples: Bootstrap resamples.
        seed: Of the bootstrap.

    Raises:
        UserError: there are no rows.
        Diverged: a score is not finite.
    """
    for predictions in (own, other):
        refuse_unusable(predictions)
    assert np.array_equal(own.row_id, other.row_id), "the two systems were scored on different rows"
    family = _difference(summing_family(own), summing_family(other))
    drawn = resample(family, independent_units(own.group), resamples, seed)
    return {name: _described(float(value), drawn[name]) for name, value in estimate(family, len(own)).items()}


def _described(value: float, drawn: np.ndarray) -> Interval:
    if not math.isfinite(value):
        return {"value": None, "low": None, "high": None}
    low, high = percentile_interval(drawn) or (None, None)
    return {"value": value, "low": low, "high": high}


def _difference(first: Family, second: Family) -> Family:
    def family(weights: Weights) -> dict[str, np.ndarray]:
        ours, theirs = first(weights), second(weights)
        return {name: ours[name] - theirs[name] for name in ours if name in theirs and not METRICS[name].is_biased}

    return family
