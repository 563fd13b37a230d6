"""What is said to be detectable is detected, and what is said to decide decides."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.power import TTestPower

from headtohead.statistics.power import _found, _fresh, detectable_difference, more_rows, more_runs, power_at
from headtohead.statistics.variance import Layout, Stratum, degrees_of_freedom, grown, lay_out


def drawn(difference: float, runs: int = 4, units: int = 300, spread: float = 0.05, seed: int = 0) -> Layout:
    generator = np.random.default_rng(seed)
    rows = generator.normal(size=units)
    first, second = (
        rows + spread * generator.normal(size=(runs, 1)) + 0.5 * generator.normal(size=(runs, units)) for _ in range(2)
    )
    shift = difference - (first.mean() - second.mean())
    return lay_out([Stratum(first + shift, 1.0), Stratum(second, -1.0)])


def test_power_of_one_source_is_that_of_the_t_test() -> None:
    for df in (2, 5, 30):
        ratio = 3.0
        known = TTestPower().power(ratio / np.sqrt(df + 1), df + 1, 0.05, alternative="two-sided")
        assert power_at(ratio, df, 0.05) == pytest.approx(known, abs=0.01)


def test_single_runs_on_many_rows_can_see_the_usual_sum_of_quantiles() -> None:
    layout = drawn(0.0, runs=1, units=5000)
    error = float(np.sqrt(layout.variance))
    assert detectable_difference(layout, 0.05) / error == pytest.approx(1.96 + 0.84, abs=0.02)


def test_detectable_difference_shrinks_with_runs_and_rows_and_grows_with_strictness() -> None:
    few, many = drawn(0.0, runs=3), drawn(0.0, runs=10)
    assert detectable_difference(few, 0.05) > detectable_difference(many, 0.05)
    assert detectable_difference(few, 0.01) > detectable_difference(few, 0.05)
    assert detectable_difference(grown(many, row_factor=4), 0.05) < detectable_difference(many, 0.05)


def test_rows_that_all_show_the_same_difference_leave_the_luck_of_seeds() -> None:
    """Seen with a dozen test rows: a fresh comparison may then have no error at all."""
    lucky = np.outer([0.1, 0.2, 0.4], np.ones(12))
    layout = lay_out([Stratum(lucky, 1.0), Stratum(np.zeros((3, 12)), -1.0)])
    assert layout.across_units == 0
    assert 0 < detectable_difference(layout, 0.05) < 1
    flipped = np.eye(3, 12) + np.roll(np.eye(3, 12), 1, axis=0) + np.roll(np.eye(3, 12), 2, axis=0)
    assert detectable_difference(lay_out([Stratum(flipped, 1.0), Stratum(flipped, -1.0)]), 0.05) == pytest.approx(0.0)


def test_a_fresh_comparison_of_hardly_any_certainty_is_one_in_which_nothing_is_found() -> None:
    """Seen with two seeds that differ in one of eleven test rows: a simulated one has next to no degrees of freedom."""
    right = (np.random.default_rng(5).random((2, 11)) < 0.5).astype(float)
    other = right.copy()
    other[0, 0] = 1 - other[0, 0]
    layout = lay_out([Stratum(right, 1.0), Stratum(other, -1.0)])
    assert np.isinf(_fresh(layout, 0.05 / 3, 1000)[1]).sum() == 1
    found = float(detectable_difference(layout, 0.05 / 3))
    assert np.isfinite(found)
    error, reach = _fresh(layout, 0.05 / 3, 1000)
    assert _found(found - reach, error).mean() >= 0.8


def test_as_many_more_as_stated_are_enough_and_one_fewer_is_not() -> None:
    layout = drawn(0.06)
    more = more_runs(layout, 0.05)
    assert more is not None
    assert power_with(grown(layout, more_runs=more)) >= 0.8
    assert power_with(grown(layout, more_runs=more - 1)) < 0.8


def power_with(layout: Layout) -> float:
    return power_at(
        abs(float(layout.difference)) / float(np.sqrt(layout.variance)), float(degrees_of_freedom(layout)), 0.05
    )


def test_rows_alone_cannot_undo_the_luck_of_seeds() -> None:
    layout = drawn(0.05, spread=1.0)
    assert more_rows(layout, 300, 0.05) is None
    without = drawn(0.05, runs=1)
    assert more_runs(without, 0.05) is None
    rows = more_rows(without, 300, 0.05)
    assert rows is not None
    assert power_with(grown(without, row_factor=1 + rows / 300)) >= 0.79


def test_no_difference_is_never_decided() -> None:
    assert more_runs(drawn(0.0), 0.05) is None
