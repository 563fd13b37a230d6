"""Several pairs, several looks: error rates are of the whole, not of each question."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def level_per_look(alpha: float, looks: int) -> float:
    """Return the error rate that one of ``looks`` planned looks may spend (Bonferroni).

    Seeds that are added after a look make another look; without the split, looking often enough would find anything.
    """
    return alpha / looks


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted over all of them (Holm 1979): the chance of any wrong finding is held.

    statsmodels' ``multipletests``, to which tests hold this, collects all garbage at every call: half a second beside a
    loaded model.
    """
    if not p_values:
        return []
    given = np.asarray(p_values, dtype=float)
    order = np.argsort(given)
    stepped = np.maximum.accumulate(given[order] * np.arange(len(given), 0, -1))
    adjusted = np.empty_like(given)
    adjusted[order] = np.minimum(stepped, 1.0)
    return [float(value) for value in adjusted]
