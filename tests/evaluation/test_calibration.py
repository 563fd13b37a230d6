"""Temperature: found again when planted, harmless to decisions, refused where it has no meaning."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import special

from evaluation.made_up import label_space, predictions_from, random_predictions
from headtohead.evaluation import calibrate, evaluate, fit_temperature, on_few_rows
from headtohead.evaluation.calibration import FEW_ROWS
from headtohead.results import Predictions


def honest(kind: Any, rows: int = 6000) -> Predictions:
    """Return predictions whose gold answers are drawn from their own probabilities."""
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(rows, 3)) * 2
    if kind == "multi":
        scores = special.log_expit(logits)
        return predictions_from(label_space(kind, 3), (generator.random(logits.shape) < np.exp(scores)) * 1, scores)
    scores = special.log_softmax(logits, axis=1)
    gold = (generator.random((rows, 1)) > np.exp(scores).cumsum(axis=1)).sum(axis=1).clip(max=2)
    return predictions_from(label_space(kind, 3), gold, scores)


@pytest.mark.parametrize("kind", ["single", "ordinal", "multi"])
@pytest.mark.parametrize("planted", [0.5, 2.5])
def test_a_planted_temperature_is_found(kind: Any, planted: float) -> None:
    distorted = calibrate(honest(kind), 1 / planted)
    found = fit_temperature(distorted)
    assert found["temperature"] == pytest.approx(planted, rel=0.06)
    assert found["log_loss_after"] < found["log_loss_before"]
    assert found["rows"] == 6000


@pytest.mark.parametrize("kind", ["single", "ordinal", "multi"])
def test_calibration_keeps_decisions_and_makes_proper_probabilities(kind: Any) -> None:
    predictions = random_predictions(kind)
    cooled = calibrate(predictions, 3.0)
    assert np.array_equal(cooled.predicted, predictions.predicted)
    if kind != "multi":
        assert cooled.probabilities.sum(axis=1) == pytest.approx(np.ones(len(cooled)))
    assert calibrate(cooled, 1 / 3.0).scores == pytest.approx(predictions.scores)


def test_certain_multi_label_scores_stay_finite() -> None:
    sure = predictions_from(label_space("multi", 2), [[1, 0], [1, 0]], [[0.0, -800.0], [-0.0, -1e-300]])
    assert np.isfinite(calibrate(sure, 2.0).scores).all()
    assert evaluate(sure, resamples=10).metrics["log_loss"]["value"] is not None


def test_a_temperature_adds_calibrated_metrics_and_moves_no_other() -> None:
    predictions = calibrate(honest("single", 400), 0.4)
    raw, cooled = evaluate(predictions, resamples=20), evaluate(predictions, temperature=2.5, resamples=20)
    assert cooled.metrics["calibrated_log_loss"]["value"] < cooled.metrics["log_loss"]["value"]
    assert {name: value for name, value in cooled.metrics.items() if "calibrated" not in name} == raw.metrics
    assert set(cooled.details["reliability"]) == {"before", "after"}


def test_expected_scores_and_empty_validation_have_no_temperature() -> None:
    assert fit_temperature(random_predictions("real"))["temperature"] == 1.0
    assert "score" in fit_temperature(random_predictions("ordinal", is_expected_score=True))["reason"]
    empty = random_predictions("single").select(np.array([], dtype=int))
    assert "no validation rows" in fit_temperature(empty)["reason"]


@pytest.mark.parametrize("rows", [1, 24])
@pytest.mark.parametrize("kind", ["single", "ordinal", "multi"])
def test_rows_that_are_all_right_do_not_run_to_certainty(kind: Any, rows: int) -> None:
    gold, row = ([[1, 0]], np.log([[0.6, 0.4]])) if kind == "multi" else ([0], np.log([[0.6, 0.4]]))
    found = fit_temperature(predictions_from(label_space(kind, 2), gold * rows, np.repeat(row, rows, axis=0)))
    assert found["temperature"] == 1.0
    assert f"all {rows} validation rows are right" in found["reason"]


def test_one_wrong_row_of_many_is_enough_for_a_temperature() -> None:
    scores = np.log([[0.6, 0.4]] * 24)
    found = fit_temperature(predictions_from(label_space("single", 2), [1] + [0] * 23, scores))
    assert 0.05 < found["temperature"] < 1.0
    assert "reason" not in found


@pytest.mark.parametrize("kind", ["single", "multi"])
def test_few_rows_are_those_on_which_a_temperature_is_hardly_known(kind: Any) -> None:
    predictions = honest(kind)

    def off_by(rows: int) -> float:
        """Return the factor by which the worst fit in twenty misses 1."""
        parts = [predictions.select(np.arange(start, start + rows)) for start in range(0, 40 * rows, rows)]
        fitted = [fit_temperature(part)["temperature"] for part in parts]
        return float(np.exp(np.quantile(np.abs(np.log(fitted)), 0.95)))

    assert off_by(FEW_ROWS) < 1.5 < off_by(FEW_ROWS // 5)


@pytest.mark.parametrize(("rows", "is_few"), [(8, True), (FEW_ROWS - 1, True), (FEW_ROWS, False), (4000, False)])
def test_a_temperature_of_few_rows_says_so(rows: int, is_few: bool) -> None:
    fitted = fit_temperature(calibrate(honest("single", rows), 0.4))
    told = on_few_rows(fitted)
    assert (told is not None) == is_few
    assert told is None or f"on {rows} validation rows" in told.text
    assert on_few_rows({**fitted, "temperature": 1.0}) is None  # nothing was changed by it
    assert on_few_rows(fit_temperature(honest("single", rows).select(np.arange(0)))) is None
    assert on_few_rows({}) is None
