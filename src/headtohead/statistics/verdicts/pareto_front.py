"""Quality beside cost: who is beaten on both, and what is the least that does as well."""

from __future__ import annotations

from collections.abc import Collection, Mapping


def pareto(better: Collection[tuple[str, str]], cost: Mapping[str, float]) -> list[str]:
    """Return the arms that are worth their cost: the cheapest, and each that is better than every cheaper one.

    Better is what a verdict decided: of two arms that are equal but for chance the dearer is not among them.

    Args:
        better: Pairs of arms, the first better than the second by more than chance.
        cost: Of one kind per arm.
    """

    def beaten(arm: str) -> bool:
        return any(
            (other, arm) in better if cost[other] == cost[arm] else (arm, other) not in better
            for other in cost
            if other != arm and cost[other] <= cost[arm]
        )

    return sorted((arm for arm in cost if not beaten(arm)), key=lambda arm: (cost[arm], arm))


def cheapest(candidates: list[str], cost: Mapping[str, float]) -> str | None:
    """Return the candidate with the lowest known cost; the first of several equal ones."""
    return min((arm for arm in candidates if arm in cost), key=lambda arm: cost[arm], default=None)
