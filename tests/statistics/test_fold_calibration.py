"""A short version of ``benchmarks/fold_calibration.py``: learners that are really trained on overlapping folds."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

BENCHMARKS = str(Path(__file__).parents[2] / "benchmarks")


@pytest.fixture(scope="module")
def calibration() -> Iterator[ModuleType]:
    sys.path.insert(0, BENCHMARKS)
    import fold_calibration

    yield fold_calibration
    sys.path.remove(BENCHMARKS)


@pytest.mark.long  # a simulation of half a minute
def test_error_rates_by_folds(calibration: ModuleType) -> None:
    cell = calibration.Cell
    cells = [
        cell(rows=120, learner="bayes", classes=3),
        cell(rows=60, learner="nearest"),
        cell(rows=60, learner="logistic", folds=5, repetitions=1),
        cell(rows=60, learner="ridge", classes=5, folds=10, repetitions=1),
        cell(rows=200, learner="centroid"),
        cell(rows=60, learner="bayes", second=0.7),
    ]
    rates = [calibration.measure(each, 400, seed=1) for each in cells]
    ours, rows, corrected = (calibration.pooled(rates, rule) for rule in ("package", "rows", "nadeau_bengio"))
    assert 0.005 < ours["wrong"] < 0.055
    assert ours["wrong_worst"] < 0.065
    assert rows["wrong_worst"] > 0.09, "rows alone do not show what training sets share"
    assert ours["half_width"] < corrected["half_width"]


def test_halves_of_the_features_are_equal_over_training_samples_and_never_on_one(calibration: ModuleType) -> None:
    cell = calibration.Cell(rows=60, learner="centroid", repetitions=1)
    labels, folds, answers = calibration.simulate(cell, np.random.default_rng(0), 400)
    right = (answers == labels[:, None]).mean(axis=(2, 3))
    assert abs((right[0] - right[1]).mean()) < 3 * (right[0] - right[1]).std() / 20
    assert (right[0] != right[1]).mean() > 0.8
    assert (np.sort(folds[:, 0], axis=1) == np.sort(np.arange(60) % 5)).all()


def test_a_learner_never_sees_what_it_is_asked(calibration: ModuleType) -> None:
    cell = calibration.Cell(rows=50, learner="nearest", separation=0.0, validation=0.1)
    labels, _, answers = calibration.simulate(cell, np.random.default_rng(0), 200)
    assert (answers == labels[:, None]).mean() == pytest.approx(0.5, abs=0.02)  # its own row would answer all rightly
