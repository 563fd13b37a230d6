"""From stored predictions to every number of a record."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from headtohead.evaluation.details import describe
from headtohead.evaluation.intervals import with_intervals
from headtohead.evaluation.metrics import HIGHER_IS_BETTER, joined, ranking_family, refuse_unusable, summing_family
from headtohead.evaluation.resampling import estimate
from headtohead.results import Predictions

RANKING_STEPS = 100_000_000
"""Rows x labels x resamples spent on metrics that need rows in order: about a second."""
RANKING_RESAMPLES_AT_LEAST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Metrics of one split with 95 % intervals, and what does not fit into one number."""

    metrics: dict[str, dict[str, float | None]]
    """Name to ``value``, ``low`` and ``high``; null where undefined."""
    details: dict[str, Any]


def point_metrics(predictions: Predictions) -> dict[str, float]:
    """Return the values alone; undefined metrics are left out.

    Raises:
        UserError: there are no rows.
        Diverged: a score is not finite.
    """
    refuse_unusable(predictions)
    family = joined([summing_family(predictions), ranking_family(predictions)])
    values = {name: float(value) for name, value in estimate(family, len(predictions)).items()}
    return {name: values[name] for name in HIGHER_IS_BETTER if math.isfinite(values.get(name, math.nan))}


def evaluate(predictions: Predictions, *, temperature: float = 1.0, resamples: int = 1000, seed: int = 0) -> Evaluation:
    """Return the metrics of one split with bootstrap intervals, and its details.

    Rows are resampled, or whole groups where ``predictions.group`` holds several rows (cluster bootstrap); intervals
    are percentiles, except for ``ece`` (see ``basic_interval``) and for an accuracy of exactly 0 or 1 (exact binomial).
    Metrics that need rows in order (``auroc``, ``mean_average_precision``, ``aurc``, ``spearman``) use at least 200
    resamples and ``resamples`` where 1e8 steps (rows x labels x resamples) allow.

    Args:
        predictions: Rows of one split, scores as stored.
        temperature: Fitted on validation; adds the ``calibrated_`` metrics and reliability where it is not 1.
        resamples: Bootstrap resamples.
        seed: Of the bootstrap.

    Raises:
        UserError: there are no rows.
        Diverged: a score is not finite.
    """
    refuse_unusable(predictions)
    in_order = _affordable(predictions, resamples)
    metrics = with_intervals(summing_family(predictions, temperature), predictions, resamples, seed)
    metrics |= with_intervals(ranking_family(predictions), predictions, in_order, seed)
    return Evaluation(
        metrics={name: metrics[name] for name in HIGHER_IS_BETTER if name in metrics},
        details=describe(predictions, temperature, resamples, seed),
    )


def _affordable(predictions: Predictions, resamples: int) -> int:
    steps = len(predictions) * int(predictions.scores.shape[1])
    return min(resamples, max(RANKING_RESAMPLES_AT_LEAST, RANKING_STEPS // steps))
