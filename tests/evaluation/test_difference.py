"""A paired difference is the difference of the metrics, and narrower than two intervals side by side."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evaluation.made_up import random_predictions
from headtohead.evaluation import evaluate, paired_differences
from headtohead.labels import LabelKind


@pytest.mark.parametrize("kind", ["single", "ordinal", "multi", "real"])
def test_the_value_is_the_difference_of_the_metrics(kind: LabelKind) -> None:
    one = random_predictions(kind, seed=1)
    other = replace(one, scores=np.roll(one.scores, 7, axis=0))
    found = paired_differences(one, other, resamples=50)
    first, second = (evaluate(own, resamples=2).metrics for own in (one, other))
    assert found
    for name, difference in found.items():
        assert difference["value"] == pytest.approx(first[name]["value"] - second[name]["value"])
        assert difference["low"] < difference["value"] < difference["high"]
    assert "ece" not in found


def test_swapping_the_systems_swaps_the_sign() -> None:
    one, other = random_predictions("single", seed=1), random_predictions("single", seed=1)
    other = replace(other, scores=np.roll(other.scores, 1, axis=0))
    there = paired_differences(one, other)["accuracy"]
    back = paired_differences(other, one)["accuracy"]
    assert [there["value"], there["low"], there["high"]] == pytest.approx([-back["value"], -back["high"], -back["low"]])


def test_a_system_and_itself_cannot_be_told_apart() -> None:
    one = random_predictions("single", seed=1)
    assert paired_differences(one, one)["accuracy"] == {"value": 0.0, "low": None, "high": None}


def test_what_makes_a_row_easy_for_both_cancels() -> None:
    """Two systems that differ on 5 of 200 rows, at an accuracy near one half."""
    one = random_predictions("single", rows=200, seed=3)
    scores = one.scores.copy()
    wrong = np.flatnonzero(one.predicted != one.gold)[:5]
    scores[wrong] = np.log(np.eye(4)[one.gold[wrong]] * 0.96 + 0.01)
    better = replace(one, scores=scores)
    paired = paired_differences(better, one)["accuracy"]
    assert paired["low"] > 0
    apart = [evaluate(own).metrics["accuracy"] for own in (one, better)]
    assert apart[0]["high"] > apart[1]["low"]


def test_other_rows_are_our_own_mistake() -> None:
    with pytest.raises(AssertionError, match="different rows"):
        paired_differences(
            random_predictions("single"),
            random_predictions("single", row_id=np.array([f"other {i}" for i in range(60)], dtype=object)),
        )
