"""What every run is set against, on the same rows: the majority class, and TF-IDF with a linear model."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from headtohead.data.words import Words
from headtohead.evaluation.tfidf import answered, fit_tfidf, require_rows
from headtohead.results import Predictions


def majority_predictions(train_labels: Any, like: Predictions) -> Predictions:
    """Answer every row with the training frequencies (so with the majority class), or with the mean score.

    Frequencies are smoothed by one row per label (Laplace), so that log-loss stays finite.

    Args:
        train_labels: Encoded as ``Predictions.gold``.
        like: Rows, gold answers and labels.
    """
    answers = np.asarray(train_labels)
    require_rows(answers)
    match like.labels.kind:
        case "real":
            scores = np.array([answers.astype(float).mean()])
        case "multi":
            scores = np.log((answers.sum(axis=0) + 1) / (len(answers) + 2))
        case _:
            counts = np.bincount(answers, minlength=len(like.labels))
            scores = np.log((counts + 1) / (counts + 1).sum())
    return answered(like, np.tile(scores.astype(float), (len(like), 1)))


def tfidf_predictions(
    train_texts: Iterable[str], train_labels: Any, texts: Iterable[str], like: Predictions, *, words: Words, seed: int
) -> Predictions:
    """Fit TF-IDF and a linear model on the training rows, and answer the given ones.

    Args:
        train_texts: Read once.
        train_labels: Encoded as ``Predictions.gold``, in the order of ``train_texts``.
        texts: The rows of ``like``, in its order.
        like: Rows, gold answers and labels.
        words: What a term is: 1-2-grams of words, or what the texts call for instead.
        seed: Of the linear model's solver.

    Raises:
        UserError: no training rows, or no training text holds a word.
    """
    return fit_tfidf(train_texts, train_labels, like.labels, words=words, seed=seed).answer(texts, like)
