"""Decisions over all pairs of arms: direction and equivalence, each a family of tests of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

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
        ahead = pair.first if (pair.difference > 0) == pair.higher_is_better else pair.second
        decided = replace(pair, p_holm=p_holm, direction=ahead if p_holm <= alpha else None)
        if decided.direction:
            decided = replace(decided, more_runs=None, more_rows=None)
        if pair.equivalence_p is not None:
            nearness = near[id(pair)]
            decided = replace(decided, equivalence_p_holm=nearness, equivalent=nearness <= alpha)
        settled.append(decided)
    return settled


def not_worse(best: str, pair: Comparison, margin: float, alpha: float) -> bool:
    """Say whether the other arm of a pair is shown not to be worse than ``best`` by ``margin`` or more."""
    gain = pair.difference if best == pair.first else -pair.difference
    shortfall = gain if pair.higher_is_better else -gain
    if pair.standard_error == 0:
        return False
    return not_worse_p(shortfall, pair.standard_error, pair.degrees_of_freedom, margin) <= alpha
