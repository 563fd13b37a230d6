"""Expected best of k, and how much a winner flattered itself."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headtohead.statistics import expected_best, winners_inflation

VALUES = st.lists(st.one_of(st.floats(-10, 10), st.just(float("nan"))), min_size=1, max_size=7)


@given(VALUES, st.booleans())
def test_it_is_the_mean_over_all_subsets(values: list[float], higher_is_better: bool) -> None:
    found = expected_best(values, higher_is_better=higher_is_better)
    best = np.nanmax if higher_is_better else np.nanmin
    for budget in range(1, len(values) + 1):
        subsets = list(combinations(values, budget))
        if any(np.isnan(subset).all() for subset in subsets):
            assert np.isnan(found[budget - 1])
        else:
            assert found[budget - 1] == pytest.approx(np.mean([best(subset) for subset in subsets]), abs=1e-9)


def test_many_trials_do_not_overflow() -> None:
    values = np.random.default_rng(0).normal(size=2000)
    found = expected_best(list(values), higher_is_better=True)
    assert found[0] == pytest.approx(values.mean())
    assert found[-1] == pytest.approx(values.max())
    assert (np.diff(found) >= -1e-9).all()


def test_a_winner_by_luck_is_found_out() -> None:
    found = winners_inflation(0.9, [0.80, 0.82, 0.84], higher_is_better=True)
    assert found.inflation == pytest.approx(0.08)
    assert found.low is not None
    assert 0 < found.low < 0.08
    mirrored = winners_inflation(-0.9, [-0.80, -0.82, -0.84], higher_is_better=False)
    assert (mirrored.inflation, mirrored.low) == pytest.approx((found.inflation, found.low))
    assert winners_inflation(0.9, [0.8], higher_is_better=True).low is None
