"""Baselines answer the rows they are given, from the training rows alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from evaluation.made_up import label_space, predictions_from, random_predictions
from headtohead.data.words import Words
from headtohead.errors import UserError
from headtohead.evaluation import evaluate, majority_predictions, point_metrics, tfidf_predictions

SPORT, LAW, TECH = "the match and the goal", "a court ruled on law", "new chips compute fast"
TEXTS = [SPORT, LAW, TECH]


def rows_like(kind: Any, gold: Any, labels: int = 3) -> Any:
    width = 1 if kind == "real" else labels
    given = {"is_expected_score": kind == "real"}
    return predictions_from(label_space(kind, labels), gold, np.zeros((len(gold), width)), **given)


def test_majority_predicts_training_frequencies() -> None:
    found = majority_predictions([2, 2, 2, 0], rows_like("single", [0, 1, 2]))
    assert found.predicted.tolist() == [2, 2, 2]
    assert found.probabilities[0] == pytest.approx([2 / 7, 1 / 7, 4 / 7])
    assert point_metrics(found)["accuracy"] == pytest.approx(1 / 3)


def test_majority_of_scores_is_their_mean_and_of_label_sets_their_frequencies() -> None:
    assert majority_predictions([1.0, 2.0, 6.0], rows_like("real", [0.0, 5.0])).expected_score.tolist() == [3.0, 3.0]
    found = majority_predictions([[1, 0], [1, 0]], rows_like("multi", [[1, 0]], labels=2))
    assert found.probabilities[0] == pytest.approx([3 / 4, 1 / 4])


@pytest.mark.parametrize("kind", ["single", "ordinal"])
def test_tfidf_learns_words(kind: Any) -> None:
    found = tfidf_predictions(
        iter(TEXTS * 5), [0, 1, 2] * 5, iter(TEXTS), rows_like(kind, [0, 1, 2]), words=Words(), seed=0
    )
    assert found.predicted.tolist() == [0, 1, 2]
    assert found.probabilities.sum(axis=1) == pytest.approx(np.ones(3))
    assert evaluate(found, resamples=10).metrics["accuracy"]["value"] == 1.0


def test_tfidf_learns_label_sets_and_scores() -> None:
    gold = np.array([[1, 0, 0, 1], [0, 1, 0, 1], [1, 1, 0, 1]])  # one label never true, one always
    texts = [SPORT, LAW, f"{SPORT} {LAW}"]
    like = rows_like("multi", gold, labels=4)
    assert np.array_equal(
        tfidf_predictions(texts * 5, np.tile(gold, (5, 1)), texts, like, words=Words(), seed=0).predicted, gold
    )
    scores = tfidf_predictions(
        TEXTS * 9, [1.0, 5.0, 9.0] * 9, TEXTS, rows_like("real", [1.0, 5.0, 9.0]), words=Words(), seed=0
    )
    assert scores.is_expected_score
    assert scores.expected_score == pytest.approx([1.0, 5.0, 9.0], abs=0.5)


def test_a_label_without_training_rows_stays_possible() -> None:
    like = rows_like("single", [0, 1, 2])
    two = tfidf_predictions(TEXTS[:2] * 5, [0, 1] * 5, TEXTS, like, words=Words(), seed=0)
    one = tfidf_predictions([SPORT] * 5, [1] * 5, TEXTS, like, words=Words(), seed=0)
    for found in (two, one):
        assert np.isfinite(found.scores).all()
        assert found.probabilities.sum(axis=1) == pytest.approx(np.ones(3))
    assert set(one.predicted.tolist()) == {1}


def test_no_words_and_no_rows_are_refused() -> None:
    like = rows_like("single", [0, 1, 2])
    with pytest.raises(UserError, match="no words"):
        tfidf_predictions(["...", "!?", ""], [0, 1, 2], TEXTS, like, words=Words(), seed=0)
    for make in (
        lambda: majority_predictions([], like),
        lambda: tfidf_predictions([], [], TEXTS, like, words=Words(), seed=0),
    ):
        with pytest.raises(UserError, match="training split is empty"):
            make()


def test_texts_that_do_not_match_the_rows_are_our_bug() -> None:
    with pytest.raises(AssertionError, match="2 texts for 3 rows"):
        tfidf_predictions(TEXTS, [0, 1, 2], TEXTS[:2], rows_like("single", [0, 1, 2]), words=Words(), seed=0)


def test_baselines_keep_rows_and_gold() -> None:
    like = random_predictions("single", 20)
    found = majority_predictions(like.gold, like)
    assert np.array_equal(found.gold, like.gold)
    assert np.array_equal(found.row_id, like.row_id)
