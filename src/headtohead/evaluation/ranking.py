"""Metrics that need rows in order: AUROC, average precision, area under risk-coverage, Spearman.

Each sorts the rows once and then accumulates weights, so a resample costs one pass and no sorting.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, Num

from headtohead.evaluation.resampling import Family, Weights

PerResample = Float[np.ndarray, " resamples"]


@dataclass(frozen=True, slots=True)
class Ranked:
    """Weight of the rows, and of the positive rows, ranked above each positive row (``strict``) or not below it."""

    weight: Float[np.ndarray, "positives resamples"]
    rows_above: Float[np.ndarray, "positives resamples"]
    rows_through: Float[np.ndarray, "positives resamples"]
    hits_above: Float[np.ndarray, "positives resamples"]
    hits_through: Float[np.ndarray, "positives resamples"]
    rows: PerResample
    hits: PerResample


def rank(positive: Bool[np.ndarray, " rows"], score: Float[np.ndarray, " rows"]) -> Callable[[Weights], Ranked]:
    """Return the function from weights to ranked counts; rows are sorted here, highest score first."""
    order = np.argsort(-score, kind="stable")
    hits = order[positive[order]]
    above, through = _places(-score[order], -score[hits])
    hits_above, hits_through = _places(-score[hits], -score[hits])

    def ranked(weights: Weights) -> Ranked:
        rows, found = _accumulated(weights[order]), _accumulated(weights[hits])
        return Ranked(
            weight=weights[hits],
            rows_above=rows[above],
            rows_through=rows[through],
            hits_above=found[hits_above],
            hits_through=found[hits_through],
            rows=rows[-1],
            hits=found[-1],
        )

    return ranked


def _places(ordered: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how many of the ordered values lie before each wanted one, and how many do not lie after it."""
    return np.searchsorted(ordered, wanted, side="left"), np.searchsorted(ordered, wanted, side="right")


def _accumulated(weights: Weights) -> Float[np.ndarray, "steps resamples"]:
    """Return running sums with a leading row of zeros."""
    sums = np.zeros((len(weights) + 1, weights.shape[1]))
    np.cumsum(weights, axis=0, out=sums[1:])
    return sums


def _share(part: np.ndarray, whole: np.ndarray, where_zero: float) -> np.ndarray:
    share = np.full(np.shape(part), where_zero)
    np.divide(part, whole, out=share, where=whole > 0)
    return share


def roc_area(ranked: Ranked) -> PerResample:
    """Area under the ROC curve, ties counted half; NaN without a positive or a negative row."""
    misses = ranked.rows - ranked.hits
    outranking = ranked.rows_above + ranked.rows_through - ranked.hits_above - ranked.hits_through
    won = (ranked.weight * (misses - outranking / 2)).sum(axis=0)
    return _share(won, ranked.hits * misses, np.nan)


def average_precision(ranked: Ranked) -> PerResample:
    """Mean precision at the rank of each positive row, uninterpolated; NaN without a positive row."""
    precision = _share(ranked.hits_through, ranked.rows_through, 0.0)
    return _share((ranked.weight * precision).sum(axis=0), ranked.hits, np.nan)


def per_label_family(
    gold: Num[np.ndarray, "rows labels"],
    score: Float[np.ndarray, "rows labels"],
    measures: Mapping[str, Callable[[Ranked], PerResample]],
) -> Family:
    """Means over labels of ranking measures, each label against the rest, where they are defined."""
    counted = [rank(gold[:, label] == 1, score[:, label]) for label in range(gold.shape[1])]

    def family(weights: Weights) -> dict[str, np.ndarray]:
        tables: dict[str, list[np.ndarray]] = {name: [] for name in measures}
        for count in counted:
            ranked = count(weights)
            for name, measure in measures.items():
                tables[name].append(measure(ranked))
        return {name: _mean_over_defined(np.stack(table)) for name, table in tables.items()}

    return family


def _mean_over_defined(table: Float[np.ndarray, "labels resamples"]) -> PerResample:
    defined = np.isfinite(table)
    return _share(np.where(defined, table, 0.0).sum(axis=0), defined.sum(axis=0), np.nan)


def abstaining_family(wrong: Bool[np.ndarray, " rows"], confidence: Float[np.ndarray, " rows"]) -> Family:
    """``aurc``: mean error rate over the shares of rows answered, most confident first (Geifman and El-Yaniv 2017).

    Equally confident rows are answered together, so that their order in the file does not matter.
    """
    order = np.argsort(-confidence, kind="stable")
    _, through = _places(-confidence[order], -confidence[order])

    def family(weights: Weights) -> dict[str, np.ndarray]:
        answered, errors = _accumulated(weights[order]), _accumulated((weights * wrong[:, None])[order])
        risk = _share(errors[through], answered[through], 0.0)
        return {"aurc": (weights[order] * risk).sum(axis=0) / answered[-1]}

    return family


def _mid_ranks(weights: Weights, order: Int[np.ndarray, " rows"], places: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    sums = _accumulated(weights[order])
    below, through = places
    middle: np.ndarray = (sums[below] + sums[through]) / 2
    return middle


def spearman_family(gold: Float[np.ndarray, " rows"], predicted: Float[np.ndarray, " rows"]) -> Family:
    """``spearman``: Pearson's correlation of mid-ranks; NaN where either side is constant."""
    sorted_once = []
    for value in (gold, predicted):
        order = np.argsort(value, kind="stable")
        sorted_once.append((order, _places(value[order], value)))

    def family(weights: Weights) -> dict[str, np.ndarray]:
        rows = weights.sum(axis=0)
        # the mean mid-rank is half the number of rows, whatever the ties
        first, second = (_mid_ranks(weights, *once) - rows / 2 for once in sorted_once)
        together = (weights * first * second).sum(axis=0)
        spread = np.sqrt((weights * first**2).sum(axis=0) * (weights * second**2).sum(axis=0))
        return {"spearman": _share(together, spread, np.nan)}

    return family
