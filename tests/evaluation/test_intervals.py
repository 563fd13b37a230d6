"""Intervals cover what they should, widen with clusters, and say nothing where they know nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from evaluation.made_up import label_space, predictions_from, random_predictions
from headtohead.evaluation import evaluate
from headtohead.evaluation.intervals import basic_interval, exact_interval, percentile_interval, with_intervals
from headtohead.evaluation.metrics import summing_family
from headtohead.evaluation.resampling import draw_weights, independent_units
from headtohead.labels import LabelKind
from headtohead.results import Predictions


def answers(right: np.ndarray, group: np.ndarray | None = None) -> Predictions:
    scores = np.log(np.tile([0.8, 0.2], (len(right), 1)))
    given = {} if group is None else {"group": group.astype(str).astype(object)}
    return predictions_from(label_space("single", 2), np.where(right, 0, 1), scores, **given)


def accuracy_interval(predictions: Predictions, seed: int = 0, resamples: int = 300) -> tuple[float, float]:
    found = with_intervals(summing_family(predictions), predictions, resamples, seed)["accuracy"]
    assert found["low"] is not None
    assert found["high"] is not None
    return found["low"], found["high"]


@pytest.mark.slow  # a simulation
def test_accuracy_intervals_cover_the_true_accuracy() -> None:
    generator = np.random.default_rng(0)
    covered = 0
    for trial in range(200):
        low, high = accuracy_interval(answers(generator.random(150) < 0.8), seed=trial)
        covered += low <= 0.8 <= high
    assert 0.89 <= covered / 200 <= 0.99


@pytest.mark.slow  # a simulation
def test_clustered_intervals_cover_where_row_intervals_do_not() -> None:
    generator = np.random.default_rng(1)
    by_group = by_row = 0
    for trial in range(100):
        group = np.repeat(np.arange(40), 5)
        right = generator.random(200) < np.repeat(generator.choice([0.5, 1.0], 40), 5)
        low, high = accuracy_interval(answers(right, group), seed=trial)
        narrow_low, narrow_high = accuracy_interval(answers(right), seed=trial)
        by_group += low <= 0.75 <= high
        by_row += narrow_low <= 0.75 <= narrow_high
    assert by_group >= 88
    assert by_row < by_group


def test_identical_rows_of_a_group_count_as_one() -> None:
    right = np.random.default_rng(2).random(100) < 0.7
    repeated = answers(np.repeat(right, 4), np.repeat(np.arange(100), 4))
    wide, narrow = accuracy_interval(repeated, resamples=2000), accuracy_interval(answers(np.repeat(right, 4)))
    once = accuracy_interval(answers(right), resamples=2000)
    assert wide == pytest.approx(once, abs=0.02)
    assert wide[1] - wide[0] > 1.5 * (narrow[1] - narrow[0])


def test_groups_are_drawn_whole_and_as_many_as_there_are() -> None:
    unit = independent_units(np.array(["b", "a", "b", "c"], dtype=object))
    (weights,) = draw_weights(unit, 500, seed=0)
    assert (weights[0] == weights[2]).all()
    assert (weights[[0, 1, 3]].sum(axis=0) == 3).all()


def test_resamples_do_not_depend_on_how_many_fit_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    unit = np.arange(30)
    whole = np.concatenate(list(draw_weights(unit, 20, seed=3)), axis=1)
    monkeypatch.setattr("headtohead.evaluation.resampling.CELLS_AT_ONCE", 90)
    blocks = list(draw_weights(unit, 20, seed=3))
    assert len(blocks) == 7
    assert np.array_equal(np.concatenate(blocks, axis=1), whole)


def test_the_same_seed_gives_the_same_interval_and_another_another() -> None:
    predictions = random_predictions("single", 80)
    assert evaluate(predictions, seed=1) == evaluate(predictions, seed=1)
    assert evaluate(predictions, seed=1).metrics["accuracy"] != evaluate(predictions, seed=2).metrics["accuracy"]


def test_a_perfect_score_is_not_certainty() -> None:
    metrics = evaluate(answers(np.ones(50, dtype=bool)), resamples=100).metrics
    low = stats.binomtest(50, 50).proportion_ci(method="exact").low
    assert metrics["accuracy"] == {"value": 1.0, "low": pytest.approx(low), "high": 1.0}
    assert metrics["macro_f1"] == {"value": 1.0, "low": None, "high": None}
    assert exact_interval(0.0, 50) == pytest.approx((0.0, 1 - low))


def test_what_is_undefined_on_most_resamples_has_no_interval() -> None:
    assert percentile_interval(np.array([0.1, 0.2, np.nan, np.nan])) is None
    assert percentile_interval(np.array([0.5, 0.5, 0.5])) is None
    assert percentile_interval(np.array([0.0, 1.0, np.nan])) == pytest.approx((0.025, 0.975))


def test_the_basic_interval_reflects_and_holds_the_estimate() -> None:
    drawn = np.linspace(0.10, 0.20, 1001)
    assert basic_interval(0.12, drawn) == pytest.approx((0.0425, 0.1375))
    assert basic_interval(0.05, drawn) == pytest.approx((0.0, 0.05))


@pytest.mark.parametrize("resampled", [[1.0] * 399 + [2 / 3], [1.0, 1.0 - 1e-16] * 200, [0.5] * 400])
def test_resamples_that_nearly_all_agree_are_no_evidence_of_certainty(resampled: list[float]) -> None:
    assert percentile_interval(np.array(resampled)) is None


@pytest.mark.parametrize("kind", ["single", "ordinal", "multi"])
def test_no_metric_of_perfect_answers_has_an_interval_without_width(kind: LabelKind) -> None:
    """Neither where resamples differ by rounding, nor where next to none lacks a label."""
    for seed in range(5):
        rows = random_predictions(kind, 18, seed=seed)
        answers = np.eye(len(rows.labels))[rows.gold] if rows.gold.ndim == 1 else rows.gold
        perfect = replace(rows, scores=np.log(np.where(answers > 0, 0.97, 0.01)))
        for name, found in evaluate(perfect, resamples=100, seed=seed).metrics.items():
            low, high = found["low"], found["high"]
            assert (low is None) == (high is None), name
            assert low is None or high is None or high - low > 1e-9, name
