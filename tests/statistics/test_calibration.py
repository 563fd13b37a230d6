"""A short version of ``benchmarks/verdict_calibration.py``: few cells, few replications, bounds with room."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

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
        cell(seeds=5, rows=200, classes=5),
        cell(seeds=5, rows=200, classes=4, group_size=4, metrics=("macro_f1", "quadratic_kappa", "mae")),
        cell(seeds=1, rows=200, classes=2, tunings=4, configuration_spread=0.2, metrics=("accuracy", "log_loss")),
    ]
    rows = [row for found in calibration.measure_all(tasks_of(calibration, cells), 800, seed=1) for row in found]
    assert calibration.violations(rows, allowance=3) == []
    assert calibration.pooled(rows)["wrong_better"] > 0.02


def tasks_of(calibration: ModuleType, cells: Sequence[Any], family: str = "some") -> list[Any]:
    return [calibration.Task(family=family, cell=cell) for cell in cells]


QUICK = (
    "ordinary",
    "few errors",
    "labels no row has, answered now and then",
    "seeds of one arm wild",
    "seeds that fail at times, in both arms",
    "unequal numbers of seeds",
    "two seeds beside another number: no direction",
    "few groups",
    "fewer groups: no direction",
    "champion of three, trained again",
    "single runs: these two models",
)


@pytest.mark.long  # with the next one under two minutes on two cores
@pytest.mark.parametrize("family", QUICK)
def test_every_family_of_cells_in_short(calibration: ModuleType, family: str) -> None:
    """Cells of up to 1,000 rows, 400 comparisons each: what exceeds its limit by more than chance does is wrong."""
    chosen = [task for task in calibration.tasks() if task.family == family and task.cell.rows <= 1000]
    assert chosen
    assert broken_cells(calibration, chosen, 400) == []


@pytest.mark.long
def test_looks_seeds_more_and_seeds_advised_in_short(calibration: ModuleType) -> None:
    chosen = [task for task in calibration.tasks() if task.measure is not calibration.measure]
    assert broken_cells(calibration, chosen, 80) == []


def broken_cells(calibration: ModuleType, chosen: Sequence[Any], replications: int) -> list[str]:
    """Return limits that cells break; means over one family are not those over all."""
    rows = [row for found in calibration.measure_all(chosen, replications, seed=3) for row in found]
    return [said for said in calibration.violations(rows, allowance=3) if not said.startswith("pooled")]


def test_limits_can_be_broken(calibration: ModuleType) -> None:
    def broken(**given: Any) -> list[str]:
        allowance = given.pop("allowance", 0.0)
        about = {"directed": True, "family": "some"} | {
            key: given.pop(key) for key in ("directed", "family") if key in given
        }
        row = calibration.Row(name="cell", metric="accuracy", tries=1000, rates=given, **about)
        return calibration.violations([row], allowance)

    assert broken(wrong_better=0.05, coverage_null=0.95, power=0.82, widest=0.2) == []
    assert any("wrong_better 0.066" in said for said in broken(wrong_better=0.066))
    assert any(said.startswith("pooled: wrong_better") for said in broken(wrong_better=0.06))
    assert broken(coverage_apart=0.929)
    assert broken(power=0.77)
    assert broken(widest=2.8e132)
    assert broken(wider_with_one_more=0.64)
    assert broken(wrong_better=0.01, directed=False)  # a direction where none is given
    assert broken(coverage_null=0.91, directed=False)  # nor an interval alone
    assert any("some:" in said for said in broken(wrong_better=0.07))
    assert not any("some:" in said for said in broken(wrong_better=0.07, allowance=2))


def test_a_champion_judged_on_the_seeds_that_chose_it_would_be_caught(calibration: ModuleType) -> None:
    again = calibration.Cell(
        seeds=5, rows=300, classes=2, seed_spread=0.6, other_spread=0.06, top_k=8, metrics=("accuracy",)
    )
    own = replace(again, champion_again=False)
    fair, unfair = (calibration.measure(cell, 300, 0)["accuracy"]["wrong_better"] for cell in (again, own))
    assert fair < 0.1
    assert unfair > 0.15


def test_a_label_no_row_has_would_be_caught_if_it_were_averaged(calibration: ModuleType) -> None:
    """As it was: the macro average over every label that gold or one run's answers hold."""
    import simulated_arms

    cell = calibration.Cell(seeds=1, rows=300, classes=5, seed_spread=0.0, stray=0.003, metrics=("macro_f1",))
    first, second = simulated_arms.simulate(cell, np.random.default_rng(0), 300, np.zeros(300))
    generator = np.random.default_rng(1)
    answered = generator.random((2, 300)) < 1 - (1 - cell.stray) ** cell.rows
    before = [
        arm["macro_f1"][:, 0] * np.where(strayed, 5 / 6, 1)[:, None]
        for arm, strayed in zip((first, second), answered, strict=True)
    ]
    now = stats.ttest_rel(first["macro_f1"][:, 0], second["macro_f1"][:, 0], axis=1).pvalue < 0.05
    then = stats.ttest_rel(*before, axis=1).pvalue < 0.05
    assert now.mean() < 0.09
    assert then.mean() > 0.3


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1"])
def test_true_values_of_mishaps_are_what_simulations_tend_to(calibration: ModuleType, metric: str) -> None:
    import simulated_arms

    for given in ({"stray": 0.05}, {"collapse": 0.3}):
        cell = calibration.Cell(seeds=8, rows=1000, classes=4, metrics=("accuracy", "macro_f1"), **given)
        arms = simulated_arms.simulate(cell, np.random.default_rng(0), 300, np.full(300, 1.0))
        truth = simulated_arms.true_values(cell, metric)
        for arm, shift in zip(arms, (0.5, -0.5), strict=True):
            place = int(np.argmin(np.abs(simulated_arms.SHIFTS - shift)))
            assert arm[metric].mean() == pytest.approx(truth[place], abs=0.02), given


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


@pytest.mark.slow  # a simulation
@pytest.mark.parametrize("counts", [(3, 3), (3, 8), (4, 4), (5, 8)])
def test_the_rule_holds_on_the_variance_model_where_satterthwaites_does_not(
    calibration: ModuleType, counts: tuple[int, int]
) -> None:
    import verdict_model

    sizes = {name: verdict_model.worst(counts, rule, (3, 5), 4000) for name, rule in verdict_model.RULES.items()}
    assert sizes["package"] < 0.065 + 3 * np.sqrt(0.065 / 4000)
    assert sizes["Cochran and Cox"] <= sizes["Satterthwaite"]
    if counts[0] == 3:
        assert sizes["package"] < sizes["Satterthwaite"] - 0.01
