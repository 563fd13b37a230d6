"""A short version of ``benchmarks/verdict_calibration.py``: few cells, few replications, bounds with room."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from scipy import stats

BENCHMARKS = str(Path(__file__).parents[2] / "benchmarks")


@pytest.fixture(scope="module")
def calibration() -> Iterator[ModuleType]:
    sys.path.insert(0, BENCHMARKS)
    import verdict_calibration

    yield verdict_calibration
    sys.path.remove(BENCHMARKS)


@pytest.mark.slow  # a simulation
def test_error_rates(calibration: ModuleType) -> None:
    cell = calibration.Cell
    cells = [
        cell(seeds=3, rows=200, classes=5),
        cell(seeds=5, rows=200, classes=4, group_size=4, metrics=("macro_f1", "quadratic_kappa", "mae")),
        cell(seeds=1, rows=200, classes=2, tunings=4, configuration_spread=0.2, metrics=("accuracy", "log_loss")),
    ]
    rates = [found for _, found, _ in calibration.measure_all(cells, 800, seed=1)]
    summary = calibration.pooled(rates)
    assert 0.02 < summary["wrong_better"] < 0.055
    assert summary["wrong_better_worst"] < 0.08
    assert summary["coverage_worst"] > 0.91
    assert summary["power"] > 0.78
    assert summary["wrong_equal"] < 0.06


def test_true_values_are_what_simulations_tend_to(calibration: ModuleType) -> None:
    import simulated_arms

    metrics = ("accuracy", "macro_f1", "cohen_kappa", "log_loss")
    cell = calibration.Cell(seeds=4, rows=4000, classes=4, metrics=metrics)
    ordinal = calibration.Cell(seeds=4, rows=4000, classes=4, metrics=("mae", "quadratic_kappa"))
    for each in (cell, ordinal):
        shares = simulated_arms.simulate(each, np.random.default_rng(0), 40, np.full(40, 1.0))
        for metric in each.metrics:
            truth = simulated_arms.true_values(each, metric)
            for arm, shift in zip(shares, (0.5, -0.5), strict=True):
                place = int(np.argmin(np.abs(simulated_arms.SHIFTS - shift)))
                assert arm[metric].mean() == pytest.approx(truth[place], abs=0.008), metric


def test_an_interval_over_rows_alone_would_be_caught(calibration: ModuleType) -> None:
    import simulated_arms

    cell = calibration.Cell(seeds=3, rows=1000, classes=2, seed_spread=0.3, metrics=("accuracy",))
    first, second = simulated_arms.simulate(cell, np.random.default_rng(0), 200, np.zeros(200))
    per_row = (first["accuracy"] - second["accuracy"]).mean(axis=1)
    assert np.mean(stats.ttest_1samp(per_row, 0, axis=1).pvalue < 0.05) > 0.2
