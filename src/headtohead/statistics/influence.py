"""What each row adds to a metric, so that one piece of code judges all metrics.

A metric that is a mean over rows is its own list of shares. One that is not (macro-F1, kappa) is linearised by its
infinitesimal jackknife: a row's influence is the derivative of the metric in that row's weight (Jaeckel 1972; Efron and
Tibshirani 1993, chapter 22), and influences have mean zero. Everything is vectorised over leading axes.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

Influence = Float[np.ndarray, "*batch rows"]
Values = Float[np.ndarray, "*batch"] | np.float64
Answers = Int[np.ndarray, "*batch rows"]


def class_counts(answers: Answers, labels: int) -> Float[np.ndarray, "*batch labels"]:
    """Return how many rows each label has."""
    lead = answers.shape[:-1]
    flat = answers.reshape(-1, answers.shape[-1])
    start = np.arange(len(flat))[:, None] * labels
    counts = np.bincount((flat + start).ravel(), minlength=len(flat) * labels)
    return counts.reshape(*lead, labels).astype(np.float64)


def _of_label(table: Float[np.ndarray, "*batch labels"], answers: Answers) -> Influence:
    """Look up each row's entry in a table by label."""
    labels = table.shape[-1]
    start = np.arange(table.size // labels).reshape(*table.shape[:-1], 1) * labels
    return table.ravel().take(answers + start)


def macro_f1(gold: Answers, predicted: Answers, labels: int) -> tuple[Values, Influence]:
    """Macro-F1 over the labels that gold holds, and each row's influence on it."""
    right = gold == predicted
    hits = class_counts(np.where(right, gold, labels), labels + 1)[..., :labels]
    true = class_counts(gold, labels)
    named, held = true + class_counts(predicted, labels), (true > 0).sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        f1 = np.where(named > 0, 2 * hits / named, 0.0)
        per_row = np.where(named > 0, 1 / named, 0.0)
    change = 2 * right * _of_label(per_row, gold) - _of_label(f1 * per_row, gold) - _of_label(f1 * per_row, predicted)
    return f1.sum(axis=-1) / held, gold.shape[-1] * change / held[
        ..., None
    ]  # other labels' F1 is 0, wherever they stand


def macro_f1_of_sets(
    gold: Int[np.ndarray, "rows labels"], predicted: Int[np.ndarray, "rows labels"]
) -> tuple[Values, Float[np.ndarray, " rows"]]:
    """Macro-F1 over the labels that gold holds, of rows with any number of labels; NaN where no row has one.

    With it each row's influence.
    """
    hits, named = (gold * predicted).sum(axis=0), (gold + predicted).sum(axis=0)
    f1 = np.divide(2.0 * hits, named, out=np.zeros(len(named)), where=named > 0)
    per_row = np.divide(1.0, named, out=np.zeros(len(named)), where=named > 0)
    held = gold.any(axis=0).sum() or np.nan
    change = (2 * gold * predicted - (gold + predicted) * f1) @ per_row
    return f1.sum() / held, len(gold) * change / held


def cohen_kappa(gold: Answers, predicted: Answers, labels: int) -> tuple[Values, Influence]:
    """Cohen's kappa and each row's influence on it; NaN where chance agreement is complete."""
    rows = gold.shape[-1]
    right = (gold == predicted).astype(np.float64)
    true, guess = class_counts(gold, labels) / rows, class_counts(predicted, labels) / rows
    seen, chance = right.mean(axis=-1), (true * guess).sum(axis=-1)
    room = np.where(chance < 1, 1 - chance, np.nan)
    by_chance = _of_label(guess, gold) + _of_label(true, predicted) - 2 * chance[..., None]
    change = (right - seen[..., None]) / room[..., None] - ((1 - seen) / room**2)[..., None] * by_chance
    return 1 - (1 - seen) / room, change


def quadratic_kappa(gold: Answers, predicted: Answers) -> tuple[Values, Influence]:
    """Kappa with squared distances between label positions (Cohen 1968), and each row's influence on it."""
    first, second = gold.astype(np.float64), predicted.astype(np.float64)
    middle, centre = first.mean(axis=-1, keepdims=True), second.mean(axis=-1, keepdims=True)
    distance, other = (first - second) ** 2, first**2 + second**2
    found, squares = distance.mean(axis=-1, keepdims=True), other.mean(axis=-1, keepdims=True)
    expected = squares - 2 * middle * centre
    expected = np.where(expected > 1e-12, expected, np.nan)
    by_chance = other - squares - 2 * ((first - middle) * centre + (second - centre) * middle)
    change = -(distance - found) / expected + found / expected**2 * by_chance
    return (1 - found / expected)[..., 0], change
