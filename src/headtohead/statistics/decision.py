"""Decisions over all pairs of arms: direction and equivalence, each a family of tests of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from headtohead.statistics.comparison import Comparison
from headtohead.statistics.equivalence import not_worse_p
from headtohead.statistics.multiplicity import Rate


def settle(comparisons: Sequence[Comparison], rate: Rate, *, decides: bool = True) -> list[Comparison]:
    """Decide direction and equivalence of every pair, each family of tests held by Holm's procedure.

    Args:
        comparisons: All pairs of one metric.
        rate: Error rate of each family.
        decides: Whether the metric gives directions; others have their p-values only.
    """
    adjusted = rate.adjusted([1.0 if pair.undirected else pair.p_value for pair in comparisons])
    settled = [replace(pair, p_holm=p_holm) for pair, p_holm in zip(comparisons, adjusted, strict=True)]
    return [replace(pair, **(_direction(pair, rate) if decides else {})) for pair in _near(settled, rate)]


def _direction(pair: Comparison, rate: Rate) -> dict[str, Any]:
    """Return the better arm where there is one, the interval cut at zero where Holm's steps reach further than it does."""
    if pair.p_holm > rate.alpha:
        return {}
    ahead = pair.difference > 0
    better = pair.first if ahead == pair.higher_is_better else pair.second
    known = {"direction": better, "more_runs": None, "more_rows": None}
    if pair.low is None or pair.high is None:
        return known
    return known | ({"low": max(pair.low, 0.0)} if ahead else {"high": min(pair.high, 0.0)})


def _near(comparisons: Sequence[Comparison], rate: Rate) -> list[Comparison]:
    asked = [pair for pair in comparisons if pair.equivalence_p is not None]
    adjusted = rate.adjusted(
        [1.0 if pair.undirected or pair.shows_too_little else pair.equivalence_p or 0.0 for pair in asked]
    )
    near = dict(zip(map(id, asked), adjusted, strict=True))
    return [
        replace(pair, **_nearness(pair, near[id(pair)], rate)) if id(pair) in near else pair for pair in comparisons
    ]


def _nearness(pair: Comparison, p_holm: float, rate: Rate) -> dict[str, Any]:
    if p_holm > rate.alpha:
        return {"equivalence_p_holm": p_holm, "equivalent": "not_shown"}
    assert pair.margin is not None
    assert pair.equivalence_low is not None
    assert pair.equivalence_high is not None
    return {
        "equivalence_p_holm": p_holm,
        "equivalent": True,
        "equivalence_low": max(pair.equivalence_low, -pair.margin),
        "equivalence_high": min(pair.equivalence_high, pair.margin),
        "more_runs": None,
        "more_rows": None,
    }


def not_worse(best: str, pair: Comparison, margin: float, alpha: float) -> bool:
    """Say whether the other arm of a pair is shown not to be worse than ``best`` by ``margin`` or more."""
    gain = pair.difference if best == pair.first else -pair.difference
    shortfall = gain if pair.higher_is_better else -gain
    if pair.standard_error == 0 or pair.undirected or pair.shows_too_little:
        return False
    return not_worse_p(shortfall, pair.standard_error, pair.degrees_of_freedom, margin) <= alpha
