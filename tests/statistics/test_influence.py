"""Influences are derivatives of the metrics that evaluation reports."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from evaluation.made_up import random_predictions
from headtohead.errors import UserError
from headtohead.evaluation import point_metrics
from headtohead.evaluation.metrics import summing_family
from headtohead.evaluation.resampling import Weights
from headtohead.labels import LabelKind
from headtohead.results import Predictions
from headtohead.statistics.influence import cohen_kappa, macro_f1, quadratic_kappa
from headtohead.statistics.unit_shares import metrics_of, resolve_metric, unit_shares

KINDS: list[LabelKind] = ["single", "ordinal", "multi", "real"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_mean_of_shares_is_the_metric(kind: LabelKind) -> None:
    predictions = random_predictions(kind, rows=80, seed=2)
    reported = point_metrics(predictions)
    for metric in metrics_of(predictions):
        assert unit_shares(predictions, metric).mean() == pytest.approx(reported[metric], abs=1e-12), metric


@pytest.mark.parametrize("kind", KINDS)
def test_shares_are_derivatives_in_the_weight_of_a_row(kind: LabelKind) -> None:
    predictions = in_order(random_predictions(kind, rows=50, seed=3))
    family, step = summing_family(predictions), 1e-5
    up, down = family(nudged(50, step)), family(nudged(50, -step))
    for metric in metrics_of(predictions):
        slope = 50 * (up[metric] - down[metric]) / (2 * step)
        shares = unit_shares(predictions, metric)
        np.testing.assert_allclose(shares - shares.mean(), slope, atol=1e-6, err_msg=metric)


@pytest.mark.parametrize("kind", ["single", "ordinal", "multi"])
@pytest.mark.parametrize("absent", [(3,), (0, 2)])
def test_labels_that_gold_lacks_are_no_part_of_macro_f1(kind: LabelKind, absent: tuple[int, ...]) -> None:
    """They are answered now and then: the value is scikit-learn's over gold's labels, the shares its derivative."""
    drawn = random_predictions(kind, rows=60, seed=5)
    if kind == "multi":
        gold = drawn.gold * ~np.isin(np.arange(4), absent)
        held = np.flatnonzero(gold.any(axis=0))
    else:
        gold = np.where(np.isin(drawn.gold, absent), 1, drawn.gold)
        held = np.unique(gold)
    predictions = in_order(replace(drawn, gold=gold))
    assert np.isin(
        absent, np.unique(predictions.predicted.nonzero()[1] if kind == "multi" else predictions.predicted)
    ).all()
    shares = unit_shares(predictions, "macro_f1")
    known = f1_score(gold, predictions.predicted, labels=held, average="macro", zero_division=0)
    assert shares.mean() == pytest.approx(known)
    assert point_metrics(predictions)["macro_f1"] == pytest.approx(known)
    family = summing_family(predictions)
    up, down = family(nudged(60, 1e-5))["macro_f1"], family(nudged(60, -1e-5))["macro_f1"]
    np.testing.assert_allclose(shares - shares.mean(), 60 * (up - down) / 2e-5, atol=1e-6)


def in_order(predictions: Predictions) -> Predictions:
    """Name groups so that units come in the order of rows."""
    return replace(predictions, group=np.array([f"{i:04d}" for i in range(len(predictions))], dtype=object))


def nudged(rows: int, step: float) -> Weights:
    return np.ones((rows, rows)) + step * np.eye(rows)


@pytest.mark.parametrize("kind", KINDS)
def test_a_group_counts_as_the_sum_of_its_rows(kind: LabelKind) -> None:
    predictions = in_order(random_predictions(kind, rows=60, seed=4))
    group = np.array([f"{i // 7:02d}" for i in range(60)], dtype=object)
    grouped = replace(predictions, group=group)
    for metric in metrics_of(predictions):
        alone, together = unit_shares(predictions, metric), unit_shares(grouped, metric)
        assert together.mean() == pytest.approx(alone.mean())
        sums = np.bincount(np.arange(60) // 7, weights=alone - alone.mean())
        np.testing.assert_allclose(together - together.mean(), sums * len(sums) / 60, atol=1e-12)


@given(st.integers(2, 6), st.integers(0, 2**31), st.integers(1, 4))
def test_many_runs_at_once_equal_one_at_a_time(labels: int, seed: int, runs: int) -> None:
    generator = np.random.default_rng(seed)
    gold, answers = generator.integers(0, labels, (runs, 30)), generator.integers(0, labels, (runs, 30))
    for measure in (
        lambda g, p: macro_f1(g, p, labels),
        lambda g, p: cohen_kappa(g, p, labels),
        quadratic_kappa,
    ):
        values, changes = measure(gold, answers)
        for run in range(runs):
            value, change = measure(gold[run], answers[run])
            np.testing.assert_allclose(values[run], value)
            np.testing.assert_allclose(changes[run], change)
            if np.isfinite(value):
                assert abs(change.mean()) < 1e-9


def test_kappa_is_the_kinds_own() -> None:
    assert resolve_metric("kappa", [random_predictions("single")]) == "cohen_kappa"
    assert resolve_metric("kappa", [random_predictions("ordinal")]) == "quadratic_kappa"
    assert resolve_metric(None, [random_predictions("real")]) == "mae"


def test_a_metric_needs_to_be_defined_for_every_run() -> None:
    scores = random_predictions("ordinal", is_expected_score=True)
    assert "log_loss" not in metrics_of(scores)
    with pytest.raises(UserError, match=r"compare\.metric=log_loss is not defined"):
        resolve_metric("log_loss", [random_predictions("ordinal"), scores])
    with pytest.raises(UserError, match="did you mean 'accuracy'"):
        resolve_metric("acuracy", [random_predictions("single")])
