"""Families of metrics that each kind of label has."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from headtohead.errors import Diverged, UserError
from headtohead.evaluation import classes, ranking
from headtohead.evaluation.calibration import calibrate
from headtohead.evaluation.distances import distance_family
from headtohead.evaluation.metric_table import METRICS
from headtohead.evaluation.probability import gold_table, log_absent, probability_family
from headtohead.evaluation.resampling import Family, Weights
from headtohead.results import Predictions

HIGHER_IS_BETTER: Mapping[str, bool] = MappingProxyType({each.name: each.higher_is_better for each in METRICS.values()})
"""Every metric name there is, in the order in which tables show them."""


def widest_difference(metric: str) -> float:
    """Return how far two systems can lie apart at most."""
    return METRICS[metric].high - METRICS[metric].low


def default_metric(kind: str) -> str:
    """Return the metric that decides for a kind of label where none is configured."""
    return "mae" if kind in ("ordinal", "real") else "macro_f1"


def refuse_unusable(predictions: Predictions) -> None:
    """Refuse what has no meaningful metric.

    Raises:
        UserError: there are no rows.
        Diverged: a score is not finite; NaN is never a class.
    """
    if len(predictions) == 0:
        raise UserError("no predictions to evaluate: the split is empty")
    splits = sorted(set(predictions.split.tolist()))
    assert len(splits) == 1, f"splits are reported separately, never pooled: {splits}"
    broken = ~np.isfinite(predictions.scores).all(axis=1)
    if broken.any():
        some = ", ".join(map(str, predictions.row_id[broken][:3])) + (", ..." if broken.sum() > 3 else "")
        raise Diverged(
            f"{int(broken.sum())} of {len(predictions)} {splits[0]} rows have a score that is not finite "
            f"(rows {some}); no metric is computed from them"
        )


def has_probabilities(predictions: Predictions) -> bool:
    """Say whether scores are log-probabilities."""
    return not predictions.is_expected_score


def joined(families: list[Family]) -> Family:
    """Return one family with the metrics of all."""

    def family(weights: Weights) -> dict[str, np.ndarray]:
        return {name: value for part in families for name, value in part(weights).items()}

    return family


def summing_family(predictions: Predictions, temperature: float = 1.0) -> Family:
    """Return the metrics that are made of sums over rows: cheap on any number of resamples."""
    kind, gold = predictions.labels.kind, predictions.gold
    families: list[Family] = []
    match kind:
        case "single":
            families += [classes.single_label_family(gold, predictions.predicted, len(predictions.labels))]
        case "ordinal":
            families += [classes.ordinal_family(gold, predictions.predicted, len(predictions.labels))]
        case "multi":
            families += [classes.multi_label_family(gold, predictions.predicted)]
    if kind in ("ordinal", "real"):
        families += [distance_family(predictions.gold_score, predictions.expected_score)]
    if has_probabilities(predictions):
        families += [probability_family(predictions)]
        if temperature != 1.0:
            families += [probability_family(calibrate(predictions, temperature), "calibrated_")]
    return joined(families)


def ranking_family(predictions: Predictions) -> Family:
    """Return the metrics that need rows in order, a pass over them per label and resample."""
    kind = predictions.labels.kind
    families: list[Family] = []
    if kind in ("ordinal", "real"):
        families += [ranking.spearman_family(predictions.gold_score, predictions.expected_score)]
    if has_probabilities(predictions):
        measures = {"auroc": ranking.roc_area}
        if kind == "multi":
            measures["mean_average_precision"] = ranking.average_precision
        families += [ranking.per_label_family(gold_table(predictions), predictions.scores, measures)]
        families += [ranking.abstaining_family(wrong(predictions), confidence(predictions))]
    return joined(families)


def wrong(predictions: Predictions) -> np.ndarray:
    """Say for each row whether the answer is wrong; multi-label: whether the set of labels is not exactly right."""
    differs = predictions.predicted != predictions.gold
    wrong_rows: np.ndarray = np.any(differs.reshape(len(differs), -1), axis=1)
    return wrong_rows


def confidence(predictions: Predictions) -> np.ndarray:
    """Probability of the predicted answer; multi-label: of the predicted set, its labels taken as independent."""
    chance: np.ndarray
    if predictions.labels.kind == "multi":
        chance = np.exp(np.maximum(predictions.scores, log_absent(predictions.scores)).sum(axis=1))
    else:
        chance = predictions.probabilities.max(axis=1)
    return chance
