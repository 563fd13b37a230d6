"""A short form of ``benchmarks/sample_calibration.py``: every held cell, few replications, the limits of all verdicts."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from scipy import special

BENCHMARKS = str(Path(__file__).parents[2] / "benchmarks")


@pytest.fixture(scope="module")
def calibration() -> Iterator[ModuleType]:
    sys.path.insert(0, BENCHMARKS)
    import sample_calibration

    yield sample_calibration
    sys.path.remove(BENCHMARKS)


@pytest.mark.long  # all of them in well under a minute
@pytest.mark.parametrize(
    "family", ["a training sample for every seed", "grids, by training sample", "paired, luck shared"]
)
def test_cells_keep_their_limits(calibration: ModuleType, family: str) -> None:
    rows = list(calibration.measure_all({family: calibration.FAMILIES[family]}, 600, seed=2))
    broken = [said for said in calibration.violations(rows, allowance=3) if not said.startswith("pooled")]
    assert broken == []


@pytest.mark.long
def test_pairing_costs_little_where_nothing_is_shared_and_gains_where_it_is(calibration: ModuleType) -> None:
    cells = calibration.SampleCell(runs=(5,), seed_luck=0.18)
    width = {
        (shared, pairing): calibration.measure(replace(cells, shared=shared, pairing=pairing), 600, 0)
        for shared in (0.0, 0.8)
        for pairing in ("none", "seeds")
    }
    assert width[0.0, "seeds"]["half_width"] < 1.15 * width[0.0, "none"]["half_width"]
    assert width[0.8, "seeds"]["half_width"] < 0.85 * width[0.8, "none"]["half_width"]
    assert all(rates["wrong_better"] < 0.09 for rates in width.values())


@pytest.mark.slow  # a simulation
def test_what_was_done_before_would_be_caught(calibration: ModuleType) -> None:
    """One sample's luck in no interval, and nine runs of three samples taken for nine."""
    held = calibration.SampleCell(runs=(1,) * 5, sample_luck=0.18)
    grid = calibration.SampleCell(runs=(3, 3, 3), sample_luck=0.18)
    families = {
        "fresh": [held],
        "one": [replace(held, runs=(5,))],
        "grid": [grid],
        "counted": [replace(grid, as_exchangeable=True)],
    }
    said = calibration.violations(list(calibration.measure_all(families, 600, seed=4)), allowance=3)
    caught = {family for family in families for line in said if line.startswith(f"{family}:")}
    assert caught == {"one", "counted"}


@pytest.mark.parametrize("shift", [-0.25, 0.0, 0.25])
def test_the_truth_is_what_simulations_tend_to(calibration: ModuleType, shift: float) -> None:
    cell = calibration.SampleCell(runs=(2, 2), rows=200, sample_luck=0.4, seed_luck=0.3, shared=0.5)
    arms = calibration.simulate(cell, np.random.default_rng(0), 400, 2 * shift)
    assert arms[0].mean() == pytest.approx(calibration.true_accuracy(cell, shift), abs=0.01)
    assert arms[1].mean() == pytest.approx(calibration.true_accuracy(cell, -shift), abs=0.01)
    drawn = cell.level + shift + cell.spread * np.random.default_rng(1).standard_normal(400_000)
    assert calibration.true_accuracy(cell, shift) == pytest.approx(special.expit(drawn).mean(), abs=2e-3)
