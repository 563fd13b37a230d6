"""How far predicted scores lie from true ones."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from headtohead.evaluation.resampling import Family, Weights


def distance_family(gold: Float[np.ndarray, " rows"], predicted: Float[np.ndarray, " rows"]) -> Family:
    """``mae`` and ``rmse`` in the unit of the score, and ``r2``: 1 - squared error / variance, NaN without variance."""
    error, centred = gold - predicted, gold - gold.mean()
    per_row = np.stack([np.abs(error), error**2, centred, centred**2])

    def family(weights: Weights) -> dict[str, np.ndarray]:
        absolute, squared, mean, mean_square = per_row @ weights / weights.sum(axis=0)
        variance = mean_square - mean**2
        floor = 1e-12 * max(1.0, float(np.abs(gold).max()) ** 2)
        explained = np.divide(squared, variance, out=np.full(squared.shape, np.nan), where=variance > floor)
        return {"mae": absolute, "rmse": np.sqrt(squared), "r2": 1 - explained}

    return family
