"""Decisions over all pairs of arms: direction and equivalence, each a family of tests of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from headtohead.statistics.comparison import Comparison
from headtohead.statistics.equivalence import not_worse_p
from headtohead.statistics.multiplicity import holm


def settle(comparisons: Sequence[Comparison], alpha: float) -> list[Comparison]:
    """Decide direction and equivalence of every pair, each family of tests held by Holm's procedure.

    Args:
        comparisons: All pairs of one metric.
        alpha: Error rate of this look, of each family.
    """
    adjusted = holm([pair.p_value for pair in comparisons])
    asked = [pair for pair in comparisons if pair.equivalence_p is not None]
    near = dict(zip(map(id, asked), holm([pair.equivalence_p or 0.0 for pair in asked]), strict=True))
    settled = []
    for pair, p_holm in zip(comparisons, adjusted, strict=True):
        ahead = (pair.difference > 0) == pair.higher_is_better
        nearness = near.get(id(pair))
        settled.append(
            replace(
                pair,
                p_holm=p_holm,
                direction=(pair.first if ahead else pair.second) if p_holm <= alpha else None,
                equivalence_p_holm=nearness,
                equivalent=None if nearness is None else nearness <= alpha,
            )
        )
    return settled


def not_worse(best: str, pair: Comparison, margin: float, alpha: float) -> bool:
    """Say whether the other arm of a pair is shown not to be worse than ``best`` by ``margin`` or more."""
    gain = pair.difference if best == pair.first else -pair.difference
    shortfall = np.asarray(gain if pair.higher_is_better else -gain)
    if pair.standard_error == 0:
        return False
    error, df = np.asarray(pair.standard_error), np.asarray(pair.degrees_of_freedom)
    return bool(not_worse_p(shortfall, error, df, margin) <= alpha)
