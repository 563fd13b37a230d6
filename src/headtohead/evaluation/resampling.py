"""Bootstrap by weights: a resample is a column of row counts, and the estimate is the column of ones.

Metrics are written as functions of such columns, so that a thousand resamples cost a few matrix products instead of a
thousand passes over the rows (Efron and Tibshirani 1993, section 6.2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from jaxtyping import Float, Int

Weights = Float[np.ndarray, "rows resamples"]
Family = Callable[[Weights], Mapping[str, np.ndarray]]
"""Metrics that share work: from weights to values whose last axis is ``resamples``; NaN where undefined."""

CELLS_AT_ONCE = 2**18
"""Weights held in memory at a time where rows allow: 2 MB, so that they stay in the processor's cache."""


def independent_units(group: np.ndarray) -> Int[np.ndarray, " rows"]:
    """Return for each row the number of the group that is drawn or left out as a whole."""
    return np.unique(group.astype(str), return_inverse=True)[1].reshape(-1)


def draw_weights(unit: Int[np.ndarray, " rows"], resamples: int, seed: int) -> Iterator[Weights]:
    """Yield blocks of resamples drawn with replacement: rows, or whole groups of rows (cluster bootstrap)."""
    generator = np.random.default_rng(seed)
    units = int(unit.max()) + 1
    block = max(1, min(resamples, CELLS_AT_ONCE // max(units, len(unit))))
    for start in range(0, resamples, block):
        columns = min(block, resamples - start)
        drawn = generator.integers(0, units, size=(columns, units)) * columns + np.arange(columns)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=units * columns).reshape(units, columns)
        yield counts[unit].astype(np.float64)


def estimate(family: Family, rows: int) -> dict[str, np.ndarray]:
    """Return the values on the rows as they are, without the axis of resamples."""
    return {name: value[..., 0] for name, value in family(np.ones((rows, 1))).items()}


def resample(family: Family, unit: Int[np.ndarray, " rows"], resamples: int, seed: int) -> dict[str, np.ndarray]:
    """Return the values of a family on each resample, as the last axis."""
    blocks = [family(weights) for weights in draw_weights(unit, resamples, seed)]
    return {name: np.concatenate([block[name] for block in blocks], axis=-1) for name in blocks[0]}
