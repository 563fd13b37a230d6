"""What is said to be detectable is detected, and what is said to decide decides."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from headtohead.statistics.power import _found, _fresh, chance_to_find, detectable_difference, more_rows, more_runs
from headtohead.statistics.variance import Layout, Stratum, degrees_of_freedom, grown, lay_out


def drawn(difference: float, runs: int = 4, units: int = 300, spread: float = 0.05, seed: int = 0) -> Layout:
    generator = np.random.default_rng(seed)
    rows = generator.normal(size=units)
    first, second = (
        rows + spread * generator.normal(size=(runs, 1)) + 0.5 * generator.normal(size=(runs, units)) for _ in range(2)
    )
    shift = difference - (first.mean() - second.mean())
    return lay_out([Stratum(first + shift, 1.0), Stratum(second, -1.0)])


@pytest.mark.parametrize("units", [3, 5, 12])
def test_of_one_source_what_is_stated_is_found_in_exactly_80_percent(units: int) -> None:
    """The derivation of the docstring: estimates and truths of one source are each other's mirror images."""
    generator = np.random.default_rng(units)
    many = 4000
    comparisons = generator.normal(size=(2, many, 1, units))
    layout = lay_out([Stratum(comparisons[0], 1.0), Stratum(np.zeros_like(comparisons[0]), -1.0)])
    one = lay_out([Stratum(comparisons[0, 0], 1.0), Stratum(np.zeros((1, units)), -1.0)])
    times = float(detectable_difference(one, 0.05, draws=40_000) / np.sqrt(one.variance))
    stated = times * np.sqrt(layout.variance)  # units of the metric do not matter
    fresh = lay_out([Stratum(comparisons[1], 1.0), Stratum(np.zeros_like(comparisons[1]), -1.0)])
    reach = stats.t.isf(0.025, degrees_of_freedom(fresh)) * np.sqrt(fresh.variance)
    assert np.mean(fresh.difference + stated > reach) == pytest.approx(0.8, abs=0.02)


def test_the_stated_difference_is_the_one_with_a_chance_of_80_percent() -> None:
    for runs in (2, 3, 5):
        layout = drawn(0.0, runs=runs)
        stated = float(detectable_difference(layout, 0.05))
        assert chance_to_find(layout, stated, 0.05) == pytest.approx(0.8, abs=1e-6)
        assert chance_to_find(layout, stated, 0.05 / 2) < 0.8


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


def test_a_fresh_comparison_always_has_as_many_degrees_of_freedom_as_its_fewest_runs() -> None:
    """Seen with two seeds that differ in one of eleven test rows: a simulated one had next to none, and infinite reach."""
    right = (np.random.default_rng(5).random((2, 11)) < 0.5).astype(float)
    other = right.copy()
    other[0, 0] = 1 - other[0, 0]
    layout = lay_out([Stratum(right, 1.0), Stratum(other, -1.0)])
    error, reach = _fresh(layout, 0.05 / 3, 1000)
    assert np.isfinite(reach).all()
    found = float(detectable_difference(layout, 0.05 / 3))
    assert _found(found - reach, error).mean() >= 0.8


def test_as_many_more_as_stated_are_enough_and_one_fewer_is_not() -> None:
    layout = drawn(0.06)
    more = more_runs(layout, 0.06, 0.025)
    assert more
    assert chance_to_find(layout, 0.06, 0.025, more_runs=more) >= 0.8
    assert chance_to_find(layout, 0.06, 0.025, more_runs=more - 1) < 0.8
    assert more > (more_runs(layout, 0.06, 0.05) or 0)


def test_what_is_seen_already_takes_no_more() -> None:
    layout = drawn(0.0, runs=5)
    assert more_runs(layout, 10.0, 0.05) == 0
    assert more_rows(layout, 300, 10.0, 0.05) == 0


def test_rows_alone_cannot_undo_the_luck_of_seeds() -> None:
    layout = drawn(0.05, spread=1.0)
    assert more_rows(layout, 300, 0.05, 0.05) is None
    without = drawn(0.05, runs=1)
    assert more_runs(without, 0.05, 0.05) is None
    rows = more_rows(without, 300, 0.05, 0.05)
    assert rows
    assert chance_to_find(without, 0.05, 0.05, row_factor=1 + rows / 300) >= 0.79


@pytest.mark.parametrize("runs", [3, 5])
def test_the_seeds_advised_see_the_margin_at_the_next_look(runs: int) -> None:
    """Followed on the model itself: a true difference as large as the margin, arms whose seeds matter as rows do."""
    generator = np.random.default_rng(0)
    margin, units, found = 0.3, 200, []
    for _ in range(60):
        rows = generator.normal(size=units)

        def arm(shift: float, count: int, rows: np.ndarray = rows) -> np.ndarray:
            return rows + shift + 0.2 * generator.normal(size=(count, 1)) + generator.normal(size=(count, units))

        layout = lay_out([Stratum(arm(margin, runs), 1.0), Stratum(arm(0.0, runs), -1.0)])
        more = more_runs(layout, margin, 0.025)
        if more is None or more > 60:
            continue
        later = lay_out([Stratum(arm(margin, runs + more), 1.0), Stratum(arm(0.0, runs + more), -1.0)])
        found.append(later.difference > stats.t.isf(0.0125, degrees_of_freedom(later)) * np.sqrt(later.variance))
    assert len(found) > 30
    assert np.mean(found) >= 0.78
