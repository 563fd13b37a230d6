"""What counts as the same answer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from evaluation.made_up import label_space
from headtohead.export.parity import NEAR_TIE, TOLERANCE, Reference, compare, drift
from headtohead.labels import LabelKind


def reference(kind: LabelKind, values: Any, *, is_score: bool = False, stored: Any = None) -> Reference:
    table = np.asarray(values, dtype=float)
    scores = table if is_score else np.log(table)
    other = scores if stored is None else np.asarray(stored, dtype=float) if is_score else np.log(np.asarray(stored))
    rows = [str(row) for row in range(len(table))]
    labels = label_space(kind, 1 if kind == "real" else max(2, table.shape[1] if not is_score else 5))
    return Reference(
        labels=labels,
        texts=rows,
        tokens=[[1, 2]] * len(rows),
        scores=scores,
        is_expected_score=is_score,
        names=None,
        stored=other,
        row_ids=rows,
    )


def answer(table: Any, **given: Any) -> dict[str, Any]:
    rows = np.asarray(table, dtype=float).tolist()
    passes = {"float32": {"row by row": rows}}
    return {"passes": passes, "published": {}, "problems": [], "names": None, "tokens": [[1, 2]] * len(rows), **given}


def test_equal_tables_pass_and_moved_ones_do_not() -> None:
    table = np.array([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4]])
    own = reference("single", table)
    assert compare(own, answer(table))["passed"]
    step = np.array([[1.0, -0.5, -0.5], [0, 0, 0]]) * TOLERANCE
    assert compare(own, answer(table + 0.9 * step))["passed"]
    found = compare(own, answer(table + 1.1 * step))
    assert not found["passed"]
    assert "'label 0' in row 0" in found["reason"]


def test_a_flip_fails_unless_training_itself_was_at_a_tie() -> None:
    near, far = 0.4 * NEAR_TIE, 2 * NEAR_TIE
    for margin, passes in ((near, True), (far, False)):
        table = np.array([[0.5 + margin / 2, 0.5 - margin / 2]])
        found = compare(reference("single", table), answer(table[:, ::-1]))
        assert found["passed"] is passes
        assert found["checks"]["row by row"]["near_ties"] == int(passes)
        assert found["checks"]["row by row"]["flips"] == int(not passes)


def test_the_order_of_the_columns_is_named() -> None:
    table = np.array([[0.7, 0.2, 0.1], [0.3, 0.5, 0.2]])
    found = compare(reference("single", table), answer(table[:, [2, 0, 1]]))
    assert "as if they were ['label 2', 'label 0', 'label 1']" in found["reason"]


def test_nan_fails() -> None:
    table = np.array([[0.7, 0.3], [0.4, 0.6]])
    assert not compare(reference("single", table), answer([[0.7, 0.3], [np.nan, np.nan]]))["passed"]


def test_scores_are_held_to_the_width_of_their_scale() -> None:
    own = reference("ordinal", [[1.2], [4.4]], is_score=True)  # values 1 to 5: the scale is 4 wide
    assert compare(own, answer([[1.2 + 3.9e-3], [4.4]]))["passed"]
    assert not compare(own, answer([[1.2 + 4.1e-3], [4.4]]))["passed"]
    real = reference("real", [[100.0], [-50.0]], is_score=True)
    assert compare(real, answer([[100.09], [-50.0]]))["passed"]
    assert not compare(real, answer([[100.11], [-50.0]]))["passed"]


def test_sets_of_labels_flip_label_by_label() -> None:
    own = reference("multi", [[0.5 + 2 * NEAR_TIE, 0.5], [0.1, 0.2]])
    found = compare(own, answer([[0.5 - 2 * NEAR_TIE, 0.5], [0.1, 0.2]]))  # a tie of one label excuses no other
    assert found["checks"]["row by row"]["flips"] == 1


@pytest.mark.parametrize("shape", [(2, 2), (2, 4)])
def test_another_number_of_outputs_is_named(shape: tuple[int, int]) -> None:
    table = np.full((2, 3), 1 / 3)
    found = compare(reference("single", table), answer(np.full(shape, 1 / shape[1])))
    assert f"{shape[1]} outputs per row instead of 3" in found["reason"]


def test_drift_is_measured_from_the_stored_predictions() -> None:
    table = np.array([[0.6, 0.4], [0.45, 0.55]])
    own = reference("single", table, stored=[[0.6, 0.4], [0.55, 0.45]])
    found = drift(own, answer(table))["float32"]
    assert found["largest"] == pytest.approx(0.1)
    assert found["mean"] == pytest.approx(0.05)
    assert (found["flips"], found["rows"]) == (1, 2)
    judged = compare(own, answer(table))
    assert not judged["passed"]
    assert "but not with the run's stored predictions: their largest move is 0.1000" in judged["reason"]


@pytest.mark.parametrize(("precision", "moved", "passes"), [("float32", 2e-3, False), ("bfloat16", 0.02, True)])
def test_stored_predictions_may_differ_by_what_their_precision_does(precision: str, moved: float, passes: bool) -> None:
    table = np.array([[0.6, 0.4], [0.3, 0.7]])
    measured = reference("single", table, stored=table + moved * np.array([[1, -1], [-1, 1]]))
    assert compare(replace(measured, precision=precision), answer(table))["passed"] is passes
    far = reference("single", table, stored=table[::-1])
    assert not compare(replace(far, precision=precision), answer(table))["passed"]
