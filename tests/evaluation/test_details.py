"""What does not fit into one number is JSON, complete and consistent with the metrics."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sk

from evaluation.made_up import random_predictions
from headtohead.evaluation import evaluate, point_metrics, worst_rows

KINDS = [("single", False), ("multi", False), ("ordinal", False), ("ordinal", True), ("real", True)]


@pytest.mark.parametrize(("kind", "expected_score"), KINDS)
def test_details_are_strict_json_and_hold_what_the_kind_has(kind: Any, expected_score: bool) -> None:
    details = evaluate(random_predictions(kind, is_expected_score=expected_score), resamples=20).details
    assert json.loads(json.dumps(details, allow_nan=False)) == details
    assert ("per_class" in details) == (kind != "real")
    assert ("confusion" in details) == (kind in ("single", "ordinal"))
    assert ("risk_coverage" in details) == ("reliability" in details) == (not expected_score)


def test_classes_and_confusion_agree_with_scikit_learn() -> None:
    predictions = random_predictions("single", 80, labels=3)
    details = evaluate(predictions, resamples=50).details
    assert details["confusion"]["counts"] == sk.confusion_matrix(predictions.gold, predictions.predicted).tolist()
    precision, recall, f1, support = sk.precision_recall_fscore_support(predictions.gold, predictions.predicted)
    for label, row in enumerate(details["per_class"].values()):
        assert row["support"] == support[label]
        assert row["predicted"] == (predictions.predicted == label).sum()
        for name, value in (("precision", precision), ("recall", recall), ("f1", f1)):
            assert row[name]["value"] == pytest.approx(value[label])
            assert row[name]["low"] <= row[name]["value"] <= row[name]["high"]


def test_confusion_keeps_classes_that_never_occur() -> None:
    predictions = random_predictions("single", 2, labels=6)
    assert np.array(evaluate(predictions).details["confusion"]["counts"]).shape == (6, 6)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["single", "multi", "ordinal"])
def test_a_thousand_labels_are_described_in_little_space(kind: Any) -> None:
    predictions = random_predictions(kind, 1_500, labels=1_000)
    details = evaluate(predictions, resamples=5).details
    assert len(json.dumps(details, indent=2)) < 200_000
    assert details["labels"] == 1_000
    rows = predictions.gold.sum(axis=0) if kind == "multi" else np.bincount(predictions.gold, minlength=1_000)
    kept = [predictions.labels.names.index(name) for name in details["per_class"]]
    assert len(kept) == 100
    assert kept == sorted(kept)
    assert min(rows[kept]) >= max(np.delete(rows, kept))
    assert [row["support"] for row in details["per_class"].values()] == rows[kept].tolist()


def test_confusions_are_of_all_labels_where_the_matrix_holds_some() -> None:
    predictions = random_predictions("single", 3_000, labels=60)
    found = evaluate(predictions, resamples=5).details["confusion"]
    matrix = sk.confusion_matrix(predictions.gold, predictions.predicted, labels=range(60))
    kept = [predictions.labels.names.index(name) for name in found["labels"]]
    assert len(kept) == 40
    assert found["counts"] == matrix[np.ix_(kept, kept)].tolist()
    wrong = matrix - np.diag(np.diag(matrix))
    assert [pair["rows"] for pair in found["pairs"]] == sorted(wrong.ravel().tolist(), reverse=True)[:20]
    for pair in found["pairs"]:
        gold, said = (predictions.labels.names.index(pair[part]) for part in ("gold", "predicted"))
        assert (pair["rows"], pair["of"]) == (wrong[gold, said], matrix[gold].sum())


def test_slices_partition_the_rows_and_average_to_the_whole() -> None:
    predictions = random_predictions("single", 100)
    slices = evaluate(predictions, resamples=20).details["slices"]
    assert len(slices["length"]) == 4
    for kind in ("length", "truncated"):
        assert sum(part["rows"] for part in slices[kind]) == 100
        mean = sum(part["rows"] * part["metrics"]["accuracy"]["value"] for part in slices[kind]) / 100
        assert mean == pytest.approx(point_metrics(predictions)["accuracy"])


def test_slices_of_rows_of_one_length_are_one_slice() -> None:
    predictions = random_predictions("real", 10)
    predictions.tokens[:] = 7
    (only,) = evaluate(predictions, resamples=20).details["slices"]["length"]
    assert (only["name"], only["rows"]) == ("7-7 tokens", 10)


def test_risk_falls_with_abstaining_and_ends_at_the_error_rate() -> None:
    predictions = random_predictions("single", 300)
    curve = evaluate(predictions, resamples=20).details["risk_coverage"]
    assert len(curve["coverage"]) == len(curve["risk"]) == 50
    assert curve["coverage"][-1] == 1.0
    assert curve["risk"][-1] == pytest.approx(1 - point_metrics(predictions)["accuracy"])
    assert curve["risk"][10] < curve["risk"][-1]
    assert curve["aurc"] == pytest.approx(point_metrics(predictions)["aurc"])


def test_reliability_bins_hold_all_rows_and_the_calibration_error() -> None:
    predictions = random_predictions("single", 120)
    bins = evaluate(predictions, resamples=20).details["reliability"]["before"]
    assert sum(part["rows"] for part in bins) == 120
    gaps = sum(part["rows"] * abs(part["confidence"] - part["accuracy"]) for part in bins) / 120
    assert gaps == pytest.approx(point_metrics(predictions)["ece"])


def test_evaluation_never_imports_torch() -> None:
    code = "import sys, headtohead.evaluation.details; sys.exit('torch' in sys.modules or 'sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(("kind", "expected_score"), KINDS)
def test_worst_rows_are_wrong_ones_and_the_worst_of_them(kind: Any, expected_score: bool) -> None:
    predictions = random_predictions(kind, 200, is_expected_score=expected_score)
    rows, every = worst_rows(predictions, 10), worst_rows(predictions, 200)
    assert rows.tolist() == every[:10].tolist()
    if kind in ("single", "multi"):
        wrong = (predictions.predicted != predictions.gold).reshape(200, -1).any(axis=1)
        assert sorted(every.tolist()) == np.flatnonzero(wrong).tolist()
    else:
        distance = np.abs(predictions.expected_score - predictions.gold_score)
        assert distance[rows[0]] == distance.max()
        assert (np.diff(distance[every]) <= 0).all()
