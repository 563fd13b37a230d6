"""What does not fit into one number: per class, confusion, reliability, abstaining, slices. JSON-ready."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from headtohead.evaluation import classes
from headtohead.evaluation.calibration import calibrate
from headtohead.evaluation.intervals import percentile_interval, with_intervals
from headtohead.evaluation.metric_table import METRICS
from headtohead.evaluation.metrics import confidence, has_probabilities, summing_family, wrong
from headtohead.evaluation.probability import reliability
from headtohead.evaluation.ranking import abstaining_family
from headtohead.evaluation.resampling import Weights, estimate, independent_units, resample
from headtohead.results import Predictions

POINTS = 50
CLASSES = 100
"""Classes described by themselves, those with most rows; ``predictions.parquet`` tells of them all."""
MATRIX = 40
"""Labels of a confusion matrix."""
PAIRS = 20
"""Confusions kept, the most frequent ones of all labels."""
SLICE_RESAMPLES = 200


def describe(predictions: Predictions, temperature: float, resamples: int, seed: int) -> dict[str, Any]:
    """Return the sections that suit the kind of label; a section that does not apply is absent."""
    sections: dict[str, Any] = {"rows": len(predictions), "groups": int(independent_units(predictions.group).max()) + 1}
    if predictions.labels.kind != "real":
        sections["labels"] = len(predictions.labels)
        sections["per_class"] = class_table(predictions, resamples, seed)
    if predictions.labels.kind in ("single", "ordinal"):
        sections["confusion"] = confusion(predictions)
    if has_probabilities(predictions):
        sections["reliability"] = {"before": reliability(predictions)}
        if temperature != 1.0:
            sections["reliability"]["after"] = reliability(calibrate(predictions, temperature))
        sections["risk_coverage"] = risk_coverage(predictions)
    sections["slices"] = slices(predictions, seed)
    return sections


def class_table(predictions: Predictions, resamples: int, seed: int) -> dict[str, dict[str, Any]]:
    """Return per label its rows (``support``), how often it was ``predicted``, and precision, recall and F1.

    Of very many labels those with most rows are described, in the labels' order.
    """
    count = classes.count_with(predictions.gold, predictions.predicted, len(predictions.labels))

    def family(weights: Weights) -> dict[str, np.ndarray]:
        return classes.per_class(count(weights))

    values = estimate(family, len(predictions))
    drawn = resample(family, independent_units(predictions.group), resamples, seed)
    here = count(np.ones((len(predictions), 1)))
    return {
        predictions.labels.names[j]: {"support": int(here.true[j, 0]), "predicted": int(here.predicted[j, 0])}
        | {part: _with_bounds(float(values[part][j]), drawn[part][j]) for part in values}
        for j in _largest(here.true[:, 0], CLASSES)
    }


def _largest(rows: np.ndarray, most: int) -> list[int]:
    """Return the places of the labels with most rows, in the labels' order."""
    return sorted(np.argsort(-rows, kind="stable")[:most].tolist())


def _with_bounds(value: float, drawn: np.ndarray) -> dict[str, float | None]:
    low, high = percentile_interval(drawn) or (None, None)
    return {"value": value, "low": low, "high": high}


def confusion(predictions: Predictions) -> dict[str, Any]:
    """Return the number of rows per gold label (outer) and predicted label (inner), and the most frequent confusions.

    Of very many labels the matrix holds those with most rows; ``pairs`` are of all.
    """
    names, labels = predictions.labels.names, len(predictions.labels)
    gold_rows = np.bincount(predictions.gold, minlength=labels)
    cells = sparse.coo_array((np.ones(len(predictions), int), (predictions.gold, predictions.predicted)), (labels,) * 2)
    cells.sum_duplicates()
    kept = _largest(gold_rows, MATRIX)
    wrong_cells = [cell for cell in zip(*cells.coords, cells.data, strict=True) if cell[0] != cell[1]]
    wrong_cells.sort(key=lambda cell: (-cell[2], cell[0], cell[1]))
    return {
        "labels": [names[label] for label in kept],
        "counts": cells.tocsr()[kept][:, kept].toarray().tolist(),
        "pairs": [
            {"gold": names[gold], "predicted": names[found], "rows": int(rows), "of": int(gold_rows[gold])}
            for gold, found, rows in wrong_cells[:PAIRS]
        ],
    }


def risk_coverage(predictions: Predictions) -> dict[str, Any]:
    """Return the error rate among the rows answered when the least confident are left out, at 50 points at most."""
    sure, errors = confidence(predictions), wrong(predictions)
    order = np.argsort(-sure, kind="stable")
    rows = len(order)
    answered = np.unique(np.linspace(1, rows, min(POINTS, rows)).round().astype(int))
    risk = np.cumsum(errors[order])[answered - 1] / answered
    return {
        "coverage": (answered / rows).tolist(),
        "risk": risk.tolist(),
        "confidence": sure[order][answered - 1].tolist(),
        "aurc": float(estimate(abstaining_family(errors, sure), rows)["aurc"]),
    }


def slices(predictions: Predictions, seed: int) -> dict[str, list[dict[str, Any]]]:
    """Return the main metrics by quartile of length in tokens, and of rows that were cut against whole ones."""
    by_length = [(f"{low}-{high} tokens", rows) for low, high, rows in _length_quartiles(predictions.tokens)]
    cut = predictions.truncated.astype(bool)
    by_cut = [(name, rows) for name, rows in (("whole", ~cut), ("truncated", cut)) if rows.any()]
    return {
        "length": [_slice(name, predictions.select(rows), seed) for name, rows in by_length],
        "truncated": [_slice(name, predictions.select(rows), seed) for name, rows in by_cut],
    }


def _length_quartiles(tokens: np.ndarray) -> list[tuple[int, int, np.ndarray]]:
    edges = np.unique(np.quantile(tokens, [0.25, 0.5, 0.75], method="lower"))
    place = np.searchsorted(edges, tokens, side="left")
    masks = [place == bucket for bucket in np.unique(place)]
    return [(int(tokens[rows].min()), int(tokens[rows].max()), rows) for rows in masks]


def _slice(name: str, rows: Predictions, seed: int) -> dict[str, Any]:
    found = with_intervals(summing_family(rows), rows, SLICE_RESAMPLES, seed)
    return {
        "name": name,
        "rows": len(rows),
        "metrics": {key: found[key] for key, metric in METRICS.items() if metric.is_sliced and key in found},
    }
