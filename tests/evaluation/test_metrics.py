"""Every metric equals scikit-learn's or scipy's on the rows, and on the rows repeated as a resample repeats them."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats
from sklearn import metrics as sk

from evaluation.made_up import label_space, predictions_from, random_predictions
from headtohead.errors import Diverged, UserError
from headtohead.evaluation import HIGHER_IS_BETTER, evaluate, point_metrics
from headtohead.evaluation.metrics import joined, ranking_family, summing_family
from headtohead.results import Predictions

KINDS = [("single", False), ("multi", False), ("ordinal", False), ("ordinal", True), ("real", True)]
sizes = st.integers(1, 40)
seeds = st.integers(0, 10_000)


def quietly(function: Callable[..., Any], *arguments: Any, **options: Any) -> float:
    """Call scikit-learn, which warns where a class is absent."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(function(*arguments, **options))


def held_by(gold: np.ndarray) -> np.ndarray:
    """Return the labels that gold holds, as scikit-learn's ``labels`` takes them."""
    return np.flatnonzero(gold.any(axis=0)) if gold.ndim == 2 else np.unique(gold)


def class_scores(gold: np.ndarray, predicted: np.ndarray, held: np.ndarray | None = None) -> dict[str, float]:
    named = {"precision": sk.precision_score, "recall": sk.recall_score, "f1": sk.f1_score}
    own = held_by(gold) if held is None else held
    return {
        f"{average}_{name}": quietly(
            function, gold, predicted, average=average, zero_division=0, labels=own if average == "macro" else None
        )
        for average in ("macro", "micro", "weighted")
        for name, function in named.items()
    }


def assert_holds(found: dict[str, float], expected: dict[str, float]) -> None:
    for name, value in expected.items():
        if math.isnan(value):
            assert name not in found, name
        else:
            assert found[name] == pytest.approx(value, abs=1e-9), name


@pytest.mark.slow  # a property over many tables
@given(rows=sizes, labels=st.integers(2, 6), seed=seeds)
@settings(max_examples=30, deadline=None)
def test_single_label_metrics_equal_scikit_learn(rows: int, labels: int, seed: int) -> None:
    predictions = random_predictions("single", rows, labels, seed)
    gold, predicted, chance = predictions.gold, predictions.predicted, predictions.probabilities
    expected = class_scores(gold, predicted)
    expected["accuracy"] = sk.accuracy_score(gold, predicted)
    expected["macro_recall"] = quietly(sk.balanced_accuracy_score, gold, predicted)
    expected["mcc"] = quietly(sk.matthews_corrcoef, gold, predicted)
    expected["cohen_kappa"] = quietly(sk.cohen_kappa_score, gold, predicted)
    expected["log_loss"] = quietly(sk.log_loss, gold, chance, labels=np.arange(labels))
    expected["brier"] = float(((chance - np.eye(labels)[gold]) ** 2).sum(axis=1).mean())
    ranks = predictions.scores  # the probabilities of two near scores may round to one
    areas = [sk.roc_auc_score(gold == j, ranks[:, j]) for j in range(labels) if 0 < (gold == j).sum() < rows]
    expected["auroc"] = float(np.mean(areas)) if areas else math.nan
    assert_holds(point_metrics(predictions), expected)


@pytest.mark.slow  # a property over many tables
@given(rows=sizes, labels=st.integers(1, 5), seed=seeds)
@settings(max_examples=20, deadline=None)
def test_multi_label_metrics_equal_scikit_learn(rows: int, labels: int, seed: int) -> None:
    predictions = random_predictions("multi", rows, labels, seed)
    gold, predicted, chance = predictions.gold, predictions.predicted, predictions.probabilities
    expected: dict[str, float] = {}
    if labels > 1:  # scikit-learn reads one column as binary
        expected = class_scores(gold, predicted)
    if not gold.any():  # and calls a mean over no label 0
        expected |= dict.fromkeys(("macro_f1", "macro_precision", "macro_recall"), math.nan)
    expected["subset_accuracy"] = sk.accuracy_score(gold, predicted)
    cells = [quietly(sk.log_loss, gold[:, j], chance[:, j], labels=[0, 1]) for j in range(labels)]
    expected["log_loss"] = float(np.mean(cells))
    expected["brier"] = float(((chance - gold) ** 2).mean())
    precision = [sk.average_precision_score(gold[:, j], chance[:, j]) for j in range(labels) if gold[:, j].any()]
    expected["mean_average_precision"] = float(np.mean(precision)) if precision else math.nan
    mixed = [j for j in range(labels) if 0 < gold[:, j].sum() < rows]
    areas = [sk.roc_auc_score(gold[:, j], chance[:, j]) for j in mixed]
    expected["auroc"] = float(np.mean(areas)) if areas else math.nan
    assert_holds(point_metrics(predictions), expected)


@pytest.mark.slow
@given(rows=sizes, seed=seeds, expected_score=st.booleans(), real=st.booleans())
@settings(max_examples=30, deadline=None)
def test_metrics_of_scores_equal_scikit_learn_and_scipy(rows: int, seed: int, expected_score: bool, real: bool) -> None:
    kind = "real" if real else "ordinal"
    predictions = random_predictions(kind, rows, 5, seed, is_expected_score=expected_score or real)
    gold, guess = predictions.gold_score, predictions.expected_score
    expected = {
        "mae": sk.mean_absolute_error(gold, guess),
        "rmse": sk.root_mean_squared_error(gold, guess),
        "spearman": quietly(lambda: stats.spearmanr(gold, guess).statistic if rows > 1 else math.nan),
        "r2": quietly(sk.r2_score, gold, guess) if np.ptp(gold) > 0 else math.nan,
    }
    if not real:
        numbers, predicted = predictions.gold, predictions.predicted
        expected |= class_scores(numbers, predicted)
        kappa = quietly(sk.cohen_kappa_score, numbers, predicted, weights="quadratic", labels=np.arange(5))
        expected["quadratic_kappa"] = kappa
    found = point_metrics(predictions)
    assert_holds(found, expected)
    assert ("log_loss" in found) == (not predictions.is_expected_score)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "expected_score"), KINDS)
@given(rows=st.integers(2, 30), seed=seeds)
@settings(max_examples=20, deadline=None)
def test_a_weight_is_a_repeated_row(kind: Any, expected_score: bool, rows: int, seed: int) -> None:
    predictions = random_predictions(kind, rows, 4, seed, is_expected_score=expected_score)
    weights = np.random.default_rng(seed).integers(0, 4, rows)
    weights[0] += 1
    weighted = joined([summing_family(predictions), ranking_family(predictions)])(weights[:, None].astype(float))
    repeated = point_metrics(predictions.select(np.repeat(np.arange(rows), weights)))
    if kind != "real" and len(held := held_by(predictions.gold)):  # macro averages stay over the labels of all rows
        many = np.repeat(np.arange(rows), weights)
        repeated |= class_scores(predictions.gold[many], predictions.predicted[many], held)
    for name, value in weighted.items():
        if name != "ece":  # its bins are drawn once, from all rows
            assert value[0] == pytest.approx(repeated.get(name, math.nan), abs=1e-9, nan_ok=True), name


def test_calibration_error_by_hand() -> None:
    confidence = np.repeat([0.6, 0.9], 20)
    right = np.concatenate([np.arange(20) < 10, np.ones(20, dtype=bool)])
    scores = np.log(np.stack([confidence, 1 - confidence], axis=1))
    predictions = predictions_from(label_space("single", 2), np.where(right, 0, 1), scores)
    assert point_metrics(predictions)["ece"] == pytest.approx((abs(0.6 - 0.5) + abs(0.9 - 1.0)) / 2)


def test_honest_probabilities_have_little_calibration_error_and_inflated_ones_much() -> None:
    generator = np.random.default_rng(0)
    scores = special.log_softmax(generator.normal(size=(20_000, 3)) * 2, axis=1)
    gold = (generator.random((20_000, 1)) > np.exp(scores).cumsum(axis=1)).sum(axis=1).clip(max=2)
    honest = predictions_from(label_space("single", 3), gold, scores)
    inflated = replace(honest, scores=special.log_softmax(3 * scores, axis=1))
    assert point_metrics(honest)["ece"] < 0.015
    assert point_metrics(inflated)["ece"] > 0.1


def test_area_under_risk_coverage_by_hand() -> None:
    scores = np.log([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.6, 0.4]])
    predictions = predictions_from(label_space("single", 2), [0, 1, 0, 1], scores)
    assert point_metrics(predictions)["aurc"] == pytest.approx((0 + 1 / 2 + 1 / 3 + 2 / 4) / 4)


@pytest.mark.parametrize(("kind", "expected_score"), KINDS)
@pytest.mark.parametrize("rows", [1, 2, 40])
def test_every_metric_has_a_direction_and_finite_or_null_values(kind: Any, expected_score: bool, rows: int) -> None:
    found = evaluate(
        random_predictions(kind, rows, is_expected_score=expected_score),
        temperature=1.0 if expected_score else 1.7,
        resamples=50,
    )
    for name, interval in found.metrics.items():
        assert name in HIGHER_IS_BETTER
        value, low, high = interval["value"], interval["low"], interval["high"]
        assert (low is None) == (high is None)
        if low is not None and high is not None and value is not None:
            assert low <= high
            assert all(map(math.isfinite, (value, low, high)))


def test_undefined_metrics_are_null_and_left_out_of_point_metrics() -> None:
    one = predictions_from(label_space("single", 3), [1], np.log([[0.2, 0.5, 0.3]]))
    assert evaluate(one).metrics["auroc"] == {"value": None, "low": None, "high": None}
    assert "auroc" not in point_metrics(one)
    assert point_metrics(one)["macro_f1"] == 1.0  # the two absent classes count neither way


def stray(kind: Any) -> tuple[Predictions, Predictions]:
    """Return rows of which gold holds two labels of four, and the same with one stray answer of an absent label."""
    if kind == "multi":
        gold = np.array([[1, 0, 0, 0], [0, 1, 0, 0]] * 5)
        chance = np.where(gold, 0.9, 0.1)
        other = chance.copy()
        other[0] = [0.1, 0.1, 0.9, 0.1]
    else:
        gold = np.array([0, 1] * 5)
        chance = np.where(np.eye(4)[gold] > 0, 0.7, 0.1)
        other = chance.copy()
        other[0] = [0.1, 0.1, 0.7, 0.1]
    space = label_space(kind, 4)
    return predictions_from(space, gold, np.log(chance)), predictions_from(space, gold, np.log(other))


@pytest.mark.parametrize("kind", ["single", "ordinal", "multi"])
def test_a_stray_answer_of_a_label_no_row_has_costs_one_row_and_not_a_class(kind: Any) -> None:
    """With the absent label among the averaged ones this would be (8/9 + 1 + 0) / 3."""
    right, once = (point_metrics(predictions) for predictions in stray(kind))
    assert right["macro_f1"] == 1.0
    assert once["macro_f1"] == pytest.approx((8 / 9 + 1) / 2)
    assert once["macro_recall"] == pytest.approx((4 / 5 + 1) / 2)
    assert once["macro_precision"] == 1.0


def test_an_answer_of_an_absent_label_costs_what_any_other_wrong_answer_does() -> None:
    """Gold's labels alone are averaged, so it does not even matter which absent label was answered."""
    base = random_predictions("single", 80, 6, seed=3)
    few = np.where(base.gold > 2, 0, base.gold)
    wrong_rows = np.flatnonzero(base.predicted != few)[:7]

    def answering(label: int) -> float:
        scores = base.scores.copy()
        scores[wrong_rows] = np.log(np.full(6, 0.01))
        scores[wrong_rows, label] = np.log(0.95)
        return point_metrics(replace(base, gold=few, scores=scores))["macro_f1"]

    assert answering(4) == answering(5)


def test_many_labels_of_which_no_row_has_one_have_no_macro_average() -> None:
    empty = random_predictions("multi", 20)
    empty = replace(empty, gold=np.zeros_like(empty.gold))
    assert "macro_f1" not in point_metrics(empty)
    assert evaluate(empty, resamples=20).metrics["macro_f1"]["value"] is None


def test_every_resample_averages_over_the_labels_of_the_whole_split() -> None:
    """Two rows of a rare label, both right: resamples without them show how little two rows say."""
    gold = np.array([0] * 20 + [1] * 20 + [2] * 2)
    scores = np.log(np.where(np.eye(3)[gold] > 0, 0.9, 0.05))
    rows = predictions_from(label_space("single", 3), gold, scores)
    without = summing_family(rows)((gold < 2).astype(float)[:, None])
    assert without["macro_f1"] == pytest.approx(2 / 3)
    interval = evaluate(rows, resamples=400).metrics["macro_f1"]
    assert (interval["value"], interval["low"]) == (1.0, pytest.approx(2 / 3))


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
def test_scores_that_are_not_finite_are_refused_with_their_number(broken: float) -> None:
    predictions = random_predictions("single", 10)
    predictions.scores[[2, 5], 0] = broken
    for function in (evaluate, point_metrics):
        with pytest.raises(Diverged, match=r"2 of 10 test rows .*row 2, row 5"):
            function(predictions)


def test_no_rows_are_refused_and_splits_never_pooled() -> None:
    predictions = random_predictions("single", 4)
    with pytest.raises(UserError, match="empty"):
        evaluate(predictions.select(np.array([], dtype=int)))
    mixed = replace(predictions, split=np.array(["test", "test", "other", "other"], dtype=object))
    with pytest.raises(AssertionError, match="never pooled"):
        evaluate(mixed)


def test_row_order_does_not_matter() -> None:
    predictions: Predictions = random_predictions("single", 50)
    shuffled = predictions.select(np.random.default_rng(1).permutation(50))
    assert point_metrics(shuffled) == pytest.approx(point_metrics(predictions))
