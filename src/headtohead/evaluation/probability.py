"""How good stated probabilities are: log-loss, Brier score, calibration error and reliability."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

from headtohead.evaluation.resampling import Family, Weights
from headtohead.results import Predictions

BINS = 15
CLAIMS_PER_BIN = 20


def log_absent(log_present: np.ndarray) -> np.ndarray:
    """Return log(1 - p) from log p, finite also where p rounds to one."""
    absent: np.ndarray = np.log(-np.expm1(np.minimum(log_present, -1e-16)))
    return absent


def log_loss_per_row(predictions: Predictions) -> Float[np.ndarray, " rows"]:
    """Negative log-probability of the gold answer in nats; multi-label: mean over labels."""
    scores, gold = predictions.scores, predictions.gold
    loss: np.ndarray
    if predictions.labels.kind == "multi":
        loss = -np.where(gold == 1, scores, log_absent(scores)).mean(axis=1)
    else:
        loss = -scores[np.arange(len(gold)), gold]
    return loss


def gold_table(predictions: Predictions) -> Float[np.ndarray, "rows labels"]:
    """Return 1 where a label is true for a row, else 0."""
    if predictions.labels.kind == "multi":
        return predictions.gold.astype(float)
    table: np.ndarray = np.eye(len(predictions.labels))[predictions.gold]
    return table


def brier_per_row(predictions: Predictions) -> Float[np.ndarray, " rows"]:
    """Squared error of the probabilities: summed over labels (0 to 2, Brier 1950); multi-label: mean over labels."""
    squared = (predictions.probabilities - gold_table(predictions)) ** 2
    brier: np.ndarray = squared.mean(axis=1) if predictions.labels.kind == "multi" else squared.sum(axis=1)
    return brier


def stated_and_true(predictions: Predictions) -> tuple[np.ndarray, np.ndarray, Int[np.ndarray, " claims"]]:
    """Return claims: their probability, whether they hold, and the row each belongs to.

    One claim per row, "the predicted label is right"; multi-label: one per row and label, "this label is present".
    """
    rows = np.arange(len(predictions))
    if predictions.labels.kind == "multi":
        labels = len(predictions.labels)
        return predictions.probabilities.ravel(), predictions.gold.ravel().astype(float), np.repeat(rows, labels)
    return predictions.probabilities.max(axis=1), (predictions.predicted == predictions.gold).astype(float), rows


def equal_mass_bins(stated: Float[np.ndarray, " claims"]) -> Int[np.ndarray, " claims"]:
    """Return the bin of each claim: about equally many claims per bin, equal probabilities together.

    Equal-mass bins are less biased than equal-width ones and never empty (Nixon et al. 2019, Roelofs et al. 2022).
    There are at most 15, and so few that each holds about 20 claims: noise in smaller ones reads as miscalibration.
    """
    bins = min(BINS, max(1, len(stated) // CLAIMS_PER_BIN))
    edges = np.unique(np.quantile(stated, np.linspace(0, 1, bins + 1)[1:-1]))
    return np.unique(np.searchsorted(edges, stated, side="left"), return_inverse=True)[1].reshape(-1)


def reliability(predictions: Predictions) -> list[dict[str, Any]]:
    """Return the reliability diagram: mean confidence, accuracy and number of claims (``rows``) per bin."""
    stated, true, _ = stated_and_true(predictions)
    place = equal_mass_bins(stated)
    size = np.bincount(place)
    confidence, accuracy = (np.bincount(place, weights=part) / size for part in (stated, true))
    return [
        {"confidence": float(c), "accuracy": float(a), "rows": int(n)}
        for c, a, n in zip(confidence, accuracy, size, strict=True)
    ]


def probability_family(predictions: Predictions, prefix: str = "") -> Family:
    """``log_loss``, ``brier`` and ``ece``: expected calibration error over the bins of the reliability diagram."""
    per_row = np.stack([log_loss_per_row(predictions), brier_per_row(predictions)])
    stated, true, row = stated_and_true(predictions)
    gap = sparse.csr_array((stated - true, (equal_mass_bins(stated), row)), shape=(BINS, len(predictions)))
    claims_per_row = len(stated) / len(predictions)

    def family(weights: Weights) -> dict[str, np.ndarray]:
        rows = weights.sum(axis=0)
        log_loss, brier = per_row @ weights / rows
        ece = np.abs(gap @ weights).sum(axis=0) / (rows * claims_per_row)
        return {f"{prefix}log_loss": log_loss, f"{prefix}brier": brier, f"{prefix}ece": ece}

    return family
