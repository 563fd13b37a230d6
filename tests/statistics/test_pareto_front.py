"""Quality beside cost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headtohead.statistics import cheapest, pareto

COSTS = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 4), min_size=1)
QUALITY = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 4))


@given(COSTS, QUALITY, st.integers(1, 3))
def test_who_is_dear_must_be_better_than_all_that_are_cheaper(
    costs: dict[str, int], quality: dict[str, int], least: int
) -> None:
    """A difference is decided from ``least`` on."""
    cost = {arm: float(value) for arm, value in costs.items()}
    better = {(a, b) for a in cost for b in cost if quality.get(a, 0) - quality.get(b, 0) >= least}
    front = pareto(better, cost)
    assert front == sorted(front, key=lambda arm: (cost[arm], arm))
    for arm in cost:
        cheaper = [other for other in cost if cost[other] < cost[arm]]
        as_dear = [other for other in cost if cost[other] == cost[arm]]
        worth = all((arm, other) in better for other in cheaper) and not any(
            (other, arm) in better for other in as_dear
        )
        assert (arm in front) == worth


@pytest.mark.parametrize("cost", [{"a": 1.0, "b": 2.0}, {"b": 2.0, "a": 1.0}])
def test_of_two_arms_equal_but_for_chance_the_dearer_is_not_starred(cost: dict[str, float]) -> None:
    assert pareto([], cost) == ["a"]
    assert pareto([("b", "a")], cost) == ["a", "b"]
    assert pareto([("a", "b")], cost) == ["a"]


def test_arms_that_cost_the_same_are_all_starred_unless_one_is_better() -> None:
    assert pareto([], {"a": 1.0, "b": 1.0}) == ["a", "b"]
    assert pareto([("b", "a")], {"a": 1.0, "b": 1.0}) == ["b"]


def test_the_cheapest() -> None:
    assert cheapest(["b", "a", "c"], {"a": 2.0, "b": 2.0}) == "b"
    assert cheapest(["c"], {}) is None
