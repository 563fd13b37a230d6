"""Quality beside cost: who is beaten on both, and what is the least that does as well."""

from __future__ import annotations

from collections.abc import Mapping


def pareto(quality: Mapping[str, float], cost: Mapping[str, float], *, higher_is_better: bool) -> list[str]:
    """Return the arms that no other beats: none is at least as good and as cheap, and better in one of the two.

    Args:
        quality: A metric per arm.
        cost: Of one kind per arm; arms without one are left out.
        higher_is_better: Of the metric.
    """
    sign = 1 if higher_is_better else -1
    point = {arm: (sign * quality[arm], -cost[arm]) for arm in quality if arm in cost}

    def beaten(arm: str) -> bool:
        own = point[arm]
        return any(other != own and other[0] >= own[0] and other[1] >= own[1] for other in point.values())

    return sorted((arm for arm in point if not beaten(arm)), key=lambda arm: (cost[arm], arm))


def cheapest(candidates: list[str], cost: Mapping[str, float]) -> str | None:
    """Return the candidate with the lowest known cost; the first of several equal ones."""
    return min((arm for arm in candidates if arm in cost), key=lambda arm: cost[arm], default=None)
