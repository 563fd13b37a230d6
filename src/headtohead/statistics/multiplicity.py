"""Several pairs, several looks: error rates are of the whole, not of each question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How a family of pairs spends its error rate: an equal part at each look, held over all pairs there.

    The directions of all pairs are one family, their equivalences another.
    """

    alpha: float = 0.05
    """Over all looks."""
    looks: int = 1
    """That ``alpha`` is split over; this is one of them."""
    next_looks: int | None = None
    """That it will be split over at the next look; ``None``: one more."""
    pairs: int = 1

    @property
    def level(self) -> float:
        """Error rate of this look."""
        return level_per_look(self.alpha, self.looks)

    @property
    def of_pair(self) -> float:
        """Error rate of one pair's interval, so that the intervals of all hold together (Bonferroni)."""
        return self.level / self.pairs

    @property
    def of_next(self) -> float:
        """Error rate of one pair at the next look."""
        return level_per_look(self.alpha, self.next_looks or self.looks + 1) / self.pairs

    def adjusted(self, p_values: Sequence[float]) -> list[float]:
        """Return p-values of all pairs that are to be held against ``alpha``: for the other pairs, and for the looks."""
        return [min(1.0, self.looks * value) for value in holm(p_values)]


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
