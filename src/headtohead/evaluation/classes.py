"""Metrics of decided classes, from how often each class is right, true and predicted.

Macro averages are over the classes that gold holds on all rows of the split (scikit-learn's ``labels=np.unique(gold)``
with ``zero_division=0``): the same classes for every run on these rows, whatever it answers, and for every resample; of a
class that a resample has lost, precision, recall and F1 are 0 in it. A stray answer of another class costs the recall of
the class it should have been.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import sparse

from headtohead.evaluation.resampling import Family, Weights

Held = Bool[np.ndarray, "labels 1"]


@dataclass(frozen=True, slots=True)
class ClassCounts:
    """Weighted number of rows of each class, per resample."""

    right: Float[np.ndarray, "labels resamples"]
    true: Float[np.ndarray, "labels resamples"]
    predicted: Float[np.ndarray, "labels resamples"]
    rows: Float[np.ndarray, " resamples"]


def indicators(answers: Int[np.ndarray, "rows ..."], labels: int) -> sparse.csr_array:
    """Return a sparse 0/1 matrix (labels x rows) from label indices, or from 0/1 per label."""
    if answers.ndim == 2:
        return sparse.csr_array(answers.T.astype(np.float64))
    rows = len(answers)
    return sparse.csr_array((np.ones(rows), (answers, np.arange(rows))), shape=(labels, rows))


def count_with(gold: np.ndarray, predicted: np.ndarray, labels: int) -> CountOf:
    """Return the function from weights to class counts."""
    true, guess = indicators(gold, labels), indicators(predicted, labels)
    return CountOf(true.multiply(guess).tocsr(), true, guess)


@dataclass(frozen=True, slots=True)
class CountOf:
    """Counts classes under weights; the indicator matrices are made once."""

    right: sparse.csr_array
    true: sparse.csr_array
    predicted: sparse.csr_array

    def __call__(self, weights: Weights) -> ClassCounts:
        return ClassCounts(self.right @ weights, self.true @ weights, self.predicted @ weights, weights.sum(axis=0))

    @property
    def held(self) -> Held:
        """Which classes gold holds on some row."""
        return np.diff(self.true.indptr)[:, None] > 0


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    share = np.zeros(np.broadcast_shapes(part.shape, whole.shape))
    np.divide(part, whole, out=share, where=whole > 0)
    return share


def per_class(counts: ClassCounts) -> dict[str, Float[np.ndarray, "labels resamples"]]:
    """Return precision, recall and F1 of each class."""
    return {
        "precision": _share(counts.right, counts.predicted),
        "recall": _share(counts.right, counts.true),
        "f1": _share(2 * counts.right, counts.true + counts.predicted),
    }


def averages(counts: ClassCounts, held: Held) -> dict[str, Float[np.ndarray, " resamples"]]:
    """Return macro, micro and support-weighted averages of precision, recall and F1.

    Args:
        counts: Class counts.
        held: The classes of macro averages, which are NaN where there is none (no row of many-label data has a label).
    """
    right, true, predicted = (part.sum(axis=0) for part in (counts.right, counts.true, counts.predicted))
    values = {
        "micro_precision": _share(right, predicted),
        "micro_recall": _share(right, true),
        "micro_f1": _share(2 * right, true + predicted),
    }
    for name, value in per_class(counts).items():
        values[f"macro_{name}"] = (value * held).sum(axis=0) / (held.sum() or np.nan)
        values[f"weighted_{name}"] = _share((value * counts.true).sum(axis=0), true)
    return values


def agreement(counts: ClassCounts) -> dict[str, Float[np.ndarray, " resamples"]]:
    """Return accuracy, Cohen's kappa (NaN where chance agreement is complete) and Matthews' coefficient (then 0)."""
    rows = counts.rows
    right = counts.right.sum(axis=0)
    chance = (counts.true * counts.predicted).sum(axis=0) / rows
    spread = (rows**2 - (counts.true**2).sum(axis=0)) * (rows**2 - (counts.predicted**2).sum(axis=0))
    with np.errstate(invalid="ignore", divide="ignore"):
        kappa = np.where(rows > chance, (right - chance) / (rows - chance), np.nan)
    return {
        "accuracy": right / rows,
        "cohen_kappa": kappa,
        "mcc": _share((right - chance) * rows, np.sqrt(np.maximum(spread, 0.0))),
    }


def quadratic_kappa(counts: ClassCounts, squared_distance: Float[np.ndarray, " resamples"]) -> np.ndarray:
    """Return kappa with squared distances between label positions (Cohen 1968); NaN where none is expected.

    Args:
        counts: Class counts, labels in their order.
        squared_distance: Weighted sum over rows of (gold position - predicted position) squared.
    """
    position = np.arange(len(counts.true), dtype=float)
    true, predicted = counts.true / counts.rows, counts.predicted / counts.rows
    expected = position**2 @ true + position**2 @ predicted - 2 * (position @ true) * (position @ predicted)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(expected > 1e-12, 1 - squared_distance / counts.rows / expected, np.nan)


def single_label_family(gold: np.ndarray, predicted: np.ndarray, labels: int) -> Family:
    """Class metrics of rows with one label each."""
    count = count_with(gold, predicted, labels)

    def family(weights: Weights) -> dict[str, np.ndarray]:
        counts = count(weights)
        return agreement(counts) | averages(counts, count.held)

    return family


def ordinal_family(gold: np.ndarray, predicted: np.ndarray, labels: int) -> Family:
    """Class metrics of rows with one label out of an ordered set."""
    count = count_with(gold, predicted, labels)
    squared = (gold - predicted).astype(float) ** 2

    def family(weights: Weights) -> dict[str, np.ndarray]:
        counts = count(weights)
        kappa = quadratic_kappa(counts, squared @ weights)
        return agreement(counts) | averages(counts, count.held) | {"quadratic_kappa": kappa}

    return family


def multi_label_family(gold: np.ndarray, predicted: np.ndarray) -> Family:
    """Class metrics of rows with any number of labels."""
    count = count_with(gold, predicted, gold.shape[1])
    exact = (gold == predicted).all(axis=1).astype(float)

    def family(weights: Weights) -> dict[str, np.ndarray]:
        counts = count(weights)
        return {"subset_accuracy": exact @ weights / counts.rows} | averages(counts, count.held)

    return family
