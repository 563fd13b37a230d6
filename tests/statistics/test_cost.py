"""Quality beside cost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from headtohead.statistics import cheapest, pareto

POINTS = st.dictionaries(st.sampled_from("abcdef"), st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1)


@given(POINTS, st.booleans())
def test_nobody_on_the_front_is_beaten_and_everybody_else_is(points: dict[str, tuple[int, int]], higher: bool) -> None:
    quality = {arm: float(point[0]) for arm, point in points.items()}
    cost = {arm: float(point[1]) for arm, point in points.items()}
    front = pareto(quality, cost, higher_is_better=higher)
    sign = 1 if higher else -1

    def beats(one: str, other: str) -> bool:
        gain, saving = sign * (quality[one] - quality[other]), cost[other] - cost[one]
        return gain >= 0 and saving >= 0 and (gain > 0 or saving > 0)

    assert front == sorted(front, key=lambda arm: (cost[arm], arm))
    assert set(front) == {arm for arm in points if not any(beats(other, arm) for other in points)}


def test_unknown_costs_are_left_out() -> None:
    assert pareto({"a": 1.0, "b": 2.0}, {"a": 3.0}, higher_is_better=True) == ["a"]
    assert cheapest(["b", "a", "c"], {"a": 2.0, "b": 2.0}) == "b"
    assert cheapest(["c"], {}) is None
