"""The two-way decomposition: exact where a textbook test applies, indifferent to order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from headtohead.statistics.variance import Layout, Stratum, degrees_of_freedom, grown, lay_out


def layout_of(first: np.ndarray, second: np.ndarray) -> Layout:
    return lay_out([Stratum(first, 1.0), Stratum(second, -1.0)])


def drawn(seed: int = 0, first: int = 3, second: int = 4, units: int = 40) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    rows = generator.normal(size=units)
    return tuple(
        rows + generator.normal(size=units) + generator.normal(size=(runs, 1)) + generator.normal(size=(runs, units))
        for runs in (first, second)
    )


def test_one_run_each_is_the_paired_t_test() -> None:
    first, second = drawn(first=1, second=1)
    layout = layout_of(first, second)
    known = stats.ttest_rel(first[0], second[0])
    assert layout.difference / np.sqrt(layout.variance) == pytest.approx(known.statistic)
    assert degrees_of_freedom(layout) == pytest.approx(known.df)


@pytest.mark.parametrize("runs", [6, 9])
def test_rows_without_spread_leave_welchs_t_test(runs: int) -> None:
    generator = np.random.default_rng(1)
    first, second = generator.normal(size=(runs, 1)), generator.normal(size=(runs, 1)) * 3
    layout = layout_of(np.repeat(first, 20, axis=1), np.repeat(second, 20, axis=1))
    known = stats.ttest_ind(first[:, 0], second[:, 0], equal_var=False)
    assert layout.difference / np.sqrt(layout.variance) == pytest.approx(known.statistic)
    assert degrees_of_freedom(layout) == pytest.approx(known.df)


def test_the_interaction_is_the_mean_square_of_two_way_residuals() -> None:
    first, second = drawn()
    layout = layout_of(first, second)
    for table, found in zip((first, second), layout.run_by_unit, strict=True):
        runs, units = table.shape
        residual = table - table.mean(axis=1, keepdims=True) - table.mean(axis=0) + table.mean()
        mean_square = (residual**2).sum() / ((runs - 1) * (units - 1))
        assert found == pytest.approx(mean_square / (runs * units))


def test_every_source_is_estimated_without_bias() -> None:
    """Many small layouts at once: the variance of the difference is what it is estimated to be, on the mean."""
    generator = np.random.default_rng(2)
    many, runs, units = 20_000, 4, 12
    rows = generator.normal(size=(many, 1, units))
    arms = [
        rows * own + 0.5 * generator.normal(size=(many, runs, 1)) + generator.normal(size=(many, runs, units))
        for own in (1.0, 0.3)
    ]
    layout = layout_of(*arms)
    unfloored = layout.across_units + layout.from_runs
    truth = 0.7**2 / units + 2 * (0.25 / runs + 1 / (runs * units))
    assert unfloored.mean() == pytest.approx(truth, rel=0.03)
    assert layout.difference.var() == pytest.approx(truth, rel=0.03)


@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(1, 4))
def test_order_of_rows_and_runs_does_not_matter_and_swapping_arms_flips_the_sign(seed: int, one: int, two: int) -> None:
    first, second = drawn(seed, one, two, units=9)
    generator = np.random.default_rng(seed)
    rows, there = generator.permutation(9), layout_of(first, second)
    shuffled = layout_of(first[generator.permutation(one)][:, rows], second[generator.permutation(two)][:, rows])
    back = layout_of(second, first)
    for other, sign in ((shuffled, 1), (back, -1)):
        assert other.difference == pytest.approx(sign * there.difference)
        assert other.variance == pytest.approx(there.variance)
        assert degrees_of_freedom(other) == pytest.approx(degrees_of_freedom(there))


@given(st.integers(0, 10_000), st.floats(0.1, 10), st.floats(-5, 5))
def test_units_of_the_metric_do_not_matter(seed: int, scale: float, shift: float) -> None:
    first, second = drawn(seed, 2, 3, units=9)
    plain, scaled = layout_of(first, second), layout_of(scale * first + shift, scale * second + shift)
    assert scaled.difference == pytest.approx(scale * plain.difference, abs=1e-9)
    assert scaled.variance == pytest.approx(scale**2 * plain.variance)
    assert degrees_of_freedom(scaled) == pytest.approx(degrees_of_freedom(plain), rel=1e-6)


def test_batches_equal_one_at_a_time() -> None:
    tables = [drawn(seed, 2, 3) for seed in range(4)]
    together = layout_of(np.stack([one for one, _ in tables]), np.stack([two for _, two in tables]))
    for place, (one, two) in enumerate(tables):
        alone = layout_of(one, two)
        assert together.variance[place] == pytest.approx(alone.variance)
        assert degrees_of_freedom(together)[place] == pytest.approx(degrees_of_freedom(alone))


def believed_by_satterthwaite(layout: Layout) -> float:
    parts = layout.across_units**2 / (layout.units - 1)
    for runs, mixed, count in zip(layout.runs, layout.run_by_unit, layout.run_counts, strict=True):
        parts += runs**2 / (count - 1) + mixed**2 / ((count - 1) * (layout.units - 1))
    return float(layout.variance**2 / parts)


@pytest.mark.parametrize(("one", "other"), [(2, 2), (3, 3), (3, 8), (4, 4), (5, 5), (8, 5)])
def test_few_runs_are_believed_less_than_satterthwaite_does(one: int, other: int) -> None:
    layout = layout_of(*drawn(3, one, other))
    assert degrees_of_freedom(layout) < believed_by_satterthwaite(layout)


def test_the_fewer_runs_the_less_a_small_spread_of_theirs_is_believed() -> None:
    """With the same variances, and each source's own degrees of freedom alike in what is compared."""
    believed = [degrees_of_freedom(with_runs(count)) / with_satterthwaite(count) for count in (2, 3, 4, 5, 6, 20)]
    assert believed == sorted(believed)
    assert believed[0] < 0.5
    assert believed[-2:] == pytest.approx([1, 1])


def with_runs(count: int) -> Layout:
    """Make up a comparison of which seeds are a fifth of the variance."""
    part = np.float64(0.1)
    return Layout(
        difference=np.float64(0.0),
        units=300,
        across_units=np.float64(0.8),
        runs=(part, part),
        run_by_unit=(0 * part, 0 * part),
        run_counts=(count, count),
        has_single_run=False,
    )


def with_satterthwaite(count: int) -> float:
    return believed_by_satterthwaite(with_runs(count))


@given(st.integers(0, 10_000), st.integers(1, 6), st.integers(1, 6), st.floats(0.001, 0.2))
def test_degrees_of_freedom_never_fall_below_those_of_the_source_with_fewest(
    seed: int, one: int, other: int, wrong: float
) -> None:
    """Few rows are wrong, so that taking the interaction off leaves next to nothing (once 1e-5 degrees of freedom)."""
    generator = np.random.default_rng(seed)
    first, second = ((generator.random((runs, 60)) > wrong).astype(float) for runs in (one, other))
    layout = layout_of(first, second)
    fewest = min([59, *(runs - 1 for runs in (one, other) if runs > 1)])
    assert degrees_of_freedom(layout) >= fewest


@pytest.mark.parametrize("runs", [2, 3, 4, 5])
def test_one_more_run_narrows_the_interval_in_most_data_sets(runs: int) -> None:
    generator = np.random.default_rng(runs)
    shape = (500, runs + 1, 200)
    rows = generator.normal(size=(500, 1, 200))
    first, second = (
        rows + 0.1 * generator.normal(size=(*shape[:2], 1)) + generator.normal(size=shape) for _ in range(2)
    )

    def width(layout: Layout) -> np.ndarray:
        return stats.t.isf(0.025, degrees_of_freedom(layout)) * np.sqrt(layout.variance)

    before, after = (width(layout_of(first[:, : runs + more], second[:, :runs])) for more in (0, 1))
    assert np.mean(after > before) < 0.3


def test_growing_by_nothing_changes_nothing_but_the_floor() -> None:
    layout = layout_of(*drawn())
    same, more = grown(layout), grown(layout, more_runs=5, row_factor=3)
    assert same.variance == pytest.approx(layout.variance)
    assert more.variance < layout.variance
    assert more.run_counts == (8, 9)
